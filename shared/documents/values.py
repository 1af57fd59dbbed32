"""Readers of single values: texts, words, numbers, shares."""

import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final, TypeVar

from shared.documents import notation
from shared.documents.loader import MAX_DIGITS, Node, ScalarNode, read_number
from shared.documents.problems import did_you_mean
from shared.documents.reader import (
    JsonSchema,
    Reader,
    T_co,
    shown,
    wrong,
)
from shared.domain.event import Scalar
from shared.domain.instant import Micros

MAX_TEXT: Final = 1_000
"""Most characters of a name, a zone, a type, an attribute."""

E = TypeVar("E", bound=StrEnum)


class Text(Reader[T_co]):
    """A text that `parse` turns into a value; its `ValueError` is the message."""

    def __init__(self, parse: Callable[[str], T_co], schema: JsonSchema) -> None:
        self._parse = parse
        self._schema = schema

    def read(self, node: Node) -> T_co:
        text = text_of(node)
        if len(text) > MAX_TEXT:
            raise wrong(node, f"a text of more than {MAX_TEXT:,} characters: {shown(node)}")
        try:
            return self._parse(text)
        except ValueError as error:
            raise wrong(node, str(error)) from error

    def json_schema(self) -> JsonSchema:
        return {"type": "string", "maxLength": MAX_TEXT, **self._schema}


class OneOf(Reader[E]):
    """One word of an enumeration."""

    def __init__(self, words: type[E]) -> None:
        self._words = words

    def read(self, node: Node) -> E:
        known = [word.value for word in self._words]
        text = text_of(node)
        if text not in known:
            hint = did_you_mean(text, known) or f"; it is one of {', '.join(known)}"
            raise wrong(node, f'"{text}" is unknown{hint}')
        return self._words(text)

    def json_schema(self) -> JsonSchema:
        return {"enum": [word.value for word in self._words]}


class Flag(Reader[bool]):
    """`true` or `false`."""

    def read(self, node: Node) -> bool:
        if isinstance(node, ScalarNode) and isinstance(node.value, bool):
            return node.value
        raise wrong(node, f"must be true or false, not {shown(node)}")

    def json_schema(self) -> JsonSchema:
        return {"type": "boolean"}


class Number(Reader[Fraction]):
    """An exact decimal, quoted or not, perhaps within limits."""

    def __init__(self, least: int | None = None) -> None:
        self._least = least

    def read(self, node: Node) -> Fraction:
        _refuse_percent(node)
        number = number_of(node)
        if self._least is not None and number < self._least:
            raise wrong(node, f"must be at least {self._least}, not {shown(node)}")
        return Fraction(number)

    def json_schema(self) -> JsonSchema:
        limit: JsonSchema = {} if self._least is None else {"minimum": self._least}
        return {"oneOf": [{"type": "number", **limit}, _number_text(_DECIMAL)]}


class AbsoluteTime(Reader[Micros]):
    """A length of absolute time, where a day is 24 hours (`P30D`, `PT36H`), perhaps limited."""

    _text = Text(notation.absolute, {"pattern": f"^{notation.DURATION}$"})

    def __init__(self, least: Micros = 0, most: Micros = notation.LONGEST) -> None:
        self._least = least
        self._most = most

    def read(self, node: Node) -> Micros:
        length = self._text.read(node)
        if length < self._least:
            message = f"must be at least {notation.written(self._least)}, not {shown(node)}"
            raise wrong(node, message)
        if length > self._most:
            message = f"must be at most {notation.written(self._most)}, not {shown(node)}"
            raise wrong(node, message)
        return length

    def json_schema(self) -> JsonSchema:
        return self._text.json_schema()


class Whole(Reader[int]):
    """A whole number between limits, both included."""

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._most = most

    def read(self, node: Node) -> int:
        number = number_of(node)
        if number != int(number):
            raise wrong(node, f"must be a whole number, not {shown(node)}")
        if not self._least <= number <= self._most:
            limits = f"between {self._least} and {self._most}"
            raise wrong(node, f"must be {limits}, not {shown(node)}")
        return int(number)

    def json_schema(self) -> JsonSchema:
        limits = {"minimum": self._least, "maximum": self._most}
        return {"oneOf": [{"type": "integer", **limits}, _number_text(_WHOLE)]}


class Ratio(Reader[Fraction]):
    """A share between 0 and 1, as a decimal."""

    def read(self, node: Node) -> Fraction:
        _refuse_percent(node)
        number = number_of(node)
        if not 0 <= number <= 1:
            message = f"must be between 0 and 1, not {shown(node)}"
            raise wrong(node, message + _share(str(number)))
        return Fraction(number)

    def json_schema(self) -> JsonSchema:
        return {"oneOf": [{"type": "number", "minimum": 0, "maximum": 1}, _number_text(_SHARE)]}


_DECIMAL: Final = r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"
_WHOLE: Final = r"[-+]?([0-9]+(\.0*)?|\.0+)"
_SHARE: Final = r"([-+]?(0+(\.0*)?|\.0+)|\+?0*\.[0-9]+|\+?0*1(\.0*)?)"


def _number_text(pattern: str) -> JsonSchema:
    """A number in quotes."""
    return {"type": "string", "pattern": f"^{pattern}$", "maxLength": MAX_DIGITS}


def text_of(node: Node) -> str:
    """The text of a node; numbers and other values are refused, with how to write them."""
    if isinstance(node, ScalarNode):
        if isinstance(node.value, str):
            return node.value
        if node.value is not None:
            raise wrong(node, f'must be text; write "{node.written}" in quotes')
    raise wrong(node, f"must be text, not {shown(node)}")


def number_of(node: Node) -> int | Decimal:
    """The exact number of a node, quoted or not."""
    if isinstance(node, ScalarNode):
        try:
            number = _quoted(node.value) if isinstance(node.value, str) else node.value
        except ValueError as error:
            raise wrong(node, str(error)) from error
        if isinstance(number, int | Decimal) and not isinstance(number, bool):
            return number
    raise wrong(node, f"must be a number, not {shown(node)}")


def _quoted(text: str) -> int | Decimal | None:
    """The number in a quoted text, which is written plainly: no `0x1F`, no `1e3`."""
    return read_number(text) if re.fullmatch(_DECIMAL, text) else None


def scalar_of(node: Node) -> Scalar:
    """The value of a node that is neither a list nor a mapping."""
    if isinstance(node, ScalarNode):
        return node.value
    raise wrong(node, f"must be a single value, not {shown(node)}")


def _refuse_percent(node: Node) -> None:
    if isinstance(node, ScalarNode) and node.written.endswith("%"):
        raise wrong(node, f"{shown(node)} is not a decimal{_share(node.written[:-1])}")


def _share(percent: str) -> str:
    """A suggestion for what was written as a percentage."""
    try:
        number = read_number(percent.strip())
    except ValueError:
        return ""
    return share_hint(number)


def share_hint(number: int | Decimal | Fraction | None) -> str:
    """A suggestion for a number that should be a share and is above 1."""
    if number is None or not 1 < number <= 100:  # noqa: PLR2004 - per cent
        return '; write a decimal between 0 and 1 like "0.95"'
    share = Fraction(number) / 100
    return f'; did you mean "{Decimal(share.numerator) / share.denominator:f}"?'


ABSOLUTE: Final = AbsoluteTime()
ZONE: Final = Text(notation.zone, {"examples": ["Europe/Berlin", "UTC"]})
NAME: Final = Text(notation.name, {"pattern": f"^{notation.NAME}$"})
TEXT: Final = Text(notation.some_text, {"pattern": r"\S"})
