"""The least that any correct consumer has to do: the loop that rates are held against.

Poll, decode, count, and commit one fenced transaction a batch, with the events in a log that is
keyed by their identity, so that one that came before is seen. Nothing is evaluated.
"""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Final, TypeAlias

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

BATCH: Final = 8_000
_TABLES: Final = """
DROP TABLE IF EXISTS limit_progress, limit_log;
CREATE TABLE limit_progress (part int PRIMARY KEY, epoch bigint, next_offset bigint);
CREATE TABLE limit_log (
    subject text COLLATE "C", source text COLLATE "C", id text COLLATE "C",
    part int, record_offset bigint, body bytea, PRIMARY KEY (subject, source, id)
);
"""
_FENCE: Final = """
UPDATE limit_progress AS own SET next_offset = new.next_offset
FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS new (part, begun, next_offset)
WHERE own.part = new.part AND own.epoch = 1 AND own.next_offset = new.begun
"""


class Narrow(msgspec.Struct):
    """What the loop reads of an event; nothing is looked at closely."""

    id: str
    source: str
    type: str
    subject: str
    time: str
    data: msgspec.Raw = msgspec.Raw(b"{}")


_decoder: Final = msgspec.json.Decoder(Narrow)
Record: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"


async def limit_loop(
    bootstrap_servers: str, database_url: str, topic: str, *, parts: int, count: int
) -> float:
    """Events a second over the first `count` records of the topic, which are all different."""
    database = await asyncpg.connect(database_url)
    await database.execute(_TABLES)
    await database.executemany(
        "INSERT INTO limit_progress VALUES ($1, 1, 0)", [(part,) for part in range(parts)]
    )
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        isolation_level="read_committed",
        fetch_max_bytes=32 * 1024 * 1024,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        auto_offset_reset="earliest",
    )
    totals: Counter[str] = Counter()
    async with consumer:
        consumer.assign([TopicPartition(topic, part) for part in range(parts)])
        done, began = 0, time.perf_counter()
        while done < count:
            batch = await consumer.getmany(timeout_ms=500, max_records=BATCH)
            records = [record for own in batch.values() for record in own]
            if records:
                await _commit(database, records, totals)
                done += len(records)
        seconds = time.perf_counter() - began
    await database.execute("DROP TABLE limit_progress, limit_log")
    await database.close()
    return done / seconds


async def _commit(
    database: "asyncpg.Connection[asyncpg.Record]",
    records: Sequence[Record],
    totals: Counter[str],
) -> None:
    rows = []
    begun: dict[int, int] = {}
    ended: dict[int, int] = {}
    for record in records:
        event = _decoder.decode(record.value or b"")
        totals[event.type] += 1
        own = (event.subject, event.source, event.id, record.partition, record.offset, record.value)
        rows.append(own)
        begun.setdefault(record.partition, record.offset)
        ended[record.partition] = record.offset + 1
    async with database.transaction():
        fenced = await database.execute(
            _FENCE, list(begun), list(begun.values()), [ended[part] for part in begun]
        )
        if fenced != f"UPDATE {len(begun)}":
            message = f"the fence let only {fenced} through"
            raise RuntimeError(message)
        await database.copy_records_to_table("limit_log", records=rows)
