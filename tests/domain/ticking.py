"""A ticket that is solved within an hour or is not, and its one clock."""

from collections.abc import Iterable
from dataclasses import replace

from shared.domain.agreement import Reopen, Target
from shared.domain.business_calendar import ALWAYS, BusinessCalendar
from shared.domain.clock_reading import ClockReading
from shared.domain.event import Event
from shared.domain.item import Item
from shared.domain.matcher import Milestone
from tests.domain.building import (
    ANSWER,
    a_calendar,
    an_objective,
    at,
    only,
    promising,
)
from tests.domain.stories import item_of, ticket

OFFICE = a_calendar({"mon-fri": "09:00-17:00"})
START = at("09:00")
KPI = replace(
    ANSWER,
    stop=(Milestone("ticket.solved"),),
    pause=(only("status", "pending"),),
    reopen=Reopen.CONTINUE,
)


def an_item(
    events: Iterable[Event], target: Target | None = None, calendar: BusinessCalendar = ALWAYS
) -> Item:
    return item_of(promising(an_objective(kpi=KPI, target=target), calendar=calendar), events)


def reading(item: Item, now: int) -> ClockReading:
    (found,) = item.clocks(now=now)
    return found


def told(*events: str, now: str, target: Target | None = None) -> ClockReading:
    return reading(an_item(ticket(*events), target), at(now))
