"""The cycles of one duration KPI on one item, and the clocks of each cycle.

Cycles and pauses are the KPI's: all agreements and series share them, and there may be a cycle in
which nobody has a clock. What one event does, and in which order, is `item.py`'s.
"""

from typing import Final

from shared.domain.agreement import OnChange, Reopen
from shared.domain.clock import Clock, ClockState, Signal
from shared.domain.instant import NEVER, Instant
from shared.domain.matcher import Attributes, group_values
from shared.domain.milestone import Moment
from shared.domain.plan import Candidate, KpiPlan, Matches
from shared.domain.window import Span


class Cycle:
    """One cycle: its span, its pauses and its clocks in the order in which they began."""

    __slots__ = (
        "begun",
        "clocks",
        "number",
        "paused_since",
        "pauses",
        "started_at",
        "stopped_at",
    )

    def __init__(self, number: int, started_at: Instant, begun: Attributes) -> None:
        """Begin; the first is number 1. `begun` are the attributes after the event that starts it.

        Of those only what groups clocks by their start is kept.
        """
        self.number = number
        self.started_at = started_at
        self.begun = begun
        self.stopped_at: Instant | None = None
        self.pauses: list[Span] = []
        self.paused_since: Instant | None = None
        self.clocks: list[Clock] = []


_NO_MATCHES: Final[Matches] = {}


