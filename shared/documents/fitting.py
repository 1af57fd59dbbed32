"""Objectives beside their KPI and their calendar: what cannot be promised of such a measure."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from shared.documents.agreement_fields import ALWAYS, AgreementSpec, ObjectiveSpec
from shared.documents.loader import MapNode, Node
from shared.documents.problems import Place, Problem
from shared.documents.values import share_hint
from shared.domain.agreement import AtLeast, AtMost, Attribution, Kpi, Mean, MeasureKind

_TARGETS_OF: Final = {
    True: "{within: PT…, ratio: …}, {percentile: …, atMost: PT…} or {mean: true, atMost: PT…}",
    False: "{atLeast: …} or {atMost: …}",
}
_VOLUMES: Final = (MeasureKind.COUNT, MeasureKind.SUM)


def misfits(spec: AgreementSpec, kpis: Mapping[str, Kpi]) -> Iterator[Problem]:
    """What is wrong with the objectives of an agreement whose KPIs are these."""
    has_days = spec.calendar is None or spec.calendar.value == ALWAYS
    for objective in spec.objectives:
        if not has_days:
            yield from _days_of_open_time(objective)
        kpi = kpis.get(objective.kpi.value)
        if kpi is not None:
            yield from _misfit(objective, kpi)


def _days_of_open_time(objective: ObjectiveSpec) -> Iterator[Problem]:
    target = objective.target.value
    if target.in_days is None:
        return
    field = "within" if target.kind == "within" else "atMost"
    message = "a day has no fixed open time in this calendar; write PT24H for 24 open hours"
    instead = "" if isinstance(target.target, Mean) else ", or {workingDays: 1}"
    yield Problem(target.in_days, f"{field}: {message}{instead}")


def _misfit(objective: ObjectiveSpec, kpi: Kpi) -> Iterator[Problem]:
    target, measure = objective.target.value, kpi.measure
    if not target.fits(measure):
        message = f'"{target.kind}" does not fit the KPI "{kpi.name}", which measures a {measure}'
        use = _TARGETS_OF[measure is MeasureKind.DURATION]
        yield Problem(objective.target.place, f"target: {message}; use {use}")
        return
    if isinstance(target.target, AtLeast | AtMost):
        yield from _amount(objective, kpi, target.kind, target.target.amount)
    if objective.pace is not None and measure not in _VOLUMES:
        message = f'"pace" belongs to a count or a sum; "{kpi.name}" measures a {measure}'
        yield Problem(_key(objective, "pace"), message)
    if objective.attribution is Attribution.STARTED and measure is not MeasureKind.DURATION:
        message = f"attribution: only durations start; a {measure} counts at its event"
        yield Problem(_key(objective, "attribution"), f"{message}; leave it out")


def _amount(objective: ObjectiveSpec, kpi: Kpi, field: str, amount: Fraction) -> Iterator[Problem]:
    """Amounts that no value can have: less than nothing, more than all of a cohort."""
    place = _member(objective, field).place
    if amount < 0 and kpi.measure in (MeasureKind.COUNT, MeasureKind.RATIO):
        yield Problem(place, f"{field}: a {kpi.measure} is never below 0; write 0 or more")
    if amount > 1 and kpi.cohort:
        message = f"{field}: the good ones of a cohort are at most all of it, so at most 1"
        yield Problem(place, message + share_hint(amount))


def _member(objective: ObjectiveSpec, field: str) -> Node:
    target = objective.node.members["target"]
    return target.members[field] if isinstance(target, MapNode) else target


def _key(objective: ObjectiveSpec, field: str) -> Place:
    return objective.node.keys[field]
