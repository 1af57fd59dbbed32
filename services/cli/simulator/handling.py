"""What may happen to a ticket on its way: changes, corrections, journeys, waiting, its ends."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from services.cli.simulator.company import (
    PROVIDER,
    SECOND_LINE,
    chosen,
    desk,
    other_site,
    some_customer,
)
from services.cli.simulator.life import Life

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_STARS: Final[Mapping[str, float]] = {"5": 48, "4": 30, "3": 11, "2": 5, "1": 6}
_NEIGHBOUR: Final[Mapping[str, str]] = {"p1": "p2", "p2": "p1", "p3": "p2", "p4": "p3"}
_MOVES: Final[Mapping[str, float]] = {"p1": 0.3, "p2": 0.22, "p3": 0.06, "p4": 0.04}


def work_on(life: Life, priority: str, median_s: float) -> None:
    """Somebody is on call for p1 round the clock; everything else waits for opening hours."""
    if priority == "p1":
        life.wait(median_s, 0.8)
    else:
        life.work(median_s, 0.85)


def mishaps(life: Life, priority: str) -> str:
    """Another priority or customer, a correction, a retraction; the priority that holds then."""
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
    if life.happens(0.02):
        life.work(10 * _MINUTE)
        customer = some_customer(life.random, life.site, str(life.facts[0].data["service"]))
        life.tell("customer_changed", customer=customer.name, actor="agent")
    return priority


def travels(life: Life, priority: str) -> None:
    """To the other site, the second line, the outside provider, and back."""
    home = life.site
    if life.happens(_MOVES[priority]):
        life.work(25 * _MINUTE)
        life.site = other_site(home)
        life.tell("assigned", site=life.site.name, team=desk(life.site), actor="agent")
        work_on(life, priority, 3 * _HOUR)
        if life.happens(0.5):
            life.tell("replied", actor="agent")
            return
        life.site = home
        life.tell("assigned", site=home.name, team=desk(home), actor="agent")
    if life.happens(0.2):
        life.work(15 * _MINUTE)
        life.tell("assigned", team=SECOND_LINE, actor="agent")
        life.work(95 * _MINUTE)
        if life.happens(0.5):
            _asks_the_provider(life)
        life.tell("assigned", team=desk(home), actor="agent")


def _asks_the_provider(life: Life) -> None:
    """Who helps on, and sometimes has to ask the customer first."""
    life.tell("assigned", team=PROVIDER, provider=PROVIDER, status="on-hold", actor="agent")
    life.wait(4 * _HOUR, 1.0)
    if life.happens(0.15):
        life.tell("status_changed", status="pending", actor="provider")
        life.wait(2 * _HOUR)
        life.tell("replied", status="on-hold", actor="customer")
        life.wait(_HOUR)
    life.tell("assigned", team=SECOND_LINE, provider=None, status="open", actor="provider")
    life.work(30 * _MINUTE)


def waits_for_the_customer(life: Life) -> None:
    """Questions to the customer, each answered at leisure and taken up again."""
    while life.happens(0.33):
        life.work(20 * _MINUTE)
        life.tell("status_changed", status="pending", actor="agent")
        life.wait(3 * _HOUR, 1.1)
        life.tell("replied", status="open", actor="customer")
        life.work(30 * _MINUTE)
        life.tell("replied", actor="agent")


def rated(life: Life) -> None:
    """The customer gives one to five stars, and now and then takes them back."""
    stars = life.tell("rated", score=int(chosen(life.random, _STARS)), actor="customer")
    if life.happens(0.02):
        life.wait(20 * _MINUTE)
        life.tell("retracted", replaces=stars.id, actor="customer")


def end(life: Life) -> None:
    """Solved, rated, reopened and solved again, paid for if it went wrong, closed."""
    life.tell("solved", actor="agent")
    if life.happens(0.3):
        life.wait(2 * _HOUR)
        rated(life)
    for chance in (0.06, 0.2):
        if not life.happens(chance):
            break
        life.wait(9 * _HOUR)
        life.tell("reopened", actor="customer")
        life.work(2 * _HOUR)
        life.tell("replied", actor="agent")
        life.work(_HOUR)
        life.tell("solved", actor="agent")
    if life.happens(0.02):
        life.work(5 * _HOUR)
        amount = 10 * round(life.random.lognormvariate(1.6, 0.6))
        life.tell("credited", amount=f"{amount}.00", currency=life.site.currency, actor="agent")
    life.wait(72 * _HOUR, 0.1)
    life.tell("closed", actor="system")
