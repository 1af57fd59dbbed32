"""How tickets live: at the desks, in the chat, and in an incident that is still going on."""

import math
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Final

from services.cli.simulator.company import (
    CHANNELS,
    CHAT_DESK,
    PRIORITIES,
    PROVIDER,
    SECOND_LINE,
    Site,
    chosen,
    desk,
    some_customer,
)
from services.cli.simulator.life import Life
from shared.domain.instant import Instant

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_FIRST_RESPONSE: Final[Mapping[str, float]] = {
    "p1": 16 * _MINUTE,
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
_STARS: Final[Mapping[str, float]] = {"5": 45, "4": 28, "3": 13, "2": 6, "1": 8}
_NEIGHBOUR: Final[Mapping[str, str]] = {"p1": "p2", "p2": "p1", "p3": "p2", "p4": "p3"}
_TIDE: Final = 240.0
"""Seconds from one rush in the chat to the next."""


def desk_ticket(random: Random, subject: str, site: Site, born: Instant) -> Life:
    """A ticket by mail, portal or phone, answered in the hours of the site (p1: at any hour)."""
    customer = some_customer(random, site)
    priority = chosen(random, PRIORITIES)
    life = Life(random, "ticket", subject, "/helpdesk", site, born)
    life.tell(
        "created",
        customer=customer.name,
        service=random.choice(customer.services),
        site=site.name,
        channel=chosen(random, CHANNELS),
        priority=priority,
        status="new",
        actor="customer",
    )
    life.wait(90)
    life.tell("assigned", team=desk(site), status="open", actor="router")
    _passes(life, priority, _FIRST_RESPONSE[priority])
    life.tell("replied", actor="agent")
    if life.happens(0.03):
        life.wait(600)
        life.tell("merged", into=f"{subject}-m", actor="agent")
        return life
    priority = _mishaps(life, priority)
    _to_and_fro(life)
    _passes(life, priority, _RESOLUTION[priority])
    _ends(life)
    return life


def _passes(life: Life, priority: str, median_s: float) -> None:
    """Somebody is on call for p1 round the clock; everything else waits for opening hours."""
    if priority == "p1":
        life.wait(median_s, 0.8)
    else:
        life.work(median_s, 0.85)


def _mishaps(life: Life, priority: str) -> str:
    """Another priority, a correction or a retraction; the priority that holds afterwards."""
    if life.happens(0.08):
        life.work(20 * _MINUTE)
        other = _NEIGHBOUR[priority]
        changed = life.tell("priority_changed", priority=other, actor="agent")
        if life.happens(0.2):
            life.wait(300)
            life.tell("retracted", replaces=changed.id, actor="agent")
        else:
            priority = other
    if life.happens(0.015):
        first = life.facts[0]
        life.wait(900)
        told = {**first.data, "channel": "phone"}
        life.facts.append(
            replace(first, id=f"{first.id}-again", replaces=first.id, sent=life.at, data=told)
        )
    return priority


def _to_and_fro(life: Life) -> None:
    """Second line, the outside provider, questions to the customer: each takes its time."""
    home = desk(life.site)
    if life.happens(0.12):
        life.work(15 * _MINUTE)
        life.tell("assigned", team=SECOND_LINE, actor="agent")
        life.work(110 * _MINUTE)
        life.tell("assigned", team=home, actor="agent")
    if life.happens(0.1):
        life.work(20 * _MINUTE)
        life.tell("assigned", team=PROVIDER, provider=PROVIDER, status="on-hold", actor="agent")
        life.wait(7 * _HOUR, 1.0)
        life.tell("assigned", team=home, provider=None, status="open", actor="provider")
    while life.happens(0.35):
        life.work(20 * _MINUTE)
        life.tell("status_changed", status="pending", actor="agent")
        life.wait(3 * _HOUR, 1.1)
        life.tell("replied", status="open", actor="customer")
        life.work(30 * _MINUTE)
        life.tell("replied", actor="agent")


def _ends(life: Life) -> None:
    life.tell("solved", actor="agent")
    if life.happens(0.3):
        life.wait(2 * _HOUR)
        life.tell("rated", score=int(chosen(life.random, _STARS)), actor="customer")
    if life.happens(0.06):
        life.wait(9 * _HOUR)
        life.tell("reopened", actor="customer")
        life.work(2 * _HOUR)
        life.tell("replied", actor="agent")
        life.work(_HOUR)
        life.tell("solved", actor="agent")
    life.wait(72 * _HOUR, 0.1)
    life.tell("closed", actor="system")


def chat(random: Random, subject: str, site: Site, born: Instant) -> Life:
    """A chat: answered within seconds, over in minutes; slower in every rush."""
    customer = some_customer(random, site)
    life = Life(random, "ticket", subject, "/chat", site, born)
    rush = 1 + 0.6 * math.sin(2 * math.pi * born / 1e6 / _TIDE)
    life.tell(
        "created",
        customer=customer.name,
        service=random.choice(customer.services),
        site=site.name,
        channel="chat",
        priority="p3",
        status="new",
        actor="customer",
    )
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
        life.tell("rated", score=int(chosen(random, _STARS)), actor="customer")
    return life


def incident_ticket(random: Random, subject: str, site: Site, born: Instant) -> Life:
    """Payments are down: urgent tickets, too few hands; many answers come late or not at all."""
    customer = some_customer(random, site, "payments")
    priority = chosen(random, {"p1": 35, "p2": 65})
    life = Life(random, "ticket", subject, "/helpdesk", site, born)
    life.tell(
        "created",
        customer=customer.name,
        service="payments",
        site=site.name,
        channel=chosen(random, CHANNELS),
        priority=priority,
        status="new",
        actor="customer",
    )
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
    _ends(life)
    return life
