"""Everything as of one instant: what `accord evaluate` prints, computed by the oracle."""

import json
from collections.abc import Iterable
from fractions import Fraction
from itertools import groupby
from typing import Any

from tests.oracle.clocks import (
    Clock,
    Moment,
    Series,
    as_of,
    cycles,
    group,
    hits,
    seconds,
    timeline,
)
from tests.oracle.days import text
from tests.oracle.judging import Entry, Promise
from tests.oracle.reading import Books, Event, Version, books, documents, events, listed, matches

Json = Any
LEVELS = ("corporate", "customer", "service")


class Number:
    """A JSON number with the text it is written with."""

    def __init__(self, value: Fraction) -> None:
        """A number of seconds."""
        digits = f"{abs(round(value * 10**6)):07d}"
        shown = f"{digits[:-6]}.{digits[-6:]}".rstrip("0").rstrip(".")
        self.text = f"-{shown}" if value < 0 else shown


def evaluate(yamls: Iterable[str], lines: Iterable[str], now: int) -> dict[str, Json]:
    """The whole answer; `RefusedError` for documents that do not load."""
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
    promises = _promises(library, moments, clocks, now)
    rows = [p.rows(now) for p in promises]
    clocks.sort(key=lambda c: (c.version.name, c.objective.name, c.item, c.cycle, c.under))
    return {
        "as_of": text(now),
        "objectives": [row for objectives, _ in rows for row in objectives],
        "clocks": [_shown(c) for c in clocks],
        "breaches": [_item_breach(c) for c in clocks if c.breached_at is not None]
        + [row for _, breaches in rows for row in breaches],
        "rejected": rejected,
    }


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
    found = []
    for agreement, versions in library.agreements.items():
        for name in {o.name for v in versions for o in v.objectives}:
            promise = Promise(agreement, name, versions, [])
            if promise.any.kpi["measure"] == "count":
                for item, own in moments.items():
                    promise.entries += _counted(item, own, promise)
            promise.entries += [
                _entry(c, moments[c.item], now)
                for c in clocks
                if (c.version.name, c.objective.name) == (agreement, name)
                and c.state != "superseded"
            ]
            found.append(promise)
    return sorted(found, key=lambda p: (p.agreement, p.name))


def _counted(item: str, moments: list[Moment], promise: Promise) -> list[Entry]:
    kpi = promise.any.kpi
    if kpi["item"] != item.partition(":")[0]:
        return []
    indices = [i for i in range(len(moments)) if _counts(kpi, moments, i)]
    found = []
    for i in indices if kpi.get("every", False) else indices[:1]:
        m = moments[i]
        version = next((v for v in promise.versions if v.effective(m.time)), None)
        objective = version and version.objective(promise.name)
        if not version or not objective:
            continue
        if matches(version.applies_to, m.after) and matches(objective.where, m.after):
            found.append(Entry("counted", m.time, group(objective.group_by, m.after)))
    return found


def _counts(kpi: dict[str, Json], moments: list[Moment], i: int) -> bool:
    from tests.oracle.clocks import matching  # noqa: PLC0415 - reads better where it is used

    plain = [m for m in listed(kpi["event"]) if "nth" not in m]
    numbered = [m for m in listed(kpi["event"]) if "nth" in m]
    return any(matching(m, moments[i]) for m in plain) or bool(hits(numbered, moments, 0, i))


def _entry(clock: Clock, moments: list[Moment], now: int) -> Entry:
    names = clock.objective.group_by
    if clock.state is None:
        return Entry("running", now, group(names, as_of(moments, now)))
    if clock.breached_at is not None:
        at = clock.breached_at
        return Entry(clock.state, at, group(names, as_of(moments, at)))
    decided = clock.deciding
    assert decided is not None
    if clock.state == "cancelled":
        return Entry("excluded", decided.time, group(names, decided.before))
    before = {name: decided.before.get(name) for name in clock.changed}
    return Entry("met", decided.time, group(names, {**decided.after, **before}))


def _shown(c: Clock) -> dict[str, Json]:
    undecided = "paused" if c.paused else "running"
    fixed = isinstance(c.objective.target["within"], str)
    target = c.target if fixed else None
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
        "elapsed_s": Number(seconds(c.elapsed)),
        "paused_s": Number(seconds(c.pauses)),
        "remaining_s": None if target is None else Number(seconds(target - c.elapsed)),
        "target_s": None if target is None else Number(seconds(target)),
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
