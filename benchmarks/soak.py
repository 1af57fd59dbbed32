"""Live traffic with a fault each minute, then everything compared.

Two evaluators, an ingest and an API on a stack of their own, under the example company's
agreements. Each minute one of these happens in turn: an evaluator is killed, the connections of
the services to the database are ended, an evaluator is stopped for longer than its group waits,
ingest is killed; and once in ten minutes the broker is restarted instead. Evaluators are static
members of their group. Reported: events a second that were folded, what waits, the memory of each
process and its slope, and the differences from `evaluate` at the end.

The slope is a linear regression over the samples of processes that have run for two minutes, each
process with a level of its own, so that a restart is no slope. That of the second half tells what
fills (items get longer while traffic is young) from what leaks.
"""

import argparse
import asyncio
import contextlib
import itertools
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import dropwhile
from pathlib import Path
from typing import Final

import asyncpg
import psutil
from aiokafka.errors import KafkaError

from benchmarks.stage import AGREEMENTS, quantile, report
from services.cli.feed import Feed
from services.cli.simulator.stream import Simulation, simulate
from services.cli.stack.local_stack import DATA, LocalStack
from services.cli.stack.services import Services
from services.cli.terminal import say
from services.cli.trial import Trial
from services.cli.verification.rest import Progress
from shared.domain.instant import MINUTE
from shared.runtime.config import driver_url
from shared.runtime.database import PASSING
from shared.runtime.wall_clock import system_clock

_SESSION_MS: Final = "10000"
_FROZEN_S: Final = 15.0
_AGAIN_S: Final = 1.0
_LOOK_S: Final = 5.0
_FAULT_S: Final = 60.0
_BROKER_EVERY: Final = 10
_SETTLED_S: Final = 120.0
"""A process that is younger is still filling its caches: it says nothing about a slope."""
_REST_S: Final = 1800.0
_ITEMS_EACH: Final = 20
"""Of so many items one is asked for at the end; windows and breaches say of all."""
_WARM: Final = 3 * MINUTE
"""From so long before the start on the traffic is simulated: then it is even."""
_MIB: Final = 1024 * 1024


@dataclass(slots=True)
class Member:
    """One process and the folder of its logs."""

    name: str
    title: str
    services: Services
    away: bool = False

    @property
    def pid(self) -> int:
        """Of its present process."""
        return self.services.child(self.name).pid


