"""The whole company as one endless stream of records, in the order in which they are produced."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import Final

from services.cli.simulator.company import (
    AUSTIN,
    BERLIN,
    CAMPAIGN_LASTS,
    INCIDENT_BEGAN,
    SITES,
    WARM_UP,
    Site,
)
from services.cli.simulator.delivery import Noise, Record, deliver
from services.cli.simulator.leads import lead, web_lead
from services.cli.simulator.life import Life
from services.cli.simulator.tickets import chat, desk_ticket, incident_ticket
from shared.domain.instant import DAY, HOUR, SECOND, Instant

Tell = Callable[[Random, str, Site, Instant], Life]
Shape = Callable[[Instant], float]

HISTORY_DAYS: Final = 35
"""Days of history that the demo loads: the whole of any month before, and some more."""
_PEAK_ACTIVITY: Final = 1.3
_EVENTS_OF_A_CHAT: Final = 5.4
_EVENTS_OF_A_WEB_LEAD: Final = 3.9


@dataclass(frozen=True, slots=True)
class Simulation:
    """What to simulate: from `start` on, with an incident and live traffic around `now`.

    `volume` scales the everyday business; `live_rate` is in events a second from shortly before
    `now` on, on top of it. `tag` ends every item's name.
    """

    seed: int
    start: Instant
    now: Instant
    volume: float = 1.0
    live_rate: float = 10.0
    tag: str = ""
    noise: Noise = field(default_factory=Noise)


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """Items that come into being at random: at most `peak` an hour, thinned by `shape` (0 to 1)."""

    name: str
    tell: Tell
    sites: tuple[Site, ...]
    start: Instant
    peak: float
    shape: Shape
    prefix: str

    def lives(self, seed: int, tag: str) -> Iterator[tuple[Instant, Life]]:
        """Every item with the instant of its birth, without end."""
        random = Random(f"{seed} {self.name}")  # noqa: S311 - a simulation, no secret
        at = self.start
        if self.peak <= 0:
            return
        for number in count(1):
            at += round(random.expovariate(self.peak) * HOUR)
            while random.random() >= self.shape(at):
                at += round(random.expovariate(self.peak) * HOUR)
            own = Random(random.getrandbits(64))  # noqa: S311 - a simulation, no secret
            site = random.choice(self.sites)
            yield at, self.tell(own, f"{self.prefix}-{number}{tag}", site, at)


def simulate(simulation: Simulation) -> Iterator[Record]:
    """Every record from `start` on, without end, by the instant at which it is produced.

    Take those before `now` for the history; the rest is the live continuation, in which items
    that were open go on.
    """
    births = heapq.merge(
        *(own.lives(simulation.seed, simulation.tag) for own in _arrivals(simulation)),
        key=lambda born: born[0],
    )
    random = Random(f"{simulation.seed} delivery")  # noqa: S311 - a simulation, no secret
    waiting: list[tuple[Instant, int, Record]] = []
    number = count()
    for at, life in births:
        while waiting and waiting[0][0] <= at:
            yield heapq.heappop(waiting)[2]
        for fact in life.facts:
            for sent in deliver(random, fact, simulation.noise):
                heapq.heappush(waiting, (sent.at, next(number), sent))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _arrivals(simulation: Simulation) -> Iterator[_Arrivals]:
    everyday = partial(_Arrivals, start=simulation.start)
    for site, share in ((BERLIN, 1.0), (AUSTIN, 0.9)):
        volume = simulation.volume * share
        name, letter = site.name, site.name[0].upper()
        yield everyday(
            f"desk {name}",
            desk_ticket,
            (site,),
            peak=9.5 * volume,
            shape=partial(_desk_shape, site),
            prefix=f"T-{letter}",
        )
        yield everyday(
            f"leads {name}",
            lead,
            (site,),
            peak=26 * volume,
            shape=partial(_lead_shape, site),
            prefix=f"L-{letter}",
        )
    yield everyday(
        "chats", chat, SITES, peak=6.5 * simulation.volume, shape=_chat_shape, prefix="C"
    )
    yield from _around_now(simulation)


def _around_now(simulation: Simulation) -> Iterator[_Arrivals]:
    incident = simulation.now - INCIDENT_BEGAN
    yield _Arrivals(
        "incident",
        incident_ticket,
        SITES,
        start=incident,
        peak=420 * min(1.0, simulation.volume),
        shape=lambda at: 0.15 + 0.85 * 0.5 ** ((at - incident) / (40 * 60 * SECOND)),
        prefix="P",
    )
    an_hour = simulation.live_rate / 2 * 3600
    live = simulation.now - WARM_UP
    yield _Arrivals("live chats", chat, SITES, live, an_hour / _EVENTS_OF_A_CHAT, _always, "C-live")
    yield _Arrivals(
        "live leads", web_lead, SITES, live, an_hour / _EVENTS_OF_A_WEB_LEAD, _always, "W-live"
    )


def _desk_shape(site: Site, at: Instant) -> float:
    return site.activity(at) / _PEAK_ACTIVITY


def _lead_shape(site: Site, at: Instant) -> float:
    """Leads follow the customers' day, and come in a burst after a campaign."""
    sent = site.campaign(at)
    boost = 0.0
    if sent is not None and sent[1] < CAMPAIGN_LASTS:
        boost = 0.65 * 0.5 ** (sent[1] / HOUR)
    return min(1.0, _desk_shape(site, at) * 0.35 + boost)


def _chat_shape(at: Instant) -> float:
    """One chat for both sites: as busy as they are together."""
    return sum(_desk_shape(site, at) for site in SITES) / len(SITES)


def _always(_: Instant) -> float:
    return 1.0


def history_start(now: Instant, days: int = HISTORY_DAYS) -> Instant:
    """Where a history of that many days before `now` begins (a midnight in UTC)."""
    return (now - days * DAY) // DAY * DAY
