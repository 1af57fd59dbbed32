"""Questions about states, each a second, held against a bare handler of FastAPI.

The pipeline runs: a ticket of each of a thousand teams is open, some are over their target, and
ten more a second go on coming while it is asked, so that states change. The same client asks both
servers in turn, over as many connections, one question after the answer to the one before; each
question is about another `sla_id`. The median of the rounds counts.

Questions: one state with its explanation (`one`), one by the filter of the list (`filtered`), a
page of a hundred (`page`), the breaches of one agreement (`breaches`).
"""

import argparse
import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlsplit

from benchmarks.bare_handler import HOST
from benchmarks.http_load import Load, ask
from benchmarks.stage import (
    a_new_ticket,
    a_trial,
    processor_seconds,
    quantile,
    report,
    until_judged,
)
from services.cli.api_client import Api
from services.cli.feed import Feed
from services.cli.local import say
from services.cli.simulator.delivery import Record
from services.cli.stack.local_stack import DATA
from services.cli.stack.ports import Ports
from services.cli.stack.services import Services
from services.cli.trial import Trial
from shared.domain.instant import MINUTE
from shared.runtime.wall_clock import system_clock

_CONNECTIONS: Final = 8
_BREATH_S: Final = 1.0
_APART_S: Final = 0.1
_AGREEMENT: Final = """
apiVersion: accord/v1
kind: Kpi
metadata: {name: response}
spec:
  item: ticket
  measure: duration
  start: {event: ticket.created}
  stop: {event: ticket.replied}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: teams}
spec:
  level: corporate
  parties: {provider: support, customer: everyone}
  effective: {from: "2020-01-01T00:00:00Z"}
  objectives:
    - name: response
      kpi: response
      target: {within: PT30M, ratio: "0.9"}
      window: {calendar: month}
      groupBy: [team]
"""


@dataclass(frozen=True, slots=True)
class Server:
    """Whom to ask, and what."""

    port: int
    targets: Sequence[str]


def main() -> None:
    """Measure; print rates, percentiles, and what an answer costs of a processor."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--teams", type=int, default=1_000)
    asked.add_argument("--seconds", type=float, default=5.0, help="of each question in each round")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--data", type=Path, default=DATA / "bench", help="folder of the stack")
    given = asked.parse_args()
    with a_trial("states", home=given.data) as trial:
        trial.agreements = trial.folder("documents")
        (trial.agreements / "teams.yaml").write_text(_AGREEMENT, encoding="utf-8")
        with trial.services() as services, a_bare_handler() as port:
            trial.send(tickets(given.teams))
            trial.background.run(until_judged(trial))
            servers = asked_servers(services, port)
            coming = trial.background.start(_come(trial, given.teams))
            measure(servers, services, given.seconds, given.rounds)
            coming.cancel()


def tickets(teams: int) -> Iterator[Record]:
    """An open ticket of each team, some of them over their target."""
    now = system_clock()
    for number in range(teams):
        created = now - (40 * MINUTE if number % 10 == 0 else 10 * MINUTE)
        yield a_new_ticket(f"Team-{number}", created, {"team": f"team {number}"}, sent_at=now)


async def _come(trial: Trial, teams: int) -> None:
    """More tickets, ten a second, until cancelled."""
    async with Feed(trial.system.bootstrap_servers, trial.topics) as feed:
        for number in count(teams):
            now = system_clock()
            team: dict[str, object] = {"team": f"team {number % teams}"}
            ticket = a_new_ticket(f"Team-{number}", now, team, sent_at=now)
            await feed.send([ticket], sent=lambda _: None)
            await asyncio.sleep(_APART_S)


@contextmanager
def a_bare_handler() -> Iterator[int]:
    """A process that serves it; its port."""
    port = Ports().take("bare")
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "benchmarks.bare_handler", str(port)]
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def asked_servers(services: Services, bare: int) -> Mapping[str, Server]:
    """The questions by name."""
    with Api(services.api_url) as api:
        ids = [str(own["sla_id"]) for own in api.each("/v1/states")]
    random.Random(1).shuffle(ids)  # noqa: S311 - an order
    say(f"{len(ids)} states")
    port = urlsplit(services.api_url).port or 0
    agreement = ids[0].partition("/")[0]
    return {
        "bare": Server(bare, [f"/bare/{number}" for number in range(len(ids))]),
        "one": Server(port, [f"/v1/states/{own}" for own in ids]),
        "filtered": Server(port, [f"/v1/states?sla_id={own}" for own in ids]),
        "page": Server(port, ["/v1/states?limit=100"]),
        "breaches": Server(port, [f"/v1/breaches?agreement={agreement}&limit=20"]),
    }


def measure(servers: Mapping[str, Server], services: Services, seconds: float, rounds: int) -> None:
    """All take turns; then say what was found."""
    pid = services.child("api").pid
    found: dict[str, list[Load]] = {name: [] for name in servers}
    spent: dict[str, float] = dict.fromkeys(servers, 0.0)
    for server in servers.values():
        ask(HOST, server.port, server.targets, connections=_CONNECTIONS, seconds=_BREATH_S)
    for _ in range(rounds):
        for name, server in servers.items():
            time.sleep(_BREATH_S)
            before = processor_seconds([pid])
            load = ask(HOST, server.port, server.targets, connections=_CONNECTIONS, seconds=seconds)
            spent[name] += processor_seconds([pid]) - before
            found[name].append(load)
    bare = median(load.rate for load in found["bare"])
    for name, loads in found.items():
        lags = sorted(lag for load in loads for lag in load.lags)
        rate = median(load.rate for load in loads)
        report(f"state_queries_{name}", rate, "requests/s", of=None if name == "bare" else bare)
        for percentile, share in (("p50", 0.5), ("p99", 0.99)):
            report(f"state_queries_{name}_{percentile}", quantile(lags, share) * 1000, "ms")
        if name != "bare":
            report(f"state_queries_{name}_cpu", spent[name] / len(lags) * 1000, "ms/request")


if __name__ == "__main__":
    main()
