"""Business calendars: the open time of a zone (weekly pattern, breaks, holidays, dated shifts).

Hours are local times, turned into instants day by day. Where the zone jumps ahead, an edge that
does not exist shifts by the jump; where it falls back, the earlier of two counts; what is left
empty, be it an interval or a whole date, is dropped (contract section 2). Years are laid out once,
as edges with the open time before each, so that a question costs a binary search or two.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.domain.instant import DAY, MINUTE, Instant, Micros, as_datetime, as_instant
from shared.domain.window import Span

LocalInterval = tuple[int, int]
"""Minutes of a local day, `[start, end)`; 1440 is its end."""

HolidayNames = Mapping[date, tuple[str, ...]]
"""Public holidays by their dates: the names that each has, as `Karfreitag (DE-BE)`."""

HORIZON: Final = 36_525 * DAY
"""How far after a start a deadline is looked for (contract section 3)."""

_NEAR: Final = 8  # edges: what a question is about mostly lies within them
_MARGIN: Final = 2 * DAY  # further than any zone's offset reaches over a new year
_END_OF_DAY: Final = 24 * 60
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_WHOLE_DAY: Final[tuple[LocalInterval, ...]] = ((0, _END_OF_DAY),)
_FIRST_YEAR: Final = 1
_LAST_YEAR: Final = 9998


def no_holidays(_year: int) -> HolidayNames:
    """The public holidays of nowhere."""
    return {}


@dataclass(frozen=True, slots=True)
class CalendarRules:
    """A Calendar document. `weekly` has seven entries from Monday on; `yearly` are (month, day).

    `country_holidays` gives the public holidays of a year; it must be a pure function. Their dates
    are closed; their names are for people.
    """

    name: str
    zone: str
    weekly: tuple[tuple[LocalInterval, ...], ...]
    dates: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    shifts: Mapping[date, tuple[LocalInterval, ...]] = field(default_factory=dict)
    country_holidays: Callable[[int], HolidayNames] = no_holidays


class BusinessCalendar:
    """Open time between instants, and the instants at which an amount of it is reached.

    Years are laid out when first asked for; nothing that is asked changes an answer.
    """

    __slots__ = (
        "_days",
        "_edges",
        "_known_from",
        "_known_until",
        "_later",
        "_passed",
        "_years",
        "_zone",
        "rules",
    )

    def __init__(self, rules: CalendarRules) -> None:
        """A calendar of these rules; nothing is laid out yet."""
        self.rules = rules
        self._zone = ZoneInfo(rules.zone)
        # Openings and closings in turn, so that what lies behind an odd number of edges is open;
        # and how much open time of the laid out years has passed at each.
        self._edges: list[Instant] = []
        self._passed: list[Micros] = [0]
        self._years = range(0)
        self._known_from = self._known_until = 0
        self._days: dict[date, list[Span]] = {}
        self._later: dict[tuple[date, int], date] = {}

    @property
    def name(self) -> str:
        """The document's name."""
        return self.rules.name

    @property
    def zone(self) -> str:
        """The IANA name of its zone."""
        return self.rules.zone

    # The questions of a fold are asked millions of times a minute: those below look at whether
    # the years are laid out by themselves, and take a binary search apart rather than share it.

    def open_between(self, start: Instant, end: Instant) -> Micros:
        """The open time in `[start, end)`; 0 when it is empty."""
        if end <= start:
            return 0
        if start < self._known_from or end >= self._known_until:
            self._lay_out(start, end)
        edges, passed = self._edges, self._passed
        first = bisect_right(edges, start)
        near = first + _NEAR
        if near < len(edges) and end < edges[near]:
            last = bisect_right(edges, end, first, near)
        else:
            last = bisect_right(edges, end, first)
        opened = passed[last] - passed[first]
        if first & 1:
            opened -= start - edges[first - 1]
        if last & 1:
            opened += end - edges[last - 1]
        return opened

    def is_open(self, at: Instant) -> bool:
        """Whether the instant is open (half-open intervals)."""
        if at < self._known_from or at >= self._known_until:
            self._lay_out(at, at)
        return bisect_right(self._edges, at) & 1 == 1

    def leave(self, start: Instant, amount: Micros, limit: Instant) -> Instant | None:
        """The last instant from `start` on at which no more than `amount` has passed.

        That is `reach`, or the next opening when the amount is used up exactly at a closing. None
        when there is no such instant up to `limit`.
        """
        if start < self._known_from or start >= self._known_until:
            self._lay_out(start, start)
        edges, passed = self._edges, self._passed
        behind = bisect_right(edges, start)
        aim = passed[behind] + amount
        if behind & 1:
            aim += start - edges[behind - 1]
        # The first closing at which more has passed: sums change at closings only.
        near = behind + _NEAR
        if near < len(passed) and passed[near] > aim:
            closing = bisect_right(passed, aim, behind, near)
        else:
            closing = bisect_right(passed, aim, behind)
        if closing == len(passed):
            if limit < self._known_until or self._years[-1] == _LAST_YEAR:
                return None
            self._lay_out(start, self._known_until)
            return self.leave(start, amount, limit)
        found = edges[closing - 1] + aim - passed[closing]
        return found if found <= limit else None

    def reach(self, start: Instant, amount: Micros, limit: Instant) -> Instant | None:
        """The first instant from `start` on at which `amount` of open time has passed.

        `start` itself for 0; None when that is later than `limit`.
        """
        if amount <= 0:
            return start if start <= limit else None
        before = self.leave(start, amount - 1, limit - 1)
        return None if before is None else before + 1

    def open_spans(self, start: Instant, end: Instant) -> list[Span]:
        """The open intervals inside `[start, end)`, in order; touching ones are one."""
        if end <= start:
            return []
        if start < self._known_from or end >= self._known_until:
            self._lay_out(start, end)
        edges = self._edges
        first = bisect_right(edges, start) & ~1
        return [
            Span(max(edges[opening], start), min(edges[opening + 1], end))
            for opening in range(first, bisect_left(edges, end), 2)
        ]

    def working_days_later(self, start: Instant, days: int, limit: Instant) -> Instant | None:
        """The same local time, `days` dates with open time after that of the first open instant."""
        opening = self.leave(start, 0, limit)
        if opening is None:
            return None
        local = self._local(opening)
        day = self._working_date(local.date(), days, limit)
        if day is None:
            return None
        return as_instant(datetime.combine(day, local.time().replace(fold=0), self._zone))

    def end_of_working_day(self, start: Instant, days: int, limit: Instant) -> Instant | None:
        """The end of the last interval of the date `days` dates with open time later."""
        opening = self.leave(start, 0, limit)
        if opening is None:
            return None
        day = self._working_date(self._date_of_hours(opening), days, limit)
        # Where the zone jumps, the interval that begins last need not be the one that ends last.
        return None if day is None else max(span.end for span in self.on(day))

    def on(self, day: date) -> list[Span]:
        """The open intervals of a local date; where the zone jumps they may overlap others."""
        known = self._days.get(day)
        if known is None:
            known = self._days[day] = self._spans(day)
        return known

    def midnight(self, day: date) -> Instant:
        """The instant at which a local date begins."""
        return self._edge(day, 0)

    def _working_date(self, day: date, days: int, limit: Instant) -> date | None:
        """The date with open time that is `days` of these later; None when that is too far."""
        last = min(limit + DAY, _LATEST) // DAY + 1 + _EPOCH_DAY
        found = self._later.get((day, days))
        if found is None:
            found, left = day, days
            while left:
                if found.toordinal() >= last:
                    return None
                found += timedelta(days=1)
                left -= bool(self.on(found))
            self._later[day, days] = found
        return found if found.toordinal() <= last else None

    def _date_of_hours(self, opening: Instant) -> date:
        """The date whose interval holds the instant; a jump may move it to the next date."""
        local = self._local(opening).date()
        for span in self.on(local):
            if span.start <= opening < span.end:
                return local
        return local - timedelta(days=1)

    def _local(self, instant: Instant) -> datetime:
        return as_datetime(instant).astimezone(self._zone)

    def _lay_out(self, start: Instant, end: Instant) -> None:
        """Lay out the years of two instants and those between them."""
        first, last = _year(start - _MARGIN), min(_year(end + _MARGIN), _LAST_YEAR)
        known = self._years
        if not known or first < known.start:
            if known:
                # Sums begin anew: go back twice as far as is laid out, so that it happens rarely.
                first = max(min(first, 2 * known.start - known.stop), _FIRST_YEAR)
                last = max(last, known[-1])
            self._edges, self._passed = [], [0]
            known = range(first, first)
        for year in range(known.stop, last + 1):
            self._append_year(year)
        self._years = range(known.start, max(known.stop, last + 1))
        self._known_from = _new_year(self._years.start) + _MARGIN
        self._known_until = _new_year(self._years.stop) - _MARGIN

    def _append_year(self, year: int) -> None:
        day = date(year, 1, 1)
        while day.year == year:
            for start, end in self._spans(day):
                self._append(start, end)
            day += timedelta(days=1)

    def _append(self, start: Instant, end: Instant) -> None:
        edges, passed = self._edges, self._passed
        if edges and start <= edges[-1]:
            # Touching intervals are one, so that no closing parts them.
            added = max(end - edges[-1], 0)
            edges[-1] += added
            passed[-1] += added
            return
        edges += (start, end)
        passed += (passed[-1], passed[-1] + end - start)

    def _pattern(self, day: date) -> tuple[LocalInterval, ...]:
        rules = self.rules
        shift = rules.shifts.get(day)
        if shift is not None:
            return shift
        closed = (
            day in rules.dates
            or (day.month, day.day) in rules.yearly
            or day in rules.country_holidays(day.year)
        )
        return () if closed else rules.weekly[day.weekday()]

    def _spans(self, day: date) -> list[Span]:
        pattern = self._pattern(day)
        if not pattern:
            return []
        midnight = self._edge(day, 0)
        if self._edge(day, _END_OF_DAY) - midnight == DAY:
            # No zone changes its clock twice within two days, so this is a day without a change.
            instants = (
                (midnight + start * MINUTE, midnight + end * MINUTE) for start, end in pattern
            )
        elif self._skips(day):
            return []
        else:
            instants = ((self._edge(day, start), self._edge(day, end)) for start, end in pattern)
        return [Span(start, end) for start, end in sorted(instants) if start < end]

    def _edge(self, day: date, minutes: int) -> Instant:
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        if minutes == _END_OF_DAY:
            return as_instant(midnight + timedelta(days=1))
        return as_instant(midnight.replace(hour=minutes // 60, minute=minutes % 60))

    def _skips(self, day: date) -> bool:
        noon = self._edge(day, 12 * 60)
        return as_datetime(noon).astimezone(self._zone).date() != day


def _year(instant: Instant) -> int:
    return as_datetime(max(min(instant, _LATEST), _EARLIEST)).year


def _new_year(year: int) -> Instant:
    return as_instant(datetime(year, 1, 1, tzinfo=UTC))


_LATEST: Final = 253_370_764_800 * 1_000_000  # 9999-01-01
_EARLIEST: Final = -62_072_092_800 * 1_000_000  # 0003-01-01

ALWAYS: Final = BusinessCalendar(CalendarRules("always", "UTC", (_WHOLE_DAY,) * 7))
"""The built-in calendar `always`: 24 x 7, UTC."""
