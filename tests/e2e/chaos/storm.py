"""One seed: processes under faults and under a reader's eyes, then everything compared."""

import asyncio
import os
import shutil
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
from aiokafka.errors import KafkaError

from services.cli.api_client import ApiError
from services.cli.stack.child import StackError
from services.cli.stack.local_stack import LocalStack
from services.cli.trial import Trial
from services.cli.verification.rest import NotAtRest, Progress
from shared.domain.instant import MINUTE, Instant
from shared.runtime.config import driver_url
from shared.runtime.database import PASSING
from shared.runtime.wall_clock import system_clock
from tests.e2e.chaos.administering import Administrator
from tests.e2e.chaos.announcements import check_announcements
from tests.e2e.chaos.faults import Faults
from tests.e2e.chaos.feeder import Feeder
from tests.e2e.chaos.fleet import SESSION_MS, Fleet
from tests.e2e.chaos.reader import Reader
from tests.e2e.chaos.schedule import Kind, Schedule

AGREEMENTS: Final = Path(__file__).parents[1] / "agreements"
_HEAL_S: Final = 60.0
_REST_S: Final = 90.0
_PROVOKED_S: Final = 20.0
"""With a mistake in it nobody waits long for what may never come."""
_LOOK_S: Final = 0.3
_LOADED_S: Final = 0.5
_TRICKLED_S: Final = 12.0


