"""The ingest service on a real Kafka: nothing lost, everything in its place, offsets true."""

import asyncio
import json
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from services.cli.stack.local_stack import LocalStack
from services.cli.stack.services import Services
from shared.runtime.topics import Topics, dead_letters
from shared.wire.cloudevents import decode_record
from shared.wire.partitioning import partition_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

NAME = "ingest"
PARTITIONS = 8


def _metrics(services: Services) -> list[str]:
    url = f"{services.health_url(NAME)}/metrics"
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own address
        lines: list[str] = answer.read().decode().splitlines()
    return lines


@dataclass(frozen=True, slots=True)
class Pipeline:
    """An ingest on topics and a database of its own."""

    services: Services
    servers: str
    topics: Topics

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        lines = _metrics(self.services)
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in lines
            if line.startswith((f"{name}{{", f"{name} ")) and all(part in line for part in wanted)
        )


@pytest.fixture
def environment(stack: LocalStack, topics: Topics, database_url: str) -> dict[str, str]:
    """What an ingest is told."""
    return {
        **stack.environment,
        "ACCORD_DATABASE_URL": database_url,
        "ACCORD_TOPIC_PREFIX": topics.prefix,
    }


@pytest.fixture
def pipeline(
    stack: LocalStack, topics: Topics, environment: dict[str, str], tmp_path: Path
) -> Iterable[Pipeline]:
    """A running ingest."""
    with Services(tmp_path, environment, names=[NAME]) as services:
        yield Pipeline(services, stack.bootstrap_servers, topics)


def _event(subject: str, number: int, **more: object) -> bytes:
    members = {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": "/test",
        "type": "ticket.replied",
        "subject": subject,
        "time": "2026-03-02T09:00:00Z",
        "data": {"text": "größer", "score": 1.50},
    }
    return json.dumps({**members, **more}).encode()


Sent = tuple[str, int, bytes | None, bytes | None, list[tuple[str, bytes]]]


async def _send(servers: str, records: Sequence[Sent], transaction: str | None = None) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        enable_idempotence=True,
        max_request_size=8_000_000,
        transactional_id=transaction,
    )
    async with producer:
        if transaction:
            await producer.begin_transaction()
        for topic, partition, key, value, headers in records:
            await producer.send(topic, value, key, partition, headers=headers)
        if transaction:
            await producer.commit_transaction()


@asynccontextmanager
async def _reader(servers: str, group: str | None = None) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=16_000_000,
    )
    async with consumer:
        yield consumer


def _places(*topics: str) -> list[TopicPartition]:
    """The partitions of the topics, as the project makes them."""
    return [TopicPartition(topic, partition) for topic in topics for partition in range(PARTITIONS)]


async def _all(servers: str, topic: str) -> list[ConsumerRecord]:
    """Every record of a topic, partition by partition."""
    async with _reader(servers) as consumer:
        places = _places(topic)
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        found: list[ConsumerRecord] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def _rest(pipeline: Pipeline, patience_s: float = 60.0) -> None:
    """Wait until what is committed has reached the ends of the sources' topics."""
    topics = pipeline.topics
    async with _reader(pipeline.servers, topics.group(NAME)) as consumer:
        places = _places(topics.leads, topics.tickets)
        async with asyncio.timeout(patience_s):
            while True:
                ends = await consumer.end_offsets(places)
                committed = [await consumer.committed(place) for place in places]
                if committed == [ends[place] for place in places]:
                    return
                await asyncio.sleep(0.1)


def _headers(record: ConsumerRecord) -> dict[str, str]:
    prefix = "__dlq.errors."
    return {
        name.removeprefix(prefix): content.decode()
        for name, content in record.headers
        if name.startswith(prefix)
    }


