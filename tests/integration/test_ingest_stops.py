"""Partitions of the sources' topics that stop alone, and go on without ingest being started anew.

Ingest runs in the test's own process, so that what stops it can be made small.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from services.cli.stack.local_stack import LocalStack
from services.ingest import consume, stops
from services.ingest.__main__ import Service
from shared.documents.source_files import load_sources
from shared.runtime.config import process_environment, read_settings
from shared.runtime.topics import Topics, dead_letters

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

EVENT = (
    b'{"specversion":"1.0","id":"%d","source":"/t","type":"ticket.replied",'
    b'"subject":"T-1","time":"2026-03-02T09:00:00Z"}'
)


@dataclass(slots=True)
class Desk:
    """Topics and a database of their own; `environment` is that of ingest."""

    servers: str
    topics: Topics
    environment: dict[str, str]
    monkeypatch: pytest.MonkeyPatch

    @property
    def place(self) -> TopicPartition:
        """The partition that is stopped."""
        return TopicPartition(self.topics.tickets, 0)

    @asynccontextmanager
    async def ingest(self) -> AsyncIterator[Service]:
        """A running ingest."""
        for name, value in self.environment.items():
            self.monkeypatch.setenv(name, value)
        service = Service(read_settings("ingest"), load_sources(None).sources)
        stopping = asyncio.Event()
        running = asyncio.ensure_future(service.serve(stopping))
        try:
            yield service
        finally:
            stopping.set()
            await running

    async def send(self, *values: bytes, partition: int = 0) -> None:
        """Write records to the partition that is stopped, or another."""
        async with AIOKafkaProducer(bootstrap_servers=self.servers) as producer:
            for value in values:
                await producer.send(self.topics.tickets, value, partition=partition)

    async def ends(self, topic: str) -> int:
        """How many records were ever written to a topic."""
        async with AIOKafkaConsumer(bootstrap_servers=self.servers) as consumer:
            places = [TopicPartition(topic, partition) for partition in range(8)]
            return sum((await consumer.end_offsets(places)).values())

    async def events(self) -> int:
        """How many records the event log has."""
        return await self.ends(self.topics.events)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """A client that changes topics."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def accept(self) -> None:
        """Say that the partition is to go on."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.cli.main",
            "gaps",
            "accept",
            f"{self.place.topic}/{self.place.partition}",
            "--why",
            "it is known",
            env=process_environment(**self.environment),
        )
        assert await process.wait() == 0


@pytest.fixture
def desk(
    stack: LocalStack, topics: Topics, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    monkeypatch.setattr(stops, "AGAIN_S", 0.2)
    monkeypatch.setattr(stops, "LETTERS_AGAIN_S", 0.2)
    monkeypatch.setattr(consume, "POISON_RUN", 100)
    environment = {
        **stack.environment,
        "ACCORD_DATABASE_URL": database_url,
        "ACCORD_TOPIC_PREFIX": topics.prefix,
    }
    return Desk(stack.bootstrap_servers, topics, environment, monkeypatch)


async def until(asked: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so; the test's own time limit ends it."""
    while not await asked():  # noqa: ASYNC110 - what others write has no event here
        await asyncio.sleep(0.05)


async def shown(service: Service, reason: str) -> None:
    """Wait until the partition is shown as stopped for this reason: ready says so, and figures."""
    await until(lambda: _is(reason in (service.readiness().get("partitions") or "")))
    labels = {"partition": "0", "reason": reason}
    found = [
        sample.value
        for family in service.registry.collect()
        if family.name == "accord_source_partition_stopped"
        for sample in family.samples
        if labels.items() <= sample.labels.items()
    ]
    assert found == [1]


async def _is(answer: bool) -> bool:  # noqa: FBT001 - the answer itself
    return answer


def events(first: int, last: int) -> Sequence[bytes]:
    """Events, each another."""
    return [EVENT % number for number in range(first, last)]


async def well(desk: Desk, service: Service, count: int) -> None:
    """Wait until the event log has so many records, and nothing is stopped."""
    await until(lambda: _reached(desk, count))
    assert await desk.events() == count
    assert service.readiness()["partitions"] is None


async def _reached(desk: Desk, count: int) -> bool:
    return await desk.events() >= count


async def test_records_that_are_gone_stop_their_partition_until_that_is_accepted(
    desk: Desk,
) -> None:
    await desk.send(*events(0, 10))
    async with desk.ingest() as service:
        await well(desk, service, 10)
    await desk.send(*events(10, 20))
    async with desk.admin() as admin:
        await admin.delete_records({desk.place: RecordsToDelete(before_offset=15)})
    async with desk.ingest() as service:
        await shown(service, "records_lost")
        await desk.send(*events(100, 110), partition=1)
        await until(lambda: _reached(desk, 20))
        assert await desk.events() == 20
        await desk.accept()
        await well(desk, service, 25)


async def test_a_topic_that_was_made_anew_is_read_only_when_that_is_accepted(desk: Desk) -> None:
    await desk.send(*events(0, 10))
    async with desk.ingest() as service:
        await well(desk, service, 10)
        async with desk.admin() as admin:
            await admin.delete_topics([desk.topics.tickets])
            new = NewTopic(name=desk.topics.tickets, num_partitions=8, replication_factor=1)
            await until(lambda: _is_made(admin, new))
        await desk.send(*events(20, 23))
        await shown(service, "other_log")
        assert await desk.events() == 10
        await desk.accept()
        await well(desk, service, 13)


async def _is_made(admin: AIOKafkaAdminClient, topic: NewTopic) -> bool:
    answer = await admin.create_topics([topic])
    return not answer.topic_errors[0][1]


async def test_poison_stops_its_partition_until_that_is_accepted(desk: Desk) -> None:
    async with desk.ingest() as service:
        await desk.send(*[b"{"] * 100)
        await shown(service, "poison")
        await desk.send(*events(0, 10))
        await desk.send(*events(10, 20), partition=1)
        await until(lambda: _reached(desk, 10))
        assert await desk.events() == 10
        await desk.accept()
        await well(desk, service, 20)


async def test_dead_letters_that_cannot_be_written_stop_their_partition_until_they_can(
    desk: Desk,
) -> None:
    letters = dead_letters(desk.topics.tickets)
    limit = "max.message.bytes"
    async with desk.ingest() as service:
        await _configure(desk, letters, limit, "100")
        await desk.send(b"{", EVENT % 1)
        await shown(service, "dead_letters")
        await desk.send(*events(2, 12), partition=1)
        await until(lambda: _reached(desk, 10))
        assert (await desk.events(), await desk.ends(letters)) == (10, 0)
        await _configure(desk, letters, limit, "1000000")
        await well(desk, service, 11)
        assert await desk.ends(letters) == 1


async def _configure(desk: Desk, topic: str, name: str, value: str) -> None:
    async with desk.admin() as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs={name: value})
        await admin.alter_configs([resource])
