"""How tickets come: to the desks, at night, in the chat, and in an incident that still goes on."""

import math
from collections.abc import Mapping
from random import Random
from typing import Final

from services.cli.simulator.company import (
    CHANNELS,
    CHAT_DESK,
    NIGHT_DESK,
    PRIORITIES,
    PROVIDER,
    SECOND_LINE,
    Customer,
    Site,
    chosen,
    desk,
    some_customer,
)
from services.cli.simulator.handling import (
    end,
    mishaps,
    rated,
    travels,
    waits_for_the_customer,
    work_on,
)
from services.cli.simulator.life import Life
from shared.domain.instant import Instant

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_FIRST_RESPONSE: Final[Mapping[str, float]] = {
    "p1": 9 * _MINUTE,
    "p2": 35 * _MINUTE,
    "p3": 95 * _MINUTE,
    "p4": 180 * _MINUTE,
}
_RESOLUTION: Final[Mapping[str, float]] = {
    "p1": 1.2 * _HOUR,
    "p2": 2.6 * _HOUR,
    "p3": 7 * _HOUR,
    "p4": 12 * _HOUR,
}
_TIDE: Final = 240.0
"""Seconds from one rush in the chat to the next."""


def desk_ticket(random: Random, subject: str, site: Site, born: Instant) -> Life:
    """A ticket by mail, portal or phone: for the desk, or the night desk while that is closed."""
    customer = some_customer(random, site)
    priority = chosen(random, PRIORITIES)
    service = random.choice(customer.services)
    life = _created(random, subject, site, born, customer, service, priority)
    life.wait(90)
    if not site.is_open(born) and _is_solved_at_night(life):
        end(life)
        return life
    life.tell("assigned", team=desk(site), provider=None, status="open", actor="router")
    work_on(life, priority, _FIRST_RESPONSE[priority])
    life.tell("replied", actor="agent")
    if life.happens(0.03):
        life.wait(600)
        life.tell("merged", into=f"{subject}-m", actor="agent")
        return life
    priority = mishaps(life, priority)
    travels(life, priority)
    waits_for_the_customer(life)
    work_on(life, priority, _RESOLUTION[priority])
    end(life)
    return life


def _is_solved_at_night(life: Life) -> bool:
    """The night desk answers and solves what it can; the rest waits for the desk."""
    life.tell("assigned", team=NIGHT_DESK, provider=NIGHT_DESK, status="open", actor="router")
    life.wait(65 * _MINUTE, 1.0)
    life.tell("replied", actor="agent")
    life.wait(45 * _MINUTE)
    if life.happens(0.45):
        return True
    life.work(5 * _MINUTE)
    return False


def chat(random: Random, subject: str, site: Site, born: Instant) -> Life:
    """A chat: answered within seconds, over in minutes; slower in every rush."""
    customer = some_customer(random, site)
    rush = 1 + 0.6 * math.sin(2 * math.pi * born / 1e6 / _TIDE)
    service = random.choice(customer.services)
    life = _created(random, subject, site, born, customer, service, "p3", channel="chat")
    life.wait(1.5)
    life.tell("assigned", team=CHAT_DESK, status="open", actor="router")
    life.wait(9 * rush, 0.6)
    life.tell("replied", actor="agent")
    while life.happens(0.4):
        life.wait(25)
        life.tell("replied", actor="customer")
        life.wait(15)
        life.tell("replied", actor="agent")
    if life.happens(0.05):
        life.wait(20)
        life.tell("assigned", team=SECOND_LINE, priority="p2", actor="agent")
        life.wait(400)
    life.wait(45)
    life.tell("solved", actor="agent")
    if life.happens(0.4):
        life.wait(20)
        rated(life)
    return life


def incident_ticket(random: Random, subject: str, site: Site, born: Instant) -> Life:
    """Payments are down: urgent tickets, too few hands; many answers come late or not at all."""
    customer = some_customer(random, site, "payments")
    priority = chosen(random, {"p1": 35, "p2": 65})
    life = _created(random, subject, site, born, customer, "payments", priority)
    life.wait(40)
    life.tell("assigned", team=desk(site), status="open", actor="router")
    life.wait((18 if priority == "p1" else 40) * _MINUTE, 0.7)
    life.tell("replied", actor="agent")
    if life.happens(0.25):
        life.wait(5 * _MINUTE)
        life.tell("assigned", team=PROVIDER, provider=PROVIDER, status="on-hold", actor="agent")
        life.wait(50 * _MINUTE)
        life.tell("assigned", team=desk(site), provider=None, status="open", actor="provider")
    if priority == "p2" and life.happens(0.15):
        life.wait(3 * _MINUTE)
        life.tell("priority_changed", priority="p1", actor="agent")
    life.wait(50 * _MINUTE, 0.7)
    end(life)
    return life


def _created(
    random: Random,
    subject: str,
    site: Site,
    born: Instant,
    customer: Customer,
    service: str,
    priority: str,
    *,
    channel: str | None = None,
) -> Life:
    source = "/chat" if channel == "chat" else "/helpdesk"
    life = Life(random, "ticket", subject, source, site, born)
    life.tell(
        "created",
        customer=customer.name,
        service=service,
        region=site.region,
        site=site.name,
        channel=channel or chosen(random, CHANNELS),
        priority=priority,
        status="new",
        actor="customer",
    )
    return life
