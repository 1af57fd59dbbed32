"""Judging a window: its counts become a value, a state, a budget, and the instants of a breach.

value misses the target ............ breached     (an ended atLeast of a count: not reached)
budget consumed, or behind the pace  at_risk      (never when the window has ended)
below the minimum .................. no_data
atLeast without open time .......... excluded
otherwise .......................... ok
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import islice
from typing import Final

from shared.domain.agreement import Agreement, AtLeast, AtMost, Objective, Version, Within
from shared.domain.instant import Instant, Micros
from shared.domain.measure import Counts
from shared.domain.window import Span

MOST_WINDOWS: Final = 2_500
"""How many windows of a group are listed for an `atLeast` of a count (contract section 4)."""

_ALL_TIME: Final = (1 << 62) - 1


class State(StrEnum):
    """The states of a window; `no_data` is its own, never `ok`."""

    OK = "ok"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    NO_DATA = "no_data"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A window as of an instant, and the version and objective that it was judged by.

    `value` is a ratio or a count; `budget_remaining` is never clamped (contract section 4).
    """

    value: Fraction | None
    state: State
    budget_remaining: Fraction | None
    final: bool
    version: Version
    objective: Objective


def judge(
    agreement: Agreement, objective: str, span: Span, counts: Counts, *, now: Instant
) -> Judgement:
    """Judge a window by the version effective now, an ended one by that just before its end."""
    final = now >= span.end
    version, own = agreement.judging(objective, span.end - 1 if final else now)
    if isinstance(own.target, AtLeast):
        value: Fraction | None = Fraction(counts.counted)
        state = _volume_state(agreement, version, own, span, counts.counted, now)
        return Judgement(value, state, None, final, version, own)
    value = _value(own, counts)
    if value is None:
        return Judgement(None, State.NO_DATA, None, final, version, own)
    missed, consumed = _consumed(own, counts)
    budget = None if consumed is None else 1 - consumed
    state = State.OK
    if _misses(own, counts.met, counts.missed, counts.counted):
        state = State.BREACHED
    elif not final and consumed is not None and consumed >= own.at_risk.budget_consumed:
        state = State.AT_RISK
    return Judgement(value, state, Fraction(1) if not missed else budget, final, version, own)


@dataclass(frozen=True, slots=True)
class Step:
    """The net change at one instant, everything of that instant together."""

    at: Instant
    met: int = 0
    missed: int = 0
    counted: int = 0


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a window's contributions have been walked by instant, and the breaches on the way.

    `breaches` are (opened_at, closed_at); the last may be open (None). A walk is a value and may
    be kept and gone on with later.
    """

    at: Instant | None = None
    met: int = 0
    missed: int = 0
    counted: int = 0
    breaches: tuple[tuple[Instant, Instant | None], ...] = ()


START: Final = Walk()
"""A walk that has not begun."""


def walk(
    agreement: Agreement,
    objective: str,
    span: Span,
    start: Walk,
    steps: Iterable[Step],
    *,
    now: Instant,
) -> Walk:
    """Go on walking: a breach opens where the value first misses, closes where it holds again.

    `steps` are in order, all later than `start.at`; those later than `now` are left out.
    """
    own = agreement.judging(objective, min(now, span.end - 1))[1]
    at, met, missed, counted = start.at, start.met, start.missed, start.counted
    breaches = list(start.breaches)
    for step in steps:
        if step.at > now:
            break
        at, met, missed = step.at, met + step.met, missed + step.missed
        counted += step.counted
        misses = _misses(own, met, missed, counted)
        is_open = bool(breaches) and breaches[-1][1] is None
        if misses and not is_open:
            breaches.append((at, None))
        elif is_open and not misses:
            breaches[-1] = (breaches[-1][0], at)
    return Walk(at, met, missed, counted, tuple(breaches))


def window_breaches(
    agreement: Agreement, objective: str, span: Span, walked: Walk, counts: Counts, *, now: Instant
) -> tuple[tuple[Instant, Instant | None], ...]:
    """The breaches of a window as of `now`, (opened_at, closed_at) each, in order.

    A breach closes at the window's end at the latest; a missed `atLeast` of a count opens there.
    """
    judgement = judge(agreement, objective, span, counts, now=now)
    if isinstance(judgement.objective.target, AtLeast):
        missed = judgement.final and judgement.state is State.BREACHED
        return ((span.end, span.end),) if missed else ()
    if now < span.end:
        return walked.breaches
    return tuple(
        (opened, span.end if closed is None else closed) for opened, closed in walked.breaches
    )


def windows(
    agreement: Agreement,
    objective: str,
    with_data: Collection[Instant],
    *,
    grouped: bool,
    now: Instant,
) -> list[Span]:
    """The windows of one group that are listed as of `now`, in order (contract sections 4, 5).

    `with_data` are the starts of those where something counts.
    """
    own = agreement.judging(objective, now)[1]
    listed = {own.window.starting(start) for start in with_data}
    current = own.window.holding(now)
    if not grouped and _exists(agreement, objective, current):
        listed.add(current)
    if listed and isinstance(own.target, AtLeast):
        # Backwards, since the first with data may be many more than those away.
        several = own.window.back(now, min(listed).start)
        existing = (span for span in several if _exists(agreement, objective, span))
        listed.update(islice(existing, MOST_WINDOWS))
        return sorted(listed)[-MOST_WINDOWS:]
    return sorted(listed)


def next_turn(
    agreement: Agreement, objective: str, span: Span, counts: Counts, *, now: Instant
) -> Instant:
    """The first instant after `now` at which time alone may change this window's judgement."""
    edges = [edge for v in agreement.versions for edge in (v.start, v.until) if edge is not None]
    turns = [turn for turn in (span.start, span.end, *edges) if turn > now]
    if now < span.end:
        version, own = agreement.judging(objective, now)
        crossing = _pace_crossing(agreement, version, own, span, counts.counted)
        if crossing is not None and crossing > now:
            turns.append(crossing)
    return min(turns, default=_ALL_TIME)


