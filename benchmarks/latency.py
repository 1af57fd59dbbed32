"""From an event to its breach over HTTP, while other events flow through the whole pipeline.

The load is the simulated company's live traffic under its example agreements: each record is sent
when it is due, its events are timed now. On top of it a probe goes out four times a second: the
event that opens a ticket whose promise has run out already, because it comes so late. With it a
clock is over its target, and so is the window of its group. The time of a probe is taken just
before it is handed to the producer, and again when `GET /v1/breaches`, asked every 5 ms over one
kept-alive connection while a probe is out, shows the breach.

Items that were open when the load begins go on without the events before; the records of a run are
made in advance, in a process of its own, which takes a minute. Two cores are hardly
enough for load and services: on a machine that does something else as well, its figures are those
of a machine that has too little. It takes three minutes, so `python -m benchmarks` leaves it out.
"""

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Final

import asyncpg
import psutil

from benchmarks.stage import (
    AGREEMENTS,
    a_new_ticket,
    a_trial,
    postgres_pids,
    processor_seconds,
    quantile,
    report,
)
from services.cli.api_client import Api
from services.cli.feed import Feed
from services.cli.simulator.company import WARM_UP
from services.cli.simulator.delivery import Record
from services.cli.simulator.stream import Simulation, simulate
from services.cli.stack.local_stack import DATA
from services.cli.stack.services import ALL, Services
from services.cli.terminal import say
from services.cli.trial import Trial
from services.cli.verification.accepted import records_of
from shared.domain.instant import MINUTE, SECOND, Instant, format_instant, parse_instant
from shared.runtime.config import driver_url
from shared.runtime.topics import Topics
from shared.runtime.wall_clock import system_clock

_TARGET: Final = 30 * MINUTE
_OVERDUE: Final = 10 * MINUTE
_APART_S: Final = 0.25
_LOOK_S: Final = 0.005
_WARM_S: Final = 10.0
_LATE_S: Final = 15.0
_FLOWING_S: Final = 180.0
"""So long the company has been at work when the load begins: its events flow evenly by then."""
_PREPARING_S: Final = 15.0
_PREPARING_EACH_S: Final = 0.02
"""For each event a second of the load."""
_SCOPES: Final = ("item", "window")
_AGREEMENT: Final = """
apiVersion: accord/v1
kind: Kpi
metadata: {name: probe-response}
spec:
  item: ticket
  measure: duration
  start: {event: ticket.created, where: {probe: "yes"}}
  stop: {event: ticket.replied}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: probes}
spec:
  level: corporate
  parties: {provider: support, customer: everyone}
  effective: {from: "2020-01-01T00:00:00Z"}
  objectives:
    - name: response
      kpi: probe-response
      target: {within: PT30M, ratio: "0.9"}
      window: {calendar: day}
      groupBy: [case]
"""


@dataclass(slots=True)
class Probes:
    """What was sent and what was seen of it, by number; instants in seconds of the monotonic clock.

    `detected` are the evaluator's instants of detection, and `produced` the wall clock's of
    sending, both in microseconds.
    """

    sent: dict[int, float] = field(default_factory=dict)
    produced: dict[int, Instant] = field(default_factory=dict)
    seen: dict[str, dict[int, float]] = field(default_factory=lambda: {own: {} for own in _SCOPES})
    detected: dict[int, Instant] = field(default_factory=dict)
    asked: int = 0

    def oldest_out(self) -> Instant | None:
        """When the oldest probe opened of which not every breach has been seen."""
        # A copy: they are sent by another thread.
        out = [n for n in self.produced.copy() if any(n not in self.seen[own] for own in _SCOPES)]
        return self.produced[min(out)] - _OVERDUE if out else None

    def lags(self, scope: str) -> list[float]:
        """Seconds from each probe to its breach, sorted."""
        return sorted(at - self.sent[number] for number, at in self.seen[scope].items())


