"""Warnings about holidays: each is given where it should be, and nothing else is warned of."""

from datetime import date
from pathlib import Path

from shared.documents.calendar_fields import CALENDAR, CalendarSpec
from shared.documents.coverage import coverage
from shared.documents.loader import MapNode, parse
from shared.domain.agreement import Version
from tests.documents.writing import OFFICE, RESPONSE, calendar, catalogue, first_response, promising

TODAY = date(2026, 3, 2)


def versions(folder: Path, *since: str, zone: str = "Europe/Berlin") -> list[Version]:
    """Versions of agreements that use the calendar `office`, by their beginnings."""
    folder.mkdir(exist_ok=True)
    office = OFFICE.replace("Europe/Berlin", zone)
    more = 'calendar: office\nprecedence: {}\neffective: {{from: "{}"}}\n'
    agreements = [
        promising(first_response(), name=f"a-{number}", more=more.format(number, start))
        for number, start in enumerate(since)
    ]
    found = catalogue(folder, office, RESPONSE, *agreements)
    return [one for agreement in found.agreements.values() for one in agreement.versions]


def spec(holidays: str, zone: str = "Europe/Berlin") -> CalendarSpec:
    """A calendar whose holidays stand on the sixth line."""
    week = f'timeZone: {zone}\nweekly: {{mon: ["09:00-17:00"]}}'
    nodes, problems = parse(calendar(f"{week}\nholidays: {holidays}"), "c.yaml")
    assert problems == []
    written = nodes[0]
    assert isinstance(written, MapNode)
    return CALENDAR.read(written.members["spec"])


def warnings(
    folder: Path,
    holidays: str,
    *since: str,
    today: date = TODAY,
    zone: str = "Europe/Berlin",
) -> list[str]:
    using = versions(folder / "v", *(since or ("2026-01-01T00:00:00Z",)), zone=zone)
    found = coverage({"office": spec(holidays, zone)}, using, today)
    assert {problem.place.file for problem in found} <= {"c.yaml"}
    return [f"{problem.place.line}: {problem.message}" for problem in found]


def test_years_that_the_package_does_not_know_are_warned_of(tmp_path: Path) -> None:
    (warning,) = warnings(tmp_path, "{countries: [{country: LK}]}")
    assert warning.startswith(
        "7: countries: no holidays of LK are known for 2027, so none is closed"
    )
    assert "knows 2003 to 2026" in warning
    (before,) = warnings(tmp_path, "{countries: [{country: LK}]}", "2001-06-01T00:00:00Z")
    assert "for years before 2003 and after 2026," in before
    (early,) = warnings(tmp_path, "{countries: [{country: DE}]}", "1989-06-01T00:00:00Z")
    assert "of DE are known for 1989 to 1990," in early


def test_years_that_it_knows_are_not(tmp_path: Path) -> None:
    known = "{countries: [{country: DE, subdivision: BE}, {country: DE, subdivision: BY}]}"
    assert warnings(tmp_path, known, "1991-01-01T00:00:00Z") == []
    assert warnings(tmp_path, "{countries: [{country: LK}]}", today=date(2025, 12, 31)) == []
    (warning,) = warnings(tmp_path, "{countries: [{country: LK}]}", today=date(2026, 1, 1))
    assert "for 2027," in warning


def test_the_first_year_is_the_local_one_of_the_first_version_that_uses_the_calendar(
    tmp_path: Path,
) -> None:
    germany = "{countries: [{country: DE}]}"
    assert warnings(tmp_path, germany, "1990-12-31T23:00:00Z", "2020-01-01T00:00:00Z") == []
    assert len(warnings(tmp_path, germany, "1990-12-31T22:59:59Z", "2020-01-01T00:00:00Z")) == 1
    assert len(warnings(tmp_path, germany, "2020-01-01T00:00:00Z", "1990-12-31T22:59:59Z")) == 1
    assert len(warnings(tmp_path, germany, "1990-12-31T23:00:00Z", zone="UTC")) == 1


def test_a_version_that_begins_later_counts_with_its_own_year(tmp_path: Path) -> None:
    (warning,) = warnings(tmp_path, "{countries: [{country: LK}]}", "2030-06-01T00:00:00Z")
    assert "for 2030," in warning


def test_a_calendar_that_no_version_uses_is_not_warned_of(tmp_path: Path) -> None:
    holidays = spec("{countries: [{country: LK}]}")
    using = versions(tmp_path / "v", "2026-01-01T00:00:00Z")
    assert coverage({"other": holidays}, using, TODAY) == []
    assert coverage({"office": holidays}, [], TODAY) == []


def test_a_holiday_written_twice_is_warned_of_at_the_second(tmp_path: Path) -> None:
    text = (
        "\n  dates:\n  - 2026-04-03\n  - 2026-05-01\n  - 2026-04-03\n"
        '  yearly: ["12-25", "12-25"]\n'
        "  countries: [{country: DE, subdivision: BE}, {country: DE}, {country: DE}]"
    )
    assert warnings(tmp_path, text) == [
        "11: dates: 2026-04-03 is already in line 9; was another meant?",
        "12: yearly: 12-25 is already in line 12; was another meant?",
        "13: countries: DE is already in line 13; was another meant?",
    ]


def test_single_dates_that_are_over_are_warned_of_where_nothing_else_closes(
    tmp_path: Path,
) -> None:
    past = "dates: [2024-12-25, 2025-04-18]"
    assert warnings(tmp_path, f"{{{past}}}") == [
        "7: dates: the last holiday is 2025-04-18; none is known from 2026 on"
    ]
    assert warnings(tmp_path, f"{{{past}}}", today=date(2025, 12, 31)) == []
    assert warnings(tmp_path, f'{{{past}, yearly: ["12-25"]}}') == []
    assert warnings(tmp_path, f"{{{past}, countries: [{{country: DE}}]}}") == []
    assert warnings(tmp_path, "{dates: [2026-01-01]}") == []
    assert warnings(tmp_path, "{dates: []}") == []


def test_a_calendar_without_holidays_is_not_warned_of(tmp_path: Path) -> None:
    using = versions(tmp_path / "v", "2026-01-01T00:00:00Z")
    nodes, _ = parse(OFFICE, "c.yaml")
    assert isinstance(nodes[0], MapNode)
    office = CALENDAR.read(nodes[0].members["spec"])
    assert coverage({"office": office}, using, TODAY) == []
