"""A clock as of an instant: the members of the contract's `clocks[]` (section 5)."""

from collections.abc import Sequence
from typing import NamedTuple

from shared.domain.agreement import OpenTime, Percentile, Within
from shared.domain.clock import GONE, Clock, ClockState
from shared.domain.instant import Instant, Micros
from shared.domain.window import Span


class ClockReading(NamedTuple):
    """A clock as of an instant: the members of the contract's `clocks[]` (section 5).

    Instants and lengths are microseconds. `target` and `remaining` are None for working-day
    targets; `working_target` is then the open time that was found. `came_under` and `ordinal`
    order the clocks of a cycle; `pauses` are those inside the clock's life.
    """

    agreement: str
    objective: str
    item: str
    cycle: int
    state: ClockState
    at_risk: bool
    binding: bool
    started_at: Instant
    stopped_at: Instant | None
    due_at: Instant | None
    due_last: Instant | None
    breached_at: Instant | None
    elapsed: Micros
    paused: Micros
    remaining: Micros | None
    target: Micros | None
    working_target: Micros | None
    came_under: Instant
    ordinal: int
    level: str
    version_start: Instant
    calendar: str
    pauses: tuple[Span, ...]


def read_clock(
    clock: Clock,
    item: str,
    pauses: Sequence[Span],
    paused_since: Instant | None,
    *,
    binding: bool,
    now: Instant,
) -> ClockReading:
    """The clock as of `now`; `pauses` and `paused_since` are those of its cycle."""
    until = now if clock.stopped_at is None else clock.stopped_at
    own = _clipped(pauses, paused_since, clock.started_at, until)
    due_at, due_last = _shown_due(clock, own, paused_since)
    paused = clock.paused(own, until)
    elapsed = clock.version.calendar.open_between(clock.started_at, until) - paused
    share, at_risk = clock.objective.at_risk.elapsed, False
    if clock.undecided and clock.target is not None:
        # elapsed >= share x target, in whole numbers.
        at_risk = elapsed * share.denominator >= share.numerator * clock.target
    target = clock.objective.target
    plain = isinstance(target, Within | Percentile) and isinstance(target.duration, OpenTime)
    return ClockReading(
        agreement=clock.version.agreement,
        objective=clock.objective.name,
        item=item,
        cycle=clock.cycle,
        state=clock.state,
        at_risk=at_risk,
        binding=binding,
        started_at=clock.started_at,
        stopped_at=clock.stopped_at,
        due_at=due_at,
        due_last=due_last,
        breached_at=clock.breached_at,
        elapsed=elapsed,
        paused=paused,
        remaining=clock.target - elapsed if plain and clock.target is not None else None,
        target=clock.target if plain else None,
        working_target=None if plain else clock.target,
        came_under=clock.came_under,
        ordinal=clock.ordinal,
        level=clock.version.level,
        version_start=clock.version.start,
        calendar=clock.version.calendar.name,
        pauses=own,
    )


def _clipped(
    pauses: Sequence[Span], paused_since: Instant | None, start: Instant, end: Instant
) -> tuple[Span, ...]:
    if not pauses and paused_since is None:
        return ()
    whole = [*pauses] if paused_since is None else [*pauses, Span(paused_since, end)]
    cut = (Span(max(pause.start, start), min(pause.end, end)) for pause in whole)
    return tuple(span for span in cut if span.start < span.end)


def _shown_due(
    clock: Clock, pauses: Sequence[Span], paused_since: Instant | None
) -> tuple[Instant | None, Instant | None]:
    if clock.state in GONE:
        return (None, None)
    if clock.stopped_at is not None or paused_since is None:
        return clock.due(pauses, None)
    over = [pause for pause in pauses if pause.start < paused_since]
    return clock.due(over, paused_since)
