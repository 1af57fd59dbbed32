"""Why a clock shows what it shows: its life in intervals, each with its reason.

The running intervals add up to its elapsed time, the paused ones to its paused time, and all of
them, the closed ones included, to the time from its start to its stop (or now).
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.business_calendar import BusinessCalendar
from shared.domain.clock_reading import ClockReading
from shared.domain.history import Mode
from shared.domain.hours_explained import explain_hours
from shared.domain.instant import Instant, Micros
from shared.domain.window import Span


class Activity(StrEnum):
    """What a clock does in an interval."""

    RUNNING = "running"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Interval:
    """A part of a clock's life with its reason.

    `cause` is short and one of a few: how the calendar opens or closes the time, or `pause`.
    """

    span: Span
    activity: Activity
    cause: str
    reason: str

    @property
    def length(self) -> Micros:
        """Microseconds from its start to its end."""
        return self.span.end - self.span.start


PAUSE = "pause"
"""The cause of every paused interval."""


def explain_clock(
    reading: ClockReading, calendar: BusinessCalendar, modes: Sequence[Mode], *, now: Instant
) -> tuple[Interval, ...]:
    """The clock's life from its start to its stop (or now), without gaps or overlaps.

    Closed is the time outside the calendar's hours, also inside a pause. `modes` are those of the
    clock's cycle.
    """
    end = now if reading.stopped_at is None else reading.stopped_at
    found: list[Interval] = []
    if reading.started_at >= end:
        return ()
    for part in explain_hours(calendar, Span(reading.started_at, end)):
        if not part.is_open:
            found.append(Interval(part.span, Activity.CLOSED, part.reason.value, part.text))
            continue
        for span, paused in _cut(part.span, reading.pauses):
            if not paused:
                found.append(Interval(span, Activity.RUNNING, part.reason.value, part.text))
                continue
            found.extend(
                Interval(stretch, Activity.PAUSED, PAUSE, reason)
                for stretch, reason in _reasons(span, modes)
            )
    return tuple(found)


def _cut(span: Span, pauses: Sequence[Span]) -> Iterator[tuple[Span, bool]]:
    """The parts of an open span, and whether each is inside a pause (in order, none overlap)."""
    cursor = span.start
    index = bisect_right(pauses, span.start, key=lambda pause: pause.end)
    while index < len(pauses) and pauses[index].start < span.end:
        start, end = max(pauses[index].start, cursor), min(pauses[index].end, span.end)
        if cursor < start:
            yield Span(cursor, start), False
        yield Span(start, end), True
        cursor, index = end, index + 1
    if cursor < span.end:
        yield Span(cursor, span.end), False


def _reasons(span: Span, modes: Sequence[Mode]) -> Iterator[tuple[Span, str]]:
    """A paused span, cut where the reason of the pause is another."""
    index = max(bisect_right(modes, span.start, key=lambda mode: mode.since) - 1, 0)
    cursor, reason = span.start, ""
    for mode in modes[index:]:
        if mode.since >= span.end:
            break
        if mode.since > cursor:
            yield Span(cursor, mode.since), reason
            cursor = mode.since
        reason = mode.stands or ""
    yield Span(cursor, span.end), reason
