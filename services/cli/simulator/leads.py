"""How leads live: from a form or a campaign through sales to a customer who stays or leaves."""

from collections.abc import Mapping
from random import Random
from typing import Final

from services.cli.simulator.company import (
    AUSTIN,
    CAMPAIGN_LASTS,
    CUSTOMER_SUCCESS,
    LEAD_CHANNELS,
    OWNERS,
    Site,
    chosen,
    sales,
)
from services.cli.simulator.life import Life
from shared.domain.instant import Instant

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
_TRIAL_S: Final = 14 * _DAY
_LOST_TO: Final[Mapping[str, float]] = {"price": 4, "timing": 3, "competitor": 3}
_DISCOUNTS: Final[Mapping[str, float]] = {"0": 30, "5": 20, "10": 22, "15": 14, "20": 9, "30": 5}


def lead(random: Random, subject: str, site: Site, born: Instant) -> Life:
    """A lead worked in the hours of the site, over days; who fills in a form is called at once."""
    life = _created(random, subject, site, born, chosen(random, LEAD_CHANNELS))
    life.wait(5, 0.8)
    life.tell("assigned", team=sales(site), owner=random.choice(OWNERS), actor="router")
    online = life.facts[0].data["channel"] == "web" and site.is_open(born)
    if online:
        life.wait(35, 0.9)
    else:
        life.work(28 * _MINUTE, 1.0)
    first = life.tell("contacted", status="contacted", actor="agent")
    if life.happens(0.015):
        life.work(10 * _MINUTE)
        life.tell("retracted", replaces=first.id, reason="wrong number", actor="agent")
        life.tell("contacted", status="contacted", actor="agent")
    if life.happens(0.06):
        life.work(_HOUR)
        life.tell("assigned", owner=random.choice(OWNERS), actor="agent")
    _touched(life, 0.45, 4 * _HOUR)
    life.work(3 * _HOUR, 0.9)
    if not life.happens(0.55):
        life.tell("rejected", status="rejected", actor="agent")
        return life
    life.tell("qualified", status="qualified", score=random.randint(50, 100), actor="agent")
    _taken_up(life)
    return life


def web_lead(random: Random, subject: str, site: Site, born: Instant) -> Life:
    """A lead from the shop's own form: routed within seconds, called within the minute."""
    life = _created(random, subject, site, born, "web")
    life.wait(3, 0.7)
    life.tell("assigned", team=sales(site), owner=random.choice(OWNERS), actor="router")
    life.wait(35, 0.9)
    life.tell("contacted", status="contacted", actor="agent")
    life.wait(50)
    if life.happens(0.45):
        life.tell("qualified", status="qualified", score=random.randint(40, 100), actor="agent")
        life.wait(60)
        life.tell("accepted", actor="agent")
    return life


def _created(random: Random, subject: str, site: Site, born: Instant, channel: str) -> Life:
    life = Life(random, "lead", subject, "/crm", site, born, numbered=True)
    created = life.tell(
        "created",
        site=site.name,
        channel=channel,
        status="new",
        score=random.randint(0, 60),
        currency=site.currency,
        actor="visitor",
    )
    sent = site.campaign(born)
    if sent is not None and sent[1] < CAMPAIGN_LASTS and life.happens(0.75):
        created.data.update(channel="campaign", campaign=sent[0])
    return life


def _touched(life: Life, chance: float, median_s: float) -> None:
    """Called again, and again."""
    while life.happens(chance):
        life.work(median_s)
        life.tell("contacted", actor="agent")


def _taken_up(life: Life) -> None:
    """Accepted by sales or not; an opportunity or not; won or lost."""
    life.work(2 * _HOUR)
    if not life.happens(0.85):
        life.tell("rejected", status="rejected", actor="agent")
        return
    life.tell("accepted", status="accepted", actor="agent")
    _touched(life, 0.55, 5 * _HOUR)
    life.work(9 * _HOUR)
    if life.happens(0.4):
        life.tell("converted", status="opportunity", actor="agent")
        _touched(life, 0.5, 7 * _HOUR)
        life.work(10 * _HOUR, 0.9)
        if life.happens(0.18):
            _won(life)
            return
    life.tell("lost", status="lost", reason=chosen(life.random, _LOST_TO), actor="agent")


def _won(life: Life) -> None:
    """A deal; sometimes its amount was typed wrongly. The new customer is handed over."""
    amount = round(life.random.lognormvariate(8.2, 0.8) / 10) * 10 + 0.5
    discount = int(chosen(life.random, _DISCOUNTS))
    won = life.tell(
        "won",
        status="won",
        amount=_as_written(amount, life.site),
        currency=life.site.currency,
        discount=discount,
        actor="agent",
    )
    if life.happens(0.06):
        life.work(_HOUR)
        corrected = {**won.data, "amount": _as_written(amount - 100, life.site)}
        life.tell("won", at=won.time, replaces=won.id, **corrected)
    life.work(3 * _HOUR, 1.0)
    life.tell("assigned", team=CUSTOMER_SUCCESS, status="onboarding", actor="router")
    life.work(5 * _HOUR, 1.0)
    life.tell("contacted", status="customer", actor="agent")
    if life.happens(0.4):
        life.work(20 * _HOUR)
        life.tell("rated", score=life.random.choice((3, 4, 4, 5, 5, 5)), actor="customer")
    _stays_or_leaves(life)


def _as_written(amount: float, site: Site) -> float | str:
    """The two offices export money differently: a number, and a text with two decimals."""
    return f"{amount:.2f}" if site is AUSTIN else amount


def _stays_or_leaves(life: Life) -> None:
    """A customer leaves during the trial, or renews at its end, or does neither."""
    if life.happens(0.1):
        life.wait(5 * _DAY)
        life.tell("churned", status="churned", actor="customer")
        return
    life.wait(_TRIAL_S, 0.08)
    if life.happens(0.88):
        life.tell("renewed", status="renewed", actor="customer")
