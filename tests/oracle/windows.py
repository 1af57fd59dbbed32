"""The windows of an objective: of a calendar, tumbling and rolling; half-open, in microseconds."""

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from tests.oracle.days import Segment, local_date, to_instant


class Windows(Protocol):
    """All windows of one objective."""

    def holding(self, at: int, now: int) -> list[Segment]:
        """The windows that hold an instant, none later than the current one."""

    def current(self, now: int) -> Segment:
        """The window that holds the instant of evaluation; of several the one that ends next."""

    def following(self, span: Segment) -> Segment:
        """The next window."""


@dataclass(frozen=True)
class CalendarWindows:
    """Days, weeks, months, quarters or years of a zone."""

    period: str
    zone: str

    def holding(self, at: int, now: int) -> list[Segment]:
        """The one that holds `at`."""
        return [self.current(at)] if at <= now else []

    def current(self, now: int) -> Segment:
        """The one that holds `now`; a zone's odd days are near enough to be tried."""
        near = local_date(self.zone, now)
        for n in (0, -1, 1, -2, 2, -3, 3):
            span = _span(self.period, self.zone, near + dt.timedelta(days=n))
            if span[0] <= now < span[1]:
                return span
        raise AssertionError((self, now))

    def following(self, span: Segment) -> Segment:
        """The one that begins where this one ends."""
        return self.current(span[1])


@cache
def _span(period: str, zone: str, date: dt.date) -> Segment:
    first = _first_day(period, date)
    return (to_instant(zone, first, 0), to_instant(zone, _next_day(period, first), 0))


def _first_day(period: str, date: dt.date) -> dt.date:
    if period == "week":
        return date - dt.timedelta(days=date.weekday())
    month = {"day": date.month, "month": date.month, "year": 1}.get(
        period, (date.month - 1) // 3 * 3 + 1
    )
    return dt.date(date.year, month, date.day if period == "day" else 1)


def _next_day(period: str, first: dt.date) -> dt.date:
    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[period]
    later = [first + dt.timedelta(days=n) for n in range(1, longest + 1)]
    return next(d for d in later if _first_day(period, d) == d)


@dataclass(frozen=True)
class TumblingWindows:
    """One after the other, aligned to the epoch."""

    length: int

    def holding(self, at: int, now: int) -> list[Segment]:
        """The one that holds `at`."""
        return [self.current(at)] if at <= now else []

    def current(self, now: int) -> Segment:
        """The one that holds `now`."""
        start = now // self.length * self.length
        return (start, start + self.length)

    def following(self, span: Segment) -> Segment:
        """The one that begins where this one ends."""
        return (span[1], span[1] + self.length)


@dataclass(frozen=True)
class RollingWindows:
    """One ends at every multiple of the step."""

    length: int
    step: int

    def holding(self, at: int, now: int) -> list[Segment]:
        """Every one that holds `at`."""
        last = min(at + self.length, self.current(now)[1])
        first = at // self.step * self.step + self.step
        return [(end - self.length, end) for end in range(first, last + 1, self.step)]

    def current(self, now: int) -> Segment:
        """The one that ends next."""
        end = now // self.step * self.step + self.step
        return (end - self.length, end)

    def following(self, span: Segment) -> Segment:
        """The one that ends a step later."""
        return (span[0] + self.step, span[1] + self.step)
