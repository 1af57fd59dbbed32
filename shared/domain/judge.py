"""Judging a window: its measure becomes a value, a state, a budget, and the instants of a breach.

value misses the target ............ breached     (an ended atLeast of a volume: not reached)
budget consumed, or behind the pace  at_risk      (never when the window is final)
below the minimum .................. no_data
atLeast of a volume, no open time .. excluded
otherwise .......................... ok
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import islice
from operator import add
from types import MappingProxyType
from typing import Final

from shared.domain.agreement import (
    Agreement,
    AtLeast,
    AtMost,
    Mean,
    MeasureKind,
    Objective,
    Percentile,
    Version,
    Within,
)
from shared.domain.instant import NEVER, SECOND, Instant
from shared.domain.measure import NOTHING, Buckets, Measure, ranked
from shared.domain.missing import has_enough, misses, missing_of, share, volume
from shared.domain.pace import is_behind, open_time, pace_crossing, periods
from shared.domain.window import Span

MOST_WINDOWS: Final = 2_500
"""How many windows of a group are listed for an `atLeast` of a count or sum (section 4)."""

NO_BUCKETS: Final[Buckets] = MappingProxyType({})


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

    `value` is a ratio, a count, a sum or a mean, of durations in seconds; of a percentile it is
    None while the clock of that rank has not stopped. `budget_remaining` is never clamped
    (contract section 4).
    """

    value: Fraction | None
    state: State
    budget_remaining: Fraction | None
    final: bool
    version: Version
    objective: Objective


def judge(
    agreement: Agreement,
    objective: str,
    span: Span,
    measure: Measure,
    *,
    now: Instant,
    buckets: Buckets = NO_BUCKETS,
) -> Judgement:
    """Judge a window by the version effective now, an ended one by that just before its end.

    `buckets` hold the times of the stopped clocks; only the value of a percentile needs them.
    """
    version, own = agreement.judging(objective, min(now, span.end - 1))
    final = is_final(own, span, measure, now=now)
    if own.is_volume:
        state = _volume_state(agreement, version, own, span, measure, now)
        return Judgement(volume(own, measure), state, None, final, version, own)
    if not has_enough(own, measure):
        return Judgement(None, State.NO_DATA, None, final, version, own)
    missed, budget = budget_of(own, measure)
    consumed = _consumed(missed, budget)
    state = State.OK
    if misses(own, measure):
        state = State.BREACHED
    elif not final and consumed is not None and consumed >= own.at_risk.budget_consumed:
        state = State.AT_RISK
    remaining = None if consumed is None else 1 - consumed
    return Judgement(_value(own, measure, buckets), state, remaining, final, version, own)


def is_final(own: Objective, span: Span, measure: Measure, *, now: Instant) -> bool:
    """Whether only late or corrected events can change the window (contract section 4).

    What runs in a window that has ended counts where it started, and is still to be decided.
    """
    over = final_from(own, span)
    return over is not None and now >= over and not measure.running


def final_from(own: Objective, span: Span) -> Instant | None:
    """The instant from which on the window may be final: a cohort's last item has its time."""
    if not own.kpi.cohort:
        return span.end
    return None if own.kpi.within is None else span.end + own.kpi.within


@dataclass(frozen=True, slots=True)
class Step:
    """The net change at one instant, everything of that instant together."""

    at: Instant
    change: Measure


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a window's contributions have been walked by instant, and the breaches on the way.

    `breaches` are (opened_at, closed_at); the last may be open (None). A walk is a value and may
    be kept and gone on with later.
    """

    at: Instant | None = None
    measure: Measure = NOTHING
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

    `steps` are in order, all later than `start.at`; those later than `now` are left out. A miss
    that begins after the window's end is a breach that closes at once, and one that began before
    closes there at the latest (`window_breaches`).
    """
    own = agreement.judging(objective, min(now, span.end - 1))[1]
    misses_now, breaches = missing_of(own), list(start.breaches)
    at, numbers = start.at, [*start.measure]
    is_open = bool(breaches) and breaches[-1][1] is None
    for step in steps:
        if step.at > now:
            break
        at, numbers = step.at, [*map(add, numbers, step.change)]
        if misses_now(numbers) is is_open:
            continue
        if is_open:
            breaches[-1] = (breaches[-1][0], at)
        else:
            breaches.append((at, None))
        is_open = not is_open
    return Walk(at, Measure._make(numbers), tuple(breaches))


