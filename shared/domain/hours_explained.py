"""Why time is open or closed: a span cut into parts, each with its reason.

The calendar says what is open (`business_calendar.py`); here its rules are asked again, for people:
which of them closes a day, what a public holiday is called, where the zone's clock changes.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from shared.domain.business_calendar import BusinessCalendar
from shared.domain.instant import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Instant,
    Micros,
    as_datetime,
    format_instant,
)
from shared.domain.window import Span


class Reason(StrEnum):
    """Why a part of time is open or closed; of several that close a day, the first of these."""

    OPEN = "open"
    OPEN_BY_SHIFT = "open_by_shift"
    CLOSED_BY_SHIFT = "closed_by_shift"
    PUBLIC_HOLIDAY = "public_holiday"
    HOLIDAY_DATE = "holiday_date"
    YEARLY_HOLIDAY = "yearly_holiday"
    CLOSED_WEEKDAY = "closed_weekday"
    OUTSIDE_HOURS = "outside_hours"


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A change of a zone's clock: when, and by how many microseconds (negative: back)."""

    at: Instant
    by: Micros

    @property
    def text(self) -> str:
        """In words, as `the clock goes forward by 1 h at 2026-03-29T01:00:00Z`."""
        way = "forward" if self.by > 0 else "back"
        return f"the clock goes {way} by {_length(abs(self.by))} at {format_instant(self.at)}"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a span that has one reason.

    `clock_changes` are those after its start and up to its end: what its length and the local times
    of its ends differ by.
    """

    span: Span
    reason: Reason
    text: str
    clock_changes: tuple[ClockChange, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether its time counts."""
        return self.reason in _OPEN


_OPEN: Final = frozenset({Reason.OPEN, Reason.OPEN_BY_SHIFT})
_WEEKDAYS: Final = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)


class _Piece(NamedTuple):
    """Time of the local dates from `first` to `last`; `named` is what the reason is called."""

    span: Span
    reason: Reason
    named: str
    first: date
    last: date


def explain_hours(calendar: BusinessCalendar, span: Span) -> tuple[Part, ...]:
    """The parts of a span in order: they leave nothing out, and neighbours differ in their reason.

    What is open in them is what the calendar counts (contract sections 2 and 3). A night between
    two days with hours is one part, and so are closed days in a row with one reason.
    """
    changes = clock_changes(calendar.zone, span)
    return tuple(_part(piece, changes) for piece in _merged(_pieces(calendar, span)))


def _part(piece: _Piece, changes: list[ClockChange]) -> Part:
    start, end = piece.span
    within = tuple(change for change in changes if start < change.at <= end)
    text = "; ".join([_text(piece), *(change.text for change in within)])
    return Part(piece.span, piece.reason, text, within)


def clock_changes(zone: str, span: Span) -> list[ClockChange]:
    """The changes of a zone's clock after the start of a span and up to its end."""
    info, found, at = ZoneInfo(zone), [], span.start
    while at < span.end:
        later = min(at + DAY, span.end)
        by = _offset(info, later) - _offset(info, at)
        if by:
            found.append(ClockChange(_change_between(info, at, later), by))
        at = later
    return found


def _change_between(zone: ZoneInfo, before: Instant, after: Instant) -> Instant:
    """The first instant with another offset than `before`."""
    old = _offset(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == old:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, at: Instant) -> Micros:
    offset = as_datetime(at).astimezone(zone).utcoffset() or timedelta(0)
    return offset // timedelta(microseconds=1)


def _pieces(calendar: BusinessCalendar, span: Span) -> Iterator[_Piece]:
    days = _Days(calendar, span)
    cursor = span.start
    opened = sorted((one, on) for on in days.dates for one in calendar.on(on))
    for hours, day in opened:
        start, end = max(hours.start, cursor), min(hours.end, span.end)
        if start < end:
            yield from days.closed(cursor, start)
            shift = day in calendar.rules.shifts
            reason = Reason.OPEN_BY_SHIFT if shift else Reason.OPEN
            yield _Piece(Span(start, end), reason, "", day, day)
            cursor = end
    yield from days.closed(cursor, span.end)


