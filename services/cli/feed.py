"""Puts simulated records into Kafka: a history as fast as it takes them, live ones when due."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from types import TracebackType
from typing import Final, Self

from aiokafka import AIOKafkaProducer

from services.cli.simulator.delivery import Record
from shared.domain.instant import SECOND
from shared.runtime.kafka import reaching
from shared.runtime.topics import Topics
from shared.runtime.wall_clock import WallClock

_CHUNK: Final = 500
_PATIENCE_S: Final = 0.2


class Feed:
    """A producer while its block runs."""

    def __init__(
        self, bootstrap_servers: str, topics: Topics, *, largest_bytes: int = 1024 * 1024
    ) -> None:
        """No connection is made before the block; larger records are refused here."""
        self._bootstrap_servers = bootstrap_servers
        self._topics = topics
        self._largest_bytes = largest_bytes
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        """Connect."""
        # Made here: aiokafka binds a client to the loop that runs at the moment.
        self._producer = AIOKafkaProducer(
            **reaching(self._bootstrap_servers),
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            max_batch_size=256 * 1024,
            max_request_size=self._largest_bytes,
        )
        await self._producer.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send what is left and disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, records: Iterable[Record], *, sent: Callable[[int], None]) -> int:
        """Send them all; `sent` hears how many more the broker has acknowledged."""
        every = 0
        waiting: list[Awaitable[object]] = []
        for record in records:
            waiting.append(await self._send(record))
            if len(waiting) == _CHUNK:
                every += await _acknowledged(waiting, sent)
        return every + await _acknowledged(waiting, sent)

    async def send_when_due(
        self, records: Iterator[Record], *, clock: WallClock, sent: Callable[[int], None]
    ) -> None:
        """Send each when the clock has reached its instant; ends only with the records."""
        waiting: list[Awaitable[object]] = []
        for record in records:
            while (early := record.at - clock()) > 0:
                await _acknowledged(waiting, sent)
                await asyncio.sleep(min(early / SECOND, _PATIENCE_S))
            waiting.append(await self._send(record))
            if len(waiting) == _CHUNK:
                await _acknowledged(waiting, sent)
        await _acknowledged(waiting, sent)

    async def _send(self, record: Record) -> Awaitable[object]:
        if self._producer is None:
            message = "Feed is used outside its block"
            raise RuntimeError(message)
        topic = self._topics.leads if record.topic == "leads" else self._topics.tickets
        waiting: Awaitable[object] = await self._producer.send(
            topic, value=record.value, key=record.key, headers=list(record.headers)
        )
        return waiting


async def _acknowledged(waiting: list[Awaitable[object]], sent: Callable[[int], None]) -> int:
    count = len(waiting)
    if count:
        await asyncio.gather(*waiting)
        waiting.clear()
        sent(count)
    return count
