"""One lead or ticket as a left fold of its timeline. The only file that knows the order of steps.

    fold     = step(step(step(nothing, event), event), event)     in the timeline's order
    settled  = fold passed to `now`                               deadlines up to then
    settled -> contributions, clocks, the next instant at which time alone changes them

In whatever order, batches or copies events arrive, the result is the same: what is folded is the
timeline, which has its own order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from shared.domain.agreement import AgreementType, Reopen, Within
from shared.domain.clock import GONE, Clock, ClockReading, ClockState, read_clock
from shared.domain.contribution import Contribution
from shared.domain.cycle import Cycle, Moment, Track, settle_group
from shared.domain.event import Event, Scalar, Timeline, effective, order_key
from shared.domain.instant import Instant
from shared.domain.matcher import group_values, same_value
from shared.domain.measure import Outcome
from shared.domain.plan import Plan
from shared.domain.tally import tally_of
from shared.domain.window import RollingWindow

_STATUS_SET: Final = {
    "ticket.solved": "solved",
    "ticket.closed": "closed",
    "ticket.reopened": "open",
}
_MERGED: Final = "ticket.merged"
_OUTCOMES: Final = {
    ClockState.RUNNING: Outcome.RUNNING,
    ClockState.PAUSED: Outcome.RUNNING,
    ClockState.MET: Outcome.MET,
    ClockState.BREACHED_OPEN: Outcome.BREACHED_OPEN,
    ClockState.BREACHED_CLOSED: Outcome.BREACHED_CLOSED,
    ClockState.CANCELLED: Outcome.EXCLUDED,
}
_NEVER: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Settled:
    """An item at an instant.

    `next_due` is the first instant at which it settles differently with no new event.
    """

    contributions: tuple[Contribution, ...]
    next_due: Instant | None


class Outcomes(StrEnum):
    """What became of an event that was offered to an item."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Admission:
    """The outcome, and on a conflict the content that does not stand (perhaps an older one)."""

    outcome: Outcomes
    loser: Event | None = None


class Item:
    """One lead or ticket: its timeline, and the memo of its fold, which only memory holds."""

    __slots__ = ("_corrected", "_fold", "_fresh", "_plan", "_timeline", "kind", "subject")

    def __init__(self, plan: Plan, kind: str, subject: str, events: Iterable[Event] = ()) -> None:
        """An item with events that are known to stand."""
        self.kind = kind
        self.subject = subject
        self._plan = plan
        self._timeline = Timeline(events)
        self._corrected = self._timeline.corrected
        self._fold: _Fold | None = None
        self._fresh: list[Event] = []

    @property
    def key(self) -> str:
        """`kind:subject`."""
        return f"{self.kind}:{self.subject}"

    @property
    def events(self) -> list[Event]:
        """All events that stand, in order, future ones included."""
        return self._timeline.events

    def admit(self, event: Event) -> Admission:
        """Take an event in; it acts at the next `settle`."""
        if self._timeline.is_duplicate(event):
            return Admission(Outcomes.DUPLICATE)
        loser = self._timeline.admit(event)
        if loser is event:
            return Admission(Outcomes.CONFLICT, loser)
        self._corrected = self._corrected or event.replaces is not None
        if loser is not None:
            self._fold = None
            return Admission(Outcomes.CONFLICT, loser)
        self._fresh.append(event)
        return Admission(Outcomes.NEW)

    def settle(self, *, now: Instant) -> Settled:
        """What the item contributes as of `now`; events later than that do not exist yet."""
        fold = self._folded(now)
        return Settled(tuple(fold.contributions()), fold.next_due(self._fresh))

    def clocks(self, *, now: Instant) -> list[ClockReading]:
        """Every clock as of `now`, in the contract's order (section 5)."""
        readings = self._folded(now).readings(self.key, now)
        # Stable: clocks that came under their objectives at one instant keep the order of events.
        return sorted(readings, key=lambda r: (r.agreement, r.objective, r.cycle, r.came_under))

    def _folded(self, now: Instant) -> "_Fold":
        if self._fold is None or not self._fold.may_continue(self._due(now), now, self._corrected):
            self._fold = _Fold(self._plan, self.kind)
            self._fresh = self._timeline.events
            for event in effective(self._due(now)):
                self._fold.step(event)
        else:
            for event in sorted(self._due(now), key=order_key):
                self._fold.step(event)
        self._fresh = [event for event in self._fresh if event.time > now]
        self._fold.pass_to(now)
        return self._fold

    def _due(self, now: Instant) -> list[Event]:
        return [event for event in self._fresh if event.time <= now]


