"""Timelines, cycles and clocks of one item, recomputed from the contract's sentences."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.days import DAY, HORIZON, Calendar, length, without
from tests.oracle.reading import SECOND, Event, Objective, Version, equal, listed, matches, plain

Json = Any
Attributes = dict[str, Json]
LAST = {"solved", "closed", "merged", "won", "lost", "rejected", "churned"}
STATUS = {"ticket.solved": "solved", "ticket.closed": "closed", "ticket.reopened": "open"}


@dataclass
class Moment:
    """One event that counts: the item's attributes before and after it, and what milestones see."""

    type: str
    time: int
    before: Attributes
    after: Attributes
    seen: Attributes


def order(event: Event) -> tuple[object, ...]:
    """The place in a timeline."""
    what = event.type.partition(".")[2]
    rank = 0 if what == "created" else 2 if what in LAST else 1
    sequence: tuple[object, ...] = (0,)
    if event.sequence is not None:
        digits = re.fullmatch("[0-9]+", event.sequence)
        sequence = (1, int(event.sequence)) if digits else (2, event.sequence)
    return (event.time, rank, event.source, sequence, event.id)


def timeline(events: Iterable[Event], now: int) -> list[Moment]:
    """The events of one item that exist and are not absent, in order, with attributes."""
    existing = sorted((e for e in events if e.time <= now), key=order)
    ids = {(e.source, e.id) for e in existing}

    def names(e: Event) -> tuple[str, str] | None:
        if e.replaces is None or e.replaces == e.id or (e.source, e.replaces) not in ids:
            return None
        return (e.source, e.replaces)

    absent = {names(e) for e in existing}
    for target in {names(e) for e in existing} - {None}:
        absent |= {(e.source, e.id) for e in [e for e in existing if names(e) == target][:-1]}
    moments: list[Moment] = []
    attributes: Attributes = {}
    for e in existing:
        retraction = e.type.partition(".")[2] == "retracted" and e.replaces is not None
        if (e.source, e.id) in absent or retraction:
            continue
        data = dict(e.data)
        if e.type in STATUS and "status" not in data:
            data["status"] = STATUS[e.type]
        scalars = {k: v for k, v in data.items() if not isinstance(v, dict | list)}
        actor = scalars.pop("actor", None)
        after = {k: v for k, v in {**attributes, **scalars}.items() if v is not None}
        seen = after if actor is None else {**after, "actor": actor}
        moments.append(Moment(e.type, e.time, attributes, after, seen))
        attributes = after
    return moments


def matching(milestone: dict[str, Json], m: Moment) -> bool:
    """Whether an event matches a milestone, `nth` aside."""
    if milestone.get("event", m.type) != m.type:
        return False
    changed = milestone.get("changes")
    if changed is not None and equal(m.before.get(changed), m.after.get(changed)):
        return False
    return matches(milestone.get("where", {}), m.seen)


def hits(milestones: Json, moments: list[Moment], since: int, i: int) -> list[dict[str, Json]]:
    """The milestones that event `i` is the nth match of, counted from index `since` on."""
    return [
        milestone
        for milestone in listed(milestones)
        if matching(milestone, moments[i])
        and sum(matching(milestone, m) for m in moments[since : i + 1]) == milestone.get("nth", 1)
    ]


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


@dataclass
class Clock:
    """One clock; `state` is None while it is undecided."""

    item: str
    cycle: int
    version: Version
    objective: Objective
    started: int
    under: int
    state: str | None = None
    stopped: int | None = None
    breached_at: int | None = None
    deciding: Moment | None = None
    changed: list[str] = field(default_factory=list)
    paused: bool = False
    elapsed: int = 0
    pauses: int = 0
    target: int | None = None
    due_at: int | None = None
    due_last: int | None = None
    binding: bool = False

    @property
    def at_risk(self) -> bool:
        """Undecided, and so much of the target used."""
        if self.state is not None or self.target is None:
            return False
        return self.elapsed >= self.objective.elapsed * self.target


def duration(text: str) -> int | None:
    """`PT4H30M` in microseconds; None for what is no such text."""
    found = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?", text)
    if not found:
        days = re.fullmatch(r"P(\d+)D", text)
        return int(days[1]) * DAY if days else None
    hours, minutes, seconds = found.groups()
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60
    return int((whole + Decimal(seconds or 0)) * SECOND)


def target_of(objective: Objective, calendar: Calendar, started: int) -> int | None:
    """The target in open time; None when no such instant ever comes."""
    within = objective.target["within"]
    if isinstance(within, str):
        return duration(within)
    ((unit, days),) = within.items()
    end = calendar.working_day(started, days=days, closing=unit == "endOfWorkingDay")
    return None if end is None else length(calendar.open(started, end))


