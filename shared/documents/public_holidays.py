"""Public holidays of countries, from the `holidays` package: a pure function of the year."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.metadata import version
from types import MappingProxyType
from typing import Final

import holidays

from shared.documents.problems import did_you_mean
from shared.domain.business_calendar import HolidayNames

PACKAGE_VERSION: Final = version("holidays")


@dataclass(frozen=True, slots=True, order=True)
class Country:
    """A country and perhaps one of its subdivisions, by their codes."""

    code: str
    subdivision: str | None = None

    def __str__(self) -> str:
        """`DE`, or `DE-BE` with a subdivision."""
        return self.code if self.subdivision is None else f"{self.code}-{self.subdivision}"


def supported() -> dict[str, list[str]]:
    """The countries with their subdivisions."""
    return holidays.list_supported_countries()


def unknown_country(code: str) -> str | None:
    """The message for a code that the package does not know."""
    known = supported()
    if code in known:
        return None
    return f'unknown country "{code}"{did_you_mean(code, known) or "; use its code, like DE"}'


def unknown_subdivision(country: str, subdivision: str) -> str | None:
    """The message for a subdivision that the country does not have."""
    known = supported()[country]
    if subdivision in known:
        return None
    hint = did_you_mean(subdivision, known) or f"; known: {', '.join(known) or 'none'}"
    return f'unknown subdivision "{subdivision}" of {country}{hint}'


def holidays_of(countries: tuple[Country, ...]) -> Callable[[int], HolidayNames]:
    """The public holidays of all these countries in a year, observed days included.

    Names are in the country's own language, whatever that of the machine.
    """

    @lru_cache(maxsize=256)
    def in_year(year: int) -> HolidayNames:
        found: dict[date, tuple[str, ...]] = {}
        for country in countries:
            known = holidays.country_holidays(
                country.code,
                subdiv=country.subdivision,
                years=year,
                observed=True,
                language=_entity(country.code).default_language,
            )
            for day in known:
                names = (f"{name} ({country})" for name in known.get_list(day))
                found[day] = (*found.get(day, ()), *names)
        return MappingProxyType(found)

    return in_year


def years_known(country: Country) -> range:
    """The years of which the package knows the country's holidays."""
    entity = _entity(country.code)
    return range(entity.start_year, entity.end_year + 1)


def _entity(code: str) -> type[holidays.HolidayBase]:
    entity: type[holidays.HolidayBase] = getattr(holidays, code)
    return entity
