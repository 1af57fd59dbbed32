"""What was put aside: dead letters in Kafka and quarantined records in the database."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.domain.instant import Instant, Micros, format_instant, parse_instant
from shared.runtime.config import driver_url
from shared.runtime.kafka import reaching
from shared.runtime.topics import dead_letters

Headers = Sequence[tuple[str, bytes | None]]

PREFIX: Final = "__dlq.errors."
REPLAYS: Final = "__dlq.replays"
"""Header of a record that was sent again: how often."""
CAUSATION: Final = "causationid"
"""Header of a record that was sent again: the place of the letter that it was."""
QUARANTINE: Final = "quarantine"
"""What stands for a topic in the place of a quarantined record."""
CONFLICT: Final = "conflict"
_EVENT_HEADERS: Final[Headers] = [("content-type", b"application/cloudevents+json")]
_MS: Final[Micros] = 1_000
_FETCH_BYTES: Final = 16 * 1024 * 1024
_POLL_MS: Final = 1_000
_DIGITS: Final = 16
"""So much of a digest is in a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A record that was put aside: where it lies, where it came from, why, and what it is.

    `headers` are the record's own, `errors` what was added; `original_partition` is where it is
    sent to again, None for anywhere. `digest` tells quarantined records apart that had the same
    offset in two logs, one after the other; it is the beginning of theirs.
    """

    topic: str
    partition: int
    offset: int
    written_ms: int
    original: str
    original_partition: int | None
    reason: str
    message: str
    at: Instant
    replays: int
    truncated: bool
    key: bytes | None
    value: bytes | None
    headers: Headers
    errors: Mapping[str, str]
    digest: str = ""

    @property
    def place(self) -> str:
        """`tickets.dlq/0@17`, or `quarantine/3@17:9f86d081884c7d65`: what a list calls it."""
        digest = f":{self.digest}" if self.digest else ""
        return f"{self.topic}/{self.partition}@{self.offset}{digest}"

    def is_at(self, place: str) -> bool:
        """Whether this is its place, with its digest or without."""
        return self.place == place or self.place.startswith(f"{place}:")

    @property
    def identity(self) -> tuple[str, int, int, int]:
        """Its row in `redriven`: whatever else was refused at that place was so at another time."""
        return self.topic, self.partition, self.offset, self.written_ms

    def row(self) -> dict[str, str | int | bool]:
        """The members that a list shows."""
        return {
            "place": self.place,
            "original": self.original,
            "reason": self.reason,
            "message": self.message,
            "at": format_instant(self.at),
            "replays": self.replays,
            "truncated": self.truncated,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which letters are meant; what is left out takes all."""

    topics: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    since: Instant | None = None
    until: Instant | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether it is meant."""
        return (
            (not self.topics or not self.topics.isdisjoint({letter.topic, letter.original}))
            and (not self.reasons or letter.reason in self.reasons)
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
        )


async def read_letters(bootstrap_servers: str, inputs: Iterable[str]) -> AsyncIterator[Letter]:
    """Every dead letter of these topics up to where they end now, by partition and offset."""
    consumer = AIOKafkaConsumer(
        **reaching(bootstrap_servers),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    await consumer.start()
    try:
        places = await _places(bootstrap_servers, [dead_letters(name) for name in inputs])
        begins = await consumer.beginning_offsets(places)
        ends = await consumer.end_offsets(places)
        for place in places:
            if begins[place] >= ends[place]:
                continue
            consumer.assign([place])
            consumer.seek(place, begins[place])
            while await consumer.position(place) < ends[place]:
                found = await consumer.getmany(place, timeout_ms=_POLL_MS)
                for record in found.get(place, ()):
                    if record.offset < ends[place]:
                        yield _letter(record)
    finally:
        await consumer.stop()


async def _places(bootstrap_servers: str, topics: list[str]) -> list[TopicPartition]:
    """The partitions of those topics that are there."""
    admin = AIOKafkaAdminClient(**reaching(bootstrap_servers))
    await admin.start()
    try:
        found = await admin.describe_topics(topics)
    finally:
        await admin.close()
    return [
        TopicPartition(topic["topic"], part["partition"])
        for topic in found
        if not topic["error_code"]
        for part in sorted(topic["partitions"], key=lambda part: int(part["partition"]))
    ]


def _letter(record: "ConsumerRecord[bytes | None, bytes | None]") -> Letter:
    errors = {
        name.removeprefix(PREFIX): (content or b"").decode(errors="replace")
        for name, content in record.headers
        if name.startswith(PREFIX)
    }
    part, count = errors.get("partition", ""), _count(record.headers)
    return Letter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        written_ms=record.timestamp,
        original=errors.get("topic") or record.topic.removesuffix(".dlq"),
        original_partition=int(part) if part.isdigit() else None,
        reason=errors.get("reason", "unknown"),
        message=errors.get("message", ""),
        at=_failed_at(errors.get("failed_at"), record.timestamp * _MS),
        replays=count,
        truncated="truncated" in errors,
        key=record.key,
        value=record.value,
        headers=[
            (name, content)
            for name, content in record.headers
            if not name.startswith(PREFIX) and name not in {REPLAYS, CAUSATION}
        ],
        errors=errors,
    )


def _count(headers: Headers) -> int:
    counts = [content for name, content in headers if name == REPLAYS and content]
    return int(counts[-1]) if counts and counts[-1].isdigit() and len(counts[-1]) < 7 else 0  # noqa: PLR2004 - no sane count


def _failed_at(text: str | None, otherwise: Instant) -> Instant:
    try:
        return otherwise if text is None else parse_instant(text)
    except ValueError:
        return otherwise


_QUARANTINED: Final = """
SELECT part, record_offset, encode(digest, 'hex') AS digest, item, reason, record, quarantined_at
FROM quarantined ORDER BY part, record_offset, quarantined_at, digest
"""


async def read_quarantine(database_url: str, events: str) -> list[Letter]:
    """The quarantined records; `events` is the topic of the event log."""
    connection = await asyncpg.connect(driver_url(database_url))
    try:
        rows = await connection.fetch(_QUARANTINED)
    finally:
        await connection.close()
    return [
        Letter(
            topic=QUARANTINE,
            partition=row["part"],
            offset=row["record_offset"],
            written_ms=row["quarantined_at"] // _MS,
            original=events,
            original_partition=row["part"],
            reason=row["reason"],
            message=f"of {row['item']}" if row["item"] else "a record that is no event",
            at=row["quarantined_at"],
            replays=0,
            truncated=False,
            key=row["item"].encode() or None,
            value=row["record"],
            headers=_EVENT_HEADERS,
            errors={},
            digest=row["digest"][:_DIGITS],
        )
        for row in rows
    ]
