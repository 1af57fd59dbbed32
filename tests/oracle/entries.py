"""What counts in an objective: clocks and events, each with its outcome, place and group."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.oracle.clocks import Clock
from tests.oracle.days import duration
from tests.oracle.matching import matches
from tests.oracle.reading import Objective, Version
from tests.oracle.timelines import Moment, as_of, group, number, occurrences
from tests.oracle.windows import RollingWindows

Json = Any
Group = tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One thing that counts.

    `at` is where it counts, `decided` the instant of its decision (None while there is none),
    `amount` a number of its field, or microseconds of a stopped clock.
    """

    outcome: str
    at: int
    group: Group
    decided: int | None = None
    amount: Fraction | None = None


def of_clock(clock: Clock, moments: list[Moment], now: int) -> Entry:
    """What a clock that is not superseded counts as."""
    objective = clock.objective
    decided, attributes = _decision(clock, moments, now)
    at = now if decided is None else decided
    if objective.started:
        attributes = clock.origin.after
        if clock.state is not None or not isinstance(objective.windows, RollingWindows):
            at = clock.started
    outcome = {None: "running", "cancelled": "excluded"}.get(clock.state, clock.state)
    assert outcome is not None
    return Entry(
        outcome,
        at,
        group(objective.group_by, attributes),
        decided if outcome != "excluded" else None,
        Fraction(clock.elapsed) if clock.stopped is not None else None,
    )


def _decision(clock: Clock, moments: list[Moment], now: int) -> tuple[int | None, dict[str, Json]]:
    """When a clock was decided, and the attributes of its group there."""
    if clock.state is None:
        return None, as_of(moments, now)
    if clock.breached_at is not None:
        return clock.breached_at, as_of(moments, clock.breached_at)
    deciding = clock.deciding
    assert deciding is not None
    if clock.state == "cancelled":
        return deciding.time, deciding.before
    before = {name: deciding.before.get(name) for name in clock.changed}
    return deciding.time, {**deciding.after, **before}


def of_item(
    name: str, kpi: dict[str, Json], versions: list[Version], moments: list[Moment], now: int
) -> list[Entry]:
    """What the events of an item count as in an objective whose KPI has no clocks."""

    def counting(i: int) -> Objective | None:
        m = moments[i]
        version = next((v for v in versions if v.effective(m.time)), None)
        objective = version.objective(name) if version else None
        if not version or not objective:
            return None
        both = matches(version.applies_to, m.after) and matches(objective.where, m.after)
        return objective if both else None

    if kpi["measure"] == "ratio" and kpi.get("cohort", False):
        return _cohort(kpi, moments, counting, now)
    if kpi["measure"] == "ratio":
        firsts = [(w, occurrences(kpi[w], moments)[:1]) for w in ("good", "total")]
    else:
        all_of_them = occurrences(kpi["event"], moments)
        once = kpi["measure"] == "count" and not kpi.get("every", False)
        firsts = [("counted", all_of_them[:1] if once else all_of_them)]
    found = []
    for outcome, indices in firsts:
        for i in indices:
            m, objective = moments[i], counting(i)
            amount = number(m.after.get(kpi["field"])) if "field" in kpi else None
            if objective and ("field" not in kpi or amount is not None):
                where = group(objective.group_by, m.after)
                found.append(Entry(outcome, m.time, where, m.time, amount))
    return found


def _cohort(
    kpi: dict[str, Json],
    moments: list[Moment],
    counting: Callable[[int], Objective | None],
    now: int,
) -> list[Entry]:
    """An item of a cohort: good, lost, or neither yet."""
    first = next(iter(occurrences(kpi["total"], moments)), None)
    objective = None if first is None else counting(first)
    if first is None or objective is None:
        return []
    total = moments[first]
    place = (total.time, group(objective.group_by, total.after))
    last = total.time + (duration(kpi["within"]) or 0) if "within" in kpi else None
    for i in occurrences(kpi["good"], moments):
        if i > first and (last is None or moments[i].time <= last):
            return [Entry("good", *place, moments[i].time)]
    if last is not None and now > last:
        return [Entry("lost", *place, last)]
    return [Entry("pending", *place)]
