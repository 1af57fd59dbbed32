"""Values, matchers and lengths of time in words, for explanations.

Numbers stay exact: a fraction that is no decimal is written as one.
"""

from collections.abc import Iterable
from fractions import Fraction

from shared.domain.canonical import plain_decimal
from shared.domain.event import Scalar
from shared.domain.instant import HOUR, MINUTE, SECOND, Micros
from shared.domain.matcher import Attributes, Choice, Matcher, as_text

_UNITS = ((HOUR, "h"), (MINUTE, "min"))


def number_words(number: int | Fraction) -> str:
    """A decimal where the number is one, else the fraction."""
    fraction = Fraction(number)
    denominator, digits = fraction.denominator, 0
    while denominator % 10 == 0:
        denominator, digits = denominator // 10, digits + 1
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator, digits = denominator // prime, digits + 1
    if denominator != 1:
        return str(fraction)
    scaled = fraction * 10**digits
    whole = plain_decimal(scaled.numerator)
    if digits == 0:
        return whole
    padded = whole.lstrip("-").rjust(digits + 1, "0")
    text = f"{padded[:-digits]}.{padded[-digits:]}".rstrip("0").rstrip(".")
    return f"-{text}" if number < 0 else text


def rounded_words(number: int | Fraction, digits: int = 4) -> str:
    """At most so many digits after the point, half-even: for a reader, not for sums."""
    return number_words(round(Fraction(number), digits))


def length_words(micros: Micros) -> str:
    """`26 h 30 min 5.25 s`; parts that are zero are left out. Open time has no days."""
    rest = abs(micros)
    parts = []
    for unit, name in _UNITS:
        whole, rest = divmod(rest, unit)
        if whole:
            parts.append(f"{whole} {name}")
    if rest or not parts:
        parts.append(f"{number_words(Fraction(rest, SECOND))} s")
    return ("-" if micros < 0 else "") + " ".join(parts)


def count_words(count: int, what: str) -> str:
    """`1 event`, `2 events`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def value_words(value: Scalar) -> str:
    """A value as it prints in a group; none and the empty text by name."""
    if value is None:
        return "absent"
    return as_text(value) or "empty"


def choice_words(name: str, choice: Choice) -> str:
    """`priority is p1 or p2`, `status is neither new nor absent`."""
    values = [value_words(value) for value in choice.values]
    if not choice.negated:
        return f"{name} is {' or '.join(values)}"
    if len(values) == 1:
        return f"{name} is not {values[0]}"
    return f"{name} is neither {' nor '.join(values)}"


def matcher_words(matcher: Matcher) -> str:
    """Everything that it asks for; `anything` when that is nothing."""
    return " and ".join(choice_words(*own) for own in matcher.choices) or "anything"


def mismatch_words(matcher: Matcher, attributes: Attributes) -> str:
    """What keeps a matcher from matching: `priority is p2, asked for: p1`; empty if it matches."""
    missed = []
    for name, choice in matcher.choices:
        value = attributes.get(name)
        if not choice.admits(value):
            asked = choice_words(name, choice).removeprefix(f"{name} is ")
            missed.append(f"{name} is {value_words(value)}, asked for: {asked}")
    return "; ".join(missed)


def listed_words(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    several = list(words)
    if len(several) < 2:  # noqa: PLR2004 - one word needs no joint
        return "".join(several)
    return f"{', '.join(several[:-1])} and {several[-1]}"
