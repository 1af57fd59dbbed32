"""Warnings about holidays: years that nobody knows, dates that have run out, days written twice.

None of these is wrong: a calendar counts with the holidays that it has. It is worth a look before
a year begins with none.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import groupby
from zoneinfo import ZoneInfo

from shared.documents.calendar_fields import CalendarSpec
from shared.documents.loader import ListNode, MapNode, Node, ScalarNode
from shared.documents.problems import Problem
from shared.documents.public_holidays import PACKAGE_VERSION, Country, years_known
from shared.domain.agreement import Version
from shared.domain.instant import Instant, as_datetime


def coverage(
    calendars: Mapping[str, CalendarSpec], versions: Iterable[Version], today: date
) -> list[Problem]:
    """What to look at in the calendars that versions use, in the order of their places.

    The years that matter begin where the first of these versions does and end with the year after
    `today`, into which what runs today may reach. A calendar that no version uses has none.
    """
    found: list[Problem] = []
    by_name = sorted(versions, key=lambda version: version.calendar.name)
    for name, using in groupby(by_name, key=lambda version: version.calendar.name):
        if (spec := calendars.get(name)) is not None:
            first = min(_local_year(version.start, spec.time_zone) for version in using)
            found += _of_calendar(spec, range(first, max(first, today.year + 1) + 1), today)
    return sorted(found)


def _local_year(at: Instant, zone: str) -> int:
    return as_datetime(at).astimezone(ZoneInfo(zone)).year


def _of_calendar(spec: CalendarSpec, years: range, today: date) -> Iterator[Problem]:
    holidays = spec.node.members.get("holidays")
    if not isinstance(holidays, MapNode):
        return
    for field in ("dates", "yearly", "countries"):
        yield from _twice(field, _items(holidays, field))
    for node in _items(holidays, "countries"):
        yield from _unknown_years(node, years)
    yield from _run_out(spec, holidays, today)


def _items(holidays: MapNode, field: str) -> tuple[Node, ...]:
    written = holidays.members.get(field)
    return written.items if isinstance(written, ListNode) else ()


def _twice(field: str, items: tuple[Node, ...]) -> Iterator[Problem]:
    seen: dict[str, Node] = {}
    for node in items:
        text = str(_country(node)) if isinstance(node, MapNode) else _text(node)
        first = seen.setdefault(text, node)
        if first is not node:
            message = f"{field}: {text} is already in line {first.place.line}; was another meant?"
            yield Problem(node.place, message)


def _unknown_years(node: Node, years: range) -> Iterator[Problem]:
    country = _country(node)
    known = years_known(country)
    missing = [year for year in years if year not in known]
    if missing:
        which = f"{missing[0]}" if len(missing) == 1 else f"{missing[0]} to {missing[-1]}"
        if missing[0] in range(known.start) and missing[-1] >= known.stop:
            which = f"years before {known.start} and after {known.stop - 1}"
        message = (
            f"countries: no holidays of {country} are known for {which}, so none is closed then;"
            f" the package holidays {PACKAGE_VERSION} knows {known.start} to {known.stop - 1},"
            " write others under dates"
        )
        yield Problem(node.place, message)


def _run_out(spec: CalendarSpec, holidays: MapNode, today: date) -> Iterator[Problem]:
    """Single dates are the only holidays, and all of them lie in years that are over."""
    others = spec.holidays.yearly or spec.holidays.countries
    last = max(spec.holidays.dates, default=date.max)
    if not others and last.year < today.year:
        message = f"dates: the last holiday is {last}; none is known from {last.year + 1} on"
        yield Problem(holidays.keys["dates"], message)


def _country(node: Node) -> Country:
    members = node.members if isinstance(node, MapNode) else {}
    subdivision = members.get("subdivision")
    code = _text(members["country"])
    return Country(code, None if subdivision is None else _text(subdivision))


def _text(node: Node) -> str:
    return str(node.value) if isinstance(node, ScalarNode) else ""
