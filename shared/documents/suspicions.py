"""What documents may say and hardly mean: warnings, each with what to write instead."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Final

from shared.documents.agreement_fields import AgreementSpec, ObjectiveSpec
from shared.documents.kpi_fields import KpiSpec
from shared.documents.loader import ListNode, MapNode, Node, ScalarNode
from shared.documents.misspellings import misspellings
from shared.documents.notation import fixed_offset
from shared.documents.problems import Place, Problem, printable
from shared.documents.resolve import Resolved, Written
from shared.documents.values import share_hint
from shared.domain.agreement import AtLeast, MeasureKind, Objective, Version, Within
from shared.domain.instant import DAY, format_instant
from shared.domain.matcher import EVERYTHING, Matcher

_ACTOR: Final = "actor"
_SHARE: Final = Fraction(2)
"""From here on a ratio is rather a percentage than good events for each event of the total."""


def suspicions(found: Resolved) -> Iterator[Problem]:
    """Everything that is suspicious in the documents."""
    for document in found.documents:
        yield from _invisible(document.written)
        if isinstance(document.spec, KpiSpec):
            yield from _kpi(document.spec)
            yield from misspellings(document.spec)
    for calendar in found.calendars.values():
        yield from _zone(calendar.node)
    by_name: dict[str, list[Written]] = defaultdict(list)
    for written in found.versions:
        by_name[written.version.agreement].append(written)
        yield from _agreement(written.version, written.spec)
        yield from misspellings(written.spec)
    for versions in by_name.values():
        yield from _gaps(versions)


def _invisible(node: Node) -> Iterator[Problem]:
    """Texts that look like others: with blanks around or characters that nothing shows."""
    match node:
        case ScalarNode(value=str()):
            yield from _lookalike(node.written, node.place)
        case ListNode():
            for item in node.items:
                yield from _invisible(item)
        case MapNode():
            for name, member in node.members.items():
                yield from _lookalike(name, node.keys[name])
                yield from _invisible(member)


def _lookalike(text: str, place: Place) -> Iterator[Problem]:
    if text != text.strip():
        message = f'"{text}" has blanks around it'
        yield Problem(place, f"{message}, which an event's text would need too")
    elif not text.isprintable():
        message = f'"{printable(text)}" holds a character that no screen shows'
        yield Problem(place, f"{message}, which an event's text would need too")


def _kpi(spec: KpiSpec) -> Iterator[Problem]:
    yield from _actor([spec.says.field], spec.node, "field")
    for matcher in spec.says.pause:
        yield from _actor(matcher.names, spec.node, "pause")


def _zone(holder: Node | None) -> Iterator[Problem]:
    zone = holder.members.get("timeZone") if isinstance(holder, MapNode) else None
    if isinstance(zone, ScalarNode) and (message := fixed_offset(zone.written)):
        yield Problem(zone.place, f"timeZone: {message}")


def _agreement(version: Version, spec: AgreementSpec) -> Iterator[Problem]:
    yield from _actor(spec.applies_to.names, spec.node, "appliesTo")
    specs = {own.name: own for own in spec.objectives}
    taken: dict[str, Objective] = {}
    for objective in version.objectives:
        own = specs[objective.name]
        yield from _objective(objective, own, version.applies_to)
        if (before := taken.get(objective.series)) is not None:
            message = f'it never gets a clock, as "{before.name}" before it takes every item'
            yield Problem(own.node.place, f"{message}; put that one last, or give it a where")
        elif objective.where == EVERYTHING:
            taken[objective.series] = objective


def _objective(objective: Objective, spec: ObjectiveSpec, applies_to: Matcher) -> Iterator[Problem]:
    yield from _zone(spec.node.members["window"])
    yield from _actor(objective.where.names, spec.node, "where")
    yield from _actor(objective.group_by, spec.node, "groupBy")
    if applies_to.excludes(objective.where):
        message = "where: no item matches both this and the agreement's appliesTo"
        yield Problem(spec.node.keys["where"], message)
    match objective.target:
        case Within(_, ratio) if not ratio:
            yield Problem(spec.target.place, "target: a ratio of 0 can never be missed")
        case AtLeast(amount) if objective.kpi.measure is MeasureKind.RATIO and amount >= _SHARE:
            message = f"target: {_SHARE} or more good events for each event of the total"
            yield Problem(spec.target.place, message + share_hint(amount))


def _actor(names: Iterable[str], node: MapNode, field: str) -> Iterator[Problem]:
    if _ACTOR in names:
        message = "the actor belongs to its event, so only milestones see it; here it is absent"
        yield Problem(node.keys[field], f"{field}: {message}")


def _gaps(versions: list[Written]) -> Iterator[Problem]:
    """Versions that nearly follow each other: `until` is not included."""
    for one, other in pairwise(versions):
        until, start = one.version.until, other.version.start
        if until is not None and 0 < start - until <= DAY:
            message = f"effective: nothing holds from {format_instant(until)} until then"
            hint = "; as until is not included, write the same instant in both"
            yield Problem(other.spec.effective.place, message + hint)
