"""A judged window in sentences, for a person who answers for it: promise, figures, verdict."""

from fractions import Fraction

from shared.domain.agreement import (
    AtLeast,
    AtMost,
    Duration,
    EndOfWorkingDay,
    Mean,
    MeasureKind,
    Objective,
    OpenTime,
    Percentile,
    Version,
    Within,
)
from shared.domain.explain_window import WindowReasons
from shared.domain.instant import MINUTE, SECOND, format_instant
from shared.domain.judge import Judgement, State
from shared.domain.measure import Measure
from shared.domain.missing import volume
from shared.domain.window import Span
from shared.domain.wording import count_words, length_words, number_words, rounded_words


def window_words(
    judgement: Judgement, span: Span, measure: Measure, reasons: WindowReasons
) -> list[str]:
    """What is promised, what was seen, how it stands, and what of the budget or pace is used."""
    version, own = judgement.version, judgement.objective
    found = [
        _promise(version, own),
        f"From {format_instant(span.start)} to {format_instant(span.end)}: {_seen(own, measure)}.",
        _verdict(judgement, measure),
    ]
    budget, pace = reasons.budget, reasons.pace
    if budget is not None and not budget.allowed:
        found.append("Nothing may be missed.")
    elif budget is not None and budget.consumed is not None:
        allowed, missed = rounded_words(budget.allowed, 2), rounded_words(budget.missed, 2)
        found.append(
            f"Of a budget of {allowed}, {missed} is used: {percent_words(budget.consumed)}."
        )
    if pace is not None:
        found.append(
            f"{length_words(pace.elapsed)} of {length_words(pace.open_time)} of open time are"
            f" over, so the pace is {rounded_words(pace.expected, 2)}; at risk below"
            f" {rounded_words(pace.at_risk_below, 2)}."
        )
    return found


def target_words(own: Objective) -> str:
    """What is promised: `at least 95 % within 1 h`."""
    match own.target:
        case Within(duration, ratio):
            return f"at least {percent_words(ratio)} {within_words(duration)}"
        case Percentile(ratio, duration):
            return f"the {percent_words(ratio)} quantile at most {duration_words(duration)}"
        case Mean(at_most):
            return f"a mean of at most {length_words(at_most)}"
        case AtLeast(amount):
            return f"at least {number_words(amount)}"
        case AtMost(amount):
            return f"at most {number_words(amount)}"


def duration_words(duration: Duration) -> str:
    """A length of open time, some working days, or the end of one."""
    match duration:
        case OpenTime(micros):
            return length_words(micros)
        case EndOfWorkingDay(0):
            return "the end of the same working day"
        case EndOfWorkingDay(1):
            return "the end of the next working day"
        case EndOfWorkingDay(days):
            return f"the end of the {_ordinal(days)} working day after"
        case _:
            return f"{duration.days} working {'day' if duration.days == 1 else 'days'}"


def within_words(duration: Duration) -> str:
    """Until when: `within 1 h`, `by the end of the same working day`."""
    end = "by" if isinstance(duration, EndOfWorkingDay) else "within"
    return f"{end} {duration_words(duration)}"


def _promise(version: Version, own: Objective) -> str:
    return (
        f"{version.provider} promises {version.customer} for {own.kpi.name}: {target_words(own)}"
        f" (agreement {version.agreement}, {version.level.value} level, version from"
        f" {format_instant(version.start)}, calendar {version.calendar.name})."
    )


def _seen(own: Objective, measure: Measure) -> str:
    match own.kpi.measure:
        case MeasureKind.DURATION:
            return _clocks(own, measure)
        case MeasureKind.RATIO:
            pending = f", {measure.pending} may still become so" if own.kpi.cohort else ""
            return f"{measure.good} good of {measure.total}{pending}"
        case MeasureKind.COUNT:
            return f"{measure.counted} counted"
        case _:
            amount = number_words(measure.amount)
            return f"{count_words(measure.counted, 'event')} with {own.kpi.field} {amount}"


def _clocks(own: Objective, measure: Measure) -> str:
    if isinstance(own.target, Mean):
        parts = [f"{measure.decided} stopped"]
    else:
        parts = [f"{measure.met} of {measure.decided} decided were in time"]
    if measure.breached_open:
        parts.append(f"{measure.breached_open} too late and still open")
    if measure.running:
        parts.append(f"{measure.running} still undecided")
    if measure.excluded:
        parts.append(f"{measure.excluded} excluded")
    return ", ".join(parts)


def _verdict(judgement: Judgement, measure: Measure) -> str:
    own = judgement.objective
    match judgement.state:
        case State.NO_DATA:
            return f"That is too little to judge: {own.minimum} is the minimum."
        case State.EXCLUDED:
            return "The calendar has no open time in this window, so nothing is asked of it."
        case state:
            ended = "final" if judgement.final else "so far"
            found = _found(own, state, measure)
            return found.format(ended=ended) + f": {value_words(own, judgement.value)}."


def _found(own: Objective, state: State, measure: Measure) -> str:
    if state is State.BREACHED:
        return "The promise is broken ({ended})"
    if own.is_volume and state is State.AT_RISK:
        return "The promise is behind its pace ({ended})"
    if own.is_volume and volume(own, measure) < _asked(own):
        return "The promise is on its way ({ended})"
    return "The promise is kept ({ended})" + (" but at risk" if state is State.AT_RISK else "")


def _asked(own: Objective) -> Fraction:
    return own.target.amount if isinstance(own.target, AtLeast) else Fraction(0)


def value_words(own: Objective, value: Fraction | None) -> str:
    """A value as a person reads it: a percentage, a length of time, or a number."""
    if value is None:
        return "the quantile is a clock that has not stopped yet"
    match own.target:
        case Within():
            return percent_words(value)
        case Percentile():
            # Times are kept to 0.79 %: what is below a second says nothing then.
            micros = round(value * SECOND)
            return f"about {length_words(micros if micros < MINUTE else round(value) * SECOND)}"
        case Mean():
            return length_words(round(value * SECOND))
        case _ if own.kpi.measure is MeasureKind.RATIO:
            return percent_words(value)
        case _:
            return rounded_words(value)


def percent_words(share: Fraction) -> str:
    """A share as a percentage with at most two digits after the point."""
    return f"{rounded_words(share * 100, 2)} %"


def _ordinal(number: int) -> str:
    teen = number % 100 // 10 == 1
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
