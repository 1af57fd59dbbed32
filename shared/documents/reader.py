"""What reads one node of a document: a value, or everything that is wrong with it.

Every rule also says itself as JSON Schema, so that editors and the loader never disagree.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from shared.documents.loader import ListNode, MapNode, Node, ScalarNode
from shared.documents.problems import MAX_PROBLEMS, InvalidDocument, Place, Problem

T_co = TypeVar("T_co", covariant=True)
JsonSchema = dict[str, object]
_SHOWN: Final = 60


class Reader(ABC, Generic[T_co]):
    """Reads one node, or raises `InvalidDocument` with all that is wrong with it."""

    @abstractmethod
    def read(self, node: Node) -> T_co:
        """The value that the node writes."""

    @abstractmethod
    def json_schema(self) -> JsonSchema:
        """The same rule for an editor."""


@dataclass(frozen=True, slots=True)
class Placed(Generic[T_co]):
    """A value and where it stands."""

    value: T_co
    place: Place


class WithPlace(Reader[Placed[T_co]]):
    """Keeps the place, for what can only be judged beside other documents."""

    def __init__(self, reader: Reader[T_co]) -> None:
        self._reader = reader

    def read(self, node: Node) -> Placed[T_co]:
        return Placed(self._reader.read(node), node.place)

    def json_schema(self) -> JsonSchema:
        return self._reader.json_schema()


class AsWritten(Reader[MapNode]):
    """The mapping itself, to be read later."""

    def read(self, node: Node) -> MapNode:
        if isinstance(node, MapNode):
            return node
        raise wrong(node, f"must be a mapping of fields, not {shown(node)}")

    def json_schema(self) -> JsonSchema:
        return {"type": "object"}


def gathered(read: Callable[..., T_co], items: Iterable[object]) -> tuple[T_co, ...]:
    """`read` of every item; the problems of all of them in one `InvalidDocument`.

    After so many problems nobody reads on, and neither does this.
    """
    values: list[T_co] = []
    problems: list[Problem] = []
    for item in items:
        try:
            values.append(read(item))
        except InvalidDocument as error:
            problems.extend(error.problems)
            if len(problems) > MAX_PROBLEMS:
                break
    if problems:
        raise InvalidDocument(problems)
    return tuple(values)


def wrong(node: Node, message: str) -> InvalidDocument:
    """The error of one node whose message does not name its field yet."""
    return InvalidDocument([Problem(node.place, message, named=False)])


def shown(node: Node) -> str:
    """How a message shows a node."""
    match node:
        case ListNode():
            return "a list"
        case MapNode():
            return "a mapping"
        case ScalarNode(value=None):
            return "nothing" if node.written in ("", "~") else node.written
        case ScalarNode(value=str()):
            return f'"{_cut(node.written)}"'
        case ScalarNode():
            return _cut(node.written)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
