"""Business calendars: open time of a zone (weekly pattern, breaks, holidays, dated shifts)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

LocalInterval = tuple[int, int]
"""Minutes of a local day, `[start, end)`; 1440 is its end."""


@dataclass(frozen=True, slots=True)
class CalendarRules:
    """A Calendar document. `weekly` has seven entries from Monday on; `yearly` are (month, day).

    `country_holidays` gives the public holidays of a year; it must be a pure function.
    """

    name: str
    zone: str
    weekly: tuple[tuple[LocalInterval, ...], ...]
    dates: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    shifts: Mapping[date, tuple[LocalInterval, ...]] = field(default_factory=dict)
    country_holidays: Callable[[int], frozenset[date]] = lambda _year: frozenset()


class BusinessCalendar:
    pass
