"""How leads live: from a form or a campaign through sales to the handover to customer service."""

from collections.abc import Mapping
from random import Random
from typing import Final

from services.cli.simulator.company import (
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
_LOST_TO: Final[Mapping[str, float]] = {"price": 4, "timing": 3, "competitor": 3}


def lead(random: Random, subject: str, site: Site, born: Instant) -> Life:
    """A lead worked in the hours of the site, over days."""
    life = _created(random, subject, site, born, chosen(random, LEAD_CHANNELS))
    life.wait(5, 0.8)
    life.tell("assigned", team=sales(site), owner=random.choice(OWNERS), actor="router")
    life.work(35 * _MINUTE, 1.0)
    life.tell("contacted", status="contacted", actor="agent")
    if life.happens(0.06):
        life.work(_HOUR)
        life.tell("assigned", owner=random.choice(OWNERS), actor="agent")
    life.work(4 * _HOUR, 0.9)
    if not life.happens(0.55):
        life.tell("rejected", status="rejected", actor="agent")
        return life
    life.tell("qualified", status="qualified", score=random.randint(50, 100), actor="agent")
    _sold(life)
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


def _sold(life: Life) -> None:
    """Accepted by sales or not, converted, won or lost; who is won is handed over."""
    life.work(2 * _HOUR)
    if not life.happens(0.85):
        life.tell("rejected", status="rejected", actor="agent")
        return
    life.tell("accepted", status="accepted", actor="agent")
    life.work(9 * _HOUR)
    life.tell("converted", status="opportunity", actor="agent")
    life.work(14 * _HOUR, 0.9)
    if not life.happens(0.4):
        life.tell("lost", status="lost", reason=chosen(life.random, _LOST_TO), actor="agent")
        return
    amount = round(life.random.lognormvariate(8.2, 0.8) / 10) * 10 + 0.5
    won = life.tell("won", status="won", amount=amount, actor="agent")
    if life.happens(0.06):
        life.work(_HOUR)
        life.tell(
            "won", at=won.time, replaces=won.id, status="won", amount=amount - 100, actor="agent"
        )
    life.work(3 * _HOUR, 1.0)
    life.tell("assigned", team=CUSTOMER_SUCCESS, status="onboarding", actor="router")
    life.work(5 * _HOUR, 1.0)
    life.tell("contacted", status="customer", actor="agent")
    if life.happens(0.3):
        life.work(30 * _HOUR)
        life.tell("rated", score=life.random.randint(1, 5), actor="customer")
    if life.happens(0.05):
        life.work(40 * _HOUR)
        life.tell("churned", status="churned", actor="customer")
