"""Public holidays: their names, in the country's language, and which years are known."""

from datetime import date
from pathlib import Path

import pytest

from shared.documents.public_holidays import Country, holidays_of, years_known
from tests.documents.writing import calendar, catalogue

BERLIN, GERMANY, STATES = Country("DE", "BE"), Country("DE"), Country("US")


def test_a_holiday_has_the_name_that_its_country_gives_it() -> None:
    days = holidays_of((BERLIN,))(2026)
    assert days[date(2026, 4, 3)] == ("Karfreitag (DE-BE)",)
    assert days[date(2026, 3, 8)] == ("Frauentag (DE-BE)",)
    assert date(2026, 3, 8) not in holidays_of((GERMANY,))(2026)


def test_the_language_of_the_machine_changes_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en_US")
    assert holidays_of((GERMANY,))(2026)[date(2026, 12, 25)] == ("Erster Weihnachtstag (DE)",)


def test_a_day_that_two_countries_or_two_holidays_share_has_all_their_names() -> None:
    both = holidays_of((BERLIN, STATES))(2026)
    assert both[date(2026, 12, 25)] == ("Erster Weihnachtstag (DE-BE)", "Christmas Day (US)")
    assert both[date(2026, 7, 3)] == ("Independence Day (observed) (US)",)
    turkey = holidays_of((Country("TR"),))(2027)
    assert len(turkey[date(2027, 5, 19)]) == 2


def test_years_are_known_as_far_as_the_package_goes() -> None:
    assert years_known(GERMANY) == range(1991, 2101)
    assert years_known(Country("LK"))[-1] == 2026


def test_a_country_may_stand_beside_one_of_its_own_parts(tmp_path: Path) -> None:
    countries = "[{country: DE, subdivision: BY}, {country: DE}, {country: DE, subdivision: BE}]"
    text = calendar(
        f'{{timeZone: UTC, weekly: {{mon: ["09:00-17:00"]}}, holidays: {{countries: {countries}}}}}'
    )
    days = catalogue(tmp_path, text).calendars["office"].rules.country_holidays(2026)
    christmas = "Erster Weihnachtstag"
    assert days[date(2026, 12, 25)] == tuple(f"{christmas} ({c})" for c in ("DE", "DE-BE", "DE-BY"))
    assert days[date(2026, 3, 8)] == ("Frauentag (DE-BE)",)
