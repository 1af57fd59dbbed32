"""Sends the simulated company's records while faults happen, and notes what the broker took."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.cli.simulator.delivery import Noise, Record
from services.cli.simulator.stream import Simulation, history_start, simulate
from shared.domain.instant import Instant
from shared.runtime.topics import Topics
from shared.runtime.wall_clock import system_clock
from shared.wire.cloudevents import InvalidEvent, decode_record

NOISE: Final = Noise(late=0.05, very_late=0.005, twice=0.05, conflicting=0.005, broken=0.003)
GARBAGE_KEY: Final = b"garbage"
_CHUNK: Final = 250
_LIVE_S: Final = 0.1
_AGAIN_S: Final = 0.3
_PATIENCE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A record that the broker has: where, and an instant at which it was there."""

    topic: str
    partition: int
    offset: int
    key: bytes
    known_at: Instant
    item: str | None
    time: Instant | None


class Feeder:
    """A history of two days, and live records as they fall due, until told to stop."""

    def __init__(self, servers: str, topics: Topics, seed: int) -> None:
        """Nothing is sent before `run`."""
        self._servers = servers
        self._topics = topics
        now = system_clock()
        self._simulation = Simulation(
            seed, history_start(now, 2), now, volume=0.25, live_rate=12, noise=NOISE
        )
        self._stream = simulate(self._simulation)
        self.acknowledged: list[Acknowledged] = []
        self.doubtful: list[str | None] = []
        """The items of records that may be in the topics, or come there later, or not."""
        self._started: AIOKafkaProducer | None = None
        self._turn = asyncio.Lock()

    async def run(self, *, history_s: float, stopping: asyncio.Event) -> None:
        """Send the history over so many seconds, live records beside it, until stopped."""
        history = list(takewhile(lambda own: own.at < self._simulation.now, self._stream))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send_history(history, history_s))
            group.create_task(self._send_live(stopping))

    async def _send_history(self, history: Sequence[Record], history_s: float) -> None:
        chunks = [history[begun : begun + _CHUNK] for begun in range(0, len(history), _CHUNK)]
        for chunk in chunks:
            await self.send(chunk)
            await asyncio.sleep(history_s / len(chunks))

    async def _send_live(self, stopping: asyncio.Event) -> None:
        following = next(self._stream)
        while not stopping.is_set():
            due: list[Record] = []
            while following.at < system_clock():
                due.append(following)
                following = next(self._stream)
            await self.send(due)
            await asyncio.sleep(_LIVE_S)

    async def send(self, records: Sequence[Record]) -> None:
        """Send some; what the broker did not confirm may be there or not, the topics know."""
        if not records:
            return
        producer = await self._producer()
        try:
            waiting = [(own, await self._send(producer, own)) for own in records]
        except KafkaError:
            await self._forget(producer)
            self.doubtful += [_event_of(own)[0] for own in records]
            return
        outcomes = await asyncio.gather(*(future for _, future in waiting), return_exceptions=True)
        known_at = system_clock()
        for (own, _), place in zip(waiting, outcomes, strict=True):
            item, time = _event_of(own)
            if isinstance(place, BaseException):
                self.doubtful.append(item)
                continue
            self.acknowledged.append(
                Acknowledged(
                    place.topic, place.partition, place.offset, own.key, known_at, item, time
                )
            )
        if any(isinstance(place, BaseException) for place in outcomes):
            await self._forget(producer)

    async def stop(self) -> None:
        """Disconnect."""
        if self._started is not None:
            await self._forget(self._started)

    async def _send(
        self, producer: AIOKafkaProducer, record: Record
    ) -> "asyncio.Future[Acknowledged]":
        future: asyncio.Future[Acknowledged] = await producer.send(
            self._topics.input(record.topic),
            value=record.value,
            key=record.key,
            headers=list(record.headers),
        )
        return future

    async def _producer(self) -> AIOKafkaProducer:
        async with self._turn:
            while self._started is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._servers,
                    enable_idempotence=True,
                    acks="all",
                    metadata_max_age_ms=500,
                )
                try:
                    await producer.start()
                except KafkaError:
                    await producer.stop()
                    await asyncio.sleep(_AGAIN_S)
                else:
                    self._started = producer
            return self._started

    async def _forget(self, producer: AIOKafkaProducer) -> None:
        if self._started is producer:
            self._started = None
        with suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(producer.stop(), _PATIENCE_S)


def garbage(topic: str, number: int) -> Record:
    """A record that is no event."""
    return Record(0, topic, GARBAGE_KEY, b'{"specversion": "1.0", "id": %d' % number)


def _event_of(record: Record) -> tuple[str | None, Instant | None]:
    try:
        event = decode_record(record.headers, record.value)
    except InvalidEvent:
        return None, None
    return event.item, event.time
