"""Windows: half-open spans of time over which a promise is judged.

Calendar windows follow local time in a zone, weeks start on Monday; tumbling windows are aligned
to the Unix epoch; rolling windows overlap and end at every multiple of a step (contract section 4).
What counts is kept by *pane*: the window itself, or one step of a rolling one. A window is the sum
of its panes.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from shared.domain.instant import Instant, Micros, as_datetime, as_instant


class Span(NamedTuple):
    """Half-open `[start, end)`."""

    start: Instant
    end: Instant


class Period(StrEnum):
    """The lengths of a calendar window."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class CalendarWindow:
    """One window for each day, week, month, quarter or year of a zone."""

    period: Period
    zone: str

    def pane(self, instant: Instant) -> Span:
        """The pane that holds the instant: the window."""
        return _holding(self.period, self.zone, instant)

    def current(self, now: Instant) -> Span:
        """The window that is going on."""
        return self.pane(now)

    def of(self, day: date) -> Span:
        """The window that a local date lies in."""
        return _edges(self.period, self.zone, first_date(self.period, day))

    def starting(self, start: Instant) -> Span | None:
        """The window that starts exactly there, if one does."""
        span = self.pane(start)
        return span if span.start == start else None

    def last_holding(self, instant: Instant) -> Span:
        """The last window that holds the instant: the only one."""
        return self.pane(instant)

    def back(self, last: Span) -> Iterator[Span]:
        """The window and all those before it, each ending where the one after it starts."""
        while True:
            yield last
            last = self.pane(last.start - 1)


@dataclass(frozen=True, slots=True)
class TumblingWindow:
    """One window after the other, `length` microseconds each, aligned to the Unix epoch."""

    length: Micros

    def pane(self, instant: Instant) -> Span:
        """The pane that holds the instant: the window."""
        start = instant // self.length * self.length
        return Span(start, start + self.length)

    def current(self, now: Instant) -> Span:
        """The window that is going on."""
        return self.pane(now)

    def starting(self, start: Instant) -> Span | None:
        """The window that starts exactly there, if one does."""
        return None if start % self.length else Span(start, start + self.length)

    def last_holding(self, instant: Instant) -> Span:
        """The last window that holds the instant: the only one."""
        return self.pane(instant)

    def back(self, last: Span) -> Iterator[Span]:
        """The window and all those before it."""
        start = last.start
        while True:
            yield Span(start, start + self.length)
            start -= self.length


@dataclass(frozen=True, slots=True)
class RollingWindow:
    """A window of `length` that ends at every multiple of `step` since the Unix epoch.

    `length` is a multiple of `step`, both in microseconds.
    """

    length: Micros
    step: Micros

    def pane(self, instant: Instant) -> Span:
        """The step that holds the instant; it is part of `length / step` windows."""
        start = instant // self.step * self.step
        return Span(start, start + self.step)

    def current(self, now: Instant) -> Span:
        """The window that ends next."""
        end = self.pane(now).end
        return Span(end - self.length, end)

    def starting(self, start: Instant) -> Span | None:
        """The window that starts exactly there, if one does."""
        return None if start % self.step else Span(start, start + self.length)

    def last_holding(self, instant: Instant) -> Span:
        """The last window that holds the instant: it starts with the instant's step."""
        start = self.pane(instant).start
        return Span(start, start + self.length)

    def back(self, last: Span) -> Iterator[Span]:
        """The window and all those before it, a step apart."""
        start = last.start
        while True:
            yield Span(start, start + self.length)
            start -= self.step


Window = CalendarWindow | TumblingWindow | RollingWindow


@lru_cache(maxsize=4096)
def _edges(period: Period, zone: str, first: date) -> Span:
    return Span(_midnight(zone, first), _midnight(zone, _next(period, first)))


_KNOWN_MAX: Final = 4096
"""Windows of one period and zone that are remembered."""


@cache
def _known(period: Period, zone: str) -> tuple[list[Instant], list[Span]]:
    """The windows that were found so far, in order, and their starts."""
    del period, zone
    return [], []


def _holding(period: Period, zone: str, instant: Instant) -> Span:
    starts, spans = _known(period, zone)
    place = bisect_right(starts, instant)
    if place and instant < spans[place - 1].end:
        return spans[place - 1]
    span = _search(period, zone, instant)
    if len(spans) == _KNOWN_MAX:
        starts.clear()
        spans.clear()
        place = 0
    starts.insert(place, span.start)
    spans.insert(place, span)
    return span


def _search(period: Period, zone: str, instant: Instant) -> Span:
    local = as_datetime(instant).astimezone(ZoneInfo(zone)).date()
    first = first_date(period, local)
    span = _edges(period, zone, first)
    # A midnight that the zone repeats or skips can put an instant beside its local date's window.
    while instant < span.start:
        first = first_date(period, first - timedelta(days=1))
        span = _edges(period, zone, first)
    while instant >= span.end:
        first = _next(period, first)
        span = _edges(period, zone, first)
    return span


def _midnight(zone: str, day: date) -> Instant:
    return as_instant(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))


def first_date(period: Period, day: date) -> date:
    """The first date of the period that a date lies in; weeks begin on Monday."""
    match period:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)
        case Period.QUARTER:
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case Period.YEAR:
            return day.replace(month=1, day=1)


def _next(period: Period, first: date) -> date:
    match period:
        case Period.DAY:
            return first + timedelta(days=1)
        case Period.WEEK:
            return first + timedelta(days=7)
        case Period.MONTH:
            return _months_later(first, 1)
        case Period.QUARTER:
            return _months_later(first, 3)
        case Period.YEAR:
            return _months_later(first, 12)


def _months_later(first: date, months: int) -> date:
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)
