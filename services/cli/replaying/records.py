"""What is folded again: the records of the event log, or the events of stored timelines as records.

Either way in batches of one partition, so that memory holds one batch and what a client fetches.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.cli.replaying.shadow import Session, Shadow
from services.cli.replaying.snapshot import NothingToReplayError, Place, Snapshot
from services.evaluator.fold import Record
from shared.runtime.kafka import reaching
from shared.wire import cloudevents
from shared.wire.stored_item import unpack_events

BATCH: Final = 4_000
_ITEMS_AT_ONCE: Final = 500
_FETCH_BYTES: Final = 4 * 1024 * 1024


class Origin(StrEnum):
    """Where the events come from."""

    TOPIC = "topic"
    ITEMS = "items"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition, and how much of `Records.total` they are."""

    part: int
    records: Sequence[Record]
    done: int


@dataclass(frozen=True, slots=True)
class Records:
    """Everything to be folded; `total` counts offsets of the log, or stored items."""

    origin: Origin
    total: int
    batches: AsyncIterator[Batch]


class EventLog:
    """The topic as it is now, held against a snapshot."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, places: Sequence[Place]) -> None:
        """`consumer` belongs to no group and has started."""
        self._consumer = consumer
        self._places = {TopicPartition(topic, own.part): own for own in places if own.next_offset}
        self._begins: dict[TopicPartition, int] = {}

    async def missing(self) -> str | None:
        """What retention has taken of the records that were folded; None if nothing."""
        self._begins = await self._consumer.beginning_offsets([*self._places])
        ends = await self._consumer.end_offsets([*self._places])
        for place, own in sorted(self._places.items()):
            if ends[place] < own.next_offset:
                message = (
                    f"{place.topic} ends at offset {ends[place]} of partition {own.part} and was "
                    f"folded up to {own.next_offset}: this is another topic than the one folded"
                )
                raise NothingToReplayError(message)
        gone = sum(self._begins.values())
        return f"{gone} records of the topic are no longer there" if gone else None

    @property
    def total(self) -> int:
        """How many offsets lie before the ones to be folded next."""
        return sum(own.next_offset - self._begins[at] for at, own in self._places.items())

    async def batches(self) -> AsyncIterator[Batch]:
        """The records from the beginning up to each partition's next offset, never beyond."""
        left = {at: self._begins[at] for at in self._places}
        self._consumer.assign(sorted(left))
        await self._consumer.seek_to_beginning()
        while left:
            fetched = await self._consumer.getmany(timeout_ms=500, max_records=BATCH)
            for at, several in sorted(fetched.items()):
                own = self._places[at]
                records = [record for record in several if record.offset < own.next_offset]
                if records:
                    reached = records[-1].offset + 1
                    self._check(own, records[-1])
                    yield Batch(own.part, records, reached - left[at])
                    left[at] = reached
            for at in sorted(left):
                end = self._places[at].next_offset
                if await self._consumer.position(at) >= end:
                    self._consumer.pause(at)
                    yield Batch(at.partition, (), end - left.pop(at))

    @staticmethod
    def _check(own: Place, last: Record) -> None:
        if last.offset != own.next_offset - 1 or own.record_digest is None:
            return
        if hashlib.sha256(last.value or b"").digest() != own.record_digest:
            message = (
                f"the record at offset {last.offset} of partition {own.part} is not the one that "
                "was folded: this is another topic"
            )
            raise NothingToReplayError(message)


@asynccontextmanager
async def open_event_log(
    bootstrap_servers: str, topic: str, snapshot: Snapshot
) -> AsyncIterator[EventLog]:
    """The topic for reading, without a consumer group; refuses another cluster than the folded."""
    await _check_cluster(bootstrap_servers, {own.cluster_id for own in snapshot.places})
    consumer = AIOKafkaConsumer(
        **reaching(bootstrap_servers),
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    await consumer.start()
    try:
        yield EventLog(consumer, topic, snapshot.places)
    finally:
        await consumer.stop()


async def _check_cluster(bootstrap_servers: str, folded: set[str]) -> None:
    admin = AIOKafkaAdminClient(**reaching(bootstrap_servers))
    await admin.start()
    try:
        found = str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()
    others = folded - {found, ""}
    if others:
        message = (
            f"the events were folded from the Kafka cluster {', '.join(sorted(others))} and this "
            f"one is {found}: ACCORD_KAFKA_BOOTSTRAP_SERVERS and ACCORD_DATABASE_URL do not belong "
            "together; `--from items` needs no Kafka"
        )
        raise NothingToReplayError(message)


def stored_records(shadow: Shadow, snapshot: Snapshot) -> Records:
    """The events of every copied item, written as ingest writes them to the log."""
    batches = _stored(shadow.session, shadow.name, [own.part for own in snapshot.places])
    return Records(Origin.ITEMS, snapshot.items, batches)


async def _stored(session: Session, schema: str, parts: Sequence[int]) -> AsyncIterator[Batch]:
    query = (
        f"SELECT key, body FROM {schema}.live_item "  # noqa: S608 - our own name
        "WHERE part = $1 AND key > $2 ORDER BY key LIMIT $3"
    )
    for part in parts:
        after, offset = "", 0
        while rows := await session.fetch(query, part, after, _ITEMS_AT_ONCE):
            after = rows[-1]["key"]
            events = [event for row in rows for event in unpack_events(row["key"], row["body"])]
            records = [
                _record(part, offset + number, cloudevents.encode(event))
                for number, event in enumerate(events)
            ]
            offset += len(records)
            yield Batch(part, records, len(rows))


def _record(part: int, offset: int, value: bytes) -> Record:
    return ConsumerRecord("", part, offset, 0, 0, None, value, None, 0, len(value), ())
