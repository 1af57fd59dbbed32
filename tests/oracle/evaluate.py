"""Everything as of one instant: what `accord evaluate` prints, computed by the oracle."""

import json
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from tests.oracle.clocks import Clock, Series
from tests.oracle.cycles import cycles
from tests.oracle.days import text
from tests.oracle.entries import Entry, of_clock, of_item
from tests.oracle.events import Event, events
from tests.oracle.promises import Promise
from tests.oracle.reading import Books, Version, books, documents
from tests.oracle.timelines import Moment, timeline
from tests.oracle.written import Number

Json = Any
LEVELS = ("corporate", "customer", "service")


def evaluate(
    yamls: Iterable[str], lines: Iterable[str], now: int, *, all_windows: bool = False
) -> dict[str, Json]:
    """The whole answer; `RefusedError` for documents that do not load."""
    promises, clocks, rejected = _promised(yamls, lines, now)
    rows = [p.rows(all_windows=all_windows) for p in promises]
    clocks.sort(key=lambda c: (c.version.name, c.objective.name, c.item, c.cycle, c.under))
    return {
        "as_of": text(now),
        "objectives": [row for objectives, _ in rows for row in objectives],
        "clocks": [_shown(c) for c in clocks],
        "breaches": [
            _item_breach(c)
            for c in clocks
            if c.breached_at is not None and c.objective.kind == "within"
        ]
        + [row for _, breaches in rows for row in breaches],
        "rejected": rejected,
    }


def entries(
    yamls: Iterable[str], lines: Iterable[str], now: int
) -> dict[tuple[str, str], list[Entry]]:
    """What counts in each objective, by agreement and name."""
    promises, _, _ = _promised(yamls, lines, now)
    return {(own.agreement, own.name): own.entries for own in promises}


def _promised(
    yamls: Iterable[str], lines: Iterable[str], now: int
) -> tuple[list[Promise], list[Clock], list[dict[str, Json]]]:
    """Every objective with what counts in it, all clocks, and what was rejected."""
    library = books(documents(yamls))
    standing, rejected = events(lines)
    items: dict[str, list[Event]] = {}
    for e in standing:
        items.setdefault(f"{e.kind}:{e.subject}", []).append(e)
    moments = {item: timeline(own, now) for item, own in sorted(items.items())}
    clocks = [
        clock
        for item, own in moments.items()
        for versions in library.agreements.values()
        for clock in _clocks(item, own, versions, now)
    ]
    bind(clocks)
    return _promises(library, moments, clocks, now), clocks, rejected


def _clocks(item: str, moments: list[Moment], versions: list[Version], now: int) -> list[Clock]:
    kpis = {o.kpi["name"]: o.kpi for v in versions for o in v.objectives}
    kind = item.partition(":")[0]
    found = []
    for kpi in kpis.values():
        if kpi["measure"] != "duration" or kpi.get("item") != kind:
            continue
        for cycle in cycles(moments, kpi):
            start = moments[cycle.start].time
            version = next((v for v in versions if v.effective(start)), None)
            own = [o for o in version.objectives if o.kpi is kpi] if version else []
            for key in dict.fromkeys(o.series for o in own):
                assert version is not None
                series = [o for o in own if o.series == key]
                found += Series(item, moments, cycle, version, series, now).clocks()
    return found


def bind(clocks: list[Clock]) -> None:
    """Mark the binding clocks of each item, KPI and cycle."""

    def key(c: Clock) -> tuple[str, str, int]:
        return (c.item, c.objective.kpi["name"], c.cycle)

    def rank(c: Clock) -> tuple[int, int]:
        return (LEVELS.index(c.version.level), c.version.precedence)

    candidates = [
        c for c in clocks if c.version.type == "sla" and c.state not in ("cancelled", "superseded")
    ]
    for _, same in groupby(sorted(candidates, key=key), key):
        alternatives = list(same)
        best = max(map(rank, alternatives))
        for c in alternatives:
            c.binding = rank(c) == best


def _promises(
    library: Books, moments: dict[str, list[Moment]], clocks: list[Clock], now: int
) -> list[Promise]:
    counted: dict[tuple[str, str], list[Entry]] = {}
    for c in clocks:
        if c.state != "superseded":
            key = (c.version.name, c.objective.name)
            counted.setdefault(key, []).append(of_clock(c, moments[c.item], now))
    found = []
    for agreement, versions in sorted(library.agreements.items()):
        for name in sorted({o.name for v in versions for o in v.objectives}):
            promise = Promise(agreement, name, versions, now, counted.get((agreement, name), []))
            kpi = promise.any.kpi
            if kpi["measure"] != "duration":
                for item, own in moments.items():
                    if item.partition(":")[0] == kpi["item"]:
                        promise.entries += of_item(name, kpi, versions, own, now)
            found.append(promise)
    return found


def _shown(c: Clock) -> dict[str, Json]:
    undecided = "paused" if c.paused else "running"
    target = c.target if isinstance(c.objective.limit, str) else None
    return {
        "agreement": c.version.name,
        "objective": c.objective.name,
        "item": c.item,
        "cycle": c.cycle,
        "state": c.state or undecided,
        "at_risk": c.at_risk,
        "binding": c.binding,
        "started_at": text(c.started),
        "stopped_at": _text(c.stopped),
        "due_at": _text(c.due_at),
        "due_last": _text(c.due_last),
        "breached_at": _text(c.breached_at),
        "elapsed_s": Number(c.elapsed),
        "paused_s": Number(c.pauses),
        "remaining_s": None if target is None else Number(target - c.elapsed),
        "target_s": None if target is None else Number(target),
    }


def _text(at: int | None) -> str | None:
    return None if at is None else text(at)


def _item_breach(c: Clock) -> dict[str, Json]:
    return {
        "scope": "item",
        "agreement": c.version.name,
        "objective": c.objective.name,
        "item": c.item,
        "cycle": c.cycle,
        "opened_at": _text(c.breached_at),
        "closed_at": _text(c.stopped),
    }


def dump(x: Json) -> str:
    """JSON with sorted members and exact numbers."""
    if isinstance(x, Number):
        return x.text
    if isinstance(x, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{dump(x[k])}" for k in sorted(x)) + "}"
    if isinstance(x, list):
        return "[" + ",".join(map(dump, x)) + "]"
    return json.dumps(x) if isinstance(x, str | bool | None) else str(x)
