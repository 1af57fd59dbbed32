"""Why a number is what it is: the intervals of a clock, the formula of a window."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from shared.domain.agreement import AtLeast, AtMost, Within
from shared.domain.business_calendar import BusinessCalendar
from shared.domain.canonical import plain_decimal
from shared.domain.clock import ClockReading
from shared.domain.instant import Instant, Micros
from shared.domain.judge import Judgement
from shared.domain.measure import Measure
from shared.domain.window import Span


class Activity(StrEnum):
    """What a clock does in an interval."""

    RUNNING = "running"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Interval:
    """A part of a clock's life; the running ones add up to its elapsed time."""

    span: Span
    activity: Activity

    @property
    def length(self) -> Micros:
        """Microseconds from its start to its end."""
        return self.span.end - self.span.start


def explain_clock(
    reading: ClockReading, calendar: BusinessCalendar, *, now: Instant
) -> tuple[Interval, ...]:
    """The clock's life from its start to its stop (or now), without gaps or overlaps.

    Closed is the time outside the calendar's hours, also inside a pause, so that running is the
    elapsed and paused the paused time.
    """
    end = now if reading.stopped_at is None else reading.stopped_at
    found: list[Interval] = []
    cursor = reading.started_at
    for span in calendar.open_spans(reading.started_at, end):
        if cursor < span.start:
            found.append(Interval(Span(cursor, span.start), Activity.CLOSED))
        found.extend(_inside(span, reading.pauses))
        cursor = span.end
    if cursor < end:
        found.append(Interval(Span(cursor, end), Activity.CLOSED))
    return tuple(found)


def _inside(span: Span, pauses: tuple[Span, ...]) -> list[Interval]:
    found: list[Interval] = []
    cursor = span.start
    for pause in pauses:
        start, end = max(pause.start, span.start), min(pause.end, span.end)
        if start >= end:
            continue
        if cursor < start:
            found.append(Interval(Span(cursor, start), Activity.RUNNING))
        found.append(Interval(Span(start, end), Activity.PAUSED))
        cursor = end
    if cursor < span.end:
        found.append(Interval(Span(cursor, span.end), Activity.RUNNING))
    return found


def explain_window(judgement: Judgement, measure: Measure) -> str:
    """The formula of a window's value with its numbers, and the rule that gave its state."""
    own = judgement.objective
    match own.target:
        case Within(ratio=ratio):
            value = f"met / (met + breached) = {measure.met} / {measure.decided}"
            if measure.decided < own.minimum:
                value += f", below the minimum of {own.minimum}"
            left = _text(1 - ratio)
            budget = (
                f"breached / ((1 - ratio) x decided) ="
                f" {measure.missed} / ({left} x {measure.decided})"
            )
            return f"{value}; kept from {_text(ratio)} on; budget consumed = {budget}"
        case AtMost(amount):
            most = _text(amount)
            consumed = f"budget consumed = value / n = {measure.counted} / {most}"
            return f"count = {measure.counted}; kept up to {most}; {consumed}"
        case AtLeast() as target:
            return f"count = {measure.counted}; {_volume(judgement, target)}"
        case _:
            return ""


def _volume(judgement: Judgement, target: AtLeast) -> str:
    kept = f"kept from {_text(target.amount)} on, judged when the window ends"
    if judgement.objective.pace is None:
        return kept
    share = _text(1 - judgement.objective.pace)
    return f"{kept}; until then at risk below {share} of n x open time elapsed / open time"


def _text(number: Fraction) -> str:
    """A decimal where it is one, else the fraction."""
    denominator, digits = number.denominator, 0
    while denominator % 10 == 0:
        denominator, digits = denominator // 10, digits + 1
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator, digits = denominator // prime, digits + 1
    if denominator != 1:
        return str(number)
    scaled = number * 10**digits
    whole = plain_decimal(scaled.numerator)
    if digits == 0:
        return whole
    padded = whole.lstrip("-").rjust(digits + 1, "0")
    text = f"{padded[:-digits]}.{padded[-digits:]}".rstrip("0").rstrip(".")
    return f"-{text}" if number < 0 else text
