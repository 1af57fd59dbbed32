"""One seed: a company, its evaluators, what goes wrong, what has to hold."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Final

from shared.documents import Loaded
from shared.domain.instant import MINUTE, SECOND, format_instant
from tests.simulation.broker import Broker
from tests.simulation.database import Database
from tests.simulation.faults import Faults
from tests.simulation.feeding import Feeding
from tests.simulation.judging import Judging
from tests.simulation.loop import Loop, StuckError
from tests.simulation.story import documents, story
from tests.simulation.truth import Truth
from tests.simulation.watching import Watch
from tests.simulation.worker import Worker, virtual_time
from tests.simulation.world import SPEED, World

LOGGER: Final = logging.getLogger("services.evaluator")
PATIENCE_S: Final = 30.0
LOOK_S: Final = 0.05
ORACLE_OF: Final = 10
"""Of so many seeds one is held against the oracle too."""


@dataclass(frozen=True)
class Result:
    """What became of a seed."""

    seed: int
    events: int
    commits: int
    faults: Counter[str]
    met: Counter[str]
    steps: int
    fingerprint: str
    differences: tuple[str, ...]
    trace: tuple[str, ...]


class Run:
    """A seed while it runs."""

    def __init__(self, seed: int, *, tracing: bool = False) -> None:
        """Everything that does not need the loop to run."""
        dice = Random(seed)  # noqa: S311 - a test's dice
        self.world = World(seed, dice, Loop(dice), tracing=tracing)  # type: ignore[abstract]
        self._known: dict[str, Loaded] = {
            own.catalogue.digest: own for own in documents() if own.catalogue is not None
        }
        self._span = dice.choice((8, 12, 16)) * MINUTE
        disorder = dice.choice((10, 60, 240)) * SECOND
        self.story = story(dice, span=self._span, disorder=disorder)
        parts = dice.randint(3, 4)
        self.broker = Broker(self.world, parts)
        self.broker.most = dice.choice((1, 2, 3, 100))
        self.database = Database(self.world, parts, "cluster")
        self.feeding = Feeding(self.world, self.broker, self.story)
        self.feeding.lag_s = dice.choice((0.005, 0.02, 0.1))
        self.feeding.crash = dice.choice((0.0, 0.02, 0.1))
        self.watch = Watch(self.world, self.broker, self.database, self.feeding)
        self.judging = Judging(self.world, self.database, self.watch, self._known)
        self.workers: list[Worker] = []

    async def go(self) -> None:
        """The whole seed; it ends with the first difference."""
        world, dice = self.world, self.world.dice
        for number in range(dice.randint(2, 4)):
            self.workers.append(self._worker(f"w{number}"))
        faults = self.faults = Faults(
            world, self.broker, self.database, self.feeding, self.watch, self.workers
        )
        for worker in self.workers:
            world.loop.outside(dice.choice((0.0, 0.02, 0.3)) * dice.random(), worker.start)
        world.loop.spawn(self.feeding.send())
        world.loop.spawn(self.judging.run())
        seconds = self._span / SECOND / SPEED
        faults.plan(seconds)
        await self._until(world.loop.time() + seconds, lambda: False)
        faults.heal()
        self._healed = world.now
        end = world.loop.time() + PATIENCE_S
        if not await self._until(end, self._is_at_rest) and not world.differences:
            world.differs(f"it came not to rest: {self._unrest()}")
        if not world.differences:
            self._compare()

    def _worker(self, name: str) -> Worker:
        return Worker(
            name,
            self.world,
            self.broker,
            self.database,
            self.watch,
            self._known,
            lambda: documents()[self.faults.documents],
        )

    async def _until(self, end: float, check: Callable[[], bool]) -> bool:
        """Wait; whether it has come true. A difference ends it too."""
        world = self.world
        while world.loop.time() < end and not world.differences:
            if check():
                return True
            if world.loop.failures:
                world.differs(f"nobody caught: {world.loop.failures}")
            await asyncio.sleep(LOOK_S)
        return False

    def _is_at_rest(self) -> bool:
        return self.feeding.is_done and not self._unrest()

    def _unrest(self) -> list[str]:
        """What is left to do."""
        tables, left = self.database.tables, []
        lost = self.faults.lost
        for part in [own for own, reason in lost.items() if reason == "records_lost"]:
            if tables.progress[part].next_offset >= self.broker.logs[part].begin:
                del lost[part]  # They had been read already.
        for part, row in tables.progress.items():
            if part in lost:
                gap = tables.gaps.get(part)
                if gap is None or gap.reason != lost[part]:
                    left.append(f"partition {part} is not stopped: {gap}")
                continue
            due = tables.next_due(part)
            events = (own.event for own in self.broker.logs[part].records)
            # Who had it before may have settled items at the time of an event, and lost that time.
            latest = max((own.time for own in events if own is not None), default=0)
            for what, is_left in (
                ("is stopped", part in tables.gaps),
                ("is behind", row.next_offset != self.broker.logs[part].end),
                ("is not proven", not row.proven or row.watermark < self._healed),
                ("is not past its events", row.evaluation_time < latest),
                ("has items due", due is not None and due <= row.evaluation_time),
            ):
                if is_left:
                    at = format_instant(row.evaluation_time)
                    left.append(f"partition {part} {what}: {row.next_offset} E {at}")
        if not lost and tables.in_state("building") is not None:
            left.append("documents are being built")
        return left

    def _compare(self) -> None:
        """Hold everything against the truth."""
        world, faults = self.world, self.faults
        self.judging.look()
        truth = Truth(world, self.database, self.watch.logs, self._known)
        whole = [part for part in self.database.tables.progress if part not in faults.lost]
        truth.compare(whole, by_oracle=world.seed % ORACLE_OF == 0)
        if not faults.lost and not self.database.tables.queue:
            self.judging.check()
        self._check_confirmed(truth.standing, whole)

    def _check_confirmed(self, standing: set[str], whole: list[int]) -> None:
        """What was confirmed holds, unless something came too late or was taken back."""
        tables, faults = self.database.tables, self.faults
        if not faults.are_clocks_sane:
            return
        for id_, watermark in self.judging.confirmed.items():
            row = tables.breaches[id_].row
            is_orderly = row.item in self.story.orderly and row.part in whole
            is_same = not self.world.met["documents switched"] or row.objective[:6] == "sales/"
            if is_orderly and is_same and id_ not in standing:
                at = format_instant(watermark)
                self.world.differs(f"confirmed at {at} and not so: {row}")


class _Noted(logging.Handler):
    """Writes what the evaluator logs into the trace."""

    def __init__(self, world: World) -> None:
        """Warnings only, unless a trace is asked for."""
        super().__init__(logging.INFO if world.tracing else logging.WARNING)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        """Note it."""
        note = self._world.note if record.levelno >= logging.WARNING else self._world.show
        note(f"logs {record.getMessage()}")


@contextmanager
def _logged(world: World) -> Iterator[None]:
    handler, before = _Noted(world), (LOGGER.level, LOGGER.propagate)
    LOGGER.addHandler(handler)
    LOGGER.setLevel(handler.level)
    LOGGER.propagate = False
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before[0])
        LOGGER.propagate = before[1]


def simulate(seed: int, *, tracing: bool = False) -> Result:
    """Run a seed from the beginning to the end."""
    run = Run(seed, tracing=tracing)
    world = run.world
    with virtual_time(world.loop, run.broker.most), _logged(world):
        try:
            world.loop.run(run.go())
        except StuckError as error:
            world.differs(str(error))
        found = tuple(world.differences)
        fingerprint = world.fingerprint
        faults, met = Counter(world.faults), Counter(world.met)
        trace = tuple(world.lines)
        world.loop.end(world.processes)
    return Result(
        seed,
        len(run.story.sent),
        run.watch.commits,
        faults,
        met,
        world.loop.steps,
        fingerprint,
        found,
        trace,
    )
