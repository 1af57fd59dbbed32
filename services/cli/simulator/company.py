"""Who the example company is: its sites and their hours, customers, services, teams, campaigns.

Agreements about exactly this company are in `deploy/agreements`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from shared.domain.instant import HOUR, MINUTE, Instant, Micros, as_datetime, as_instant

_WEEKDAYS: Final = (1.3, 1.1, 1.0, 1.0, 0.8, 0.12, 0.08)
_HOURS: Final = (
    *(0.03, 0.02, 0.02, 0.02, 0.03, 0.06, 0.15, 0.4, 0.75, 0.95, 1.0, 0.9),
    *(0.6, 0.75, 0.9, 0.85, 0.7, 0.45, 0.25, 0.18, 0.13, 0.1, 0.07, 0.04),
)
_WORKING_DAYS: Final = 5
_CAMPAIGN_DAYS: Final = (1, 3)
_CAMPAIGN_HOUR: Final = 10


@dataclass(frozen=True, slots=True)
class Site:
    """An office: its zone and the local hours in which people work, Monday to Friday.

    `region` is where its customers are: a ticket may move to another site, its customer does not.
    """

    name: str
    region: str
    zone: str
    opens: time
    closes: time
    currency: str

    def later(self, instant: Instant, work: Micros) -> Instant:
        """The instant at which `work` microseconds of opening hours have passed since then."""
        zone = ZoneInfo(self.zone)
        day = as_datetime(instant).astimezone(zone).date()
        at, left = instant, work
        while True:
            if day.weekday() < _WORKING_DAYS:
                at = max(at, self._edge(day, self.opens))
                closes = self._edge(day, self.closes)
                if at + left < closes:
                    return at + left
                left -= max(0, closes - at)
            day += timedelta(days=1)

    def is_open(self, instant: Instant) -> bool:
        """Whether people are at work then."""
        return self.later(instant, 0) == instant

    def _edge(self, day: date, local: time) -> Instant:
        return as_instant(datetime.combine(day, local, ZoneInfo(self.zone)))

    def activity(self, instant: Instant) -> float:
        """How busy its customers are then, 0 to 1.3: by weekday and local hour."""
        local = as_datetime(instant).astimezone(ZoneInfo(self.zone))
        here, following = _HOURS[local.hour], _HOURS[(local.hour + 1) % 24]
        hourly = here + (following - here) * local.minute / 60
        return _WEEKDAYS[local.weekday()] * hourly

    def campaign(self, instant: Instant) -> tuple[str, Micros] | None:
        """The campaign sent on that local day and how long ago; None before it or without one."""
        local = as_datetime(instant).astimezone(ZoneInfo(self.zone))
        if local.weekday() not in _CAMPAIGN_DAYS:
            return None
        since = instant - self._edge(local.date(), time(_CAMPAIGN_HOUR))
        year, week, weekday = local.isocalendar()
        return (f"newsletter-{year}-{week:02d}-{weekday}", since) if since >= 0 else None


@dataclass(frozen=True, slots=True)
class Customer:
    """Someone the company has promised something to; `weight` is its share of the tickets."""

    name: str
    site: Site
    weight: int
    services: tuple[str, ...]


BERLIN: Final = Site("berlin", "emea", "Europe/Berlin", time(8), time(18), "EUR")
AUSTIN: Final = Site("austin", "americas", "America/Chicago", time(8), time(18), "USD")
SITES: Final = (BERLIN, AUSTIN)

CUSTOMERS: Final = (
    Customer("acme", BERLIN, 30, ("email", "hosting", "payments")),
    Customer("globex", AUSTIN, 25, ("hosting", "payments")),
    Customer("initech", AUSTIN, 15, ("email", "hosting")),
    Customer("hooli", AUSTIN, 12, ("email", "payments")),
    Customer("vandelay", BERLIN, 10, ("email", "payments")),
    Customer("northwind", BERLIN, 8, ("email", "hosting")),
)

PROVIDER: Final = "nordlink"
"""Runs the lines: the second line asks it for help."""
NIGHT_DESK: Final = "nightline"
"""An outside provider, too: the first line while a site is closed."""
SECOND_LINE: Final = "network"
CHAT_DESK: Final = "chat-desk"
CUSTOMER_SUCCESS: Final = "customer-success"

PRIORITIES: Final[Mapping[str, float]] = {"p1": 5, "p2": 17, "p3": 53, "p4": 25}
CHANNELS: Final[Mapping[str, float]] = {"email": 45, "portal": 35, "phone": 20}
LEAD_CHANNELS: Final[Mapping[str, float]] = {"web": 55, "referral": 25, "event": 20}
OWNERS: Final = ("ada", "bela", "chen", "dora", "emil", "fay")

INCIDENT_BEGAN: Final[Micros] = 110 * MINUTE
"""How long before `now` the payments incident began."""
WARM_UP: Final[Micros] = 10 * MINUTE
"""How long before `now` the live traffic began, so that it flows evenly from the first second."""
CAMPAIGN_LASTS: Final[Micros] = 5 * HOUR


def desk(site: Site) -> str:
    """The first-line team of a site."""
    return f"{site.name}-desk"


def other_site(site: Site) -> Site:
    """The site that helps out."""
    return AUSTIN if site is BERLIN else BERLIN


def sales(site: Site) -> str:
    """The sales team of a site."""
    return f"sales-{site.name}"


def chosen(random: Random, weights: Mapping[str, float]) -> str:
    """One of the names, by weight."""
    return random.choices(tuple(weights), tuple(weights.values()))[0]


def some_customer(random: Random, site: Site | None = None, service: str | None = None) -> Customer:
    """A customer by weight, of that site and with that service where they are given."""
    fitting = [
        own
        for own in CUSTOMERS
        if (site is None or own.site is site) and (service is None or service in own.services)
    ]
    return random.choices(fitting, [own.weight for own in fitting])[0]
