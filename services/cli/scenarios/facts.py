"""The facts that a scenario can state of a clock, a window or a breach: `met`, `elapsed 45m`.

Every fact knows the members of a row that it is about and how they are written, so that what was
found is told in the words of what was expected.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.cli.scenarios.notation import Times, length, length_text
from shared.documents.loader import read_number
from shared.documents.problems import did_you_mean
from shared.domain.instant import SECOND, format_instant, parse_instant
from shared.wire.results import decimal_text, seconds

Row = Mapping[str, object]
"""A row of the contract's JSON (section 5)."""
Member = Callable[[Row], object]
Valued = Callable[[str], "Fact"]

CLOCK_STATES: Final = (
    "running",
    "paused",
    "met",
    "breached_open",
    "breached_closed",
    "cancelled",
    "superseded",
)
WINDOW_STATES: Final = ("ok", "at_risk", "breached", "no_data", "excluded")
COUNTS: Final = (
    "eligible",
    "excluded",
    "running",
    "met",
    "breached_open",
    "breached_closed",
    "count",
    "good",
    "total",
    "pending",
)
NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is expected of a row, and how it is told of any row."""

    member: Member
    value: object
    told: Callable[[object], str]

    def holds(self, row: Row) -> bool:
        """Whether the row has the value."""
        return self.member(row) == self.value

    def found(self, row: Row) -> str:
        """What the row has in place of it."""
        return self.told(self.member(row))


@dataclass(frozen=True, slots=True)
class Words:
    """What can be stated of a kind of row; `brief` are the facts that tell what a row is."""

    brief: tuple[Fact, ...]
    alone: Mapping[str, Fact] = field(default_factory=dict)
    valued: Mapping[str, Valued] = field(default_factory=dict)
    span: Valued | None = None

    def fact(self, text: str) -> Fact:
        """`met`, `elapsed 45m`, `09:00..09:45`; `ValueError` says what is wrong with it."""
        if ".." in text and self.span is not None:
            return self.span(text)
        word, _, value = text.partition(" ")
        if text in self.alone:
            return self.alone[text]
        if word in self.valued and value.strip():
            return self.valued[word](value.strip())
        if word in self.valued:
            message = f'"{word}" needs a value behind it'
            raise ValueError(message)
        known = {*self.alone, *self.valued}
        hint = did_you_mean(text if text.startswith("not ") else word, known)
        message = f'"{text}" is nothing that can be expected here'
        raise ValueError(message + (hint or f"; known are {', '.join(sorted(known))}"))


def clock_words(times: Times) -> Words:
    """`met, 09:00..09:45, elapsed 45m, paused 0s, left 15m, target 1h, due 10:00, binding`."""
    span = _span("started_at", "stopped_at", times)
    lengths = {
        "elapsed": "elapsed_s",
        "paused": "paused_s",
        "left": "remaining_s",
        "target": "target_s",
    }
    instants = {
        "started": "started_at",
        "stopped": "stopped_at",
        "due": "due_at",
        "last": "due_last",
        "broken": "breached_at",
    }
    flags = {text: _flag(text) for word in ("at_risk", "binding") for text in (word, f"not {word}")}
    states = _states(CLOCK_STATES)
    return Words(
        (states["met"], span),
        states | flags,
        {word: _length(word, member) for word, member in lengths.items()}
        | {word: _instant(word, at(member), times) for word, member in instants.items()},
        _spanning(span, times),
    )


def window_words(times: Times) -> Words:
    """`breached, value 0.5, budget -1, final, ends 04-01 00:00, level customer, met 1`."""
    states = _states(WINDOW_STATES)
    value = _decimal("value", at("value"))
    return Words(
        (states["ok"], value(NONE)),
        states | {word: Fact(at("final"), word == "final", _final) for word in ("final", "open")},
        {
            "value": value,
            "budget": _decimal("budget", at("budget_remaining")),
            "ends": _instant("ends", at("window", "end"), times),
            "level": lambda text: Fact(at("level"), text, "level {}".format),
            "target": lambda text: Fact(_target, " ".join(text.split()), "target {}".format),
        }
        | {word: _count(word) for word in COUNTS},
    )


def breach_words(times: Times) -> Words:
    """`10:00..10:30`, and `10:00..` where it lasts."""
    span = _span("opened_at", "closed_at", times)
    return Words((span,), span=_spanning(span, times))


def at(*path: str) -> Member:
    """What stands at a path of members; None where there is nothing."""

    def member(row: Row) -> object:
        found: object = row
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    return member


def _states(words: tuple[str, ...]) -> dict[str, Fact]:
    return {word: Fact(at("state"), word, str) for word in words}


def _final(value: object) -> str:
    return "final" if value else "open"


def _flag(text: str) -> Fact:
    word = text.removeprefix("not ")
    return Fact(at(word), text == word, lambda value: word if value else f"not {word}")


def _length(word: str, member: str) -> Valued:
    def told(value: object) -> str:
        return f"{word} {length_text(value) if isinstance(value, int | Decimal) else NONE}"

    def fact(text: str) -> Fact:
        return Fact(at(member), None if text == NONE else seconds(length(text)), told)

    return fact


def _instant(word: str, member: Member, times: Times) -> Valued:
    def told(value: object) -> str:
        return f"{word} {_shown(value, times) or NONE}"

    def fact(text: str) -> Fact:
        return Fact(member, None if text == NONE else format_instant(times.instant(text)), told)

    return fact


def _shown(value: object, times: Times) -> str:
    return times.text(parse_instant(value)) if isinstance(value, str) else ""


def _span(first: str, last: str, times: Times) -> Fact:
    """The fact about two instants, before it is known which are expected."""
    start, stop = at(first), at(last)

    def both(row: Row) -> object:
        return (start(row), stop(row))

    def told(value: object) -> str:
        begun, ended = value if isinstance(value, tuple) else (None, None)
        return f"{_shown(begun, times)}..{_shown(ended, times)}"

    return Fact(both, None, told)


def _spanning(span: Fact, times: Times) -> Valued:
    """`first..last`; without a last it lasts."""

    def fact(text: str) -> Fact:
        first, last = (part.strip() for part in text.split("..", 1))
        ended = format_instant(times.instant(last)) if last else None
        return replace(span, value=(format_instant(times.instant(first)), ended))

    return fact


def _decimal(word: str, member: Member) -> Valued:
    """A number, or a length of time as the number of its seconds."""

    def fact(text: str) -> Fact:
        if text == NONE:
            return Fact(member, None, lambda value: f"{word} {value or NONE}")
        number = read_number(text)
        if number is not None:
            wanted = decimal_text(Fraction(number))
            return Fact(member, wanted, lambda value: f"{word} {value or NONE}")
        try:
            micros = length(text)
        except ValueError:
            message = f'"{text}" is not a number, a length of time like 30m, or none'
            raise ValueError(message) from None
        wanted = decimal_text(Fraction(micros, SECOND))
        return Fact(member, wanted, lambda value: f"{word} {_as_length(value)}")

    return fact


def _as_length(value: object) -> str:
    """A number of seconds as a length; what has more digits than a length stays a number."""
    if not isinstance(value, str):
        return NONE
    micros = Fraction(value) * SECOND
    return length_text(Decimal(value)) if micros.denominator == 1 else value


def _count(word: str) -> Valued:
    def told(value: object) -> str:
        return f"no {word}" if value is None else f"{word} {value}"

    def fact(text: str) -> Fact:
        number = read_number(text)
        if not isinstance(number, int):
            message = f'"{word} {text}": a count is a whole number'
            raise ValueError(message)  # noqa: TRY004 - said of the text
        return Fact(at("counts", word), number, told)

    return fact


def _target(row: Row) -> object:
    """The target without braces, its ratio last: `within PT1H ratio 0.95`."""
    return _flat(row["target"])


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        members = sorted(value.items(), key=lambda member: member[0] == "ratio")
        return " ".join(f"{name} {_flat(member)}" for name, member in members)
    return str(value).lower() if isinstance(value, bool) else str(value)
