"""Windows: half-open spans of time that contributions fall into.

A calendar window follows local time in a zone; weeks start on Monday.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shared.domain.instant import Instant, as_datetime, as_instant


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

    def holding(self, instant: Instant) -> Span:
        """The window that holds the instant."""
        return _holding(self.period, self.zone, instant)

    def after(self, span: Span) -> Span:
        """The window that begins where `span` ends."""
        return self.holding(span.end)

    def starting(self, start: Instant) -> Span:
        """The window that starts exactly there; `ValueError` if none does."""
        span = self.holding(start)
        if span.start != start:
            message = "no window starts at this instant"
            raise ValueError(message)
        return span

    def back(self, last: Instant, first: Instant) -> Iterator[Span]:
        """Every window from the one that holds `last` back to the one that holds `first`."""
        span = self.holding(last)
        yield span
        while span.start > first:
            span = self.holding(span.start - 1)
            yield span


@lru_cache(maxsize=4096)
def _edges(period: Period, zone: str, first: date) -> Span:
    return Span(_midnight(zone, first), _midnight(zone, _next(period, first)))


@lru_cache(maxsize=4096)
def _holding_slot(period: Period, zone: str, slot: int) -> tuple[Span, Span]:
    """The windows that hold the first and the last instant of a quarter of an hour."""
    start = slot * _SLOT
    return _search(period, zone, start), _search(period, zone, start + _SLOT - 1)


_SLOT = 15 * 60 * 1_000_000


def _holding(period: Period, zone: str, instant: Instant) -> Span:
    first, last = _holding_slot(period, zone, instant // _SLOT)
    if instant < first.end:
        return first
    return last if instant >= last.start else _search(period, zone, instant)


def _search(period: Period, zone: str, instant: Instant) -> Span:
    local = as_datetime(instant).astimezone(ZoneInfo(zone)).date()
    first = _first(period, local)
    span = _edges(period, zone, first)
    # A midnight that the zone repeats or skips can put an instant beside its local date's window.
    while instant < span.start:
        first = _first(period, first - timedelta(days=1))
        span = _edges(period, zone, first)
    while instant >= span.end:
        first = _next(period, first)
        span = _edges(period, zone, first)
    return span


def _midnight(zone: str, day: date) -> Instant:
    return as_instant(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))


def _first(period: Period, day: date) -> date:
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
