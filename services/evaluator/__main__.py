"""Wiring of the evaluator: `python -m services.evaluator`."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client import CollectorRegistry

from services.evaluator.bounded_clock import BoundedClock
from services.evaluator.figures import Figures
from services.evaluator.fold import Folder
from services.evaluator.following import Following
from services.evaluator.gap_rows import GapRows
from services.evaluator.garbage import Garbage, search_all
from services.evaluator.generations import Generations, are_some_in_use
from services.evaluator.judging import Judge
from services.evaluator.partitions import Partitions
from services.evaluator.patience import LostDatabaseError, Patience
from services.evaluator.prover import Prover
from services.evaluator.readiness import Readiness
from services.evaluator.relay import Relay
from services.evaluator.retention import Retention
from services.evaluator.stops import Stops
from services.evaluator.store import Store
from shared.documents import Loaded, load
from shared.documents.source_files import load_sources
from shared.domain.source import DEFAULT_SOURCES, Source
from shared.runtime.config import (
    SESSION_TIMEOUT_MS,
    InvalidSettings,
    Settings,
    read_settings,
)
from shared.runtime.database import Pool, close_pool, create_pool
from shared.runtime.event_log import recorded_partitions
from shared.runtime.kafka import reaching, sharing
from shared.runtime.pool_figures import PoolFigures
from shared.runtime.process import new_registry, run
from shared.runtime.topics import Topics
from shared.runtime.waiting import Waiting, require_schema
from shared.runtime.wall_clock import WallClock, wall_clock

SERVICE: Final = "evaluator"
NOT_LOADED: Final = 2
FETCH_BYTES: Final = 32 * 1024 * 1024
PARTITION_FETCH_BYTES: Final = 4 * 1024 * 1024
FETCH_WAIT_MS: Final = 50
"""How long the broker gathers records for one fetch: a batch's worth, or this long."""
FETCH_MIN_BYTES: Final = 1024 * 1024
CONNECTIONS: Final = 8
_logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Begun:
    """What a working evaluator stands on: everything is connected and prepared."""

    pool: Pool
    consumer: AIOKafkaConsumer
    observer: AIOKafkaConsumer
    admin: AIOKafkaAdminClient
    generations: Generations
    following: Following
    retention: Retention
    cluster_id: str


class Evaluator:
    """The service while it runs."""

    def __init__(
        self,
        settings: Settings,
        loaded: Loaded,
        registry: CollectorRegistry,
        *,
        clock: WallClock,
        is_clock_bound: bool = False,
        sources: Iterable[Source] = DEFAULT_SOURCES,
    ) -> None:
        """Propose the documents loaded; ingest is complete when it has read all `sources`.

        A bound clock is held against the database's.
        """
        self._settings = settings
        self._loaded = loaded
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._topics = Topics(settings.topic_prefix)
        self._inputs = [self._topics.input(source.topic) for source in sources]
        self._figures = Figures(registry, self._topics.events)
        self._pool_figures = PoolFigures(registry)
        self._clock = BoundedClock(clock, self._figures.clock_ahead, is_bound=is_clock_bound)
        self.readiness = Readiness()

    async def serve(self, stopping: asyncio.Event) -> None:
        """Own partitions, fold them, judge and announce until told to stop.

        Waits for servers, schema and topics that are not there yet; a database that is lost for
        long is waited for in the same way, out of the group, so that others go on.
        """
        waiting = Waiting()
        while not stopping.is_set():
            has_left = await self._serve(waiting, stopping)
            if has_left:
                search_all()  # it holds its items by the client that it listens to, which holds it

    async def _serve(self, waiting: Waiting, stopping: asyncio.Event) -> bool:
        """Begin and work, until told to stop or the database is lost: whether that is so."""
        async with AsyncExitStack() as opened:
            begun = await waiting.tried(partial(self._begin, opened), stopping)
            if begun is None:
                self.readiness.waits(waiting.problem)
                return False
            try:
                await self._work(begun, stopping)
            except* LostDatabaseError as lost:
                reason = str(lost.exceptions[0])
                _logger.warning("It leaves the group: %s", reason, extra={"action": "left"})
                self.readiness.waits(reason)
            finally:
                self._figures.has_left()
        return not stopping.is_set()

    async def _begin(self, opened: AsyncExitStack) -> Begun:
        """Connect to everything and propose the documents; `opened` closes it."""
        pool = await create_pool(self._settings.database_url, service=SERVICE, size_max=CONNECTIONS)
        opened.push_async_callback(close_pool, pool)
        self._pool_figures.show(pool)
        await require_schema(pool)
        await self._clock.look(pool)
        servers, topic = self._settings.kafka_bootstrap_servers, self._topics.events
        await recorded_partitions(pool, bootstrap_servers=servers, topic=topic)
        cluster_id = await Store(pool).prepare(topic)
        generations = Generations(pool)
        following = Following(
            generations,
            self._figures,
            self._settings.agreements,
            clock=self._clock,
            owner=self._owner,
        )
        await following.begin(self._loaded)
        retention = Retention(pool, self._settings.retention, clock=self._clock)
        await retention.begin()
        consumer = new_consumer(
            servers,
            self._topics,
            session_timeout_ms=self._settings.session_timeout_ms,
            group_instance=self._settings.group_instance,
        )
        observer = new_observer(servers)
        admin = AIOKafkaAdminClient(**reaching(servers))
        clients = ((observer, observer.stop), (admin, admin.close), (consumer, consumer.stop))
        for client, end in clients:
            opened.push_async_callback(end)
            await client.start()
        return Begun(pool, consumer, observer, admin, generations, following, retention, cluster_id)

    async def _work(self, begun: Begun, stopping: asyncio.Event) -> None:
        pool, generations, following = begun.pool, begun.generations, begun.following
        servers, topics = self._settings.kafka_bootstrap_servers, self._topics
        partitions = self._partitions(begun)
        prover = self._prover(partitions, begun.observer, begun.admin)
        judge = Judge(pool, generations, self._figures, clock=self._clock)
        relay = Relay(
            pool,
            partial(new_producer, servers),
            generations,
            self._figures,
            clock=self._clock,
            topic=topics.breaches,
        )
        begun.consumer.subscribe([topics.events], listener=partitions)
        async with asyncio.TaskGroup() as group:
            group.create_task(partitions.consume(stopping))
            for own in (prover, judge, relay, Garbage(), begun.retention):
                group.create_task(own.run(stopping))
            group.create_task(self._clock.run(pool, stopping))
            group.create_task(following.run(partitions, stopping))
            group.create_task(self.readiness.watch(pool, partitions, following, stopping))

    def _prover(
        self, partitions: Partitions, observer: AIOKafkaConsumer, admin: AIOKafkaAdminClient
    ) -> Prover:
        return Prover(
            partitions,
            observer,
            admin,
            self._figures,
            clock=self._clock,
            inputs=self._inputs,
            topic=self._topics.events,
            ingest_group=self._topics.group("ingest"),
            group=self._topics.group(SERVICE),
        )

    def _partitions(self, begun: Begun) -> Partitions:
        topic = self._topics.events
        stops = Stops(
            GapRows(begun.pool),
            begun.observer,
            self._figures.stopped,
            clock=self._clock,
            topic=topic,
            cluster_id=begun.cluster_id,
        )
        store = Store(begun.pool)
        return Partitions(
            begun.consumer,
            begun.observer,
            store,
            Folder(store, begun.generations, self._figures.events, self._figures.lateness),
            begun.generations,
            self._figures,
            stops,
            patience=Patience(self._settings.session_timeout_ms / 1_000),
            clock=self._clock,
            topic=topic,
            owner=self._owner,
        )


