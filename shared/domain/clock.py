"""One clock: a duration KPI running on one item under one objective.

Everything that decides a clock is in this file, `TRANSITIONS` first of all; when each thing happens
is the fold's (`item.py`). A clock holds instants; elapsed and paused time are derived from them and
the calendar.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from shared.domain.agreement import (
    Objective,
    OpenTime,
    Percentile,
    Version,
    Within,
    WorkingDays,
)
from shared.domain.business_calendar import HORIZON, BusinessCalendar
from shared.domain.contribution import Contribution
from shared.domain.instant import Instant, Micros
from shared.domain.matcher import Attributes
from shared.domain.window import Span


class ClockState(StrEnum):
    """The states of a clock (contract section 3)."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED_OPEN = "breached_open"
    BREACHED_CLOSED = "breached_closed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"

    # That of Enum is Python code, and states are looked up all the time.
    __hash__ = str.__hash__


class Signal(StrEnum):
    """What can happen to a clock."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    RUN_OUT = "run_out"
    GO_ON = "go_on"
    SUPERSEDE = "supersede"
    CANCEL = "cancel"

    __hash__ = str.__hash__


_OPEN: Final = {
    Signal.STOP: ClockState.MET,
    Signal.RUN_OUT: ClockState.BREACHED_OPEN,
    Signal.SUPERSEDE: ClockState.SUPERSEDED,
    Signal.CANCEL: ClockState.CANCELLED,
}
TRANSITIONS: Final[Mapping[ClockState, Mapping[Signal, ClockState]]] = {
    ClockState.RUNNING: {**_OPEN, Signal.PAUSE: ClockState.PAUSED},
    ClockState.PAUSED: {**_OPEN, Signal.RESUME: ClockState.RUNNING},
    ClockState.MET: {Signal.GO_ON: ClockState.RUNNING},
    ClockState.BREACHED_OPEN: {Signal.STOP: ClockState.BREACHED_CLOSED},
    ClockState.BREACHED_CLOSED: {Signal.GO_ON: ClockState.BREACHED_OPEN},
    ClockState.CANCELLED: {},
    ClockState.SUPERSEDED: {},
}
"""The state after a signal; where none stands the signal changes nothing (contract section 3).