async def test_events_arrive_by_item_and_in_order_and_the_rest_are_dead_letters(
    pipeline: Pipeline,
) -> None:
    tickets, servers = pipeline.topics.tickets, pipeline.servers
    good: list[Sent] = [
        (tickets, n % 8, b"k", _event(f"T-{n % 7 + n % 8 * 10}", n), []) for n in range(1000)
    ]
    bad: list[Sent] = [
        (tickets, n % 8, b"key-%d" % n, b"{garbage %d \xff" % n, [("x-trace", b"\x00\xff")])
        for n in range(100)
    ]
    bad += [(tickets, 1, None, _event("T-1", 1, time="2999-01-01T00:00:00Z"), [])]
    bad += [(tickets, 1, b"tombstone", None, [])]
    mixed = [
        record for n, g in enumerate(good) for record in ([g, bad[n // 10]] if n % 10 == 0 else [g])
    ]
    await _send(servers, [*mixed, *bad[100:]])
    await _rest(pipeline)

    events = await _all(servers, pipeline.topics.events)
    assert len(events) == 1000
    assert all(event.partition == partition_of(event.key.decode(), 8) for event in events)
    by_item: dict[bytes, list[int]] = {}
    for event in events:
        number = int(decode_record(event.headers, event.value).id.removeprefix("e-"))
        by_item.setdefault(event.key, []).append(number)
    assert all(numbers == sorted(numbers) for numbers in by_item.values())

    letters = await _all(servers, dead_letters(tickets))
    assert Counter(_headers(letter)["reason"] for letter in letters) == {
        "not_utf8": 100, "future_time": 1, "empty": 1
    }  # fmt: skip
    found = {
        (letter.key, letter.value, *letter.headers[: len(letter.headers) - 12])
        for letter in letters
    }
    assert found == {(key, value, *headers) for _, _, key, value, headers in bad}
    assert pipeline.metric("accord_dlq_records_total", topic=tickets, reason="not_utf8") == 100
    assert pipeline.metric("accord_kafka_consumer_lag", topic=tickets) == 0
    assert pipeline.metric("accord_kafka_records_processed_total") == 1000


async def test_every_mode_of_cloudevents_is_taken(pipeline: Pipeline) -> None:
    attributes = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/s",
        "type": "lead.won",
        "subject": "L",
        "time": "2026-03-02T09:00:00Z",
    }
    binary = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    structured = [("content-type", b"application/cloudevents+json; charset=utf-8")]
    value = json.dumps({**attributes, "data": {"amount": 1}}).encode()
    leads = pipeline.topics.leads
    await _send(
        pipeline.servers,
        [
            (leads, 0, None, b'{"amount":1}', binary),
            (leads, 0, None, value, structured),
            (leads, 0, None, value, []),
        ],
    )
    await _rest(pipeline)
    events = await _all(pipeline.servers, pipeline.topics.events)
    assert len(events) == 3
    assert len({event.value for event in events}) == 1


async def test_a_restart_goes_on_where_the_commit_stands(pipeline: Pipeline) -> None:
    tickets, servers = pipeline.topics.tickets, pipeline.servers
    await _send(servers, [(tickets, n % 8, None, _event("T-1", n), []) for n in range(500)])
    await _rest(pipeline)
    pipeline.services.stop(NAME)
    assert pipeline.services.child(NAME).code() == 0
    await _send(servers, [(tickets, n % 8, None, _event("T-1", n), []) for n in range(500, 600)])
    pipeline.services.start(NAME)
    await _rest(pipeline)
    events = await _all(servers, pipeline.topics.events)
    ids = [decode_record(event.headers, event.value).id for event in events]
    assert sorted(ids[:500]) == sorted(f"e-{n}" for n in range(500))  # each once: none again
    assert sorted(ids[500:]) == sorted(f"e-{n}" for n in range(500, 600))


def _partitions_told(services: Services) -> list[str]:
    """The partitions of whose lag a process tells."""
    begin = "accord_kafka_consumer_lag{"
    return [line.rpartition(" ")[0] for line in _metrics(services) if line.startswith(begin)]


async def test_of_the_lag_in_a_partition_its_owner_tells_alone(
    pipeline: Pipeline, environment: dict[str, str], tmp_path: Path
) -> None:
    def all_told_once() -> bool:
        told = [_partitions_told(own) for own in several]
        return all(told) and sorted(chain.from_iterable(told)) == everything

    tickets = pipeline.topics.tickets
    records: list[Sent] = [(tickets, n % 8, None, _event("T-1", n), []) for n in range(16)]
    await _send(pipeline.servers, records)
    await _rest(pipeline)
    everything = sorted(_partitions_told(pipeline.services))
    assert len(everything) == 2 * PARTITIONS
    with Services(tmp_path / "second", environment, names=[NAME]) as second:
        several = (pipeline.services, second)
        await asyncio.to_thread(_wait, all_told_once)


async def test_a_kill_in_the_middle_loses_nothing(pipeline: Pipeline) -> None:
    tickets, servers = pipeline.topics.tickets, pipeline.servers
    sending = asyncio.ensure_future(
        _send(servers, [(tickets, n % 8, None, _event(f"T-{n}", n), []) for n in range(5000)])
    )
    await asyncio.sleep(0.5)
    pipeline.services.child(NAME).kill()
    await sending
    pipeline.services.start(NAME)
    await _rest(pipeline, 120)
    events = await _all(servers, pipeline.topics.events)
    assert {decode_record(event.headers, event.value).id for event in events} == {
        f"e-{n}" for n in range(5000)
    }


async def test_marks_of_transactions_are_committed_past(pipeline: Pipeline) -> None:
    tickets = pipeline.topics.tickets
    records: list[Sent] = [(tickets, n % 8, None, _event("T-1", n), []) for n in range(16)]
    await _send(pipeline.servers, records, f"{tickets}.producer")
    await _rest(pipeline, 30)
    assert len(await _all(pipeline.servers, pipeline.topics.events)) == 16


async def _limit(servers: str, topic: str, size: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    limit = {"max.message.bytes": str(size)}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=limit)])
    await admin.close()
    await asyncio.sleep(0.5)


