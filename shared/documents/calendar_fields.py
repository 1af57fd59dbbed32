"""The fields of a Calendar document and their checks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, date
from typing import Final

from shared.documents import notation
from shared.documents.fields import Field, ListOf, MapOf, Record
from shared.documents.loader import MapNode, Node
from shared.documents.problems import Problem, refused
from shared.documents.public_holidays import Country, unknown_country, unknown_subdivision
from shared.documents.reader import wrong
from shared.documents.values import TEXT, ZONE, Text
from shared.domain.business_calendar import BusinessCalendar, CalendarRules, LocalInterval

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class HolidaySpec:
    """Closed days."""

    dates: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    countries: tuple[Country, ...] = ()


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """A Calendar document."""

    node: MapNode
    time_zone: str
    weekly: Mapping[str, tuple[LocalInterval, ...]] = field(default_factory=dict)
    holidays: HolidaySpec = HolidaySpec()
    shifts: Mapping[str, tuple[LocalInterval, ...]] = field(default_factory=dict)


def _holidays(
    _node: MapNode,
    dates: tuple[date, ...] = (),
    yearly: tuple[tuple[int, int], ...] = (),
    countries: tuple[Country, ...] = (),
) -> HolidaySpec:
    in_order = tuple(sorted(set(countries), key=str))
    return HolidaySpec(frozenset(dates), frozenset(yearly), in_order)


def _country(node: MapNode, country: str, subdivision: str | None = None) -> Country:
    if message := unknown_country(country):
        raise refused(node.members["country"].place, message)
    if subdivision is not None and (message := unknown_subdivision(country, subdivision)):
        raise refused(node.members["subdivision"].place, message)
    return Country(country, subdivision)


def _no_open_time(spec: CalendarSpec) -> Iterator[Problem]:
    every_day_a_holiday = len(spec.holidays.yearly) == 366  # noqa: PLR2004 - days of a leap year
    weekly_open = any(spec.weekly.values()) and not every_day_a_holiday
    if not weekly_open and not _opens_on_a_shift(spec):
        place = spec.node.keys.get("weekly", spec.node.place)
        example = 'weekly: {mon: ["09:00-17:00"]}'
        yield Problem(place, f"the calendar has no open time; write for example {example}")


def _opens_on_a_shift(spec: CalendarSpec) -> bool:
    """Whether a shift has open time: its hours, or its date, may be left out by the zone."""
    written = ((date.fromisoformat(day), hours) for day, hours in spec.shifts.items())
    shifts = {day: hours for day, hours in written if hours and day.year < MAXYEAR}
    closed = ((),) * len(WEEKDAYS)
    calendar = BusinessCalendar(CalendarRules("", spec.time_zone, closed, shifts=shifts))
    return any(map(calendar.on, shifts))


class _Intervals(ListOf[LocalInterval]):
    """The open intervals of a day; they do not overlap."""

    def read(self, node: Node) -> tuple[LocalInterval, ...]:
        intervals = super().read(node)
        if message := notation.overlap(intervals):
            raise wrong(node, message)
        return tuple(sorted(intervals))


def _weekday(text: str) -> str:
    if text not in WEEKDAYS:
        message = f'"{text}" is not a day of the week; they are {", ".join(WEEKDAYS)}'
        raise ValueError(message)
    return text


_DATE = Text(notation.local_date, {"format": "date"})
_YEARLY = Text(notation.month_and_day, {"pattern": r"^\d\d-\d\d$"})
_INTERVALS = _Intervals(
    Text(notation.interval, {"pattern": f"^{notation.INTERVAL}$"}), example='["09:00-17:00"]'
)

_COUNTRY = Record(
    "a country",
    _country,
    {
        "country": Field(TEXT, "its ISO 3166 code, like DE", required=True),
        "subdivision": Field(TEXT, "the code of a state or region, like BE"),
    },
    example="{country: DE, subdivision: BE}",
)
_HOLIDAYS = Record(
    "holidays",
    _holidays,
    {
        "dates": Field(ListOf(_DATE, example='["2026-04-03"]'), "closed local days"),
        "yearly": Field(ListOf(_YEARLY, example='["12-25"]'), "closed every year (month-day)"),
        "countries": Field(
            ListOf(_COUNTRY, example="[{country: DE, subdivision: BE}]"), "public holidays"
        ),
    },
)
CALENDAR = Record(
    "a calendar",
    CalendarSpec,
    {
        "timeZone": Field(ZONE, "the IANA time zone of all its times", required=True),
        "weekly": Field(
            MapOf(Text(_weekday, {"enum": list(WEEKDAYS)}), _INTERVALS, example="mon: [...]"),
            "open intervals of each day of the week; a day left out is closed",
        ),
        "holidays": Field(_HOLIDAYS, "days that are closed"),
        "shifts": Field(
            MapOf(_DATE, _INTERVALS, example='"2026-12-24": ["09:00-12:00"]'),
            "dates with intervals of their own, instead of the weekly ones and of a holiday",
        ),
    },
    check=_no_open_time,
)
