"""Periods that people name (`2026-03`, `2026-Q1`, `2026-W10`), and which windows belong to one.

A window belongs to the period in which it ends, the period's own end included: of periods that
follow on each other it belongs to exactly one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.domain.instant import Instant, as_datetime, as_instant, parse_instant
from shared.domain.window import (
    CalendarWindow,
    Period,
    RollingWindow,
    Span,
    Window,
    first_date,
)

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 9997

_FORMS: Final = (
    (Period.YEAR, re.compile(r"(\d{4})", re.ASCII)),
    (Period.QUARTER, re.compile(r"(\d{4})-Q([1-4])", re.ASCII)),
    (Period.MONTH, re.compile(r"(\d{4})-(\d\d)", re.ASCII)),
    (Period.WEEK, re.compile(r"(\d{4})-W(\d\d)", re.ASCII)),
    (Period.DAY, re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)),
)
_SAYS: Final = "a period is 2026, 2026-Q1, 2026-03, 2026-W10 or 2026-03-05"
_MONTHS_OF_A_QUARTER: Final = 3
_LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?", re.ASCII)
_EARLIEST: Final = as_instant(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC))
_AFTER_LATEST: Final = as_instant(datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class NamedPeriod:
    """A day, week, month, quarter or year of the calendar, by its first date."""

    length: Period
    first: date

    @property
    def name(self) -> str:
        """How it is written: `2026-03`; `parse_period` reads it."""
        first = self.first
        match self.length:
            case Period.YEAR:
                return f"{first.year:04}"
            case Period.QUARTER:
                return f"{first.year:04}-Q{(first.month - 1) // _MONTHS_OF_A_QUARTER + 1}"
            case Period.MONTH:
                return f"{first.year:04}-{first.month:02}"
            case Period.WEEK:
                year, week, _ = first.isocalendar()
                return f"{year:04}-W{week:02}"
            case Period.DAY:
                return first.isoformat()

    def within(self, zone: str) -> Span:
        """The period in a time zone."""
        return CalendarWindow(self.length, zone).of(self.first)


def overlap(one: NamedPeriod, other: NamedPeriod) -> bool:
    """Whether a day is in both, by the calendar: in whatever zone."""
    first, second = sorted((one, other), key=lambda own: own.first)
    return first.first == second.first or second.first < _after(first)


def _after(period: NamedPeriod) -> date:
    """The first date that is not in it any more."""
    after = as_datetime(period.within("UTC").end)
    return after.date()


def parse_period(text: str) -> NamedPeriod:
    """Read the name of a period; `ValueError` says what is wrong with it."""
    for length, form in _FORMS:
        match = form.fullmatch(text)
        if match is None:
            continue
        try:
            first = _first(length, [int(part) for part in match.groups()])
        except ValueError as error:
            message = f"{text!r} is no {length.value}: {error}"
            raise ValueError(message) from None
        if not FIRST_YEAR <= first.year <= LAST_YEAR:
            message = f"{text!r} lies outside the years {FIRST_YEAR} to {LAST_YEAR}"
            raise ValueError(message)
        return NamedPeriod(length, first)
    message = f"{text!r} cannot be read: {_SAYS}"
    raise ValueError(message)


def _first(length: Period, parts: list[int]) -> date:
    year, *rest = parts
    match length:
        case Period.WEEK:
            return date.fromisocalendar(year, rest[0], 1)
        case Period.QUARTER:
            return date(year, (rest[0] - 1) * _MONTHS_OF_A_QUARTER + 1, 1)
        case _:
            return date(year, *[*rest, 1, 1][:2])


def parse_edge(text: str, zone: str) -> Instant:
    """An edge of a period: an instant with an offset, or a local date or time of the zone.

    `ValueError` says what is wrong with it.
    """
    instant = _local(text, zone) if _LOCAL.fullmatch(text) else parse_instant(text)
    if not _EARLIEST <= instant < _AFTER_LATEST:
        message = f"{text!r} lies outside the years {FIRST_YEAR} to {LAST_YEAR}"
        raise ValueError(message)
    return instant


def _local(text: str, zone: str) -> Instant:
    try:
        local = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no date or time: {error}"
        raise ValueError(message) from None
    return as_instant(local.replace(tzinfo=ZoneInfo(zone)))


def periods_before(length: Period, zone: str, now: Instant) -> Iterator[NamedPeriod]:
    """The periods that are over, the latest first: the last whole month, the one before, ..."""
    first = first_date(length, as_datetime(now).astimezone(ZoneInfo(zone)).date())
    while True:
        first = first_date(length, first - timedelta(days=1))
        yield NamedPeriod(length, first)


def starts_of_ending(window: Window, period: Span) -> Span:
    """From when until when those windows start that end in the period, its own end included."""
    if isinstance(window, RollingWindow):
        return Span(period.start - window.length + 1, period.end - window.length + 1)
    first, last = window.pane(period.start), window.pane(period.end - 1)
    return Span(first.start, last.end if last.end <= period.end else last.start)


def opened_of_ending(window: Window, period: Span) -> Span:
    """From when until when breaches of items open that belong to these windows: that they count.

    Where windows overlap or none ends in the period, that is the period.
    """
    starts = starts_of_ending(window, period)
    overlaps = isinstance(window, RollingWindow)
    return period if overlaps or starts.start >= starts.end else starts


def last_rolling(window: RollingWindow, period: Span, now: Instant) -> Span | None:
    """The last rolling window that ends in the period, at the latest the current one."""
    end = min(period.end, window.current(now).end) // window.step * window.step
    return Span(end - window.length, end) if end > period.start else None
