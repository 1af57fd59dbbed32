"""An evaluator: its own code, on simulated clients; whoever ends is started again."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any, Final

import asyncpg
from aiokafka.errors import KafkaError

from services.evaluator import fold, following, partition, partitions, patience, prover, stops
from services.evaluator.figures import Figures
from services.evaluator.fold import Folder
from services.evaluator.following import Following
from services.evaluator.partitions import Partitions
from services.evaluator.patience import LostDatabaseError, Patience
from services.evaluator.prover import Prover
from services.evaluator.stops import Stops
from shared.documents import Loaded
from shared.domain.instant import SECOND, Instant, Micros
from shared.runtime.process import new_registry
from tests.simulation.broker import EVENTS, INPUTS, LOOK_UP_S, Broker
from tests.simulation.clients import Admin, Consumer, Observer
from tests.simulation.database import Database
from tests.simulation.held import MemoryGaps, MemoryGenerations, MemoryStore
from tests.simulation.loop import Loop, Process, State
from tests.simulation.watching import Watch
from tests.simulation.world import World

PROOF_LAG_MAX: Final[Micros] = 90 * SECOND
"""A proof is that much older than the next one: a tick of the prover, by clocks that fast."""
PAUSE_S: Final = 0.1
LET_GO_S: Final = 3.0
TELL_S: Final = 0.2
AT_ONCE: Final = 2
"""Items that are settled or built in one transaction, of the dozen that there are."""
ENDING: Final = (
    KafkaError,
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    LostDatabaseError,
)
"""With these a process may end: it is started again."""


@cache
def figures() -> Figures:
    """Numbers nobody looks at."""
    return Figures(new_registry(), EVENTS)


@contextmanager
def virtual_time(loop: Loop, most: int) -> Iterator[None]:
    """Have the evaluator's modules ask the loop for the time, and be small enough for a run.

    `most` are the records that a consumer gives at once: memory holds the items of two batches.
    """
    clock = SimpleNamespace(monotonic=loop.time, perf_counter=loop.time)
    wanted: list[tuple[ModuleType, str, object]] = [
        *((module, "time", clock) for module in (following, partitions, patience, prover, stops)),
        (partition, "PROOF_LAG_MAX", PROOF_LAG_MAX),
        (partition, "ITEMS_HELD_MAX", 2 * most),
        (prover, "LOOK_UP_S", LOOK_UP_S),
        (prover, "TELL_S", TELL_S),
        (following, "PAUSE_S", PAUSE_S),
        (partitions, "FENCED_PAUSE_S", PAUSE_S),
        (fold, "DUE_MAX", AT_ONCE),
        (fold, "BUILD_MAX", AT_ONCE),
        # It looks through all memory of this process, and took three quarters of a run.
        (fold, "search_all", lambda: None),
    ]
    before = [getattr(module, name) for module, name, _ in wanted]
    for module, name, new in wanted:
        setattr(module, name, new)
    try:
        yield
    finally:
        for (module, name, _), old in zip(wanted, before, strict=True):
            setattr(module, name, old)
        gc.unfreeze()  # what folding set apart is looked at again, since nothing else does it


class Worker:
    """A place where an evaluator runs, one process after the other."""

    def __init__(
        self,
        name: str,
        world: World,
        broker: Broker,
        database: Database,
        watch: Watch,
        known: dict[str, Loaded],
        loaded: Callable[[], Loaded],
    ) -> None:
        """Not started; `loaded` are the documents of its folder when it starts."""
        self.name = name
        self._world = world
        self._broker = broker
        self._database = database
        self._watch = watch
        self._known = known
        self._loaded = loaded
        self._starts = 0
        self._stopping = asyncio.Event()
        self.skew: Micros = 0
        self.process = Process(name)
        self.process.state = State.DEAD
        self.consumer: Consumer | None = None

    def start(self) -> None:
        """Start a process, unless one runs."""
        if self.process.state is not State.DEAD:
            return
        self._starts += 1
        self.consumer = None
        self.process = Process(f"{self.name}.{self._starts}")
        self._world.processes.append(self.process)
        self._stopping = asyncio.Event()
        self._world.note("starts", self.process)
        self._world.loop.spawn(self._serve(self.process), self.process)

    def kill(self, restart_s: float | None = None) -> None:
        """End it between two steps."""
        if self.process.state is State.DEAD:
            return
        self.process.state = State.DEAD
        self._world.note("is dead", self.process)
        self._database.lose(self.process)
        if restart_s is not None:
            self._world.loop.outside(restart_s, self.start)

    def stop(self, seconds: float) -> None:
        """Let nothing of it run for a while, as a signal does."""
        process = self.process
        if process.state is State.RUNNING:
            process.state = State.STOPPED
            self._world.note("is stopped", process)
            self._database.idle(process)
            self._world.loop.outside(seconds, self.wake, process)

    def wake(self, process: Process | None = None) -> None:
        """Let it go on."""
        own = process or self.process
        if own.state is State.STOPPED:
            self._world.note("goes on", own)
            self._world.loop.wake(own)

    def leave(self) -> None:
        """Ask it to end in good order."""
        self._stopping.set()

    def _clock(self) -> Callable[[], Instant]:
        process = self.process

        def clock() -> Instant:
            now = self._world.now + self.skew
            self._watch.read(process, now)
            return now

        return clock

    async def _serve(self, process: Process) -> None:
        try:
            await self._work(process)
        except ENDING as error:
            self._world.fault("ended by itself", repr(error))
        except (AssertionError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            self._world.differs(f"{process.name} ended: {error!r}")
        else:
            self._world.note("has left")
        if self.consumer is not None:
            self.consumer.unsubscribe()
        self.kill(restart_s=0.1 + 0.3 * self._world.dice.random())

    async def _work(self, process: Process) -> None:
        stopping = self._stopping
        store = MemoryStore(self._database)
        clock, observer = self._clock(), Observer(self._broker)
        cluster_id = await store.prepare(EVENTS)
        generations = MemoryGenerations(self._database, self._known)
        follower = Following(generations, figures(), None, clock=clock, owner=process.name)
        await follower.begin(self._loaded())
        self.consumer = consumer = Consumer(self._broker, process)
        owned = Partitions(
            consumer,
            observer,
            store,
            Folder(store, generations, figures().events),
            generations,
            figures(),
            self._stops(observer, clock, cluster_id),
            patience=Patience(LET_GO_S),
            clock=clock,
            topic=EVENTS,
            owner=process.name,
        )
        proving = Prover(
            owned,
            observer,
            Admin(self._broker),
            figures(),
            clock=clock,
            inputs=INPUTS,
            topic=EVENTS,
            ingest_group="ingest",
            group="evaluator",
        )
        consumer.subscribe(owned)
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(work)
            for work in (
                owned.consume(stopping),
                proving.run(stopping),
                follower.run(owned, stopping),
            )
        ]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task in done:
                task.result()

    def _stops(self, observer: Observer, clock: Callable[[], Instant], cluster_id: str) -> Stops:
        return Stops(
            MemoryGaps(self._database),
            observer,
            figures().stopped,
            clock=clock,
            topic=EVENTS,
            cluster_id=cluster_id,
        )