def window_breaches(
    agreement: Agreement,
    objective: str,
    span: Span,
    walked: Walk,
    measure: Measure,
    *,
    now: Instant,
) -> tuple[tuple[Instant, Instant | None], ...]:
    """The breaches of a calendar or tumbling window as of `now`, (opened_at, closed_at) each.

    A breach closes at the window's end at the latest, one that opens later at once; a missed
    `atLeast` of a count or sum opens at the end.
    """
    if agreement.judging(objective, now)[1].is_volume:
        judgement = judge(agreement, objective, span, measure, now=now)
        missed = now >= span.end and judgement.state is State.BREACHED
        return ((span.end, span.end),) if missed else ()
    if now < span.end:
        return walked.breaches
    return tuple(
        (opened, max(opened, span.end if closed is None else min(closed, span.end)))
        for opened, closed in walked.breaches
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

    `with_data` are the starts of those where something counts; a start that none of the
    objective's windows has is left out. Of a volume those without data are listed too, as far as
    they are among the last `MOST_WINDOWS` that exist.
    """
    own = agreement.judging(objective, now)[1]
    found = map(own.window.starting, with_data)
    listed = {span for span in found if span is not None}
    current = own.window.current(now)
    if not grouped and _exists(agreement, own, current):
        listed.add(current)
    if not listed or not own.is_volume:
        return sorted(listed)
    latest = islice(_existing(agreement, own, current, min(listed)), MOST_WINDOWS)
    listed.update(sorted({*latest, *listed})[-MOST_WINDOWS:])
    return sorted(listed)


def next_turn(
    agreement: Agreement, objective: str, span: Span, measure: Measure, *, now: Instant
) -> Instant:
    """The first instant after `now` at which time alone may change this window's judgement."""
    edges = [edge for v in agreement.versions for edge in (v.start, v.until) if edge is not None]
    version, own = agreement.judging(objective, min(now, span.end - 1))
    over = final_from(own, span)
    if over is not None:
        edges.append(over)
    if own.is_volume and now < span.end:
        crossing = pace_crossing(agreement, version, own, span, volume(own, measure))
        if crossing is not None:
            edges.append(crossing)
    return min((turn for turn in (span.start, span.end, *edges) if turn > now), default=NEVER)


def _value(own: Objective, measure: Measure, buckets: Buckets) -> Fraction | None:
    match own.target:
        case Within():
            return Fraction(measure.met, measure.decided)
        case Percentile(ratio):
            micros = ranked(buckets, -(-ratio * measure.decided // 1))
            return None if micros is None else Fraction(micros, SECOND)
        case Mean():
            return Fraction(measure.amount, measure.decided * SECOND)
        case AtLeast() | AtMost():
            value, of = share(own, measure)
            return Fraction(value, of)


def budget_of(own: Objective, measure: Measure) -> tuple[Fraction, Fraction | None]:
    """What was missed, and how much may be (None: there is no such thing for means)."""
    match own.target:
        case Within(ratio=ratio) | Percentile(ratio=ratio):
            return Fraction(measure.missed), (1 - ratio) * measure.decided
        case AtLeast(amount) if own.kpi.measure is MeasureKind.RATIO:
            bad = measure.total - measure.pending - measure.good
            return Fraction(max(0, bad)), (1 - amount) * measure.total
        case AtMost(amount) if own.kpi.measure is MeasureKind.RATIO:
            return Fraction(measure.good), amount * measure.total
        case AtMost(amount) if own.kpi.measure is not MeasureKind.MEAN:
            return max(Fraction(0), volume(own, measure)), amount
        case _:
            return Fraction(0), None


def allowed_share(own: Objective) -> Fraction | None:
    """The share of what is decided that may miss; None where a target knows no such share."""
    if not isinstance(own.target, Within | Percentile) and own.kpi.measure is not MeasureKind.RATIO:
        return None
    allowed = budget_of(own, Measure(met=1, total=1))[1]
    return None if allowed is None else max(Fraction(0), allowed)


def _consumed(missed: Fraction, budget: Fraction | None) -> Fraction | None:
    """The share of the budget that is used; None without one, or when none was left to use."""
    if budget is None:
        return None
    if not missed:
        return Fraction(0)
    return missed / budget if budget > 0 else None


def _volume_state(
    agreement: Agreement,
    version: Version,
    own: Objective,
    span: Span,
    measure: Measure,
    now: Instant,
) -> State:
    if open_time(agreement, version, own, span, span.end) == 0:
        return State.EXCLUDED
    total = volume(own, measure)
    if isinstance(own.target, AtLeast) and total >= own.target.amount:
        return State.OK
    if now >= span.end:
        return State.BREACHED
    behind = is_behind(agreement, version, own, span, total, now=now)
    return State.AT_RISK if behind else State.OK


def _existing(agreement: Agreement, own: Objective, last: Span, first: Span) -> Iterator[Span]:
    """The windows from the last back to the first in which a version is in force, each once.

    Backwards, since only so many are wanted, and by periods, since there may be long gaps.
    """
    before = last.start + 1
    for period in reversed(periods(agreement, own, Span(first.start, last.end))):
        for span in own.window.back(min(last, own.window.last_holding(period.end - 1))):
            if span.end <= period.start or span.start < first.start:
                break
            if span.start < before:
                yield span
                before = span.start


def _exists(agreement: Agreement, own: Objective, span: Span) -> bool:
    return bool(periods(agreement, own, span))
