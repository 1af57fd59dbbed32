"""Events of every shape that the wire can carry, and every way to write them as JSON."""

import random
from collections.abc import Mapping
from decimal import Decimal

from hypothesis import strategies as st

from shared.domain.event import Event
from shared.domain.instant import parse_instant
from shared.wire.cloudevents import MAX_DIGITS

_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
_NAME = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
_KIND = st.one_of(
    st.sampled_from(("ticket", "lead")),
    st.text(st.characters(codec="utf-8", exclude_characters="\0.:"), min_size=1, max_size=6),
)
_DECIMALS = st.decimals(allow_nan=False, allow_infinity=False).filter(
    lambda number: abs(number.adjusted()) < MAX_DIGITS // 2 and len(number.as_tuple().digits) < 100
)
NUMBERS = st.one_of(st.integers(), st.integers(-(10**60), 10**60), _DECIMALS)
SCALARS = st.one_of(st.none(), st.booleans(), _TEXT, NUMBERS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
DATA = st.dictionaries(_TEXT, VALUES, max_size=5)
_INSTANTS = st.integers(
    parse_instant("1900-01-01T00:00:00Z"), parse_instant("9998-12-30T23:59:59.999999Z")
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any event that can stand."""
    kind = draw(_KIND)
    return Event(
        kind,
        draw(_NAME),
        draw(_NAME),
        draw(_NAME),
        f"{kind}.{draw(_NAME)}",
        draw(_INSTANTS),
        draw(DATA),
        draw(st.none() | _NAME),
        draw(st.none() | _NAME),
    )


def scribble(value: object, chance: random.Random) -> str:
    """The value as JSON with blanks, escapes and spellings of numbers as chance has them."""
    return _blanks(chance) + _scribble(value, chance) + _blanks(chance)


def _scribble(value: object, chance: random.Random) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value, chance)
        case int() | Decimal():
            return _number(Decimal(value), chance)
        case Mapping():
            members = list(value.items())
            chance.shuffle(members)
            inside = (f"{_padded(k, chance)}:{scribble(v, chance)}" for k, v in members)
            return "{" + (",".join(inside) or _blanks(chance)) + "}"
        case list():
            return "[" + (",".join(scribble(v, chance) for v in value) or _blanks(chance)) + "]"
        case _:
            raise TypeError(value)


def _padded(key: str, chance: random.Random) -> str:
    return _blanks(chance) + _text(key, chance) + _blanks(chance)


def _blanks(chance: random.Random) -> str:
    return "".join(chance.choices(" \t\r\n", k=chance.choice((0, 0, 0, 1, 2))))


def _text(text: str, chance: random.Random) -> str:
    return '"' + "".join(_character(character, chance) for character in text) + '"'


def _character(character: str, chance: random.Random) -> str:
    if character in '"\\' and chance.random() < 0.5:
        return "\\" + character
    if character == "/" and chance.random() < 0.5:
        return r"\/"
    if character >= " " and character not in '"\\' and chance.random() < 0.7:
        return character
    units = character.encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    return "".join(chance.choice((f"\\u{code:04x}", f"\\u{code:04X}")) for code in codes)


def _number(number: Decimal, chance: random.Random) -> str:
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    zeros = chance.choice((0, 0, 1, 3))
    whole = "".join(map(str, digits)) + "0" * zeros
    power = exponent - zeros
    shift = chance.randrange(len(whole))
    if shift:
        whole = whole[:-shift] + "." + whole[-shift:]
    if power + shift or chance.random() < 0.3:
        whole += chance.choice(("e", "E", "e+" if power + shift >= 0 else "e")) + str(power + shift)
    return "-" * sign + (_without_leading_zeros(whole) if whole[0] == "0" else whole)


def _without_leading_zeros(whole: str) -> str:
    trimmed = whole.lstrip("0")
    return trimmed if trimmed[:1].isdigit() else "0" + trimmed
