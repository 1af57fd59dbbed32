"""The fields of a Kpi document and their checks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from shared.documents import notation
from shared.documents.fields import Field, OneOrMany, Record
from shared.documents.loader import ListNode, MapNode
from shared.documents.matching import ANYTHING, MATCHER
from shared.documents.problems import Problem, refused
from shared.documents.reader import JsonSchema
from shared.documents.values import ABSOLUTE, TEXT, Flag, OneOf, Text, Whole
from shared.domain.agreement import Kpi, MeasureKind, Reopen
from shared.domain.matcher import Matcher, Milestone


@dataclass(frozen=True, slots=True)
class KpiSpec:
    """A Kpi document: what it says, which has no name there, and where each member stands."""

    node: MapNode
    says: Kpi

    def named(self, name: str) -> Kpi:
        """The KPI of a document of that name."""
        return replace(self.says, name=name)


def _spec(node: MapNode, **fields: Any) -> KpiSpec:  # noqa: ANN401 - as each field reads it
    return KpiSpec(node, Kpi(name="", **fields))


@dataclass(frozen=True, slots=True)
class _Fields:
    """What a measure must have and may have, beside `item` and `measure`."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()


_FIELDS_OF: Final = {
    MeasureKind.DURATION: _Fields(("start", "stop"), ("pause", "repeat", "reopen")),
    MeasureKind.COUNT: _Fields(("event",), ("every",)),
    MeasureKind.SUM: _Fields(("event", "field")),
    MeasureKind.MEAN: _Fields(("event", "field")),
    MeasureKind.RATIO: _Fields(("good", "total"), ("cohort", "within")),
}
MILESTONE_FIELDS: Final = ("start", "stop", "event", "good", "total")


def _check(spec: KpiSpec) -> Iterator[Problem]:
    yield from _misplaced(spec)
    yield from _other_kinds(spec)


def _misplaced(spec: KpiSpec) -> Iterator[Problem]:
    measure, fields = spec.says.measure, _FIELDS_OF[spec.says.measure]
    for name in fields.needed:
        if name not in spec.node.members:
            yield Problem(spec.node.place, f'a KPI with measure {measure} needs "{name}"')
    known = {"item", "measure", *fields.needed, *fields.optional}
    for name, place in spec.node.keys.items():
        if name not in known:
            message = f'"{name}" does not belong to a KPI with measure {measure}'
            yield Problem(place, message + _belongs(name, measure))
    if spec.says.within is not None and not spec.says.cohort and measure is MeasureKind.RATIO:
        message = '"within" belongs to a cohort; write cohort: true, or leave it out'
        yield Problem(spec.node.keys["within"], message)


def _belongs(name: str, measure: MeasureKind) -> str:
    if name == "every" and measure in (MeasureKind.SUM, MeasureKind.MEAN):
        return ": it takes every such event"
    having = [kind for kind, own in _FIELDS_OF.items() if name in own.needed + own.optional]
    return f"; it belongs to {' and '.join(having)}"


def _other_kinds(spec: KpiSpec) -> Iterator[Problem]:
    item = spec.says.item
    for name in MILESTONE_FIELDS:
        written = spec.node.members.get(name, spec.node)
        nodes = written.items if isinstance(written, ListNode) else (written,)
        # A field that is left out has no milestones, so nothing is paired with the spec's node.
        for milestone, node in zip(getattr(spec.says, name), nodes, strict=False):
            kind, _, what = (milestone.event or f"{item}.").partition(".")
            if kind != item:
                message = f'"{milestone.event}" never happens to a {item}'
                hint = f'; did you mean "{item}.{what}"?'
                yield Problem(node.place, f"{name}: {message}{hint}")


def _by_measure() -> JsonSchema:
    """Which fields go with which measure, for an editor."""
    every = {name for own in _FIELDS_OF.values() for name in own.needed + own.optional}
    rules: list[JsonSchema] = [
        {
            "if": {"properties": {"measure": {"const": measure.value}}, "required": ["measure"]},
            "then": {
                "required": list(own.needed),
                "properties": dict.fromkeys(
                    sorted(every.difference(own.needed, own.optional)), False
                ),
            },
        }
        for measure, own in _FIELDS_OF.items()
    ]
    in_cohorts = {"properties": {"cohort": {"const": True}}, "required": ["cohort"]}
    return {"allOf": rules, "dependentSchemas": {"within": in_cohorts}}


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
    schema={"anyOf": [{"required": ["event"]}, {"required": ["changes"]}]},
)
_MILESTONES = OneOrMany(_MILESTONE, least=1)
KPI = Record(
    "a KPI",
    _spec,
    {
        "item": Field(
            Text(
                notation.item_kind,
                {"pattern": f"^{notation.KIND}$", "examples": ["ticket", "lead"]},
            ),
            "the kind of item it is measured on",
            required=True,
        ),
        "measure": Field(OneOf(MeasureKind), "duration, count, sum, mean or ratio", required=True),
        "start": Field(_MILESTONES, "where a duration begins"),
        "stop": Field(_MILESTONES, "where a duration ends"),
        "pause": Field(OneOrMany(MATCHER), "while one of these matches, time stands still"),
        "repeat": Field(Flag(), "after a stop the next start begins the next cycle"),
        "reopen": Field(OneOf(Reopen), "what a reopening does after a stop; ignore by default"),
        "event": Field(_MILESTONES, "what is counted, or brings the value of a sum or a mean"),
        "every": Field(Flag(), "count every such event, not each item once"),
        "field": Field(TEXT, "the attribute whose value is summed up, or averaged"),
        "good": Field(_MILESTONES, "what is good"),
        "total": Field(_MILESTONES, "of what it is a share"),
        "cohort": Field(Flag(), "follow each item from its first total event on"),
        "within": Field(ABSOLUTE, "for how long a cohort is followed: absolute time, like P30D"),
    },
    check=_check,
    schema=_by_measure(),
)
