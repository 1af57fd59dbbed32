"""The cycles of one duration KPI on one item, and the clocks of each cycle.

Cycles and pauses are the KPI's: all agreements and series share them, and there may be a cycle in
which nobody has a clock. What one event does, and in which order, is `item.py`'s.
"""

from collections.abc import Sequence
from typing import NamedTuple

from shared.domain.agreement import OnChange, Reopen, Version
from shared.domain.clock import UNDECIDED, Clock, ClockState
from shared.domain.event import Event, Scalar
from shared.domain.instant import Instant
from shared.domain.matcher import Attributes, Milestone, group_values
from shared.domain.plan import Candidate, KpiPlan, Series
from shared.domain.window import Span

_SOLVED = frozenset({"solved", "closed"})


class Moment(NamedTuple):
    """An event with the attributes before and after it; `seen` are those after it with `actor`.

    `changed` names the attributes that got another value, and `actor` where there is one.
    """

    event: Event
    before: dict[str, Scalar]
    after: dict[str, Scalar]
    seen: dict[str, Scalar]
    changed: Sequence[str]

    @property
    def reopens(self) -> bool:
        """Whether a reopening comes, or the status leaves solved and closed."""
        if self.event.type == "ticket.reopened":
            return True
        return self.before.get("status") in _SOLVED and self.after.get("status") not in _SOLVED


class Line:
    """One series of one agreement in the open cycle, with its latest clock."""

    __slots__ = ("clock", "clocks", "series", "version")

    def __init__(self, version: Version, series: Series) -> None:
        """A line without a clock."""
        self.version = version
        self.series = series
        self.clock: Clock | None = None
        self.clocks = 0

    def matching(self, attributes: Attributes) -> Candidate | None:
        """The first of the series that matches."""
        for candidate in self.series:
            if candidate.matcher.matches(attributes):
                return candidate
        return None


class Cycle:
    """One cycle: its span, its pauses and its clocks in the order in which they began."""

    __slots__ = (
        "attributes",
        "clocks",
        "number",
        "paused_since",
        "pauses",
        "started_at",
        "stopped_at",
    )

    def __init__(self, number: int, started_at: Instant, attributes: Attributes) -> None:
        """Begin with the attributes after the event that starts it; the first is number 1."""
        self.number = number
        self.started_at = started_at
        self.attributes = attributes
        self.stopped_at: Instant | None = None
        self.pauses: list[Span] = []
        self.paused_since: Instant | None = None
        self.clocks: list[Clock] = []


class Counter:
    """How often each of some milestones has matched; each counts its own matches."""

    __slots__ = ("_milestones", "_seen")

    def __init__(self, milestones: Sequence[Milestone]) -> None:
        """Nothing has matched yet."""
        self._milestones = milestones
        self._seen = [0] * len(milestones)

    def matched(self, moment: Moment) -> list[tuple[Milestone, int]]:
        """Count the event; the milestones that match, with how often each has by now."""
        found = []
        type_ = moment.event.type
        for index, milestone in enumerate(self._milestones):
            # Most events are of another type: asked here, since a call would cost more.
            if milestone.event is not None and milestone.event != type_:
                continue
            if milestone.matches(moment.event, moment.before, moment.seen):
                self._seen[index] += 1
                found.append((milestone, self._seen[index]))
        return found

    def reached(self, moment: Moment) -> list[Milestone]:
        """Count the event; the milestones for which it is the nth match."""
        return [m for m, times in self.matched(moment) if times == (m.nth or 1)]