@dataclass(slots=True)
class Outcome:
    """What a run came to: what happened, and every difference, as a sentence each."""

    happened: Counter[Kind] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    void: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    """What the reader must not have seen."""
    unequal: list[str] = field(default_factory=list)
    """Where the end differs from `evaluate`."""
    announced: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    items: int = 0
    announcements: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each phase took."""
    took: list[tuple[float, Kind]] = field(default_factory=list)
    """How long each fault took."""

    @property
    def differences(self) -> int:
        """How many there are."""
        return len(self.seen) + len(self.unequal) + len(self.announced)

    @property
    def is_void(self) -> bool:
        """Whether some fault that was scheduled did not happen."""
        return bool(self.void)


def weather(
    stack: LocalStack,
    trial: Trial,
    schedule: Schedule,
    threads: ThreadPoolExecutor,
    *,
    bug: str | None = None,
) -> Outcome:
    """Run a schedule, let everything heal, compare. `bug` is switched on in every process."""
    outcome = Outcome()
    own = trial.folder("agreements")
    trial.agreements = shutil.copytree(trial.agreements, own, dirs_exist_ok=True)
    environment = {} if bug is None else {"ACCORD_SEEDED_BUG": bug, "PYTHONPATH": _SEEDED}
    try:
        asyncio.run(_storm(Fleet(stack, trial, threads, environment), schedule, outcome))
    except (RuntimeError, ExceptionGroup, KafkaError, asyncpg.PostgresError, OSError) as error:
        outcome.void.append("given up: " + "".join(traceback.format_exception(error)))
        return outcome
    with _timed(outcome, "compare"):
        _compare(trial, environment, outcome)
    return outcome


_SEEDED: Final = os.pathsep.join(
    map(str, (Path(__file__).with_name("seeded"), Path(__file__).parents[3]))
)
"""Where Python finds what puts a mistake into a service, and the service."""


async def _storm(fleet: Fleet, schedule: Schedule, outcome: Outcome) -> None:
    trial = fleet.trial
    await _make_durable(trial)
    servers = trial.system.bootstrap_servers
    feeder = Feeder(servers, trial.topics, schedule.seed)
    async with fleet:
        with _timed(outcome, "start"):
            await fleet.start(evaluators=schedule.evaluators, ingests=schedule.ingests)
        if fleet.api is None:
            raise AssertionError
        reader = Reader(trial, fleet.api.services.api_url, feeder)
        faults = Faults(fleet, feeder, reader, Administrator(servers))
        stopping, fed = asyncio.Event(), asyncio.Event()
        history_s = _TRICKLED_S if schedule.trickled else _LOADED_S
        async with asyncio.TaskGroup() as group:
            group.create_task(fleet.watch(stopping))
            group.create_task(reader.run(stopping))
            feeding = group.create_task(feeder.run(history_s=history_s, stopping=fed))
            with _timed(outcome, "faults"):
                started = time.monotonic()
                doing = [group.create_task(faults.run(own, started)) for own in schedule.faults]
                await asyncio.wait(doing)
                fed.set()
                await feeding
            with _timed(outcome, "heal"):
                outcome.unequal += await _heal(trial, _PROVOKED_S if fleet.environment else _HEAL_S)
                stopping.set()
        await feeder.stop()
        reader.sum_up()
        outcome.counted = Counter(fleet.counted)
        outcome.counted["rebalances"] = fleet.logged(b'"action":"claimed"', fleet.evaluators)
        outcome.counted["starts over"] = fleet.logged(b'"action":"start_over"', fleet.evaluators)
        outcome.counted |= Counter(sent=len(feeder.acknowledged), looks=reader.looks)
    outcome.happened, outcome.void = Counter(faults.happened), list(faults.void)
    outcome.seen, outcome.ended, outcome.took = reader.wrong, fleet.ended, sorted(faults.took)
    if outcome.counted["rebalances"] <= schedule.evaluators:
        outcome.void.append("the partitions never changed hands")
    if not reader.looks or not reader.answers:
        outcome.void.append("the reader saw nothing")


@contextmanager
def _timed(outcome: Outcome, phase: str) -> Iterator[None]:
    begun = time.monotonic()
    try:
        yield
    finally:
        outcome.seconds[phase] = time.monotonic() - begun


async def _make_durable(trial: Trial) -> None:
    """What is committed outlives a crash of the server, also where tests do without."""
    database = await asyncpg.connect(driver_url(trial.system.database_url))
    try:
        name = await database.fetchval("SELECT current_database()")
        await database.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = on')
    finally:
        await database.close()


async def _heal(trial: Trial, patience_s: float) -> list[str]:
    """Wait until nothing waits any more; what is wrong if that takes too long."""
    end = time.monotonic() + patience_s
    left: object = "no look succeeded"
    while time.monotonic() < end:
        try:
            async with Progress(trial.system) as progress:
                while time.monotonic() < end:
                    left = await progress.waiting()
                    if not left:
                        return []
                    await asyncio.sleep(_LOOK_S)
        except (KafkaError, *PASSING):
            await asyncio.sleep(_LOOK_S)
    return [f"not healed after {patience_s:g} s: {left} records wait"]


def _compare(trial: Trial, environment: dict[str, str], outcome: Outcome) -> None:
    """Everything against `evaluate`, by services whose clock stands."""
    at = system_clock()
    patience_s = _PROVOKED_S if environment else _REST_S
    environment = {**environment, "ACCORD_SESSION_TIMEOUT_MS": SESSION_MS}
    with ExitStack() as running:
        try:
            services = running.enter_context(trial.services(clock=at, **environment))
            verdict = trial.verify(services, at=at, patience_s=patience_s)
        except (NotAtRest, StackError, ApiError) as error:
            outcome.unequal.append(str(error))
            return
        outcome.items = verdict.items
        outcome.unequal += ["differs from evaluate"] * verdict.differences
        _compare_announcements(trial, at, outcome)


def _compare_announcements(trial: Trial, at: Instant, outcome: Outcome) -> None:
    """The outbox is empty a moment after rest: asked again while it is not."""
    end = time.monotonic() + _LOOK_S * 30
    while trial.background.run(_outbox(trial)) and time.monotonic() < end:
        time.sleep(_LOOK_S)
    announced = check_announcements(trial, at=at)
    outcome.announcements, outcome.announced = announced.events, list(announced.wrong)


async def _outbox(trial: Trial) -> int:
    database = await asyncpg.connect(driver_url(trial.system.database_url))
    try:
        left: int = await database.fetchval(
            "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM breach"
            " WHERE unannounced"
            " AND opened_at <= (SELECT min(watermark) + $1 FROM partition_progress))",
            5 * MINUTE,
        )
    finally:
        await database.close()
    return left
