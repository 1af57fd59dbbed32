"""Events a second from Kafka into PostgreSQL: evaluators, the limit loop, and peers.

All read the same prefilled event log on the same stack, in turn, round after round; medians are
reported. The limit loop (`tests/bench/limit_loop.py`) decodes and keeps the events in a keyed log;
whatever an evaluator does beyond that shows in its ratio. `compiled` is the evaluator with its hot
modules as machine code (`make compile`).
"""

import argparse
import asyncio
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import asyncpg
import psutil
from aiokafka import AIOKafkaProducer
from sqlalchemy.exc import DBAPIError

from benchmarks.core import company
from benchmarks.peers import NAMES, installed, peer_rate
from benchmarks.stage import a_trial, postgres_pids, processor_seconds, report
from services.cli.terminal import say
from services.cli.trial import Trial
from services.cli.verification.rest import Progress
from shared.domain.event import Event
from shared.runtime.config import EVENT_PARTITIONS, driver_url
from shared.runtime.migrate import downgrade, migrate
from shared.wire.cloudevents import encode
from shared.wire.partitioning import partition_of
from tests.bench.limit_loop import limit_loop

_CHUNK: Final = 2000
COMPILED: Final = Path(".accord/compiled")


@dataclass(slots=True)
class Run:
    """One evaluator run: events a second, and CPU seconds per 100,000 events."""

    rate: float
    own_cpu: float
    database_cpu: float


@dataclass(slots=True)
class Runs:
    """What the rounds came to."""

    limit: list[float] = field(default_factory=list)
    evaluator: dict[str, list[Run]] = field(default_factory=dict)
    peers: dict[str, list[float]] = field(default_factory=dict)


