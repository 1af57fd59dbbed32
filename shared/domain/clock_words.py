"""A clock in sentences, for a person who answers for it: promise, course, outcome, choice."""

from collections import Counter
from collections.abc import Sequence

from shared.domain.agreement import Objective, Percentile, Within
from shared.domain.clock import ClockState
from shared.domain.clock_reading import ClockReading
from shared.domain.contest import Contender
from shared.domain.explain_clock import Activity, Interval
from shared.domain.history import Happening, History, What
from shared.domain.instant import Micros, format_instant
from shared.domain.window_words import target_words, within_words
from shared.domain.wording import length_words, listed_words

_MOST_REASONS = 5
_CLOSED_WORDS = {
    "closed_by_shift": "a shift",
    "public_holiday": "a public holiday",
    "holiday_date": "a holiday",
    "yearly_holiday": "a holiday",
    "closed_weekday": "a closed weekday",
    "outside_hours": "outside the hours",
}


def clock_words(
    reading: ClockReading,
    history: History,
    intervals: Sequence[Interval],
    contender: Contender,
) -> list[str]:
    """What was promised, how the time went, what came of it, and why this objective applies."""
    found = [
        _promise(reading, history),
        _course(reading, intervals),
        _outcome(reading, history),
        *(_happened(own) for own in history.happened if own.what in _TOLD),
    ]
    others = [own for own in history.alternatives if own.objective != reading.objective]
    found.extend(f"Not {own.objective}: it {own.text}." for own in others)
    found.append(f"{_capital(contender.why)}.")
    return found


_TOLD = frozenset({What.BEGAN_LATE, What.TOOK_OVER, What.CONTINUED, What.KEPT})


def _promise(reading: ClockReading, history: History) -> str:
    version = history.version
    return (
        f"{version.provider} promises {version.customer} for {history.objective.kpi.name}:"
        f" {_limit(history.objective)}, in the hours of calendar {reading.calendar} (agreement"
        f" {reading.agreement}, objective {reading.objective}, {version.level.value} level,"
        f" version from {format_instant(version.start)})."
    )


def _limit(own: Objective) -> str:
    if isinstance(own.target, Within | Percentile):
        return within_words(own.target.duration)
    return f"{target_words(own)}, over all clocks"


def _course(reading: ClockReading, intervals: Sequence[Interval]) -> str:
    parts = [f"{length_words(reading.elapsed)} counted"]
    pauses = _sums(intervals, Activity.PAUSED)
    if pauses:
        reasons = [f"{length_words(length)} ({why})" for why, length in pauses[:_MOST_REASONS]]
        more = "" if len(pauses) <= _MOST_REASONS else f" and {len(pauses) - _MOST_REASONS} more"
        parts.append(f"paused were {listed_words(reasons)}{more}")
    closed = [own for own in intervals if own.activity is Activity.CLOSED]
    if closed:
        causes = dict.fromkeys(_CLOSED_WORDS.get(own.cause, own.cause) for own in closed)
        length = length_words(sum(own.length for own in closed))
        parts.append(f"closed were {length} ({listed_words(causes)})")
    end = "" if reading.stopped_at is None else f" to {format_instant(reading.stopped_at)}"
    start = format_instant(reading.started_at)
    return f"Cycle {reading.cycle} runs from {start}{end}: {'; '.join(parts)}."


def _sums(intervals: Sequence[Interval], activity: Activity) -> list[tuple[str, Micros]]:
    """The time of each reason, the longest first."""
    sums: Counter[str] = Counter()
    for own in intervals:
        if own.activity is activity:
            sums[own.reason] += own.length
    return sums.most_common()


def _outcome(reading: ClockReading, history: History) -> str:
    """The state, and how far the time is from the target."""
    last = history.happened[-1] if history.happened else None
    by = ""
    if last is not None and last.what is What.STOPPED and last.event is not None:
        by = f" by {last.event.type}"
    stopped = "" if reading.stopped_at is None else format_instant(reading.stopped_at)
    breached = "" if reading.breached_at is None else format_instant(reading.breached_at)
    match reading.state:
        case ClockState.MET:
            return f"Met: stopped {stopped}{by}{_distance(reading)}."
        case ClockState.BREACHED_CLOSED:
            return f"Breached at {breached}, stopped {stopped}{by}{_distance(reading)}."
        case ClockState.BREACHED_OPEN:
            return f"Breached at {breached} and still open{_distance(reading)}."
        case ClockState.SUPERSEDED | ClockState.CANCELLED:
            why = "" if last is None else f": {last.text}"
            return f"{_capital(reading.state.value)} at {stopped}{why}."
        case ClockState.PAUSED:
            return f"Paused{_distance(reading)}{_risk(reading)}."
        case ClockState.RUNNING:
            due = "" if reading.due_at is None else f", due {format_instant(reading.due_at)}"
            return f"Running{_distance(reading)}{due}{_risk(reading)}."


def _risk(reading: ClockReading) -> str:
    return ", at risk" if reading.at_risk else ""


def _distance(reading: ClockReading) -> str:
    target = reading.target if reading.target is not None else reading.working_target
    if target is None:
        return ""
    left = target - reading.elapsed
    if left < 0:
        return f", {length_words(-left)} over"
    return (
        f", {length_words(left)} to spare" if reading.stopped_at else f", {length_words(left)} left"
    )


def _happened(own: Happening) -> str:
    return f"{format_instant(own.at)}: {own.text}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
