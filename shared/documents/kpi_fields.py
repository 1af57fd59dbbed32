"""The fields of a Kpi document and their checks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.documents import notation
from shared.documents.fields import Field, NotYet, OneOrMany, Record
from shared.documents.loader import ListNode, MapNode
from shared.documents.matching import ANYTHING, MATCHER
from shared.documents.problems import Problem, refused
from shared.documents.values import TEXT, Flag, OneOf, Text, Whole
from shared.domain.agreement import MeasureKind, Reopen
from shared.domain.matcher import Matcher, Milestone


@dataclass(frozen=True, slots=True)
class KpiSpec:
    """A Kpi document."""

    node: MapNode
    item: str
    measure: MeasureKind
    start: tuple[Milestone, ...] = ()
    stop: tuple[Milestone, ...] = ()
    pause: tuple[Matcher, ...] = ()
    repeat: bool = False
    reopen: Reopen = Reopen.IGNORE
    event: tuple[Milestone, ...] = ()
    every: bool = False


_MEASURE_NEEDS: Final = {
    MeasureKind.DURATION: ("start", "stop"),
    MeasureKind.COUNT: ("event",),
}
_MEASURE_TAKES: Final = {
    MeasureKind.DURATION: {"item", "measure", "start", "stop", "pause", "repeat", "reopen"},
    MeasureKind.COUNT: {"item", "measure", "event", "every"},
}


def _check(spec: KpiSpec) -> Iterator[Problem]:
    yield from _misplaced(spec)
    yield from _other_kinds(spec)


def _misplaced(spec: KpiSpec) -> Iterator[Problem]:
    measure = spec.measure
    for name in _MEASURE_NEEDS[measure]:
        if name not in spec.node.members:
            yield Problem(spec.node.place, f'a KPI with measure {measure} needs "{name}"')
    for name, place in spec.node.keys.items():
        if name not in _MEASURE_TAKES[measure]:
            yield Problem(place, f'"{name}" does not belong to a KPI with measure {measure}')


def _other_kinds(spec: KpiSpec) -> Iterator[Problem]:
    for name in ("start", "stop", "event"):
        written = spec.node.members.get(name, spec.node)
        nodes = written.items if isinstance(written, ListNode) else (written,)
        # A field that is left out has no milestones, so nothing is paired with the spec's node.
        for milestone, node in zip(getattr(spec, name), nodes, strict=False):
            kind, _, what = (milestone.event or f"{spec.item}.").partition(".")
            if kind != spec.item:
                message = f'"{milestone.event}" never happens to a {spec.item}'
                hint = f'; did you mean "{spec.item}.{what}"?'
                yield Problem(node.place, f"{name}: {message}{hint}")


def _milestone(
    node: MapNode,
    event: str | None = None,
    where: Matcher = ANYTHING,
    changes: str | None = None,
    nth: int | None = None,
) -> Milestone:
    if event is None and changes is None:
        raise refused(node.place, 'a milestone needs "event" or "changes" (or both)')
    return Milestone(event, where, changes, nth)


_MILESTONE = Record(
    "a milestone",
    _milestone,
    {
        "event": Field(Text(notation.event_type, {"pattern": f"^{notation.EVENT}$"}), "its type"),
        "where": Field(MATCHER, "what the attributes as of the event must be"),
        "changes": Field(TEXT, "an attribute that gets another value at the event"),
        "nth": Field(Whole(1, 1_000_000), "which of the matching events; the first by default"),
    },
    example="{event: ticket.created}",
)
_MILESTONES = OneOrMany(_MILESTONE, least=1)
_LATER_MEASURES: Final = ("sum", "mean", "ratio")
KPI = Record(
    "a KPI",
    KpiSpec,
    {
        "item": Field(
            Text(notation.item_kind, {"examples": ["ticket", "lead"]}),
            "the kind of item it is measured on",
            required=True,
        ),
        "measure": Field(
            OneOf(MeasureKind, later=_LATER_MEASURES), "what is measured", required=True
        ),
        "start": Field(_MILESTONES, "where a duration begins"),
        "stop": Field(_MILESTONES, "where a duration ends"),
        "pause": Field(OneOrMany(MATCHER), "while one of these matches, time stands still"),
        "repeat": Field(Flag(), "after a stop the next start begins the next cycle"),
        "reopen": Field(OneOf(Reopen), "what a reopening does after a stop; ignore by default"),
        "event": Field(_MILESTONES, "what is counted"),
        "every": Field(Flag(), "count every such event, not each item once"),
        "field": Field(NotYet('"field" (measures sum and mean)'), "what is summed up"),
        "good": Field(NotYet('"good" (measure ratio)'), "what is good"),
        "total": Field(NotYet('"total" (measure ratio)'), "of what"),
        "cohort": Field(NotYet('"cohort" (measure ratio)'), "follow each item"),
        "within": Field(NotYet('"within" of a KPI (measure ratio)'), "for how long"),
    },
    check=_check,
)
