"""Strict YAML: text -> nodes that know where they stand.

The 1.2 core schema on PyYAML's events: `no`, `12:30` and dates stay text, decimals keep their
digits, and what makes YAML surprising (duplicate keys, aliases, tags) is refused.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import yaml

from shared.documents.problems import InvalidDocument, Place, Problem, refused
from shared.domain.event import Scalar

MAX_DEPTH: Final = 32
MAX_NODES: Final = 400_000
MAX_DIGITS: Final = 40

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL: Final = {"true": True, "True": True, "TRUE": True} | dict.fromkeys(
    ("false", "False", "FALSE"), False
)
_OF_NUMBERS: Final = frozenset("+-.0123456789")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE]([-+]?[0-9]+))?")
# No screen shows them, and no event may hold the first.
_CONTROL: Final = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]")
_SURROGATE: Final = re.compile("[\\ud800-\\udfff]")
_VERSION: Final = (1, 2)
_MERGE: Final = "<<"
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

# libyaml's parser where the wheel has it: ten times as fast, the same events.
_PARSER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One value. `written` is its text without quotes."""

    value: Scalar
    written: str
    place: Place


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence."""

    items: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping with text keys, in the order written; `keys` says where each stands."""

    members: Mapping[str, "Node"]
    keys: Mapping[str, Place]
    place: Place


Node = ScalarNode | ListNode | MapNode


def plain(node: Node) -> object:
    """The JSON value as written: text, int, Decimal, bool, None, dict, list."""
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return [plain(item) for item in node.items]
        case MapNode():
            return {name: plain(member) for name, member in node.members.items()}


def parse(text: str, file: str) -> tuple[list[Node], list[Problem]]:
    """The documents of a text, and the problems that leave the rest of it readable.

    `InvalidDocument` where the text cannot be understood at all.
    """
    builder = _Builder(file)
    try:
        return builder.documents(text), builder.problems
    except yaml.MarkedYAMLError as error:
        raise InvalidDocument([*builder.problems, _syntax_problem(error, text, file)]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"a character that YAML does not allow ({error.reason})"
        raise refused(Place(file, line, 1), message) from error


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    context = f" ({error.context})" if error.context else ""
    lines = text.split("\n")
    is_tab = mark and mark.line < len(lines) and lines[mark.line][mark.column :].startswith("\t")
    hint = "; indent with blanks, not with a tab" if is_tab else ""
    return Problem(place, f"this is not YAML: {error.problem}{context}{hint}")


class _Builder:
    """Turns the parser's events into nodes."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._nodes = 0
        self._next: Callable[[], yaml.Event] = yaml.StreamEndEvent

    def documents(self, text: str) -> list[Node]:
        parser = _PARSER(text)
        self._next = parser.get_event
        nodes = []
        try:
            while not isinstance(event := self._next(), yaml.StreamEndEvent):
                if isinstance(event, yaml.DocumentStartEvent):
                    nodes.append(self._root(event))
        finally:
            parser.dispose()
        return nodes

    def _root(self, start: yaml.DocumentStartEvent) -> Node:
        if start.version is not None and tuple(start.version) != _VERSION:
            version = ".".join(map(str, start.version))
            message = f"%YAML {version} means other values than 1.2, which is read here"
            self._refuse(self._place(start), f"{message}; leave the line out")
        node = self._node(self._next(), depth=0)
        # An empty document would stand where the next one begins.
        is_empty = isinstance(node, ScalarNode) and not node.written
        return ScalarNode(None, "", self._place(start)) if is_empty else node

    def _node(self, event: yaml.Event, depth: int) -> Node:
        place = self._place(event)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise refused(place, f"more than {MAX_NODES} values in one file; split it")
        if depth > MAX_DEPTH:
            raise refused(place, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            raise refused(place, f"aliases (*{event.anchor}) are refused; write the value out")
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            message = f"the parser gave {type(event).__name__} for a value"
            raise TypeError(message)
        if event.anchor is not None:
            raise refused(place, f"anchors (&{event.anchor}) are refused; write the value out")
        if event.tag is not None:
            raise refused(place, f"tags ({event.tag}) are refused; write the plain value")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place, depth)
        return self._list(place, depth)

    def _list(self, place: Place, depth: int) -> ListNode:
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return ListNode(tuple(items), place)

    def _mapping(self, place: Place, depth: int) -> MapNode:
        members: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            is_merge = isinstance(event, yaml.ScalarEvent) and event.implicit[0]
            value = self._node(self._next(), depth + 1)
            if not (isinstance(key, ScalarNode) and isinstance(key.value, str)):
                shown = f" {key.written}" if isinstance(key, ScalarNode) else ""
                self._refuse(key.place, f"the key{shown} is not text; write it in quotes")
            elif key.value == _MERGE and is_merge:
                self._refuse(key.place, "merge keys (<<) are refused; write the members out")
            elif key.value in members:
                first = keys[key.value].line
                self._refuse(
                    key.place, f'duplicate key "{key.value}"; the first is on line {first}'
                )
            else:
                members[key.value] = value
                keys[key.value] = key.place
        return MapNode(members, keys, place)

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> ScalarNode:
        written = event.value
        if not written.isprintable() and (instead := self._unprintable(written, place)):
            return instead
        is_plain = event.implicit[0]
        value = self._core(written, place) if is_plain else written
        return ScalarNode(value, written, place)

    def _unprintable(self, written: str, place: Place) -> ScalarNode | None:
        """What stands instead of a text that nobody could mean; None for all others."""
        if _SURROGATE.search(written):
            self._refuse(place, "half of a surrogate pair is no character")
            return ScalarNode("", "", place)
        if control := _CONTROL.search(written):
            message = f"a text with the control character U+{ord(control[0]):04X}"
            self._refuse(place, f"{message}, which nothing shows; leave it out")
            return ScalarNode("", "", place)
        return None

    def _core(self, written: str, place: Place) -> Scalar:
        """What a plain scalar means in the core schema of YAML 1.2."""
        if written in _NULL:
            return None
        if written in _BOOL:
            return _BOOL[written]
        if written[0] not in _OF_NUMBERS:
            return written
        if _NOT_FINITE.fullmatch(written):
            self._refuse(place, f"{written} is not a number that can be computed with")
            return None
        try:
            number = read_number(written)
        except ValueError as error:
            self._refuse(place, str(error))
            return None
        return written if number is None else number

    def _refuse(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return (
            Place(self._file, mark.line + 1, mark.column + 1) if mark else Place(self._file, 1, 1)
        )


def read_number(written: str) -> int | Decimal | None:
    """The exact number that a text writes in the core schema, None when it writes none.

    `ValueError` when it has more digits than anything here can mean.
    """
    is_integer = _INTEGER.fullmatch(written) is not None
    decimal = _FLOAT.fullmatch(written)
    if decimal is None and _OCTAL_OR_HEX.fullmatch(written) is None:
        return None
    if len(written) > MAX_DIGITS or (decimal and abs(int(decimal[1] or 0)) > MAX_DIGITS):
        message = f"a number of more than {MAX_DIGITS} digits"
        raise ValueError(message)
    if decimal is None:
        return int(written, 0)
    return int(written) if is_integer else Decimal(written)
