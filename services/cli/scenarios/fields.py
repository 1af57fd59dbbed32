"""What may be written in a scenario file, read field by field as documents are.

Times, events and entries are kept as text here: what they mean depends on the day and the zone
that the file names (`files.py`).
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from shared.documents.fields import Field, ListOf, Record
from shared.documents.loader import ListNode, MapNode, Node, ScalarNode
from shared.documents.notation import local_date
from shared.documents.problems import Place
from shared.documents.reader import AsWritten, JsonSchema, Placed, Reader, WithPlace, shown, wrong
from shared.documents.schema import DIALECT
from shared.documents.values import TEXT, ZONE, Flag, Text, Whole, text_of

_MANY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Said:
    """`who: facts`, or `...`, and where."""

    who: str
    facts: str
    place: Place


class _Lines(Reader[Placed[str]]):
    """A text of many lines, however long; the file's size is its limit."""

    def read(self, node: Node) -> Placed[str]:
        return Placed(text_of(node), node.place)

    def json_schema(self) -> JsonSchema:
        return {"type": "string"}


class _Entry(Reader[Said]):
    """`who: facts` as a text or as a mapping of one, which needs no quotes."""

    def read(self, node: Node) -> Said:
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            who, _, facts = node.value.partition(": ")
            return Said(" ".join(who.removesuffix(":").split()), facts, node.place)
        if isinstance(node, MapNode) and len(node.members) == 1:
            ((who, said),) = node.members.items()
            if isinstance(said, ScalarNode):
                return Said(" ".join(who.split()), said.written, node.place)
        raise wrong(node, f"must be an entry like T-1 acme/response: met, not {shown(node)}")

    def json_schema(self) -> JsonSchema:
        return {"type": ["string", "object"]}


class _Rejected(Reader[int | tuple[int, ...]]):
    """How many lines are rejected, or which."""

    def read(self, node: Node) -> int | tuple[int, ...]:
        number = Whole(0, _MANY)
        if isinstance(node, ListNode):
            return tuple(map(number.read, node.items))
        return number.read(node)

    def json_schema(self) -> JsonSchema:
        number = Whole(0, _MANY).json_schema()
        return {"oneOf": [number, {"type": "array", "items": number}]}


class _Refused(Reader[str]):
    """`true`, or what the reason must contain."""

    def read(self, node: Node) -> str:
        if isinstance(node, ScalarNode) and node.value is True:
            return ""
        return TEXT.read(node)

    def json_schema(self) -> JsonSchema:
        return {"oneOf": [{"const": True}, {"type": "string"}]}


@dataclass(frozen=True, slots=True)
class WrittenReading:
    """What a file says of one instant; None where it says nothing."""

    node: MapNode
    at: Placed[str] | None = None
    clocks: tuple[Said, ...] | None = None
    windows: tuple[Said, ...] | None = None
    breaches: tuple[Said, ...] | None = None
    rejected: int | tuple[int, ...] | None = None
    all_windows: bool = False

    @property
    def says_something(self) -> bool:
        """Whether anything is expected."""
        parts = (self.clocks, self.windows, self.breaches, self.rejected)
        return any(part is not None for part in parts)


@dataclass(frozen=True, slots=True)
class WrittenScenario:
    """What a file says of one timeline; `own` is the reading beside the other fields."""

    node: MapNode
    own: WrittenReading
    it: Placed[str]
    documents: tuple[MapNode, ...] = ()
    alone: bool = False
    events: Placed[str] | None = None
    date: dt.date | None = None
    time_zone: str | None = None
    readings: tuple[WrittenReading, ...] = ()
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """What a file says."""

    node: MapNode
    scenarios: tuple[WrittenScenario, ...]
    agreements: Placed[str] | None = None
    documents: tuple[MapNode, ...] = ()
    date: dt.date | None = None
    time_zone: str = "UTC"
    at: Placed[str] | None = None


def _scenario(node: MapNode, **given: object) -> WrittenScenario:
    mine = {name: given.pop(name) for name in list(given) if name in _READING_NAMES}
    return WrittenScenario(node, WrittenReading(node, **mine), **given)  # type: ignore[arg-type]  # read by _SCENARIO


_AT: Final = WithPlace(TEXT)
_DOCUMENTS: Final = ListOf(AsWritten(), example="[{kind: Kpi, name: answer, ...}]")
_DATE: Final = Text(local_date, {"format": "date"})
_ENTRIES: Final = ListOf(_Entry(), example="[T-1 acme/response: met]")
_READING_FIELDS: Final = {
    "at": Field(_AT, "when everything is evaluated"),
    "clocks": Field(_ENTRIES, "the clocks, all of them and in order, or ending in ..."),
    "windows": Field(_ENTRIES, "the windows"),
    "breaches": Field(_ENTRIES, "the breaches"),
    "rejected": Field(_Rejected(), "how many lines are no event or contradict one, or which"),
    "allWindows": Field(Flag(), "list rolling windows that have ended, too"),
}
_READING_NAMES: Final = frozenset({*_READING_FIELDS, "all_windows"})
_READING: Final = Record(
    "a reading", WrittenReading, _READING_FIELDS, example="{at: 09:30, clocks: []}"
)
_SCENARIO: Final = Record(
    "a scenario",
    _scenario,
    {
        "it": Field(WithPlace(TEXT), "what holds, as the rest of a sentence", required=True),
        "documents": Field(_DOCUMENTS, "documents beside those of the file"),
        "alone": Field(Flag(), "without the documents of the file"),
        "events": Field(_Lines(), "one a line: time item what name=value ..."),
        "date": Field(_DATE, "the day of times that name none"),
        "timeZone": Field(ZONE, "the zone of times"),
        "readings": Field(
            ListOf(_READING, least=1, example="[{at: 09:30, clocks: []}]"),
            "what must hold at several instants",
        ),
        "refused": Field(_Refused(), "the documents do not load: true, or a part of the reason"),
        **_READING_FIELDS,
    },
)
FILE: Final = Record(
    "a scenario file",
    WrittenFile,
    {
        "agreements": Field(WithPlace(TEXT), "a document or a folder of them, from this file"),
        "documents": Field(_DOCUMENTS, "documents of all the scenarios"),
        "date": Field(_DATE, "the day of times that name none"),
        "timeZone": Field(ZONE, "the zone of times; UTC by default"),
        "at": Field(_AT, "when everything is evaluated, where a scenario does not say"),
        "scenarios": Field(
            ListOf(_SCENARIO, least=1, example="[{it: ..., events: ...}]"),
            "the scenarios",
            required=True,
        ),
    },
)


def scenario_schema() -> JsonSchema:
    """What may be written in a scenario file, as JSON Schema 2020-12, for editors."""
    return {"$schema": DIALECT, "title": "Accord scenarios", **FILE.json_schema()}
