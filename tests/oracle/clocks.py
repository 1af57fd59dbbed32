"""The clocks of a cycle, recomputed from the contract's sentences."""

from dataclasses import dataclass, field

from tests.oracle.cycles import Cycle
from tests.oracle.days import DAY, HORIZON, Calendar, duration, length, without
from tests.oracle.matching import listed, matches
from tests.oracle.reading import Objective, Version
from tests.oracle.timelines import Moment


@dataclass
class Clock:
    """One clock; `state` is None while it is undecided."""

    item: str
    cycle: int
    version: Version
    objective: Objective
    origin: Moment
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
    def started(self) -> int:
        """When it started: its cycle did, or a change restarted it."""
        return self.origin.time

    @property
    def at_risk(self) -> bool:
        """Undecided, and so much of the target used."""
        if self.state is not None or self.target is None:
            return False
        return self.elapsed >= self.objective.elapsed * self.target


def target_of(objective: Objective, calendar: Calendar, started: int) -> int | None:
    """The target in open time; None when it has none, or no such instant ever comes."""
    limit = objective.limit
    if limit is None or isinstance(limit, str):
        return None if limit is None else duration(limit)
    ((unit, days),) = limit.items()
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

    def begin(self, objective: Objective, origin: Moment, under: int) -> Clock:
        """A clock of an objective."""
        clock = Clock(self.item, self.cycle.number, self.version, objective, origin, under)
        clock.target = target_of(objective, self.calendar, origin.time)
        self.found.append(clock)
        return clock

    def over(self, clock: Clock, at: int) -> bool:
        """Whether its elapsed time exceeds its target."""
        return clock.target is not None and self.elapsed(clock, at) > clock.target

    def clocks(self) -> list[Clock]:
        """Every clock of the cycle, as of now."""
        start = self.moments[self.cycle.start]
        if (objective := self.matching(start)) is not None:
            self.begin(objective, start, start.time)
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
                start = self.moments[self.cycle.start]
                self.begin(entered, start if entered.on_change == "carry" else m, m.time)
            return
        left = live.objective
        if live.state is not None or entered is left or left.on_change == "keep":
            return
        live.stopped, live.deciding = m.time, m
        live.state = "cancelled" if entered is None else "superseded"
        if entered is not None:
            self.begin(entered, live.origin if left.on_change == "carry" else m, m.time)

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
    return (None if target else started), None