class _Fold:
    """The state of the fold after some events: attributes, cycles, tallies."""

    __slots__ = (
        "_attributes",
        "_decided_until",
        "_earliest",
        "_last",
        "_merged",
        "_passed",
        "_tallies",
        "_tracks",
        "_ungrouped",
    )

    def __init__(self, plan: Plan, kind: str) -> None:
        self._attributes: dict[str, Scalar] = {}
        self._tracks = [Track(own) for own in plan.durations.get(kind, ())]
        self._tallies = [(own, tally_of(own)) for own in plan.events.get(kind, ())]
        self._merged = False
        self._last: Event | None = None
        self._passed: Instant = -_NEVER
        self._decided_until: Instant = -_NEVER
        self._earliest: Instant = _NEVER
        self._ungrouped: list[Clock] = []

    def may_continue(self, fresh: list[Event], now: Instant, corrected: bool) -> bool:  # noqa: FBT001
        """Whether the fresh events come after everything that is folded and decided."""
        if now < self._passed:
            return False
        if not fresh:
            return True
        if corrected:
            return False
        first = min(map(order_key, fresh))
        after_last = self._last is None or first > order_key(self._last)
        return after_last and first[0] > self._decided_until

    def step(self, event: Event) -> None:
        """One event acts (contract section 3): deadlines before it, then the seven steps."""
        if self._ungrouped and self._last is not None and event.time > self._last.time:
            self._settle_groups()
        if event.time > self._earliest:
            self._run_out(event.time)
        moment = self._moment(event)
        self._attributes = moment.after
        type_, changed = event.type, moment.changed
        reopens, merges = moment.reopens, type_ == _MERGED
        for track in self._tracks:
            plan = track.plan
            if (
                plan.watches(type_)
                or (changed and not plan.attributes.isdisjoint(changed))
                or (reopens and plan.kpi.reopen is not Reopen.IGNORE)
                or merges
            ):
                self._act(track, moment)
        self._merged = self._merged or merges
        for plan, tally in self._tallies:
            if plan.watches(type_) or (changed and not plan.attributes.isdisjoint(changed)):
                tally.step(moment)
        self._last = event
        self._look_ahead()

    def pass_to(self, now: Instant) -> None:
        """Let time pass with no event: what runs out by `now` is breached."""
        if now > self._earliest:
            self._run_out(now)
            self._look_ahead()
        self._settle_groups()
        self._passed = max(now, self._passed)

    def contributions(self) -> Iterator[Contribution]:
        """What each clock and counted event adds as of the instant to which time has passed."""
        for track in self._tracks:
            for cycle in track.cycles:
                for clock in cycle.clocks:
                    if clock.state is not ClockState.SUPERSEDED:
                        yield self._contribution(cycle, clock)
        for _, tally in self._tallies:
            yield from tally.contributions

    def next_due(self, future: list[Event]) -> Instant | None:
        """When something happens by itself: a clock runs out, or a future event begins to exist."""
        # Due at `earliest`, a clock is past its target one microsecond later.
        due = min([event.time for event in future], default=_NEVER)
        due = min(due, self._earliest + 1)
        return due if due < _NEVER else None

    def readings(self, item: str, now: Instant) -> Iterator[ClockReading]:
        """Every clock as of `now`, in the order in which they began."""
        for track in self._tracks:
            for cycle in track.cycles:
                binding = _binding(cycle.clocks)
                for clock in cycle.clocks:
                    yield read_clock(
                        clock,
                        item,
                        cycle.pauses,
                        cycle.paused_since,
                        binding=binding is not None and binding == _rank(clock),
                        now=now,
                    )

    def _act(self, track: Track, moment: Moment) -> None:
        merges = moment.event.type == _MERGED
        track.dirty = track.dirty or bool(moment.changed)
        if track.open:
            track.stop(moment)
            if merges:
                track.merge(moment)
        ended = merges or self._merged
        if not ended and not track.open:
            track.reopen(moment)
        if track.open:
            track.pause(moment)
            track.change(moment)
        if not ended and not track.open:
            track.start(moment)

    def _moment(self, event: Event) -> Moment:
        before = self._attributes
        after: dict[str, Scalar] = before
        changed: list[str] = []
        for name, value in _attributes(event):
            if not same_value(before.get(name), value):
                if not changed:
                    after = dict(before)
                changed.append(name)
                if value is None:
                    after.pop(name, None)
                else:
                    after[name] = value
        actor = event.data.get("actor")
        seen = after
        if isinstance(actor, (str, int, Decimal)):
            seen = {**after, "actor": actor}
            changed.append("actor")
        return Moment(event, before, after, seen, changed)

    def _run_out(self, now: Instant) -> None:
        for track in self._tracks:
            for clock in track.undecided():
                if clock.ran_out(now):
                    breached_at = clock.breach()
                    self._decided_until = max(self._decided_until, breached_at)
                    # Its group has the values after all events of its instant.
                    self._ungrouped.append(clock)
        for _, tally in self._tallies:
            lost_at = tally.run_out(now)
            if lost_at is not None:
                self._decided_until = max(self._decided_until, lost_at)
        if self._last is None or now > self._last.time:
            self._settle_groups()

    def _settle_groups(self) -> None:
        for clock in self._ungrouped:
            settle_group(clock, self._attributes)
        self._ungrouped.clear()

    def _look_ahead(self) -> None:
        earliest = _NEVER
        for track in self._tracks:
            if track.open:
                for clock in track.undecided():
                    due_last = clock.due_last
                    if due_last is not None and due_last < earliest:
                        earliest = due_last
        for _, tally in self._tallies:
            due = tally.due
            if due is not None and due < earliest:
                earliest = due
        self._earliest = earliest

    def _contribution(self, cycle: Cycle, clock: Clock) -> Contribution:
        own = clock.objective
        group = clock.group
        if group is None:
            group = group_values(own.group_by, self._attributes)
        breached = clock.breached_at is not None
        stopped = clock.stopped_at
        decided = stopped is not None and clock.state is not ClockState.CANCELLED
        at = clock.breached_at if breached else stopped
        # What runs is in the current one of rolling windows only, wherever it started.
        runs_now = at is None and isinstance(own.window, RollingWindow)
        return Contribution(
            agreement=clock.version.agreement,
            objective=own.name,
            group=group,
            cycle=cycle.number,
            ordinal=clock.ordinal,
            outcome=_OUTCOMES[clock.state],
            counts_at=clock.started_at if own.started and not runs_now else at,
            at=at,
            stopped_at=stopped if breached else None,
            amount=clock.elapsed(cycle.pauses, stopped) if decided and stopped else None,
            breaches=breached and isinstance(own.target, Within),
        )


def _attributes(event: Event) -> Iterator[tuple[str, Scalar]]:
    """The attributes that an event sets (None removes one); `actor` is never carried forward."""
    for name, value in event.data.items():
        if name != "actor" and (value is None or isinstance(value, (str, int, Decimal))):
            yield name, value
    status = _STATUS_SET.get(event.type)
    if status is not None and "status" not in event.data:
        yield "status", status


def _rank(clock: Clock) -> tuple[int, int] | None:
    """How strongly a clock claims to be binding; None if it never is (contract section 3)."""
    if clock.version.type is not AgreementType.SLA or clock.state in GONE:
        return None
    return (clock.version.level.specificity, clock.version.precedence)


def _binding(clocks: list[Clock]) -> tuple[int, int] | None:
    ranks = [rank for clock in clocks if (rank := _rank(clock)) is not None]
    return max(ranks, default=None)