class _Days:
    """The local dates of a span and some more around them, with the instants they begin at."""

    def __init__(self, calendar: BusinessCalendar, span: Span) -> None:
        zone = ZoneInfo(calendar.zone)
        # Where a zone changed the side of the date line, the end may have the earlier date.
        first, last = sorted(as_datetime(at).astimezone(zone).date() for at in span)
        # Where midnight comes twice, the date after the last may have begun once already.
        after = (last - first).days + 3
        self.dates = [first + timedelta(days=number) for number in range(-1, after)]
        self._begin = [calendar.midnight(day) for day in self.dates]
        self._calendar = calendar

    def closed(self, start: Instant, end: Instant) -> Iterator[_Piece]:
        """The pieces of a closed gap, cut where a date begins."""
        index = bisect_right(self._begin, start) - 1
        while start < end:
            day = self.dates[index]
            until = min(self._begin[index + 1], end)
            if start < until:
                reason, named = _why_closed(self._calendar, day)
                yield _Piece(Span(start, until), reason, named, day, day)
            start, index = until, index + 1


def _why_closed(calendar: BusinessCalendar, day: date) -> tuple[Reason, str]:
    rules = calendar.rules
    if day in rules.shifts:
        return Reason.CLOSED_BY_SHIFT, ""
    if names := rules.country_holidays(day.year).get(day):
        return Reason.PUBLIC_HOLIDAY, ", ".join(names)
    if day in rules.dates:
        return Reason.HOLIDAY_DATE, ""
    if (day.month, day.day) in rules.yearly:
        return Reason.YEARLY_HOLIDAY, ""
    return (Reason.OUTSIDE_HOURS if rules.weekly[day.weekday()] else Reason.CLOSED_WEEKDAY), ""


def _merged(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """Neighbours with one reason as one."""
    last: _Piece | None = None
    for piece in pieces:
        if last is not None and (last.reason, last.named) == (piece.reason, piece.named):
            last = last._replace(span=Span(last.span.start, piece.span.end), last=piece.last)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


_TEXTS: Final = {
    Reason.OPEN: "within the hours of {weekdays}",
    Reason.OPEN_BY_SHIFT: "open by shift on {dates}",
    Reason.CLOSED_BY_SHIFT: "closed by shift on {dates}",
    Reason.PUBLIC_HOLIDAY: "public holiday: {named}",
    Reason.HOLIDAY_DATE: "holiday on {dates}",
    Reason.YEARLY_HOLIDAY: "yearly holiday on {dates}",
    Reason.CLOSED_WEEKDAY: "no hours on {weekdays}",
    Reason.OUTSIDE_HOURS: "outside the hours of {weekdays}",
}


def _text(piece: _Piece) -> str:
    template = _TEXTS[piece.reason]
    return template.format(weekdays=_weekdays(piece), dates=_dates(piece), named=piece.named)


def _weekdays(piece: _Piece) -> str:
    if (piece.last - piece.first).days >= len(_WEEKDAYS):
        return "any day"
    first, last = _WEEKDAYS[piece.first.weekday()], _WEEKDAYS[piece.last.weekday()]
    return _range(piece, first, last)


def _dates(piece: _Piece) -> str:
    return _range(piece, piece.first.isoformat(), piece.last.isoformat())


def _range(piece: _Piece, first: str, last: str) -> str:
    match (piece.last - piece.first).days:
        case 0:
            return first
        case 1:
            return f"{first} and {last}"
        case _:
            return f"{first} to {last}"


def _length(micros: Micros) -> str:
    """`1 h 15 min`: the parts that are not zero."""
    parts = []
    for unit, name in ((HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        count, micros = divmod(micros, unit)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts)