def main() -> None:
    """Measure all and print the rates held against the limit's."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=500_000)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--without-peers", action="store_true")
    given = asked.parse_args()
    python = None if given.without_peers else installed()
    kinds = ["", *([str(COMPILED.resolve())] if (COMPILED / "shared").is_dir() else [])]
    with a_trial("throughput") as trial:
        count = trial.background.run(fill(trial, different(given.events)))
        say(f"{count} events are in the log")
        runs = Runs()
        for number in range(1, given.rounds + 1):
            _round(trial, count, kinds, python, runs)
            say(f"round {number} of {given.rounds} is through")
    _report(runs)


def _round(trial: Trial, count: int, kinds: Iterable[str], python: Path | None, runs: Runs) -> None:
    url = driver_url(trial.system.database_url)
    servers, topic = trial.system.bootstrap_servers, trial.topics.events
    loop = limit_loop(servers, url, topic, parts=EVENT_PARTITIONS, count=count)
    runs.limit.append(trial.background.run(loop))
    say(f"limit loop: {runs.limit[-1]:,.0f} events/s")
    for kind in kinds:
        for number, counted in ((1, "evaluator"), (2, "two_evaluators")):
            name = f"{counted}_compiled" if kind else counted
            run = evaluators(trial, count, kind, number=number)
            runs.evaluator.setdefault(name, []).append(run)
            say(f"{name}: {run.rate:,.0f} events/s, {run.own_cpu:.2f} CPU s for 100,000")
    if python is not None:
        _peers(python, trial, count, runs)


def _peers(python: Path, trial: Trial, count: int, runs: Runs) -> None:
    url = driver_url(trial.system.database_url)
    servers, topic = trial.system.bootstrap_servers, trial.topics.events
    for name in NAMES:
        try:
            rate = peer_rate(name, python, servers, topic, count, url)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            say(f"{name.upper()} IS LEFT OUT OF THIS ROUND: {error}")
        else:
            runs.peers.setdefault(name, []).append(rate)
            say(f"{name}: {rate:,.0f} events/s")


def _report(runs: Runs) -> None:
    limit = median(runs.limit)
    report("limit_loop_events_per_second", limit, "events/s")
    for name, several in runs.evaluator.items():
        rate = median(run.rate for run in several)
        report(f"{name}_events_per_second", rate, "events/s", of=limit)
        _report_cpu(name, several)
        for peer, rates in runs.peers.items():
            report(f"{name}_held_against_{peer}", rate, "events/s", of=median(rates))


def _report_cpu(name: str, several: list[Run]) -> None:
    own, database = (
        median(getattr(run, of) for run in several) for of in ("own_cpu", "database_cpu")
    )
    report(f"{name}_cpu", own, "CPU s per 100,000 events")
    report(f"{name}_database_cpu", database, "CPU s per 100,000 events")


def different(count: int) -> Iterator[Event]:
    """The same without repetitions: the limit loop cannot bear any."""
    return unrepeated(company(count))


def unrepeated(events: Iterable[Event]) -> Iterator[Event]:
    """Each event once."""
    known: set[tuple[str, str, str]] = set()
    for event in events:
        identity = (event.item, event.source, event.id)
        if identity not in known:
            known.add(identity)
            yield event


async def fill(trial: Trial, events: Iterable[Event]) -> int:
    """Put events into the event log as ingest does; how many."""
    producer = AIOKafkaProducer(
        bootstrap_servers=trial.system.bootstrap_servers,
        enable_idempotence=True,
        acks="all",
        linger_ms=20,
        max_batch_size=512 * 1024,
    )
    count = 0
    async with producer:
        waiting = []
        for event in events:
            key = event.item
            part = partition_of(key, EVENT_PARTITIONS)
            waiting.append(
                await producer.send(
                    trial.topics.events, encode(event), key=key.encode(), partition=part
                )
            )
            count += 1
            if len(waiting) == _CHUNK:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
    return count


def evaluators(trial: Trial, count: int, compiled: str, *, number: int) -> Run:
    """A run of so many evaluators over the whole log into an empty database."""
    trial.background.run(_emptied(trial))
    with ExitStack() as running:
        pids = []
        for place in range(number):
            services = trial.services(names=("evaluator",), home=f"evaluator-{place}")
            running.push(services)
            pids.append(services.launch("evaluator", PYTHONPATH=compiled).pid)
        return trial.background.run(folding(trial, count, pids))


async def _emptied(trial: Trial) -> None:
    for attempt in range(5):
        try:
            await downgrade(trial.system.database_url, revision="base")
        except DBAPIError:  # a deadlock with a vacuum of what is being dropped
            if attempt == 4:  # noqa: PLR2004 - the last
                raise
            await asyncio.sleep(1)
        else:
            break
    await migrate(trial.system.database_url)


async def folding(trial: Trial, count: int, pids: list[int]) -> Run:
    """From when all own partitions and something is committed: starting up is no part."""
    async with Progress(trial.system) as progress:
        await _until_owned(trial, pids)
        left = await _until(progress, pids, lambda left: left < count)
        if left == 0:
            message = "so few events are folded before their rate can be measured: give more"
            raise SystemExit(message)
        first, began = left, time.perf_counter()
        own, database = processor_seconds(pids), processor_seconds(postgres_pids())
        await _until(progress, pids, lambda left: left == 0)
        seconds = time.perf_counter() - began
        return Run(
            first / seconds,
            (processor_seconds(pids) - own) / first * 100_000,
            (processor_seconds(postgres_pids()) - database) / first * 100_000,
        )


async def _until_owned(trial: Trial, pids: list[int]) -> None:
    database = await asyncpg.connect(driver_url(trial.system.database_url))
    owners = "SELECT count(DISTINCT owner) FROM partition_progress WHERE owner <> ''"
    try:
        while await database.fetchval(owners) < len(pids):
            _see_alive(pids)
            await asyncio.sleep(0.02)
    finally:
        await database.close()


async def _until(progress: Progress, pids: list[int], enough: Callable[[int], bool]) -> int:
    left = await progress.unfolded()
    while not enough(left):
        _see_alive(pids)
        await asyncio.sleep(0.02)
        left = await progress.unfolded()
    return left


def _see_alive(pids: Iterable[int]) -> None:
    for pid in pids:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            message = "an evaluator has ended: see its log in .accord/bench"
            raise SystemExit(message)


if __name__ == "__main__":
    main()
