"""Why a window shows what it shows: its value's formula, the rule behind its state, its budget.

What is said here is computed from the same judgement and measure that are shown; nothing is
decided a second time (contract section 4).
"""

from dataclasses import dataclass
from fractions import Fraction

from shared.domain.agreement import (
    Agreement,
    AtLeast,
    AtMost,
    Mean,
    MeasureKind,
    Objective,
    Percentile,
    Within,
)
from shared.domain.instant import SECOND, Instant, Micros
from shared.domain.judge import Judgement, State, budget_of
from shared.domain.measure import Measure
from shared.domain.missing import volume
from shared.domain.pace import open_time
from shared.domain.window import Span
from shared.domain.wording import count_words, number_words, rounded_words


@dataclass(frozen=True, slots=True)
class Rank:
    """Of a percentile: the `place`-th smallest of `of` times, which is ceil(share x of)."""

    share: Fraction
    of: int
    place: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What was missed and what may be; `consumed` is None when nothing may be and something was."""

    missed: Fraction
    allowed: Fraction
    consumed: Fraction | None


@dataclass(frozen=True, slots=True)
class Pace:
    """Of a volume: what should be there by now, and below what it is at risk.

    `open_time` is that of the window inside the effective periods, `elapsed` what of it is over,
    both in microseconds.
    """

    expected: Fraction
    at_risk_below: Fraction
    tolerance: Fraction
    open_time: Micros
    elapsed: Micros


@dataclass(frozen=True, slots=True)
class WindowReasons:
    """The formula of the value with its numbers, and the rule that gave the state."""

    formula: str
    rule: str
    rank: Rank | None
    budget: Budget | None
    pace: Pace | None


def explain_window(
    agreement: Agreement, judgement: Judgement, span: Span, measure: Measure, *, now: Instant
) -> WindowReasons:
    """The reasons of a judgement of these numbers as of `now`."""
    pace = _pace(agreement, judgement, span, now)
    budget = _budget(judgement, measure)
    return WindowReasons(
        formula=_formula(judgement, measure),
        rule=_rule(judgement, measure, budget, pace),
        rank=_rank(judgement.objective, measure),
        budget=budget,
        pace=pace,
    )


def _formula(judgement: Judgement, measure: Measure) -> str:
    own = judgement.objective
    match own.target:
        case Within():
            return f"met / (met + breached) = {measure.met} / {measure.decided}"
        case Percentile():
            return _quantile(judgement, measure)
        case Mean():
            total = number_words(Fraction(measure.amount, SECOND))
            return f"sum of times in seconds / decided = {total} / {measure.decided}"
        case _:
            return _of_events(own, measure)


def _of_events(own: Objective, measure: Measure) -> str:
    amount = number_words(measure.amount)
    match own.kpi.measure:
        case MeasureKind.RATIO:
            pending = f", {measure.pending} of them pending" if own.kpi.cohort else ""
            return f"good / total = {measure.good} / {measure.total}{pending}"
        case MeasureKind.MEAN:
            return f"sum of {own.kpi.field} / events = {amount} / {measure.counted}"
        case MeasureKind.SUM:
            return f"sum of {own.kpi.field} = {amount} over {count_words(measure.counted, 'event')}"
        case _:
            return f"count = {measure.counted}"


def _quantile(judgement: Judgement, measure: Measure) -> str:
    rank = _rank(judgement.objective, measure)
    if rank is None:
        return f"decided = {measure.decided}"
    place = f"ceil({number_words(rank.share)} x {rank.of}) = {rank.place}"
    if judgement.state is State.NO_DATA:
        return place
    if judgement.value is None:
        shown = "a clock that has not stopped yet"
    else:
        shown = f"{rounded_words(judgement.value, 6)} s, shown to 0.79 %"
    return f"{place}; number {rank.place} of {rank.of} times in order is {shown}"


def _rank(own: Objective, measure: Measure) -> Rank | None:
    if not isinstance(own.target, Percentile) or not measure.decided:
        return None
    share = own.target.ratio
    return Rank(share, measure.decided, int(-(-share * measure.decided // 1)))


def _budget(judgement: Judgement, measure: Measure) -> Budget | None:
    if judgement.state is State.NO_DATA or judgement.objective.is_volume:
        return None
    missed, allowed = budget_of(judgement.objective, measure)
    if allowed is None:
        return None
    consumed = missed / allowed if allowed > 0 else None if missed else Fraction(0)
    return Budget(missed, allowed, consumed)


def _pace(agreement: Agreement, judgement: Judgement, span: Span, now: Instant) -> Pace | None:
    own, version = judgement.objective, judgement.version
    if own.pace is None or not isinstance(own.target, AtLeast):
        return None
    whole = open_time(agreement, version, own, span, span.end)
    if whole == 0:
        return None
    elapsed = open_time(agreement, version, own, span, now)
    expected = own.target.amount * elapsed / whole
    return Pace(expected, expected * (1 - own.pace), own.pace, whole, elapsed)


def _rule(judgement: Judgement, measure: Measure, budget: Budget | None, pace: Pace | None) -> str:
    own = judgement.objective
    match judgement.state:
        case State.NO_DATA:
            return f"no_data: {_sample(own, measure)}, fewer than the minimum of {own.minimum}"
        case State.EXCLUDED:
            return (
                f"excluded: no open time of {judgement.version.calendar.name} in the window while "
                "the objective is in force"
            )
        case State.BREACHED:
            return f"breached: {_comparison(judgement, measure)}"
        case State.AT_RISK if own.is_volume:
            value = number_words(volume(own, measure))
            return f"at_risk: {value} < {_pace_words(own, pace)}, the pace less its tolerance"
        case State.AT_RISK:
            limit = number_words(own.at_risk.budget_consumed)
            return f"at_risk: {_comparison(judgement, measure)}, but {_used(budget)} >= {limit}"
        case State.OK:
            return f"ok: {_comparison(judgement, measure)}{_calm(judgement, budget, pace)}"


def _comparison(judgement: Judgement, measure: Measure) -> str:
    """The two numbers whose order decides, exact."""
    own = judgement.objective
    missing = judgement.state is State.BREACHED
    match own.target:
        case Within(ratio=ratio) | Percentile(ratio=ratio):
            needed = f"{number_words(ratio)} x {measure.decided}"
            return f"met {measure.met} {'<' if missing else '>='} {needed}"
        case Mean(at_most):
            most = f"{number_words(Fraction(at_most, SECOND))} x {measure.decided}"
            total = number_words(Fraction(measure.amount, SECOND))
            return f"sum {total} {'>' if missing else '<='} {most}"
        case AtLeast(amount) if own.is_volume:
            value = volume(own, measure)
            if value >= amount:
                return f"{number_words(value)} >= {number_words(amount)}, reached"
            end = "and the window has ended" if missing else "which may still be reached"
            return f"{number_words(value)} < {number_words(amount)}, {end}"
        case AtLeast(amount):
            return (
                f"{_side(own, measure)} {'<' if missing else '>='} {_limit(own, amount, measure)}"
            )
        case AtMost(amount):
            return (
                f"{_side(own, measure)} {'>' if missing else '<='} {_limit(own, amount, measure)}"
            )


def _side(own: Objective, measure: Measure) -> str:
    """What is held against the limit, as it is counted."""
    match own.kpi.measure:
        case MeasureKind.RATIO if own.kpi.cohort and isinstance(own.target, AtLeast):
            return f"good {measure.good} + pending {measure.pending}"
        case MeasureKind.RATIO:
            return f"good {measure.good}"
        case MeasureKind.MEAN:
            return f"sum {number_words(measure.amount)}"
        case _:
            return number_words(volume(own, measure))


def _limit(own: Objective, amount: Fraction, measure: Measure) -> str:
    match own.kpi.measure:
        case MeasureKind.RATIO:
            return f"{number_words(amount)} x {measure.total}"
        case MeasureKind.MEAN:
            return f"{number_words(amount)} x {measure.counted}"
        case _:
            return number_words(amount)


def _calm(judgement: Judgement, budget: Budget | None, pace: Pace | None) -> str:
    """Why what keeps its target is not at risk."""
    own = judgement.objective
    if judgement.final:
        return ", final"
    if pace is not None and own.is_volume:
        return f", the pace less its tolerance is {_pace_words(own, pace)}"
    if budget is None or budget.consumed is None:
        return ""
    if not budget.allowed:
        return ", nothing may be missed"
    return f", {_used(budget)} < {number_words(own.at_risk.budget_consumed)}"


def _pace_words(own: Objective, pace: Pace | None) -> str:
    """The pace less its tolerance as a product of exact numbers."""
    if pace is None or not isinstance(own.target, AtLeast):
        return ""
    asked = number_words(own.target.amount)
    elapsed, whole = (number_words(Fraction(x, SECOND)) for x in (pace.elapsed, pace.open_time))
    left = number_words(1 - pace.tolerance)
    return f"{asked} x {elapsed} / {whole} x {left} = {rounded_words(pace.at_risk_below)}"


def _used(budget: Budget | None) -> str:
    if budget is None or budget.consumed is None:
        return "the budget is used up"
    missed, allowed = number_words(budget.missed), number_words(budget.allowed)
    return f"budget consumed {missed} / {allowed} = {rounded_words(budget.consumed)}"


def _sample(own: Objective, measure: Measure) -> str:
    match own.kpi.measure:
        case MeasureKind.DURATION:
            return count_words(measure.decided, "decided clock")
        case MeasureKind.RATIO:
            return f"a total of {measure.total}"
        case _:
            return count_words(measure.counted, "event")