def new_consumer(
    bootstrap_servers: str,
    topics: Topics,
    *,
    session_timeout_ms: int = SESSION_TIMEOUT_MS,
    group_instance: str | None = None,
) -> AIOKafkaConsumer:
    """A member of the evaluators' group; positions come from PostgreSQL, never from Kafka.

    `group_instance` names a member that keeps its partitions while it restarts.
    """
    return AIOKafkaConsumer(
        **reaching(bootstrap_servers),
        client_id="accord-evaluator",
        **sharing(topics.group(SERVICE), session_timeout_ms=session_timeout_ms),
        group_instance_id=group_instance,
        auto_offset_reset="none",
        metadata_max_age_ms=60_000,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        fetch_min_bytes=FETCH_MIN_BYTES,
        fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
    )


def new_observer(bootstrap_servers: str) -> AIOKafkaConsumer:
    """Asks how far topics go; it is in no group and consumes nothing."""
    return AIOKafkaConsumer(
        **reaching(bootstrap_servers),
        client_id="accord-evaluator-observer",
        isolation_level="read_committed",
    )


def new_producer(bootstrap_servers: str) -> AIOKafkaProducer:
    """Sends breaches: nothing lost, repeated or out of order."""
    return AIOKafkaProducer(
        **reaching(bootstrap_servers),
        client_id="accord-evaluator-relay",
        acks="all",
        enable_idempotence=True,
    )


def main() -> int:
    """Run the evaluator; 2 when its settings or documents cannot be read."""
    try:
        settings = read_settings(SERVICE)
    except InvalidSettings as error:
        sys.stderr.write(f"accord evaluator: {error}\n")
        return NOT_LOADED
    if settings.agreements is None:
        sys.stderr.write("accord evaluator: set ACCORD_AGREEMENTS to the folder of the documents\n")
        return NOT_LOADED
    loaded = load(settings.agreements)
    if loaded.catalogue is None:
        sys.stderr.writelines(f"{problem}\n" for problem in loaded.problems)
        if not asyncio.run(are_some_in_use(settings.database_url)):
            return NOT_LOADED
    declared = load_sources(settings.sources)
    if declared.problems:
        sys.stderr.writelines(f"{problem}\n" for problem in declared.problems)
        return NOT_LOADED
    registry = new_registry()
    evaluator = Evaluator(
        settings,
        loaded,
        registry,
        clock=wall_clock(settings.clock),
        is_clock_bound=settings.clock is None,
        sources=declared.sources,
    )
    return run(
        SERVICE,
        evaluator.serve,
        settings=settings,
        registry=registry,
        readiness=evaluator.readiness.checks,
    )


if __name__ == "__main__":
    sys.exit(main())