class Track:
    """One duration KPI on one item.

    `earliest` is the last instant before one of its clocks runs out, as of the last `look_ahead`.
    `_clocks` has the latest clock of each series in the open (or last) cycle; `_matches` is what
    matched when they were looked at last, and `_looked` says that attributes were looked at since
    the cycle went on.
    """

    __slots__ = (
        "_clocks",
        "_looked",
        "_matches",
        "_starts",
        "_stops",
        "cycles",
        "earliest",
        "open",
        "plan",
    )

    def __init__(self, plan: KpiPlan) -> None:
        """No cycle has begun."""
        self.plan = plan
        self.cycles: list[Cycle] = []
        self.open = False
        self.earliest: Instant = NEVER
        self._clocks: dict[int, Clock] = {}
        self._matches = _NO_MATCHES
        self._looked = False
        self._starts = plan.start.counter()
        self._stops = plan.stop.counter()

    def undecided(self) -> list[Clock]:
        """The clocks that may still run out: of each series only the latest may."""
        return [clock for clock in self._clocks.values() if clock.undecided]

    def look_ahead(self) -> None:
        """See when the first of its clocks runs out, if nothing happens."""
        earliest = NEVER
        if self.open:
            for clock in self._clocks.values():
                due = clock.due_last
                if due is not None and due < earliest and clock.undecided:
                    earliest = due
        self.earliest = earliest

    def stop(self, moment: Moment) -> None:
        """End the open cycle if a stop milestone is reached."""
        reached = self._stops.hits(moment)
        if not reached:
            return
        attributes: Attributes = moment.after
        for own in reached:
            if own.changes is not None:
                # What a stop milestone saw change has its value from before: whose hop it was.
                attributes = {**attributes, own.changes: moment.before.get(own.changes)}
        self._end(moment.event.time, attributes)

    def merge(self, moment: Moment) -> None:
        """End the cycle for good, if it has not just stopped.

        Undecided clocks are cancelled, breached ones stop.
        """
        if not self.open:
            return
        at = moment.event.time
        for clock in self.undecided():
            clock.leave(Signal.CANCEL, at)
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
        if not self.plan.kpi.pause:
            return
        cycle, at = self.cycles[-1], moment.event.time
        paused = self._is_paused(moment.after)
        if paused is (cycle.paused_since is not None):
            return
        if paused:
            cycle.paused_since = at
        else:
            self._end_pause(cycle, at)
        for clock in self._clocks.values():
            if paused:
                clock.pause(at)
            else:
                clock.resume(at)

    def change(self, moment: Moment) -> None:
        """Move undecided clocks to the objectives that match now; begin clocks that are due."""
        if self._looked and self.plan.attributes.isdisjoint(moment.changed):
            return
        self._looked = True
        matches = self.plan.matches(moment.after, self.cycles[-1].started_at)
        if matches is self._matches:
            return
        self._matches = matches
        for series, clock in [*self._clocks.items()]:
            if clock.undecided:
                self._leave(clock, matches.get(series), moment)
        for series, candidate in matches.items():
            known = self._clocks.get(series)
            if known is None or known.state is ClockState.CANCELLED:
                self._begin_late(candidate, moment)

    def start(self, moment: Moment) -> None:
        """Begin a cycle if a start milestone is reached; without `repeat` only the first."""
        if self.cycles and not self.plan.kpi.repeat:
            return
        if self._starts.hits(moment):
            self._begin(moment)

    def _begin(self, moment: Moment) -> None:
        at = moment.event.time
        cycle = Cycle(len(self.cycles) + 1, at, self.plan.kept(moment.after))
        cycle.paused_since = at if self._is_paused(moment.after) else None
        self.cycles.append(cycle)
        self.open = True
        self._stops = self.plan.stop.counter()
        self._clocks = {}
        self._matches = self.plan.matches(moment.after, at)
        self._looked = True
        for candidate in self._matches.values():
            self._add_clock(candidate, moment)

    def _end(self, at: Instant, attributes: Attributes) -> None:
        cycle = self.cycles[-1]
        for clock in self._clocks.values():
            if clock.undecided:
                settle_group(clock, attributes)
            clock.stop(at)
        if cycle.paused_since is not None:
            self._end_pause(cycle, at)
        cycle.stopped_at = at
        self.open = False
        self._starts = self.plan.start.counter()

    def _go_on(self, at: Instant) -> None:
        cycle = self.cycles[-1]
        if cycle.stopped_at is not None and cycle.stopped_at < at:
            cycle.pauses.append(Span(cycle.stopped_at, at))
        cycle.stopped_at = None
        self._looked = False
        self.open = True
        self._stops = self.plan.stop.counter()
        for clock in self._clocks.values():
            clock.go_on(at)

    def _begin_late(self, candidate: Candidate, moment: Moment) -> None:
        match candidate.objective.on_change:
            case OnChange.CARRY:
                self._add_clock(candidate, moment, self.cycles[-1])
            case OnChange.RESTART:
                self._add_clock(candidate, moment)
            case OnChange.KEEP:
                pass

    def _leave(self, clock: Clock, candidate: Candidate | None, moment: Moment) -> None:
        if candidate is not None and candidate.objective.name == clock.objective.name:
            return
        on_change, at = clock.objective.on_change, moment.event.time
        if on_change is OnChange.KEEP:
            return
        if candidate is None:
            clock.leave(Signal.CANCEL, at)
            settle_group(clock, moment.before)
            return
        clock.leave(Signal.SUPERSEDE, at)
        if on_change is OnChange.CARRY:
            self._add_clock(candidate, moment, clock)
        else:
            self._add_clock(candidate, moment)

    def _add_clock(
        self, candidate: Candidate, moment: Moment, carried: Cycle | Clock | None = None
    ) -> None:
        """Begin a clock at this event, or with the start of its cycle or of another clock."""
        cycle, at = self.cycles[-1], moment.event.time
        before = self._clocks.get(candidate.series)
        clock = Clock(
            candidate.version,
            candidate.objective,
            cycle=cycle.number,
            ordinal=0 if before is None else before.ordinal + 1,
            started_at=at if carried is None else carried.started_at,
            came_under=at,
            begun=self.plan.kept(moment.after) if carried is None else carried.begun,
        )
        if candidate.objective.started:
            clock.group = group_values(candidate.objective.group_by, clock.begun)
        used = 0
        if isinstance(carried, Clock):
            used = carried.used
        elif carried is not None:
            used = clock.elapsed(_with_open(cycle.pauses, cycle.paused_since, at), at)
        self._clocks[candidate.series] = clock
        cycle.clocks.append(clock)
        clock.take_up(at, used, cycle.pauses, cycle.paused_since)

    def _is_paused(self, attributes: Attributes) -> bool:
        for matcher in self.plan.kpi.pause:  # noqa: SIM110 - asked at every change; any() costs more
            if matcher.matches(attributes):
                return True
        return False

    @staticmethod
    def _end_pause(cycle: Cycle, at: Instant) -> None:
        if cycle.paused_since is not None and cycle.paused_since < at:
            cycle.pauses.append(Span(cycle.paused_since, at))
        cycle.paused_since = None


def settle_group(clock: Clock, attributes: Attributes) -> None:
    """The group that a decided clock counts in; that of its start stands (contract section 4)."""
    if clock.group is None:
        clock.group = group_values(clock.objective.group_by, attributes)


def _with_open(pauses: list[Span], paused_since: Instant | None, at: Instant) -> list[Span]:
    """The pauses up to an instant, the one that is not over included."""
    return pauses if paused_since is None else [*pauses, Span(paused_since, at)]
