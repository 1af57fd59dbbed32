"""The events in the topics of the sources, from the beginning to their end."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from services.cli.offline import Lines
from services.cli.verification.compare import Difference
from services.cli.verification.places import partitions_of
from shared.domain.source import DEFAULT_SOURCES, Source
from shared.runtime.kafka import reaching
from shared.runtime.topics import Topics, dead_letters
from shared.wire.cloudevents import InvalidEvent, encode
from shared.wire.mapping import read_record

_READ_AT_ONCE: Final = 4 * 1024 * 1024
_ORIGIN: Final = ("__dlq.errors.topic", "__dlq.errors.partition", "__dlq.errors.offset")


class KafkaRecord(Protocol):
    """What is read of a record of aiokafka, which ships no types."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(slots=True)
class Accepted:
    """What the input topics hold, told apart.

    Places are `topic/partition@offset`. An event that ingest has put aside (too far in the
    future when it came) is no accepted one, and neither are others of its record; a record that
    is no event has to lie in the dead letters.
    """

    events: Lines = field(default_factory=Lines)
    put_aside: int = 0
    invalid: int = 0
    missing: list[Difference] = field(default_factory=list)


async def read_accepted(
    bootstrap_servers: str, topics: Topics, sources: Iterable[Source] = DEFAULT_SOURCES
) -> Accepted:
    """Every accepted event of the sources' topics, read as ingest does."""
    accepted = Accepted()
    by_topic = {topics.input(source.topic): source for source in sources}
    names = [*by_topic]
    letters = await _origins(bootstrap_servers, [dead_letters(name) for name in names])
    number = 0
    async for record in records_of(bootstrap_servers, names):
        place = f"{record.topic}/{record.partition}@{record.offset}"
        try:
            events = read_record(by_topic[record.topic], record.headers, record.value)
        except InvalidEvent as invalid:
            accepted.invalid += 1
            if place not in letters:
                problem = Difference(f"dead letter {place}", "reason", "(none)", invalid.reason)
                accepted.missing.append(problem)
            continue
        if place in letters:
            accepted.put_aside += 1
        else:
            for event in events:
                number += 1
                accepted.events.add(event.item, number, encode(event))
    return accepted


async def _origins(bootstrap_servers: str, names: list[str]) -> set[str]:
    """The places in the input topics from which the dead letters came."""
    places: set[str] = set()
    async for record in records_of(bootstrap_servers, names):
        origin: Mapping[str, bytes | None] = dict(record.headers)
        topic, partition, offset = ((origin.get(name) or b"?").decode() for name in _ORIGIN)
        places.add(f"{topic}/{partition}@{offset}")
    return places


async def records_of(bootstrap_servers: str, names: Iterable[str]) -> AsyncIterator[KafkaRecord]:
    """Every record that the topics hold at the call, partition by partition."""
    consumer = AIOKafkaConsumer(
        **reaching(bootstrap_servers),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=_READ_AT_ONCE,
    )
    admin = AIOKafkaAdminClient(**reaching(bootstrap_servers))
    await admin.start()
    try:
        partitions = await partitions_of(admin, names)
    finally:
        await admin.close()
    await consumer.start()
    try:
        ends = await consumer.end_offsets(partitions)
        begins = await consumer.beginning_offsets(partitions)
        left = {part for part in partitions if begins[part] < ends[part]}
        consumer.assign(sorted(left))
        while left:
            batch = await consumer.getmany(timeout_ms=500, max_records=5000)
            for part, records in batch.items():
                for record in records:
                    if record.offset < ends[part]:
                        yield record
            for part in list(left):
                if await consumer.position(part) >= ends[part]:
                    left.discard(part)
                    consumer.pause(part)
    finally:
        await consumer.stop()