@dataclass(slots=True)
class Soak:
    """What runs, and what was seen of it."""

    stack: LocalStack
    trial: Trial
    members: dict[str, Member]
    sent: int = 0
    ended: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    memory: dict[tuple[str, int], list[tuple[float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Of each process (title, pid): seconds since the beginning, MiB."""
    lags: list[tuple[float, int]] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.begun


def main() -> None:
    """Run for so many minutes, then compare; ends with 1 when something differs."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--minutes", type=float, default=30.0)
    asked.add_argument("--rate", type=float, default=2000.0, help="events a second")
    asked.add_argument("--without-faults", action="store_true")
    asked.add_argument("--data", type=Path, default=DATA / "soak", help="folder of the stack")
    given = asked.parse_args()
    with (
        LocalStack(given.data, fresh=True, prepare=False, say=say) as stack,
        Trial(stack, "soak", AGREEMENTS) as trial,
    ):
        with members(trial) as running:
            soak = Soak(stack, trial, running)
            feeding = trial.background.start(_feed(soak, given.rate))
            run(soak, given.minutes * 60, faults=not given.without_faults, feeding=feeding)
        tell(soak)
        differences = compare(trial)
    report("soak_differences", differences, "differences")
    raise SystemExit(1 if differences else 0)


@contextmanager
def members(trial: Trial) -> Iterator[dict[str, Member]]:
    """The processes while the block runs."""
    found: dict[str, Member] = {}
    with ExitStack() as running:
        for title in ("ingest", "evaluator-0", "evaluator-1", "api"):
            name = title.partition("-")[0]
            instance = {"ACCORD_GROUP_INSTANCE": title} if name == "evaluator" else {}
            environment = {"ACCORD_SESSION_TIMEOUT_MS": _SESSION_MS, **instance}
            services = trial.services(clock=None, names=(name,), home=title, **environment)
            found[title] = Member(name, title, running.enter_context(services))
        yield found


def run(soak: Soak, seconds: float, *, faults: bool, feeding: "Future[None]") -> None:
    """Look at everything now and then, do the faults, start again what has ended."""
    minutes = itertools.count(1)
    due = _FAULT_S
    pending: list[tuple[float, Callable[[], None]]] = []
    looked = float("-inf")
    while soak.seconds < seconds:
        for when, deed in list(pending):
            if soak.seconds >= when:
                pending.remove((when, deed))
                deed()
        if faults and soak.seconds >= due and due + _FROZEN_S < seconds:
            due += _FAULT_S
            pending += do_fault(soak, next(minutes))
        if soak.seconds - looked >= _LOOK_S:
            looked = soak.seconds
            _look(soak)
        _revive(soak)
        time.sleep(0.2)
    for _, deed in pending:
        deed()
    feeding.cancel()


def do_fault(soak: Soak, minute: int) -> list[tuple[float, Callable[[], None]]]:
    """Do the fault of a minute; what has to be done later, and when."""
    kind = ("kill evaluator", "cut database", "freeze evaluator", "kill ingest")[(minute - 1) % 4]
    if minute % _BROKER_EVERY == 0:
        kind = "restart broker"
    soak.faults[kind] += 1
    say(f"minute {minute}: {kind}")
    match kind:
        case "kill evaluator":
            return _kill(soak, "evaluator-0")
        case "kill ingest":
            return _kill(soak, "ingest")
        case "freeze evaluator":
            child = soak.members["evaluator-1"].services.child("evaluator")
            child.send(signal.SIGSTOP)
            return [(soak.seconds + _FROZEN_S, lambda: child.send(signal.SIGCONT))]
        case "cut database":
            cut = soak.trial.background.run(_cut(soak.trial))
            say(f"  {cut} connections were ended")
        case _ if soak.stack.kafka is not None:
            soak.stack.kafka.stop()
            soak.stack.kafka.start()
    return []


def _kill(soak: Soak, title: str) -> list[tuple[float, Callable[[], None]]]:
    member = soak.members[title]
    member.away = True
    member.services.child(member.name).kill()

    def back() -> None:
        member.services.launch(member.name)
        member.away = False

    return [(soak.seconds + _AGAIN_S, back)]


async def _cut(trial: Trial) -> int:
    database = await asyncpg.connect(driver_url(trial.system.database_url))
    try:
        rows = await database.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await database.close()
    return len(rows)


def _revive(soak: Soak) -> None:
    """Start again what ended by itself, as a supervisor would."""
    for member in soak.members.values():
        code = member.services.child(member.name).code()
        if code is not None and not member.away:
            tail = member.services.child(member.name).tail().splitlines()
            soak.ended.append(f"{member.title} ({code}): {tail[-1] if tail else ''}")
            say(f"  {soak.ended[-1][:400]}")
            time.sleep(_AGAIN_S)
            member.services.launch(member.name)


def _look(soak: Soak) -> None:
    watched = {member.title: member.pid for member in soak.members.values()}
    for server in (soak.stack.kafka, soak.stack.postgres):
        if server is not None and server.child is not None:
            watched[server.name] = server.child.pid
    for title, pid in watched.items():
        with contextlib.suppress(psutil.NoSuchProcess):
            used = psutil.Process(pid).memory_info().rss / _MIB
            soak.memory[title, pid].append((soak.seconds, used))
    try:
        lag = soak.trial.background.run(_lag(soak.trial))
    except (KafkaError, TimeoutError, *PASSING):
        return
    soak.lags.append((soak.seconds, lag))
    if int(soak.seconds) % 60 < _LOOK_S:
        say(f"{soak.seconds:.0f} s: {soak.sent} sent, {lag} wait; {_used_now(soak)}")


def _used_now(soak: Soak) -> str:
    last = {title: used[-1][1] for (title, _), used in soak.memory.items()}
    return ", ".join(f"{title} {used:.0f} MiB" for title, used in last.items())


async def _lag(trial: Trial) -> int:
    async with asyncio.timeout(20), Progress(trial.system) as progress:
        return await progress.waiting()


async def _feed(soak: Soak, rate: float) -> None:
    """Live records when they are due, whatever happens to the broker.

    What was due before is left out: all of it would be sent at once.
    """
    now = system_clock()
    simulation = Simulation(1, now - _WARM, now, volume=0.0, live_rate=rate)
    records = dropwhile(lambda record: record.at < now, simulate(simulation))

    def sent(count: int) -> None:
        soak.sent += count

    while True:
        try:
            async with Feed(soak.trial.system.bootstrap_servers, soak.trial.topics) as feed:
                await feed.send_when_due(records, clock=system_clock, sent=sent)
        except (KafkaError, OSError) as error:
            say(f"  the producer begins anew: {error!r}")
            await asyncio.sleep(_AGAIN_S)


def tell(soak: Soak) -> None:
    """Report what was seen until the end."""
    report("soak_minutes", soak.seconds / 60, "min")
    report("soak_faults", soak.faults.total(), "faults")
    say(f"faults: {dict(soak.faults)}; ended by themselves: {len(soak.ended)}")
    report("soak_ended_by_themselves", len(soak.ended), "processes")
    report("soak_sent_events_per_second", soak.sent / soak.seconds, "events/s")
    waiting = sorted(float(lag) for _, lag in soak.lags)
    report("soak_waiting_median", quantile(waiting, 0.5), "events")
    report("soak_waiting_p99", quantile(waiting, 0.99), "events")
    report("soak_waiting_at_the_end", soak.lags[-1][1], "events")
    for title in sorted({title for title, _ in soak.memory}):
        runs = [own for (one, _), own in soak.memory.items() if one == title]
        report(f"soak_{title}_memory_max", max(used for own in runs for _, used in own), "MiB")
        report(f"soak_{title}_memory_slope", slope(runs), "MiB/h")
        late = [[(at, used) for at, used in own if at > soak.seconds / 2] for own in runs]
        report(f"soak_{title}_memory_slope_second_half", slope(filter(None, late)), "MiB/h")


def slope(runs: Iterable[list[tuple[float, float]]]) -> float:
    """MiB an hour over several processes, each with a level of its own; 0 with nothing to see."""
    above = below = 0.0
    for own in runs:
        late = [(at, used) for at, used in own if at - own[0][0] >= _SETTLED_S]
        if len(late) < 2:  # noqa: PLR2004 - a line needs two points
            continue
        middle = sum(at for at, _ in late) / len(late)
        level = sum(used for _, used in late) / len(late)
        above += sum((at - middle) * (used - level) for at, used in late)
        below += sum((at - middle) ** 2 for at, _ in late)
    return above / below * 3600 if below else 0.0


def compare(trial: Trial) -> int:
    """Windows, breaches and some items against `evaluate`, by services whose clocks stand."""
    at = system_clock()
    with trial.services(clock=at) as services:
        return trial.verify(services, at=at, patience_s=_REST_S, items_each=_ITEMS_EACH).differences


if __name__ == "__main__":
    main()
