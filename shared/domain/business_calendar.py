"""Business calendars: the open time of a zone (weekly pattern, breaks, holidays, dated shifts).

Hours are local times, turned into instants day by day. Where the zone jumps ahead, an edge that
does not exist shifts by the jump; where it falls back, the earlier of two counts; what is left
empty, be it an interval or a whole date, is dropped (contract section 3). Open time is counted from
prefix sums, so that questions about it cost a binary search.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.domain.instant import DAY, Instant, Micros, as_datetime, as_instant
from shared.domain.window import Span

LocalInterval = tuple[int, int]
"""Minutes of a local day, `[start, end)`; 1440 is its end."""

HORIZON: Final = 36_525 * DAY
"""How far after a start a deadline is looked for (contract section 3)."""

_Bisect = Callable[[list[Micros], Micros, int], int]
_WHOLE_DAY: Final[tuple[LocalInterval, ...]] = ((0, 1440),)
_FIRST_YEAR: Final = 1
_LAST_YEAR: Final = 9998


def no_holidays(_year: int) -> frozenset[date]:
    """The public holidays of nowhere."""
    return frozenset()


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
    country_holidays: Callable[[int], frozenset[date]] = no_holidays


class BusinessCalendar:
    """Open time between instants, and the instants at which an amount of it is reached.

    Years are laid out when first asked for; nothing that is asked changes an answer.
    """

    __slots__ = (
        "_before",
        "_days",
        "_ends",
        "_first_year",
        "_laid_out",
        "_last_year",
        "_starts",
        "_zone",
        "rules",
    )

    def __init__(self, rules: CalendarRules) -> None:
        """A calendar of these rules; nothing is laid out yet."""
        self.rules = rules
        self._zone = ZoneInfo(rules.zone)
        self._starts: list[Instant] = []
        self._ends: list[Instant] = []
        self._before: list[Micros] = []
        self._first_year = self._last_year = 0
        self._laid_out = Span(0, 0)
        self._days: dict[date, list[Span]] = {}

    @property
    def name(self) -> str:
        """The document's name."""
        return self.rules.name

    @property
    def zone(self) -> str:
        """The IANA name of its zone."""
        return self.rules.zone

    def open_between(self, start: Instant, end: Instant) -> Micros:
        """The open time in `[start, end)`; 0 when it is empty."""
        if end <= start:
            return 0
        self._lay_out(start, end)
        return self._open_until(end) - self._open_until(start)

    def is_open(self, at: Instant) -> bool:
        """Whether the instant is open (half-open intervals)."""
        self._lay_out(at, at)
        index = bisect_right(self._starts, at) - 1
        return index >= 0 and at < self._ends[index]

    def open_spans(self, start: Instant, end: Instant) -> list[Span]:
        """The open intervals inside `[start, end)`, in order; touching ones are one."""
        self._lay_out(start, end)
        first = max(bisect_right(self._starts, start) - 1, 0)
        last = bisect_left(self._starts, end)
        spans = zip(self._starts[first:last], self._ends[first:last], strict=True)
        return [Span(max(s, start), min(e, end)) for s, e in spans if e > start]

    def reach(self, start: Instant, amount: Micros, limit: Instant) -> Instant | None:
        """The first instant from `start` on at which `amount` of open time has passed.

        `start` itself for 0; None when that is later than `limit`.
        """
        if amount <= 0:
            return start
        return self._find(start, amount, limit, bisect_left)

    def leave(self, start: Instant, amount: Micros, limit: Instant) -> Instant | None:
        """The last instant from `start` on at which no more than `amount` has passed.

        That is `reach`, or the next opening when the amount is used up exactly at a closing. None
        when there is no such instant up to `limit`.
        """
        return self._find(start, max(amount, 0), limit, bisect_right)

    def working_days_later(self, start: Instant, days: int, limit: Instant) -> Instant | None:
        """The same local time, `days` dates with open time after that of the first open instant."""
        found = self._working_date(start, days, limit)
        if found is None:
            return None
        opening, day = found
        local = as_datetime(opening).astimezone(self._zone)
        moment = local.replace(year=day.year, month=day.month, day=day.day, fold=0)
        return as_instant(moment)

    def end_of_working_day(self, start: Instant, days: int, limit: Instant) -> Instant | None:
        """The end of the last interval of the date `days` dates with open time later."""
        found = self._working_date(start, days, limit)
        return None if found is None else self._of_date(found[1])[-1].end

    def _working_date(
        self, start: Instant, days: int, limit: Instant
    ) -> tuple[Instant, date] | None:
        opening = self.leave(start, 0, limit)
        if opening is None:
            return None
        day = self._date_of_opening(opening)
        last = as_datetime(min(limit + DAY, _LATEST)).date()
        left = days
        while left:
            if day > last:
                return None
            day += timedelta(days=1)
            left -= bool(self._of_date(day))
        return opening, day

    def _date_of_opening(self, opening: Instant) -> date:
        """The date whose interval holds the instant (a midnight gap may move it to the next)."""
        local = as_datetime(opening).astimezone(self._zone).date()
        for day in (local, local - timedelta(days=1)):
            if any(span.start <= opening < span.end for span in self._of_date(day)):
                return day
        return local

    def _find(
        self,
        start: Instant,
        amount: Micros,
        limit: Instant,
        bisect: _Bisect,
    ) -> Instant | None:
        if limit < start:
            return None
        end = min(start + max(amount, DAY) * 2, limit)
        while True:
            self._lay_out(start, end)
            found = self._search(start, amount, bisect)
            if found is not None:
                return found if found <= limit else None
            if end >= limit:
                return None
            end = min(start + (end - start) * 2, limit)

    def _search(self, start: Instant, amount: Micros, bisect: _Bisect) -> Instant | None:
        aim = self._open_until(start) + amount
        # `_before[i + 1]` has passed at the end of interval i: the first with enough, or with more.
        index = bisect(self._before, aim, 1) - 1
        if index >= len(self._starts):
            return None
        return max(start, self._starts[index] + aim - self._before[index])

    def _open_until(self, at: Instant) -> Micros:
        index = bisect_right(self._starts, at) - 1
        if index < 0:
            return 0
        return self._before[index] + min(at, self._ends[index]) - self._starts[index]

    def _lay_out(self, start: Instant, end: Instant) -> None:
        if self._laid_out.start <= start and end < self._laid_out.end:
            return
        # A year more on both sides, so that no zone's offset reaches over the edge.
        first, last = _year(start) - 1, min(_year(end) + 1, _LAST_YEAR)
        if not self._before or first < self._first_year:
            if self._before:
                # Sums begin anew: go back twice as far as is laid out, so that it happens rarely.
                first = max(min(first, 2 * self._first_year - self._last_year), _FIRST_YEAR)
            last = max(last, self._last_year)
            self._first_year, self._last_year = first, first - 1
            self._starts, self._ends, self._before = [], [], [0]
        for year in range(self._last_year + 1, last + 1):
            self._append_year(year)
        self._last_year = max(last, self._last_year)
        self._laid_out = Span(_new_year(self._first_year + 1), _new_year(self._last_year))

    def _append_year(self, year: int) -> None:
        day = date(year, 1, 1)
        holidays = self._holidays(year)
        while day.year == year:
            for start, end in self._spans(day, self._pattern(day, holidays)):
                self._append(start, end)
            day += timedelta(days=1)

    def _append(self, start: Instant, end: Instant) -> None:
        if self._ends and start <= self._ends[-1]:
            # Touching intervals are one, so that no closing parts them.
            added = max(end - self._ends[-1], 0)
            self._ends[-1] += added
            self._before[-1] += added
            return
        self._starts.append(start)
        self._ends.append(end)
        self._before.append(self._before[-1] + end - start)

    def _of_date(self, day: date) -> list[Span]:
        known = self._days.get(day)
        if known is None:
            pattern = self._pattern(day, self._holidays(day.year))
            known = self._days[day] = self._spans(day, pattern)
        return known

    def _holidays(self, year: int) -> frozenset[date]:
        yearly = {
            date(year, month, day)
            for month, day in self.rules.yearly
            if (month, day) != (2, 29) or _is_leap(year)
        }
        return self.rules.dates | yearly | self.rules.country_holidays(year)

    def _pattern(self, day: date, holidays: frozenset[date]) -> tuple[LocalInterval, ...]:
        shift = self.rules.shifts.get(day)
        if shift is not None:
            return shift
        return () if day in holidays else self.rules.weekly[day.weekday()]

    def _spans(self, day: date, pattern: tuple[LocalInterval, ...]) -> list[Span]:
        if not pattern or self._skips(day):
            return []
        edges = ((self._edge(day, start), self._edge(day, end)) for start, end in pattern)
        return [Span(start, end) for start, end in sorted(edges) if start < end]

    def _edge(self, day: date, minutes: int) -> Instant:
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        if minutes == 24 * 60:
            return as_instant(midnight + timedelta(days=1))
        return as_instant(midnight.replace(hour=minutes // 60, minute=minutes % 60))

    def _skips(self, day: date) -> bool:
        noon = self._edge(day, 12 * 60)
        return as_datetime(noon).astimezone(self._zone).date() != day


def _year(instant: Instant) -> int:
    return as_datetime(max(min(instant, _LATEST), _EARLIEST)).year


def _new_year(year: int) -> Instant:
    return as_instant(datetime(year, 1, 1, tzinfo=UTC))


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


_LATEST: Final = 253_370_764_800 * 1_000_000  # 9999-01-01
_EARLIEST: Final = -62_072_092_800 * 1_000_000  # 0003-01-01

ALWAYS: Final = BusinessCalendar(CalendarRules("always", "UTC", (_WHOLE_DAY,) * 7))
"""The built-in calendar `always`: 24 x 7, UTC."""
