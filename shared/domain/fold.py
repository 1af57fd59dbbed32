"""The fold of one item: how each event acts on its clocks and tallies, and how time does.

`Fold.step` and `Fold._act` are the order of steps of contract section 3; what a step does to the
clocks of a KPI is in `cycle.py`, what decides a clock in `clock.py`.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from shared.domain.agreement import Within
from shared.domain.clock import GONE, Clock, ClockState
from shared.domain.clock_reading import ClockReading, read_clock
from shared.domain.contribution import Contribution, contribution_of
from shared.domain.cycle import Cycle, Track, settle_group
from shared.domain.event import Event, Scalar
from shared.domain.instant import NEVER, Instant
from shared.domain.matcher import group_values, same_value
from shared.domain.measure import Outcome
from shared.domain.milestone import Moment
from shared.domain.plan import MERGED, KindPlan
from shared.domain.tally import Tally, tally_of
from shared.domain.window import RollingWindow

_STATUS_SET: Final = {
    "ticket.solved": "solved",
    "ticket.closed": "closed",
    "ticket.reopened": "open",
}
_OUTCOMES: Final = {
    ClockState.RUNNING: Outcome.RUNNING,
    ClockState.PAUSED: Outcome.RUNNING,
    ClockState.MET: Outcome.MET,
    ClockState.BREACHED_OPEN: Outcome.BREACHED_OPEN,
    ClockState.BREACHED_CLOSED: Outcome.BREACHED_CLOSED,
    ClockState.CANCELLED: Outcome.EXCLUDED,
}
_VALUES: Final = (str, int, Decimal)


class Fold:
    """The state of the fold after some events: attributes, cycles, tallies.

    `last` is the last event that acted, `passed` the instant to which time has passed, and
    `decided_until` the latest at which time alone decided something.
    """

    __slots__ = (
        "_attributes",
        "_earliest",
        "_merged",
        "_plan",
        "_tallies",
        "_tracks",
        "_ungrouped",
        "decided_until",
        "last",
        "passed",
    )

    def __init__(self, plan: KindPlan) -> None:
        """Nothing has happened to the item."""
        self._plan = plan
        self._attributes: dict[str, Scalar] = {}
        self._tracks: dict[int, Track] = {}
        self._tallies: dict[int, Tally] = {}
        self._merged = False
        self.last: Event | None = None
        self.passed: Instant = -NEVER
        self.decided_until: Instant = -NEVER
        self._earliest: Instant = NEVER
        self._ungrouped: list[Clock] = []

    def step(self, event: Event) -> None:
        """One event acts: what time did before it, then the steps of `_act`; tallies count it."""
        if self._ungrouped and self.last is not None and event.time > self.last.time:
            self._settle_groups()
        if event.time > self._earliest:
            self._run_out(event.time)
        moment = self._moment(event)
        plan, tracks, tallies = self._plan, self._tracks, self._tallies
        concerned = plan.concerned(event.type, moment.changed, reopens=moment.reopens)
        for place in concerned.durations:
            track = tracks.get(place)
            if track is None:
                track = tracks[place] = Track(plan.durations[place])
            self._act(track, moment)
        for place in concerned.running:
            track = tracks.get(place)
            if track is not None and track.open:
                self._act(track, moment)
        for place in concerned.events:
            tally = tallies.get(place)
            if tally is None:
                tally = tallies[place] = tally_of(plan.events[place])
            tally.step(moment)
        self._merged = self._merged or event.type == MERGED
        self._attributes = moment.after
        self.last = event
        self._look_ahead()

    def pass_to(self, now: Instant) -> None:
        """Let time pass with no event: what runs out by `now` is breached."""
        if now > self._earliest:
            self._run_out(now)
            self._look_ahead()
        self._settle_groups()
        self.passed = max(now, self.passed)

    def contributions(self) -> list[Contribution]:
        """What each clock and counted event adds as of the instant to which time has passed."""
        found: list[Contribution] = []
        for track in self._tracks.values():
            for cycle in track.cycles:
                for clock in cycle.clocks:
                    entry = clock.entry
                    if entry is None:
                        if clock.state is ClockState.SUPERSEDED:
                            continue
                        entry = self._contribution(cycle, clock)
                        # While it runs, attributes may still move it to another group.
                        if clock.group is not None or not clock.objective.group_by:
                            clock.entry = entry
                    found.append(entry)
        for tally in self._tallies.values():
            found += tally.contributions
        return found

    def next_due(self, future: list[Event]) -> Instant | None:
        """When something happens by itself: a clock runs out, or a future event begins to exist."""
        # Due at `earliest`, a clock is past its target one microsecond later.
        due = min([event.time for event in future], default=NEVER)
        due = min(due, self._earliest + 1)
        return due if due < NEVER else None

    def readings(self, item: str, now: Instant) -> Iterator[ClockReading]:
        """Every clock as of `now`, in the order in which they began."""
        for track in self._tracks.values():
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
        merges = moment.event.type == MERGED
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
        track.look_ahead()

    def _moment(self, event: Event) -> Moment:
        before = self._attributes
        after: dict[str, Scalar] = before
        changed: list[str] = []
        data = event.data
        for name, value in data.items():
            # `actor` is never carried forward, and a list or object leaves an attribute.
            if name == "actor" or not (value is None or isinstance(value, _VALUES)):
                continue
            if not same_value(before.get(name), value):
                if not changed:
                    after = dict(before)
                changed.append(name)
                if value is None:
                    after.pop(name, None)
                else:
                    after[name] = value
        status = _STATUS_SET.get(event.type)
        if status is not None and "status" not in data and before.get("status") != status:
            after = {**after, "status": status}
            changed.append("status")
        actor = data.get("actor")
        seen = after
        if isinstance(actor, _VALUES):
            seen = {**after, "actor": actor}
            changed.append("actor")
        return Moment(event, before, after, seen, tuple(changed))

    def _run_out(self, now: Instant) -> None:
        for track in self._tracks.values():
            for clock in track.undecided():
                if clock.ran_out(now):
                    breached_at = clock.breach()
                    self.decided_until = max(self.decided_until, breached_at)
                    # Its group has the values after all events of its instant.
                    self._ungrouped.append(clock)
            track.look_ahead()
        for tally in self._tallies.values():
            lost_at = tally.run_out(now)
            if lost_at is not None:
                self.decided_until = max(self.decided_until, lost_at)
        if self.last is None or now > self.last.time:
            self._settle_groups()

    def _settle_groups(self) -> None:
        for clock in self._ungrouped:
            settle_group(clock, self._attributes)
        self._ungrouped.clear()

    def _look_ahead(self) -> None:
        earliest = NEVER
        for track in self._tracks.values():
            earliest = min(earliest, track.earliest)
        for tally in self._tallies.values():
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
        amount = None
        if clock.state is ClockState.MET:
            amount = clock.used
        elif clock.state is ClockState.BREACHED_CLOSED and stopped is not None:
            amount = clock.elapsed(cycle.pauses, stopped)
        at = clock.breached_at if breached else stopped
        # What runs is in the current one of rolling windows only, wherever it started.
        runs_now = at is None and isinstance(own.window, RollingWindow)
        return contribution_of(
            (
                clock.version.agreement,
                own.name,
                group,
                cycle.number,
                clock.ordinal,
                _OUTCOMES[clock.state],
                clock.started_at if own.started and not runs_now else at,  # counts_at
                at,
                stopped if breached else None,
                amount,
                breached and isinstance(own.target, Within),
            )
        )


def _rank(clock: Clock) -> tuple[int, int] | None:
    """How strongly a clock claims to be binding; None if it never is."""
    return None if clock.state in GONE else clock.version.claim


def _binding(clocks: list[Clock]) -> tuple[int, int] | None:
    return max([rank for clock in clocks if (rank := _rank(clock)) is not None], default=None)