class Series:
    """The clocks of one item, KPI, agreement and series in one cycle."""

    def __init__(
        self,
        item: str,
        moments: list[Moment],
        cycle: Cycle,
        version: Version,
        objectives: list[Objective],
        now: int,
    ) -> None:
        """Take what the clocks depend on; `clocks` computes them."""
        self.item, self.moments, self.cycle, self.now = item, moments, cycle, now
        self.version, self.objectives = version, objectives
        self.calendar = version.calendar
        self.pause = listed(objectives[0].kpi.get("pause", []))
        self.found: list[Clock] = []
        self.stands = self._when_it_stands()

    def _when_it_stands(self) -> list[tuple[int, int]]:
        """When pause matches, and between a stop and the reopening that continues."""
        times = [m.time for m in self.moments] + [self.now]
        holes = [
            (times[i], times[i + 1]) for i, m in enumerate(self.moments) if self.pauses_after(m)
        ]
        stops = sorted(self.cycle.stops)
        for stop, again in zip(stops, self.cycle.reopenings, strict=False):
            holes.append((self.moments[stop].time, self.moments[again].time))
        return holes

    def pauses_after(self, m: Moment) -> bool:
        """Whether a clock is paused after an event."""
        return any(matches(p, m.after) for p in self.pause)

    def elapsed(self, clock: Clock, at: int) -> int:
        """Open time since the start, less the union of pauses."""
        return length(without(self.calendar.open(clock.started, at), self.stands))

    def matching(self, m: Moment) -> Objective | None:
        """The first objective of the series that matches as of an event."""
        for o in self.objectives:
            if matches(self.version.applies_to, m.after) and matches(o.where, m.after):
                return o
        return None

    def begin(self, objective: Objective, started: int, under: int) -> Clock:
        """A clock of an objective."""
        clock = Clock(self.item, self.cycle.number, self.version, objective, started, under)
        clock.target = target_of(objective, self.calendar, started)
        self.found.append(clock)
        return clock

    def over(self, clock: Clock, at: int) -> bool:
        """Whether its elapsed time exceeds its target."""
        return clock.target is not None and self.elapsed(clock, at) > clock.target

    def clocks(self) -> list[Clock]:
        """Every clock of the cycle, as of now."""
        start = self.moments[self.cycle.start]
        if (objective := self.matching(start)) is not None:
            self.begin(objective, start.time, start.time)
        is_open = True
        for i in range(self.cycle.start + 1, len(self.moments)):
            is_open = self._step(i, self.moments[i], is_open=is_open)
        # A cycle may stop and go on at its very first event only by a later one, so none is missed.
        for clock in self.found:
            if clock.state is None and self.over(clock, self.now):
                clock.state = "breached_open"
            self._measure(clock)
        return self.found

    def _step(self, i: int, m: Moment, *, is_open: bool) -> bool:
        live = self.found[-1] if self.found else None
        live = None if live is None or live.state in ("cancelled", "superseded") else live
        if live and live.state is None and self.over(live, m.time):
            live.state = "breached_open"
        if i in self.cycle.stops:
            is_open = False
            if live:
                live.state = "met" if live.state is None else "breached_closed"
                live.stopped, live.deciding = m.time, m
                stops = self.cycle.stops[i]
                live.changed = [s["changes"] for s in stops if "changes" in s]
        if i == self.cycle.merged:
            is_open = False
            if live and live.state is None:
                live.state, live.stopped, live.deciding = "cancelled", m.time, m
            elif live:
                live.state, live.stopped = "breached_closed", m.time
        if i in self.cycle.reopenings:
            is_open = True
            if live:
                live.state = None if live.state == "met" else "breached_open"
                live.stopped = live.deciding = None
        if is_open:
            self._change(m, live)
        return is_open

    def _change(self, m: Moment, live: Clock | None) -> None:
        entered = self.matching(m)
        if live is None:
            if entered is not None and entered.on_change != "keep":
                start = self.moments[self.cycle.start].time
                self.begin(entered, start if entered.on_change == "carry" else m.time, m.time)
            return
        left = live.objective
        if live.state is not None or entered is left or left.on_change == "keep":
            return
        live.stopped, live.deciding = m.time, m
        live.state = "cancelled" if entered is None else "superseded"
        if entered is not None:
            started = live.started if left.on_change == "carry" else m.time
            self.begin(entered, started, m.time)

    def _measure(self, clock: Clock) -> None:
        end = self.now if clock.stopped is None else clock.stopped
        clock.elapsed = self.elapsed(clock, end)
        clock.pauses = length(self.calendar.open(clock.started, end)) - clock.elapsed
        if clock.state in ("cancelled", "superseded"):
            return
        standing = clock.stopped is None and self.pauses_after(self.moments[-1])
        clock.paused = clock.state is None and standing
        if clock.target is not None:
            clock.due_at, clock.due_last = self._due(clock, end, standing=standing)
        if clock.state in ("breached_open", "breached_closed"):
            assert clock.due_last is not None
            clock.breached_at = max(clock.due_last, clock.under)

    def _due(self, clock: Clock, end: int, *, standing: bool) -> tuple[int | None, int | None]:
        """First instant that reaches the target, last that has not passed it."""
        assert clock.target is not None
        limit = clock.started + HORIZON
        due: tuple[int | None, int | None] = (None, None)
        for reach in (20 * DAY, 500 * DAY, 2 * HORIZON):
            far = max(end, clock.started + reach)
            running = without(self.calendar.open(clock.started, end), self.stands)
            if not standing:
                running = _joined(running, self.calendar.open(end, far))
            due = _reached(running, clock.target, clock.started)
            if None not in due:
                break
        due_at, due_last = (d if d is not None and d <= limit else None for d in due)
        return due_at, due_last


def _joined(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return without(a + b, [])


def _reached(
    running: list[tuple[int, int]], target: int, started: int
) -> tuple[int | None, int | None]:
    used = 0
    for n, (a, b) in enumerate(running):
        if used + b - a >= target:
            due = a + target - used if target else started
            if used + b - a > target:
                return due, a if target == 0 else due
            return due, running[n + 1][0] if n + 1 < len(running) else None
        used += b - a
    return None, None


def group(names: list[str], attributes: Attributes) -> tuple[str, ...]:
    """Group values as text."""
    return tuple(_text(attributes.get(name)) for name in names)


def _text(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else plain(value)


def as_of(moments: list[Moment], at: int) -> Attributes:
    """The attributes after all events of an instant."""
    return next((m.after for m in reversed(moments) if m.time <= at), {})


def seconds(micros: int | Fraction) -> Fraction:
    """Microseconds as seconds."""
    return Fraction(micros, SECOND)
