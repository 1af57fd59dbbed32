"""Wiring of the ingest service: `python -m services.ingest`."""

import asyncio
import contextlib
import gc
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from services.ingest.consume import Ingest, Meters, new_consumer
from services.ingest.publish import STOP_S, Publisher, Writer, new_producer
from services.ingest.stops import Stops
from shared.documents.source_files import load_sources
from shared.domain.source import Source
from shared.runtime.config import InvalidSettings, Settings, read_settings
from shared.runtime.database import Pool, create_pool
from shared.runtime.event_log import recorded_partitions
from shared.runtime.kafka import reaching
from shared.runtime.pool_figures import PoolFigures
from shared.runtime.process import new_registry, run
from shared.runtime.topics import Topics, require_inputs
from shared.runtime.version import program_version
from shared.runtime.waiting import Waiting, require_schema
from shared.runtime.wall_clock import wall_clock

NOT_LOADED: Final = 2


class Service:
    """Ingest while it runs."""

    def __init__(self, settings: Settings, sources: Sequence[Source]) -> None:
        """Read the topics of these sources."""
        self._settings = settings
        topics = Topics(settings.topic_prefix)
        self._sources = {topics.input(source.topic): source for source in sources}
        self.registry = new_registry()
        self._meters = Meters(self.registry)
        self._pool_figures = PoolFigures(self.registry)
        self._ingest: Ingest | None = None
        self._waiting = Waiting()

    def readiness(self) -> dict[str, str | None]:
        """Each check with the reason why it fails, if it does."""
        if self._ingest is None:
            return {"started": self._waiting.problem or "it is starting"}
        return self._ingest.readiness()

    async def serve(self, stopping: asyncio.Event) -> None:
        """Read until told to stop; waits for servers, schema and topics that are not there yet."""
        while not stopping.is_set():
            async with AsyncExitStack() as opened:
                begun = await self._waiting.tried(partial(self._begin, opened), stopping)
                if begun is None:
                    continue
                self._ingest = begun
                # Batches are many objects without cycles: to look for these took a fifth of the
                # time.
                gc.freeze()
                gc.set_threshold(100_000)
                await begun.run(stopping)

    async def _begin(self, opened: AsyncExitStack) -> Ingest:
        """Connect to everything; `opened` closes it."""
        settings, topics = self._settings, Topics(self._settings.topic_prefix)
        servers = settings.kafka_bootstrap_servers
        pool = await create_pool(settings.database_url, service="ingest", size_max=1)
        opened.callback(pool.terminate)
        self._pool_figures.show(pool)
        await require_schema(pool)
        await require_inputs(servers, self._sources)
        publisher = await self._publisher(pool, topics)
        opened.push_async_callback(publisher.stop)
        await publisher.start()
        admin = AIOKafkaAdminClient(**reaching(servers))
        opened.push_async_callback(admin.close)
        await admin.start()
        consumer = new_consumer(
            servers,
            group=topics.group("ingest"),
            session_timeout_ms=settings.session_timeout_ms,
        )
        opened.push_async_callback(_stop, consumer)
        await consumer.start()
        clock = wall_clock(settings.clock)
        stops = Stops(consumer, pool, self._meters.stopped, clock=clock)
        return Ingest(
            consumer, admin, publisher, self._sources, stops, clock=clock, meters=self._meters
        )

    async def _publisher(self, pool: Pool, topics: Topics) -> Publisher:
        servers = self._settings.kafka_bootstrap_servers
        partitions = await recorded_partitions(pool, bootstrap_servers=servers, topic=topics.events)
        return Publisher(
            events=Writer(lambda: new_producer(servers, "accord-ingest-events")),
            letters=Writer(lambda: new_producer(servers, "accord-ingest-dead-letters")),
            topic=topics.events,
            partitions=partitions,
            group=topics.group("ingest"),
            version=program_version(),
            clock=wall_clock(self._settings.clock),
            dead=self._meters.dead,
        )


async def _stop(consumer: AIOKafkaConsumer) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(consumer.stop(), STOP_S)


def main() -> int:
    """Run ingest until it is told to stop; 2 when its settings or sources cannot be read."""
    try:
        settings = read_settings("ingest")
    except InvalidSettings as problem:
        sys.stderr.write(f"accord ingest: {problem}\n")
        return NOT_LOADED
    loaded = load_sources(settings.sources)
    if loaded.problems:
        sys.stderr.writelines(f"{problem}\n" for problem in loaded.problems)
        return NOT_LOADED
    service = Service(settings, loaded.sources)
    return run(
        "ingest",
        service.serve,
        settings=settings,
        registry=service.registry,
        readiness=service.readiness,
    )


if __name__ == "__main__":
    sys.exit(main())