def a_probe(number: int, at: Instant) -> Record:
    """A ticket that was opened so long ago that its target has passed."""
    data: dict[str, object] = {"probe": "yes", "case": f"{number}", "priority": "p3"}
    return a_new_ticket(f"Probe-{number}", at - _TARGET - _OVERDUE, data, sent_at=at)


def main() -> None:
    """Measure; print percentiles of both kinds of breach and what the services used."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rate", type=float, default=2_000.0, help="events a second of the load")
    asked.add_argument("--seconds", type=float, default=60.0)
    asked.add_argument("--data", type=Path, default=DATA / "bench", help="folder of the stack")
    given = asked.parse_args()
    with a_trial("latency", home=given.data) as trial:
        trial.agreements = copytree(AGREEMENTS, trial.folder("documents") / "agreements")
        (trial.agreements / "probes.yaml").write_text(_AGREEMENT, encoding="utf-8")
        with trial.services() as services:
            measure(trial, services, given.rate, given.seconds)


def measure(trial: Trial, services: Services, rate: float, seconds: float) -> None:
    """Start the load, wait until it flows, and probe for so many seconds."""
    begin = system_clock() + round((_PREPARING_S + _PREPARING_EACH_S * rate) * SECOND)
    until = begin + round((_WARM_S + seconds + 2 * _LATE_S) * SECOND)
    with sending(trial, rate, begin, until):
        say(f"the load is being made; it begins at {format_instant(begin)}")
        time.sleep((begin - system_clock()) / SECOND + _WARM_S)
        probe(trial, services, rate, seconds)


def probe(trial: Trial, services: Services, rate: float, seconds: float) -> None:
    """Send probes under the load and watch; then say what was found."""
    say(f"probing for {seconds:g} s")
    before, folded, began = _used(services), trial.background.run(_folded(trial)), time.monotonic()
    probes = Probes()
    probing = trial.background.start(_probe(trial, probes, round(seconds / _APART_S)))
    with Api(services.api_url) as api:
        watch(api, probes, seconds)
    lasted = time.monotonic() - began
    used = {name: own - before[name] for name, own in _used(services).items()}
    flowed = (trial.background.run(_folded(trial)) - folded) / lasted
    probing.result()
    logged = trial.background.run(_logged(trial))
    tell(probes, logged)
    report("latency_events_per_second", flowed, "events/s", of=rate)
    report("latency_requests_per_second", probes.asked / lasted, "requests/s")
    for name, spent in used.items():
        report(f"latency_{name}_cpu", spent / lasted, "processors")
    if any(len(own) < len(probes.sent) for own in probes.seen.values()):
        message = f"not every breach was seen within {_LATE_S:g} s of the last probe"
        raise SystemExit(message)


@contextmanager
def sending(trial: Trial, rate: float, begin: Instant, until: Instant) -> Iterator[None]:
    """The load in a process of its own; raises SystemExit when it ended before the block did."""
    load = multiprocessing.get_context("spawn").Process(
        target=send_load,
        args=(trial.system.bootstrap_servers, trial.topics.prefix, rate, begin, until),
        daemon=True,
    )
    load.start()
    try:
        yield
        if load.exitcode is not None:
            message = "the load has ended early: see above"
            raise SystemExit(message)
    finally:
        load.terminate()
        load.join()


def send_load(
    bootstrap_servers: str, prefix: str, rate: float, begin: Instant, until: Instant
) -> None:
    """Make the records that are due between both instants, then send each when it is due."""
    now = begin + WARM_UP - round(_FLOWING_S * SECOND)
    simulation = Simulation(2, begin, now, volume=0, live_rate=rate)
    records: list[Record] = []
    for record in simulate(simulation):
        if record.at >= until:
            break
        if record.at >= begin:
            records.append(record)
    late = system_clock() - begin
    if late > 0:
        message = f"the load was made {late / SECOND:.1f} s too late: the machine is busy"
        raise SystemExit(message)
    asyncio.run(_send(bootstrap_servers, Topics(prefix), iter(records)))


async def _send(bootstrap_servers: str, topics: Topics, records: Iterator[Record]) -> None:
    async with Feed(bootstrap_servers, topics) as feed:
        await feed.send_when_due(records, clock=system_clock, sent=lambda _: None)


async def _probe(trial: Trial, probes: Probes, number: int) -> None:
    """Send so many probes, one after the other, each on time whatever became of the others."""
    begun = time.monotonic()
    async with Feed(trial.system.bootstrap_servers, trial.topics) as feed:
        for own in range(number):
            await asyncio.sleep(max(0.0, begun + own * _APART_S - time.monotonic()))
            at = system_clock()
            record = a_probe(own, at)
            probes.sent[own] = time.monotonic()
            probes.produced[own] = at
            await feed.send([record], sent=lambda _: None)


def watch(api: Api, probes: Probes, seconds: float) -> None:
    """Ask until every probe of so many seconds has been seen, or for too long."""
    number = round(seconds / _APART_S)
    end = time.monotonic() + seconds + _LATE_S
    while any(len(probes.seen[own]) < number for own in _SCOPES):
        begun = time.monotonic()
        if begun > end:
            return
        since = probes.oldest_out()
        if since is not None:
            look(api, probes, since)
        time.sleep(max(0.0, begun + _LOOK_S - time.monotonic()))


def look(api: Api, probes: Probes, since: Instant) -> None:
    """Ask once, and note what is new."""
    answer = api.get("/v1/breaches", agreement="probes", since=format_instant(since), limit=500)
    now = time.monotonic()
    probes.asked += 1
    items = answer["items"]
    assert isinstance(items, list)  # noqa: S101 - as the API says
    for own in items:
        scope = own["scope"]
        case = own["item"].rpartition("-")[2] if scope == "item" else own["group"]["case"]
        if int(case) not in probes.seen[scope]:
            probes.seen[scope][int(case)] = now
            if scope == "item":
                probes.detected[int(case)] = parse_instant(own["detected_at"])


def tell(probes: Probes, logged: Mapping[int, Instant]) -> None:
    """Print the percentiles, and for items where the time went."""
    for scope in _SCOPES:
        lags = probes.lags(scope)
        report(f"latency_{scope}_breaches_seen", len(lags), "breaches", of=len(probes.sent))
        if not lags:
            continue
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
            report(f"latency_{scope}_breach_{name}", quantile(lags, share), "s")
    seen = probes.seen["item"]
    stages = {
        "to_event_log": {n: logged[n] - probes.produced[n] for n in seen},
        "to_fold": {n: probes.detected[n] - logged[n] for n in seen},
        "to_answer": {
            n: round((at - probes.sent[n]) * SECOND) - (probes.detected[n] - probes.produced[n])
            for n, at in seen.items()
        },
    }
    for stage, spent in stages.items():
        own = sorted(lag / SECOND for lag in spent.values())
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            report(f"latency_item_breach_{stage}_{name}", quantile(own, share), "s")


def _used(services: Services) -> dict[str, float]:
    """Processor seconds so far, by service and server."""
    family = psutil.Process().children(recursive=True)
    kafka = [one.pid for one in family if one.name() == "java"]
    return {
        **{name: processor_seconds([services.child(name).pid]) for name in ALL},
        "postgres": processor_seconds(postgres_pids()),
        "kafka": processor_seconds(kafka),
    }


_FOLDED: Final = "SELECT sum(next_offset)::bigint FROM partition_progress"


async def _folded(trial: Trial) -> int:
    """How many events have been folded so far."""
    connection = await asyncpg.connect(driver_url(trial.system.database_url))
    try:
        found: int = await connection.fetchval(_FOLDED)
    finally:
        await connection.close()
    return found


async def _logged(trial: Trial) -> dict[int, Instant]:
    """When ingest wrote each probe to the event log: milliseconds, in microseconds."""
    found: dict[int, Instant] = {}
    async for record in records_of(trial.system.bootstrap_servers, [trial.topics.events]):
        key = (record.key or b"").decode()
        if key.startswith("ticket:Probe-"):
            found[int(key.rpartition("-")[2])] = record.timestamp * 1_000
    return found


if __name__ == "__main__":
    main()
