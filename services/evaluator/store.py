"""The fold's SQL: claims, progress, items, and the one transaction of a micro-batch.

Rows are sorted by key before they are written, so that no two transactions wait for each other
crosswise; arrays and COPY keep the round trips few.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from services.evaluator.posting import Posting
from services.evaluator.rows import LedgerRow, Move
from services.evaluator.writes import write, writes_of
from shared.domain.instant import Instant
from shared.runtime.database import Connection, Pool, transaction

_LEDGER: Final = LedgerRow._fields


class FencedError(Exception):
    """A partition's progress is not where this process left it: somebody else owns it now."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A row of `partition_progress` as it was claimed."""

    part: int
    epoch: int
    next_offset: int
    evaluation_time: Instant
    watermark: Instant
    record_digest: bytes | None
    cluster_id: str
    generation: int
    building: int | None
    built_until: str | None
    built: bool
    next_due: Instant | None


_PREPARE: Final = """
INSERT INTO partition_progress (part, cluster_id, generation)
SELECT part, cluster_id,
    coalesce((SELECT number FROM generation WHERE state = 'current'), 0)
FROM stream, generate_series(0, partitions - 1) AS part WHERE topic = $1
ON CONFLICT (part) DO NOTHING
"""
_CLUSTER: Final = "SELECT cluster_id FROM stream WHERE topic = $1"
# The claim waits for whatever transaction of a former owner is still on its way to a commit. It
# waits in a statement of its own: one that waited would see the items as they were before.
_WAIT: Final = "SELECT FROM partition_progress WHERE part = ANY($1::int[]) ORDER BY part FOR UPDATE"
_CLAIM: Final = """
UPDATE partition_progress SET epoch = epoch + 1, owner = $2 WHERE part = ANY($1::int[])
RETURNING part, epoch, next_offset, evaluation_time, watermark, record_digest, cluster_id,
    generation, building, built_until, built,
    (SELECT min(next_due) FROM item i WHERE i.part = partition_progress.part) AS next_due
"""
_ITEMS: Final = """
SELECT i.part, i.key, i.body FROM unnest($1::int[], $2::text[]) AS wanted (part, key)
JOIN item i ON i.part = wanted.part AND i.key = wanted.key
"""
_DUE: Final = """
SELECT d.part, i.key, i.body FROM unnest($1::int[], $2::bigint[]) AS d (part, until)
CROSS JOIN LATERAL (
    SELECT key, body FROM item
    WHERE item.part = d.part AND next_due <= d.until ORDER BY next_due, key LIMIT $3
) i
"""
_NEXT_DUE: Final = """
SELECT d.part, (SELECT min(next_due) FROM item WHERE part = d.part AND next_due > d.until)
FROM unnest($1::int[], $2::bigint[]) AS d (part, until)
"""
_ALL_ITEMS: Final = """
SELECT part, key, body, next_due FROM item WHERE part = $1 AND key > $2 ORDER BY key LIMIT $3
"""
_COUNT: Final = """
SELECT w.part, count(i.key) FILTER (WHERE i.key <= w.until), count(i.key)
FROM unnest($1::int[], $2::text[]) AS w (part, until) LEFT JOIN item i ON i.part = w.part
GROUP BY w.part
"""


class Store:
    """What the fold reads and writes, in one database."""

    def __init__(self, pool: Pool) -> None:
        """Work on connections of the pool; whoever made it closes it."""
        self._pool = pool

    async def prepare(self, topic: str) -> str:
        """Have a row of progress for each recorded partition; the cluster that was recorded."""
        async with transaction(self._pool) as connection:
            await connection.execute(_PREPARE, topic)
            cluster_id: str = await connection.fetchval(_CLUSTER, topic)
        return cluster_id

    async def claim(self, parts: Iterable[int], owner: str) -> list[Progress]:
        """Become the owner of partitions: whoever had an older epoch can write no more."""
        async with transaction(self._pool) as connection:
            await connection.execute(_WAIT, sorted(parts))
            rows = await connection.fetch(_CLAIM, sorted(parts), owner)
        return sorted((Progress(*row) for row in rows), key=lambda own: own.part)

    async def load_items(self, wanted: Sequence[tuple[int, str]]) -> list[asyncpg.Record]:
        """The stored rows (part, key, body) of those wanted that exist."""
        parts, keys = zip(*wanted, strict=True)
        return await self._pool.fetch(_ITEMS, parts, keys)

    async def load_due(
        self, until: Sequence[tuple[int, Instant]], limit: int
    ) -> list[asyncpg.Record]:
        """Rows (part, key, body) of items due by (part, instant), at most `limit` of each part."""
        parts, instants = zip(*until, strict=True)
        return await self._pool.fetch(_DUE, parts, instants, limit)

    async def next_due(self, until: Sequence[tuple[int, Instant]]) -> dict[int, Instant | None]:
        """The earliest instant after (part, instant) at which an item of each partition is due."""
        parts, instants = zip(*until, strict=True)
        rows = await self._pool.fetch(_NEXT_DUE, parts, instants)
        return {row[0]: row[1] for row in rows}

    async def load_after(self, part: int, key: str, limit: int) -> list[asyncpg.Record]:
        """The next rows (part, key, body, next_due) of a partition in the order of their keys."""
        return await self._pool.fetch(_ALL_ITEMS, part, key, limit)

    async def count_items(
        self, parts: Sequence[int], until: Sequence[str]
    ) -> list[tuple[int, int, int]]:
        """(part, items up to its key, items) of partitions."""
        return [tuple(row) for row in await self._pool.fetch(_COUNT, parts, until)]

    async def post(self, posting: Posting) -> None:
        """Write everything of a micro-batch or nothing; `FencedError` when it is no longer ours."""
        async with transaction(self._pool) as connection:
            await _move(connection, posting.moves)
            await write(connection, writes_of(posting))
            if posting.ledger:
                await connection.copy_records_to_table(
                    "ledger", records=posting.ledger, columns=_LEDGER
                )


_MOVE: Final = """
UPDATE partition_progress p
SET next_offset = m.next_offset, evaluation_time = m.evaluation_time, proven = m.proven,
    watermark = m.watermark, record_digest = coalesce(m.record_digest, p.record_digest),
    building = m.building, built_until = m.built_until, built = m.built
FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bool[],
    $7::bigint[], $8::bytea[], $9::int[], $10::int[], $11::text[], $12::bool[], $13::bigint[])
    AS m (part, epoch, start, next_offset, evaluation_time, proven, watermark, record_digest,
        generation, building, built_until, built, held_at)
WHERE p.part = m.part AND p.epoch = m.epoch AND p.next_offset = m.start
    AND p.generation = m.generation
"""


async def _move(connection: Connection, moves: Iterable[Move]) -> None:
    rows = sorted(moves)
    status = await connection.execute(_MOVE, *zip(*rows, strict=True))
    if status != f"UPDATE {len(rows)}":
        message = f"{status} instead of {len(rows)} partitions: {[row.part for row in rows]}"
        raise FencedError(message)
