"""The canonical form of JSON (RFC 8785), and the same with exact decimals."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

_ESCAPES: Final = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_SPECIAL: Final = re.compile(r'[\x00-\x1f"\\]')


def canonical_json(value: object, *, exact: bool = False) -> str:
    """Write JSON as RFC 8785 does: members sorted by UTF-16 code units, numbers as ECMAScript does.

    With `exact`, numbers keep every digit (plain decimals without trailing zeros).
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int() | Decimal():
            return plain_decimal(value) if exact else _ecmascript(value)
        case Mapping():
            members = sorted(value.items(), key=lambda member: _utf16(str(member[0])))
            inside = (f"{_text(str(k))}:{canonical_json(v, exact=exact)}" for k, v in members)
            return "{" + ",".join(inside) + "}"
        case Sequence():
            return "[" + ",".join(canonical_json(v, exact=exact) for v in value) + "]"
        case _:
            message = f"{type(value).__name__} is no JSON value"
            raise TypeError(message)


def plain_decimal(number: int | Decimal) -> str:
    """A number without exponent and trailing zeros: `1.0`, `1` and `1e0` are all `1`."""
    if isinstance(number, int):
        return str(number)
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _text(text: str) -> str:
    return '"' + _SPECIAL.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in '"\\':
        return "\\" + character
    return _ESCAPES.get(character) or json.dumps(character)[1:-1]


def _ecmascript(number: int | Decimal) -> str:
    """Number::toString of ECMAScript for the nearest double."""
    try:
        double = float(number)
    except OverflowError:
        return plain_decimal(number)
    if double in (float("inf"), float("-inf")):
        return plain_decimal(number)
    if double == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(double)).normalize().as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)
    return ("-" if sign else "") + _place_point(text, point)


def _place_point(digits: str, point: int) -> str:
    count = len(digits)
    if count <= point <= 21:  # noqa: PLR2004 - the limits of Number::toString
        return digits + "0" * (point - count)
    if 0 < point <= 21:  # noqa: PLR2004
        return digits[:point] + "." + digits[point:]
    if -6 < point <= 0:  # noqa: PLR2004
        return "0." + "0" * -point + digits
    mantissa = digits if count == 1 else digits[0] + "." + digits[1:]
    power = point - 1
    return f"{mantissa}e{'+' if power > 0 else '-'}{abs(power)}"