def _value(own: Objective, counts: Counts) -> Fraction | None:
    if isinstance(own.target, Within):
        enough = counts.decided >= own.minimum
        return Fraction(counts.met, counts.decided) if enough else None
    return Fraction(counts.counted)


def _misses(own: Objective, met: int, missed: int, counted: int) -> bool:
    """Whether a value misses its target; a value that is none misses nothing."""
    match own.target:
        case Within(ratio=ratio):
            decided = met + missed
            return decided >= own.minimum and met < ratio * decided
        case AtMost(amount):
            return counted > amount
        case AtLeast():
            return False


def _consumed(own: Objective, counts: Counts) -> tuple[int, Fraction | None]:
    """What was missed, and the share of the budget it consumed (None: there is no budget)."""
    if isinstance(own.target, Within):
        missed, budget = counts.missed, (1 - own.target.ratio) * counts.decided
    else:
        missed, budget = max(0, counts.counted), own.target.amount
    if missed == 0:
        return 0, Fraction(0)
    return missed, Fraction(missed) / budget if budget > 0 else None


def _volume_state(
    agreement: Agreement, version: Version, own: Objective, span: Span, total: int, now: Instant
) -> State:
    target = own.target
    if not isinstance(target, AtLeast):
        message = "only an atLeast has a pace"
        raise TypeError(message)
    open_time = _open_time(agreement, version, own, span, span.end)
    if open_time == 0:
        return State.EXCLUDED
    if total >= target.amount:
        return State.OK
    if now >= span.end:
        return State.BREACHED
    if own.pace is None:
        return State.OK
    elapsed = _open_time(agreement, version, own, span, now)
    behind = total * open_time < target.amount * elapsed * (1 - own.pace)
    return State.AT_RISK if behind else State.OK


def _pace_crossing(
    agreement: Agreement, version: Version, own: Objective, span: Span, total: int
) -> Instant | None:
    """When a total that does not grow falls behind the pace; None if it never does."""
    if not isinstance(own.target, AtLeast) or own.pace is None or total >= own.target.amount:
        return None
    share = own.target.amount * (1 - own.pace)
    if share <= 0:
        return None
    open_time = _open_time(agreement, version, own, span, span.end)
    left = total * open_time // share + 1
    for period in _periods(agreement, own, span):
        inside = version.calendar.open_between(period.start, period.end)
        if left <= inside:
            return version.calendar.reach(period.start, int(left), period.end)
        left -= inside
    return None


def _open_time(
    agreement: Agreement, version: Version, own: Objective, span: Span, until: Instant
) -> Micros:
    """Open time of the window up to `until`, inside the effective periods that it lies in."""
    return sum(
        version.calendar.open_between(period.start, min(period.end, until))
        for period in _periods(agreement, own, span)
    )


def _periods(agreement: Agreement, own: Objective, span: Span) -> list[Span]:
    """The parts of a window in which a version with that objective is effective."""
    having = (v for v in agreement.versions if v.objective(own.name) is not None)
    parts = (
        Span(max(v.start, span.start), span.end if v.until is None else min(v.until, span.end))
        for v in having
    )
    return [part for part in parts if part.start < part.end]


def _exists(agreement: Agreement, objective: str, span: Span) -> bool:
    own = agreement.judging(objective, span.start)[1]
    return bool(_periods(agreement, own, span))