What is decided stays so: only the stop may be taken back, by a reopening that continues.
"""

_TIMED: Final = (Within, Percentile)
UNDECIDED: Final = frozenset({ClockState.RUNNING, ClockState.PAUSED})
BREACHED: Final = frozenset({ClockState.BREACHED_OPEN, ClockState.BREACHED_CLOSED})
GONE: Final = frozenset({ClockState.CANCELLED, ClockState.SUPERSEDED})


class Clock:
    """The mutable state of one clock inside a fold.

    `begun` are attributes right after the event at which it started, as far as anything is grouped
    by them. `came_under` is the instant at which it came under its objective; `group` is set once
    it is decided or cancelled (with `attribution: started` from its start on); `due_last` is kept
    up to date while it is undecided, None when it cannot run out (paused, or out of reach).
    `undecided` says whether it is running or paused: it runs from `since` on (None: it does not),
    and had `used` so much of its time before. `entry` is what it contributes, kept from when that
    was asked on until it changes.
    """

    __slots__ = (
        "begun",
        "breached_at",
        "came_under",
        "cycle",
        "due_last",
        "entry",
        "group",
        "objective",
        "ordinal",
        "since",
        "started_at",
        "state",
        "stopped_at",
        "target",
        "undecided",
        "used",
        "version",
    )

    def __init__(
        self,
        version: Version,
        objective: Objective,
        *,
        cycle: int,
        ordinal: int,
        started_at: Instant,
        came_under: Instant,
        begun: Attributes,
    ) -> None:
        """Begin undecided; `take_up` says from when on."""
        self.version = version
        self.objective = objective
        self.cycle = cycle
        self.ordinal = ordinal
        self.started_at = started_at
        self.came_under = came_under
        self.begun = begun
        self.state = ClockState.RUNNING
        self.undecided = True
        self.stopped_at: Instant | None = None
        self.breached_at: Instant | None = None
        self.due_last: Instant | None = None
        self.used: Micros = 0
        self.since: Instant | None = None
        self.group: tuple[str, ...] | None = None
        self.entry: Contribution | None = None
        self.target = clock_target(version.calendar, objective, started_at)

    def take_up(
        self, at: Instant, used: Micros, pauses: Sequence[Span], paused_since: Instant | None
    ) -> None:
        """Begin under its objective at an instant, with so much time used already."""
        self.used = used
        if paused_since is None:
            self.since = at
        else:
            self._signal(Signal.PAUSE)
        if self.target is not None and used > self.target:
            # It ran out before it came under this objective.
            self.due_last = self.due(pauses, paused_since)[1]
        self._look_ahead()

    def pause(self, at: Instant) -> None:
        """Let time stand still, if it is running."""
        if self._signal(Signal.PAUSE):
            self._hold(at)
            self._look_ahead()

    def resume(self, at: Instant) -> None:
        """Let time run on, if it is paused."""
        if self._signal(Signal.RESUME):
            self.since = at
            self._look_ahead()

    def ran_out(self, now: Instant) -> bool:
        """Whether it is undecided and its elapsed time exceeds its target at `now`."""
        return self.undecided and self.due_last is not None and now > self.due_last

    def breach(self) -> Instant:
        """Decide it as missed; the result is the instant of the breach."""
        if self.due_last is None:
            message = "a clock without a last instant cannot run out"
            raise AssertionError(message)
        self._signal(Signal.RUN_OUT)
        self.breached_at = max(self.due_last, self.came_under)
        return self.breached_at

    def stop(self, at: Instant) -> None:
        """Stop it: an undecided one is met, an open breach is closed, others stay."""
        if self._signal(Signal.STOP):
            self._hold(at)
            self.stopped_at = at

    def go_on(self, at: Instant) -> None:
        """Take its stop back: a met clock is undecided again, a closed breach open."""
        if self._signal(Signal.GO_ON):
            self.stopped_at = None
            if self.undecided:
                self.since = at
                self._look_ahead()
                if not self.objective.started:
                    self.group = None

    def leave(self, signal: Signal, at: Instant) -> None:
        """End an undecided clock: `SUPERSEDE` or `CANCEL`."""
        if self._signal(signal):
            self._hold(at)
            self.stopped_at = at

    def _hold(self, at: Instant) -> None:
        if self.since is not None:
            self.used += self.version.calendar.open_between(self.since, at)
            self.since = None

    def _look_ahead(self) -> None:
        """Set the last instant that is in time, unless that has passed already."""
        if self.target is None or self.used > self.target:
            return
        if self.since is None:
            self.due_last = None
            return
        limit = self.started_at + HORIZON
        left = self.target - self.used
        self.due_last = _used_up(self.version.calendar, self.since, left, limit)

    def _signal(self, signal: Signal) -> bool:
        """Go to the state that the table says; whether it is another."""
        after = TRANSITIONS[self.state].get(signal)
        if after is None:
            return False
        self.state = after
        self.entry = None
        self.undecided = after in UNDECIDED
        return True

    def elapsed(self, pauses: Sequence[Span], until: Instant) -> Micros:
        """Open time from the start to `until`, less the pauses."""
        opened = self.version.calendar.open_between(self.started_at, until)
        return opened - self.paused(pauses, until) if pauses else opened

    def paused(self, pauses: Sequence[Span], until: Instant) -> Micros:
        """Open time of the pauses between the start and `until`."""
        if not pauses:
            return 0
        calendar = self.version.calendar
        return sum(
            calendar.open_between(max(pause.start, self.started_at), min(pause.end, until))
            for pause in pauses
        )

    def due(
        self, pauses: Sequence[Span], paused_since: Instant | None
    ) -> tuple[Instant | None, Instant | None]:
        """`due_at` and `due_last`: the target reached, and the last instant not past it.

        `pauses` are over; `paused_since` is the beginning of the one that is not.
        """
        if self.target is None:
            return (None, None)
        return _due(
            self.version.calendar,
            self.started_at,
            self.target,
            [pause for pause in pauses if pause.end > self.started_at],
            paused_since,
        )


def clock_target(
    calendar: BusinessCalendar, objective: Objective, started_at: Instant
) -> Micros | None:
    """The open time that a clock of the objective has; None when it has none or none is found.

    Targets in working days name an instant; what is open until then is the clock's.
    """
    target = objective.target
    if not isinstance(target, _TIMED):
        return None
    duration, limit = target.duration, started_at + HORIZON
    if isinstance(duration, OpenTime):
        return duration.micros
    if isinstance(duration, WorkingDays):
        end = calendar.working_days_later(started_at, duration.days, limit)
    else:
        end = calendar.end_of_working_day(started_at, duration.days, limit)
    return None if end is None else calendar.open_between(started_at, end)


def _due(
    calendar: BusinessCalendar,
    started_at: Instant,
    target: Micros,
    pauses: Sequence[Span],
    paused_since: Instant | None,
) -> tuple[Instant | None, Instant | None]:
    limit = started_at + HORIZON
    cursor, left = started_at, target
    due_at: Instant | None = None
    ends = [(pause.start, pause.end) for pause in pauses]
    if paused_since is not None:
        ends.append((max(paused_since, started_at), limit))
    for start, end in ends:
        ran = calendar.open_between(cursor, start)
        if due_at is None and ran >= left:
            due_at = calendar.reach(cursor, left, limit)
            if due_at is None:
                return (None, None)
        if ran > left:
            return (due_at, _leave(calendar, cursor, left, limit))
        left -= ran
        cursor = max(cursor, end)
    if paused_since is not None:
        return (due_at, None)
    if due_at is None:
        due_at = calendar.reach(cursor, left, limit)
    if due_at is None:
        return (None, None)
    return (due_at, _leave(calendar, cursor, left, limit))


def _used_up(
    calendar: BusinessCalendar, since: Instant, left: Micros, limit: Instant
) -> Instant | None:
    """`due_last` of a clock that runs from `since` on, with so much left."""
    found = _leave(calendar, since, left, limit)
    if found is not None and found > limit and calendar.reach(since, left, limit) is None:
        return None
    return found


def _leave(
    calendar: BusinessCalendar, cursor: Instant, left: Micros, limit: Instant
) -> Instant | None:
    """The last instant at which no more than `left` has passed; its opening may be past the limit.

    Whether a target is reached in time is asked of `due_at`; what runs out does so even if the
    calendar opens again only later.
    """
    return calendar.leave(cursor, left, limit + HORIZON)
