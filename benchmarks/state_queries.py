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
import socket
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
from services.cli.simulator.delivery import Record
from services.cli.stack.local_stack import DATA
from services.cli.stack.ports import Ports
from services.cli.stack.services import Services
from services.cli.terminal import say
from services.cli.trial import Trial
from shared.domain.instant import MINUTE
from shared.runtime.wall_clock import system_clock

_CONNECTIONS: Final = 8
_BREATH_S: Final = 1.0
_WARM_S: Final = 5.0
_PATIENCE_S: Final = 120.0
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

    pid: int
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
        with trial.services() as services, a_bare_handler() as bare:
            trial.send(tickets(given.teams))
            ids = until_listed(services, given.teams)
            trial.background.run(until_judged(trial))
            servers = asked_servers(services, bare, ids)
            coming = trial.background.start(_come(trial, given.teams))
            measure(servers, given.seconds, given.rounds)
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
def a_bare_handler() -> Iterator[tuple[int, int]]:
    """A process that serves it; its number and its port."""
    port = Ports().take("api")
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "benchmarks.bare_handler", str(port)]
    )
    try:
        end = time.monotonic() + _PATIENCE_S
        while not _listens(port):
            if time.monotonic() > end:
                message = "the bare handler does not listen"
                raise SystemExit(message)
            time.sleep(0.1)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def until_listed(services: Services, teams: int) -> list[str]:
    """The sla_ids, once each team has its own."""
    end = time.monotonic() + _PATIENCE_S
    with Api(services.api_url) as api:
        while True:
            ids = [str(own["sla_id"]) for own in api.each("/v1/states")]
            if len(ids) >= teams:
                return ids
            if time.monotonic() > end:
                message = f"{len(ids)} of {teams} states are there after {_PATIENCE_S:g} s"
                raise SystemExit(message)
            time.sleep(1.0)


def asked_servers(
    services: Services, bare: tuple[int, int], ids: list[str]
) -> Mapping[str, Server]:
    """The questions by name."""
    random.Random(1).shuffle(ids)  # noqa: S311 - an order
    say(f"{len(ids)} states")
    api = services.child("api").pid, urlsplit(services.api_url).port or 0
    return {
        "bare": Server(*bare, [f"/bare/{number}" for number in range(len(ids))]),
        "one": Server(*api, [f"/v1/states/{own}" for own in ids]),
        "filtered": Server(*api, [f"/v1/states?sla_id={own}" for own in ids]),
        "page": Server(*api, ["/v1/states?limit=100"]),
        "breaches": Server(*api, ["/v1/breaches?agreement=teams&limit=20"]),
    }


def measure(servers: Mapping[str, Server], seconds: float, rounds: int) -> None:
    """All take turns; then say what was found."""
    found: dict[str, list[Load]] = {name: [] for name in servers}
    spent: dict[str, float] = dict.fromkeys(servers, 0.0)
    for server in servers.values():
        ask(HOST, server.port, server.targets, connections=_CONNECTIONS, seconds=_WARM_S)
    for _ in range(rounds):
        for name, server in servers.items():
            time.sleep(_BREATH_S)
            before = processor_seconds([server.pid])
            load = ask(HOST, server.port, server.targets, connections=_CONNECTIONS, seconds=seconds)
            spent[name] += processor_seconds([server.pid]) - before
            found[name].append(load)
    bare = median(load.rate for load in found["bare"])
    bare_each = spent["bare"] / sum(len(load.lags) for load in found["bare"]) * 1000
    for name, loads in found.items():
        lags = sorted(lag for load in loads for lag in load.lags)
        rate = median(load.rate for load in loads)
        report(f"state_queries_{name}", rate, "requests/s", of=None if name == "bare" else bare)
        for percentile, share in (("p50", 0.5), ("p99", 0.99)):
            report(f"state_queries_{name}_{percentile}", quantile(lags, share) * 1000, "ms")
        each = spent[name] / len(lags) * 1000
        report(f"state_queries_{name}_cpu", each, "ms/request", of=bare_each)


if __name__ == "__main__":
    main()