async def test_a_record_of_two_megabytes_is_a_dead_letter_whole_or_cut(pipeline: Pipeline) -> None:
    tickets, leads, servers = pipeline.topics.tickets, pipeline.topics.leads, pipeline.servers
    for topic in (tickets, leads):
        await _limit(servers, topic, 8_000_000)
    await _limit(servers, dead_letters(leads), 1_000_000)
    large = _event("T-1", 1, padding="x" * 2_000_000)
    small = _event("T-1", 2)
    await _send(
        servers,
        [
            (topic, 0, None, value, [])
            for topic in (tickets, leads)
            for value in (small, large, small)
        ],
    )
    await _rest(pipeline)
    (whole,) = await _all(servers, dead_letters(tickets))
    assert whole.value == large
    assert _headers(whole)["reason"] == "too_large"
    (cut,) = await _all(servers, dead_letters(leads))
    assert large.startswith(cut.value)
    assert _headers(cut)["truncated"] == str(len(large))
    assert _headers(cut)["offset"] == "1"
    assert len(await _all(servers, pipeline.topics.events)) == 4


async def test_an_event_that_the_event_log_finds_too_large_is_a_dead_letter(
    pipeline: Pipeline,
) -> None:
    tickets, servers = pipeline.topics.tickets, pipeline.servers
    await _limit(servers, pipeline.topics.events, 50_000)
    large = _event("T-1", 50, note="x", data={"note": "y" * 100_000})
    values = (
        [_event("T-1", n) for n in range(50)] + [large] + [_event("T-1", n) for n in range(51, 99)]
    )
    await _send(servers, [(tickets, 0, None, value, []) for value in values])
    await _rest(pipeline)
    (letter,) = await _all(servers, dead_letters(tickets))
    assert letter.value == large
    assert _headers(letter)["reason"] == "too_large"
    events = await _all(servers, pipeline.topics.events)
    ids = {decode_record(event.headers, event.value).id for event in events}
    assert ids == {f"e-{n}" for n in range(99) if n != 50}


def _wait(good: Callable[[], bool], patience_s: float = 90.0) -> None:
    end = time.monotonic() + patience_s
    while not good():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


async def test_it_stops_when_the_event_log_has_grown(pipeline: Pipeline) -> None:
    pipeline.services.stop(NAME)
    admin = AIOKafkaAdminClient(bootstrap_servers=pipeline.servers)
    await admin.start()
    await admin.create_partitions({pipeline.topics.events: NewPartitions(9)})
    await admin.close()
    await asyncio.sleep(1)
    child = pipeline.services.launch(NAME)
    await asyncio.to_thread(_wait, lambda: child.code() is not None)
    assert child.code() == 1
    assert "9 partitions" in child.tail()
    assert "8 were recorded" in child.tail()
