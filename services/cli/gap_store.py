"""Gaps in the database, and accepting one: fenced by the partition's epoch, and written down."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.domain.instant import MINUTE, Instant, Micros, format_instant
from shared.runtime.config import driver_url
from shared.runtime.kafka import reaching

Row = Mapping[str, str | int | None]

_MS: Final[Micros] = 1_000
_SKEW: Final[Micros] = 5 * MINUTE
"""How far ahead of the wall clock an event may be (contract section 1)."""
_UNREADABLE: Final = "unreadable_item"
_READ_MS: Final = 20_000
_INSTANTS: Final = ("from_time", "until_time", "seen_at", "resolved_at")


class Refused(RuntimeError):  # noqa: N818 - a normal answer to the caller
    """What was asked for is not done; the text says why and what would be."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """At which offset the partition goes on, and the row of the gap."""

    target: int
    row: Row


_LIST: Final = """
SELECT part AS partition, reason, from_offset, until_offset, from_time, until_time, detail,
    seen_at, resolved_at, resolution, resolved_by, why
FROM gap WHERE $1 OR resolved_at IS NULL ORDER BY resolved_at IS NOT NULL, seen_at, part
"""
_OPEN: Final = """
SELECT g.id, g.reason, g.from_offset, p.next_offset, p.epoch
FROM gap g JOIN partition_progress p USING (part)
WHERE g.part = $1 AND g.resolved_at IS NULL FOR UPDATE
"""
# Whoever owns the partition is fenced by the epoch, and claims it anew from what stands here.
_GO_ON: Final = """
UPDATE partition_progress SET epoch = epoch + 1, next_offset = $2, record_digest = NULL,
    proven = false, cluster_id = (SELECT cluster_id FROM stream WHERE topic = $3)
WHERE part = $1 AND epoch = $4
"""
_RESOLVE: Final = """
UPDATE gap SET resolved_at = $2, resolution = 'accepted', resolved_by = $3, why = $4,
    until_offset = $5, until_time = $6
WHERE id = $1
RETURNING part AS partition, reason, from_offset, until_offset, from_time, until_time, detail,
    seen_at, resolved_at, resolution, resolved_by, why
"""


_LIST_SOURCES: Final = """
SELECT topic, part AS partition, reason, from_offset, detail, seen_at, resolved_at, resolution,
    resolved_by, why
FROM source_gap WHERE $1 OR went_on_at IS NULL ORDER BY resolved_at IS NOT NULL, seen_at, topic
"""
# Ingest sees it, and goes on.
_ACCEPT_SOURCE: Final = """
UPDATE source_gap SET resolved_at = $3, resolution = 'accepted', resolved_by = $4, why = $5
WHERE topic = $1 AND part = $2 AND resolved_at IS NULL
RETURNING topic, part AS partition, reason, from_offset, detail, seen_at, resolved_at, resolution,
    resolved_by, why
"""


async def read_gaps(database_url: str, topic: str, *, every: bool) -> list[Row]:
    """The gaps that are open, or all, instants as text; `topic` is that of the event log."""
    connection = await asyncpg.connect(driver_url(database_url))
    try:
        own = await connection.fetch(_LIST, every)
        sources = await connection.fetch(_LIST_SOURCES, every)
        return [
            *({"topic": topic, **_shown(row)} for row in own),
            *({**_shown(row), "until_offset": None, "until_time": None} for row in sources),
        ]
    finally:
        await connection.close()


async def accept_source(
    database_url: str, topic: str, part: int, *, by: str, why: str, now: Instant
) -> Row:
    """Let ingest read on in a partition of a source's topic; `Refused` when it is not stopped."""
    connection = await asyncpg.connect(driver_url(database_url))
    try:
        row = await connection.fetchrow(_ACCEPT_SOURCE, topic, part, now, by, why)
    finally:
        await connection.close()
    if row is None:
        message = f"partition {part} of {topic} is not stopped: `accord gaps list` says which are"
        raise Refused(message)
    return _shown(row)


async def accept(
    database_url: str,
    bootstrap_servers: str,
    topic: str,
    part: int,
    *,
    to: int | None,
    by: str,
    why: str,
    now: Instant,
) -> Accepted:
    """Close the gap of a partition and move it on; raises `Refused` when that cannot be."""
    connection = await asyncpg.connect(driver_url(database_url))
    try:
        async with connection.transaction():
            gap = await connection.fetchrow(_OPEN, part)
            if gap is None:
                message = f"partition {part} is not stopped: `accord gaps list` says which are"
                raise Refused(message)
            if gap["reason"] == _UNREADABLE:
                message = (
                    f"partition {part} misses no record: it goes on by itself when the item can be "
                    "read, by the version of Accord that wrote it or since it was restored"
                )
                raise Refused(message)
            poison = gap["reason"] == "poison"
            if poison and to is not None:
                message = "a partition that is stopped for poison goes on where it stands: no --to"
                raise Refused(message)
            target, until = await _resume(
                bootstrap_servers,
                TopicPartition(topic, part),
                gap["next_offset"] if poison else to,
                least=gap["next_offset"] if gap["reason"] == "records_lost" else 0,
                now=now,
            )
            await connection.execute(_GO_ON, part, target, topic, gap["epoch"])
            row = await connection.fetchrow(_RESOLVE, gap["id"], now, by, why, target, until)
    finally:
        await connection.close()
    if row is None:
        raise AssertionError
    return Accepted(target, _shown(row))


async def _resume(
    bootstrap_servers: str, place: TopicPartition, asked: int | None, *, least: int, now: Instant
) -> tuple[int, Instant]:
    """The offset to go on at, and an instant after every event that may be missing before it.

    A missing record was written before the first one that is there, and no event is more than the
    skew ahead of the moment at which it was written.
    """
    consumer = AIOKafkaConsumer(
        **reaching(bootstrap_servers),
        isolation_level="read_committed",
        auto_offset_reset="none",
    )
    await consumer.start()
    try:
        begins = (await consumer.beginning_offsets([place]))[place]
        ends = (await consumer.end_offsets([place]))[place]
        target = max(begins, least) if asked is None else asked
        if not max(begins, least) <= target <= ends:
            message = (
                f"partition {place.partition} holds offsets {begins} to {ends}, and {least} is the "
                f"first that was not read: it cannot go on at {target}; see --to and --beginning"
            )
            raise Refused(message)
        if target == ends:
            return target, now + _SKEW
        consumer.assign([place])
        consumer.seek(place, target)
        found = await consumer.getmany(place, timeout_ms=_READ_MS, max_records=1)
        written = found[place][0].timestamp * _MS if found.get(place) else now
        return target, written + _SKEW
    finally:
        await consumer.stop()


def _shown(row: asyncpg.Record) -> Row:
    found = dict(row)
    for name in found.keys() & _INSTANTS:
        found[name] = None if found[name] is None else format_instant(found[name])
    return found