class Track:
    """One duration KPI on one item."""

    __slots__ = ("_agreements", "_lines", "_starts", "_stops", "cycles", "dirty", "open", "plan")

    def __init__(self, plan: KpiPlan) -> None:
        """No cycle has begun."""
        self.plan = plan
        self.cycles: list[Cycle] = []
        self.open = False
        self.dirty = False
        self._lines: list[Line] = []
        self._agreements: set[str] = set()
        self._starts = Counter(plan.kpi.start)
        self._stops = Counter(plan.kpi.stop)

    def undecided(self) -> list[Clock]:
        """The clocks that may still run out: of each series only the latest may."""
        found = []
        for line in self._lines:
            clock = line.clock
            if clock is not None and clock.state in UNDECIDED:
                found.append(clock)
        return found

    def stop(self, moment: Moment) -> None:
        """End the open cycle if a stop milestone is reached."""
        reached = self._stops.reached(moment)
        if not reached:
            return
        # What a stop milestone saw change has its value from before: whose hop it was.
        left = {m.changes for m in reached if m.changes is not None}
        attributes = {**moment.after, **{name: moment.before.get(name) for name in left}}
        self._end(moment.event.time, attributes)

    def merge(self, moment: Moment) -> None:
        """End the cycle for good, if it has not just stopped.

        Undecided clocks are cancelled, breached ones stop.
        """
        if not self.open:
            return
        at = moment.event.time
        for clock in self.undecided():
            clock.leave(ClockState.CANCELLED, at)
            settle_group(clock, moment.before)
        self._end(at, moment.after)

    def reopen(self, moment: Moment) -> None:
        """After a stop, begin the next cycle or take the stop back."""
        if not self.cycles or not moment.reopens:
            return
        match self.plan.kpi.reopen:
            case Reopen.IGNORE:
                return
            case Reopen.NEW_CYCLE:
                self._begin(moment)
            case Reopen.CONTINUE:
                self._go_on(moment.event.time)

    def pause(self, moment: Moment) -> None:
        """Pause or resume the open cycle from the event's time on."""
        cycle, at = self.cycles[-1], moment.event.time
        paused = self._is_paused(moment.after)
        if paused is (cycle.paused_since is not None):
            return
        if paused:
            cycle.paused_since = at
        else:
            self._end_pause(cycle, at)
        self._look_ahead()

    def change(self, moment: Moment) -> None:
        """Move undecided clocks to the objectives that match now; begin clocks that are due."""
        if not self.dirty:
            return
        self.dirty = False
        self._add_lines(moment.after)
        for line in self._lines:
            if line.clock is None or line.clock.state is ClockState.CANCELLED:
                self._begin_late(line, moment)
            elif line.clock.undecided:
                self._leave(line, line.clock, moment)

    def start(self, moment: Moment) -> None:
        """Begin a cycle if a start milestone is reached; without `repeat` only the first."""
        if self.cycles and not self.plan.kpi.repeat:
            return
        if self._starts.reached(moment):
            self._begin(moment)

    def _begin(self, moment: Moment) -> None:
        at = moment.event.time
        cycle = Cycle(len(self.cycles) + 1, at, moment.after)
        cycle.paused_since = at if self._is_paused(moment.after) else None
        self.cycles.append(cycle)
        self.open, self.dirty = True, False
        self._stops = Counter(self.plan.kpi.stop)
        self._lines, self._agreements = [], set()
        self._add_lines(moment.after)
        for line in self._lines:
            candidate = line.matching(moment.after)
            if candidate is not None:
                self._add_clock(line, candidate, moment)

    def _end(self, at: Instant, attributes: Attributes) -> None:
        cycle = self.cycles[-1]
        for line in self._lines:
            if line.clock is None:
                continue
            if line.clock.undecided:
                settle_group(line.clock, attributes)
            line.clock.stop(at)
        if cycle.paused_since is not None:
            self._end_pause(cycle, at)
        cycle.stopped_at = at
        self.open = False
        self._starts = Counter(self.plan.kpi.start)

    def _go_on(self, at: Instant) -> None:
        cycle = self.cycles[-1]
        if cycle.stopped_at is not None and cycle.stopped_at < at:
            cycle.pauses.append(Span(cycle.stopped_at, at))
        cycle.stopped_at = None
        self.open = self.dirty = True
        self._stops = Counter(self.plan.kpi.stop)
        for line in self._lines:
            if line.clock is not None:
                line.clock.go_on()
        self._look_ahead()

    def _begin_late(self, line: Line, moment: Moment) -> None:
        candidate = line.matching(moment.after)
        if candidate is None or candidate.objective.on_change is OnChange.KEEP:
            return
        if candidate.objective.on_change is OnChange.CARRY:
            cycle = self.cycles[-1]
            self._add_clock(line, candidate, moment, (cycle.started_at, cycle.attributes))
        else:
            self._add_clock(line, candidate, moment)

    def _leave(self, line: Line, clock: Clock, moment: Moment) -> None:
        candidate = line.matching(moment.after)
        if candidate is not None and candidate.objective.name == clock.objective.name:
            return
        if clock.objective.on_change is OnChange.KEEP:
            return
        at = moment.event.time
        if candidate is None:
            clock.leave(ClockState.CANCELLED, at)
            settle_group(clock, moment.before)
            return
        clock.leave(ClockState.SUPERSEDED, at)
        if clock.objective.on_change is OnChange.CARRY:
            self._add_clock(line, candidate, moment, (clock.started_at, clock.begun))
        else:
            self._add_clock(line, candidate, moment)

    def _add_lines(self, attributes: Attributes) -> None:
        started_at = self.cycles[-1].started_at
        for party in self.plan.parties(attributes):
            if party.agreement.name in self._agreements:
                continue
            self._agreements.add(party.agreement.name)
            found = party.at(started_at)
            if found is not None:
                version, several = found
                self._lines.extend(Line(version, series) for series in several)

    def _add_clock(
        self,
        line: Line,
        candidate: Candidate,
        moment: Moment,
        carried: tuple[Instant, Attributes] | None = None,
    ) -> None:
        """Begin a clock at this event, or with the start (and attributes then) of another."""
        cycle, at = self.cycles[-1], moment.event.time
        started_at, begun = (at, moment.after) if carried is None else carried
        clock = Clock(
            line.version,
            candidate.objective,
            cycle=cycle.number,
            ordinal=line.clocks,
            started_at=started_at,
            came_under=at,
            begun=begun,
        )
        if candidate.objective.started:
            clock.group = group_values(candidate.objective.group_by, begun)
        line.clock = clock
        line.clocks += 1
        cycle.clocks.append(clock)
        clock.look_ahead(cycle.pauses, cycle.paused_since)

    def _look_ahead(self) -> None:
        cycle = self.cycles[-1]
        for clock in self.undecided():
            clock.look_ahead(cycle.pauses, cycle.paused_since)

    def _is_paused(self, attributes: Attributes) -> bool:
        return any(matcher.matches(attributes) for matcher in self.plan.kpi.pause)

    @staticmethod
    def _end_pause(cycle: Cycle, at: Instant) -> None:
        if cycle.paused_since is not None and cycle.paused_since < at:
            cycle.pauses.append(Span(cycle.paused_since, at))
        cycle.paused_since = None


def settle_group(clock: Clock, attributes: Attributes) -> None:
    """The group that a decided clock counts in; that of its start stands (contract section 4)."""
    if not clock.objective.started:
        clock.group = group_values(clock.objective.group_by, attributes)
