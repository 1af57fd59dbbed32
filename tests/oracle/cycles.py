"""Cycles of a duration KPI: from a start milestone to its stop, reopenings and merges."""

from dataclasses import dataclass, field
from typing import Any

from tests.oracle.timelines import Moment, hits

Json = Any


@dataclass
class Cycle:
    """One cycle of a duration KPI; all indices are those of events."""

    number: int
    start: int
    counting: int
    stops: dict[int, list[dict[str, Json]]] = field(default_factory=dict)
    reopenings: list[int] = field(default_factory=list)
    merged: int | None = None
    open: bool = True


def reopens(m: Moment) -> bool:
    """Whether an event is a reopening."""
    done = ("solved", "closed")
    leaves = m.before.get("status") in done and m.after.get("status") not in done
    return m.type == "ticket.reopened" or leaves


def cycles(moments: list[Moment], kpi: dict[str, Json]) -> list[Cycle]:
    """The cycles of a KPI; agreements have no say in them."""
    found: list[Cycle] = []
    previous_stop = 0
    way = kpi.get("reopen", "ignore")
    for i, m in enumerate(moments):
        last = found[-1] if found else None
        if last and last.open and (stop := hits(kpi["stop"], moments, last.counting, i)):
            last.stops[i] = stop
            last.open = False
            previous_stop = i
        if m.type == "ticket.merged":
            if last and last.open:
                last.merged, last.open = i, False
            break
        if last and not last.open and reopens(m):
            if way == "continue":
                last.reopenings.append(i)
                last.open, last.counting = True, i + 1
            elif way == "new-cycle":
                found.append(Cycle(len(found) + 1, i, i + 1))
        may_start = not found or (not found[-1].open and kpi.get("repeat", False))
        if may_start and hits(kpi["start"], moments, previous_stop, i):
            found.append(Cycle(len(found) + 1, i, i + 1))
    return found
