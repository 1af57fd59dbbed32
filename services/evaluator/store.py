"""The fold's SQL: claims, progress, items, and the one transaction of a micro-batch.

Rows are sorted by key before they are written, so that no two transactions wait for each other
crosswise; arrays and COPY keep the round trips few.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from services.evaluator.breaches import BreachRow
from services.evaluator.posting import AMOUNT, Posting
from services.evaluator.rows import ItemRow, LedgerRow, Move, QuarantineRow
from shared.domain.instant import Instant
from shared.runtime.database import Connection, Pool, transaction
from shared.runtime.tables import PANE_COUNTS
from shared.wire.amounts import amount_to_decimal

_LEDGER: Final = LedgerRow._fields
PASSING: Final = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke in the middle of an exchange
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    OSError,
    TimeoutError,
)
"""Errors that may be gone on the next try. A `ValueError` among them (the driver's for arguments
that do not fit) is a fault of ours: catch that first."""


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
SELECT part, (SELECT min(next_due) FROM item WHERE item.part = wanted.part) AS next_due
FROM unnest($1::int[]) AS wanted (part)
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

    async def next_due(self, parts: Sequence[int]) -> dict[int, Instant | None]:
        """The earliest instant at which an item of each partition is due."""
        return {row["part"]: row["next_due"] for row in await self._pool.fetch(_NEXT_DUE, parts)}

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
            if posting.items:
                await _write_items(connection, posting.items)
            if posting.ledger:
                await connection.copy_records_to_table(
                    "ledger", records=posting.ledger, columns=_LEDGER
                )
            if posting.panes:
                await _add_to_panes(connection, posting)
            if posting.dirty:
                await _queue(connection, posting)
            if posting.breaches:
                await write_breaches(connection, posting.breaches.values())
            if posting.beside:
                await _write_beside(connection, posting)
            if posting.quarantined:
                await _quarantine(connection, posting.quarantined)


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


_WRITE_ITEMS: Final = """
INSERT INTO item (part, key, next_due, body, customer)
SELECT * FROM unnest($1::int[], $2::text[], $3::bigint[], $4::bytea[], $5::text[])
ON CONFLICT (part, key) DO UPDATE SET next_due = EXCLUDED.next_due, body = EXCLUDED.body,
    customer = EXCLUDED.customer
"""


async def _write_items(connection: Connection, rows: list[ItemRow]) -> None:
    rows.sort()
    await connection.execute(_WRITE_ITEMS, *zip(*rows, strict=True))


_NUMBERS: Final = (*PANE_COUNTS, "amount")
_ADD_TO_PANES: Final = f"""
INSERT INTO pane AS p (objective, grp, pane_start, part, {", ".join(_NUMBERS)})
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[],
    $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
    $11::bigint[], $12::bigint[], $13::bigint[], $14::numeric[])
ON CONFLICT (objective, grp, pane_start, part) DO UPDATE
SET {", ".join(f"{name} = p.{name} + EXCLUDED.{name}" for name in _NUMBERS)}
"""  # noqa: S608 - our own column names
_ADD_TO_BUCKETS: Final = """
INSERT INTO pane_bucket AS b (objective, grp, pane_start, part, bucket, clocks)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::bigint[], $6::bigint[])
ON CONFLICT (objective, grp, pane_start, part, bucket) DO UPDATE
SET clocks = b.clocks + EXCLUDED.clocks
"""


async def _add_to_panes(connection: Connection, posting: Posting) -> None:
    rows = [
        (*key, *numbers[:AMOUNT], amount_to_decimal(numbers[AMOUNT]))
        for key, numbers in sorted(posting.panes.items())
        if any(numbers)
    ]
    if rows:
        await connection.execute(_ADD_TO_PANES, *zip(*rows, strict=True))
    buckets = [(*key, clocks) for key, clocks in sorted(posting.buckets.items()) if clocks]
    if buckets:
        await connection.execute(_ADD_TO_BUCKETS, *zip(*buckets, strict=True))


_QUEUE: Final = """
INSERT INTO judge_queue (objective, grp, pane_start, dirty_from, cause, held_at)
SELECT *, $6 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[])
"""


async def _queue(connection: Connection, posting: Posting) -> None:
    rows = [(*window, *change) for window, *change in posting.marks()]
    held_at = min(move.held_at for move in posting.moves)
    await connection.execute(_QUEUE, *zip(*rows, strict=True), held_at)


_WRITE_BREACHES: Final = """
INSERT INTO breach AS b (breach_id, scope, part, objective, grp, window_start, window_end, item,
    cycle, opened_at, closed_at, withdrawn_at, detected_at, unannounced)
SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::bigint[],
    $7::bigint[], $8::text[], $9::int[], $10::bigint[], $11::bigint[], $12::bigint[],
    $13::bigint[], $14::bool[])
ON CONFLICT (breach_id) DO UPDATE
SET part = EXCLUDED.part, grp = EXCLUDED.grp, window_end = EXCLUDED.window_end,
    closed_at = EXCLUDED.closed_at, withdrawn_at = EXCLUDED.withdrawn_at,
    unannounced = b.unannounced OR EXCLUDED.unannounced
"""


async def write_breaches(connection: Connection, rows: Iterable[BreachRow]) -> None:
    """Write what is found of breaches; those that say so have to be announced then."""
    ordered = sorted(rows, key=lambda row: row.breach_id)
    await connection.execute(_WRITE_BREACHES, *zip(*ordered, strict=True))


_WRITE_BESIDE: Final = """
INSERT INTO breach_next AS b (generation, breach_id, scope, part, objective, grp, window_start,
    window_end, item, cycle, opened_at, closed_at, withdrawn_at, detected_at)
SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[],
    $7::bigint[], $8::bigint[], $9::text[], $10::int[], $11::bigint[], $12::bigint[],
    $13::bigint[], $14::bigint[])
ON CONFLICT (generation, breach_id) DO UPDATE
SET part = EXCLUDED.part, grp = EXCLUDED.grp, closed_at = EXCLUDED.closed_at,
    withdrawn_at = EXCLUDED.withdrawn_at
"""


async def _write_beside(connection: Connection, posting: Posting) -> None:
    rows = [(generation, *row[:-1]) for (generation, _), row in sorted(posting.beside.items())]
    await connection.execute(_WRITE_BESIDE, *zip(*rows, strict=True))


_QUARANTINE: Final = """
INSERT INTO quarantine (part, record_offset, item, reason, record, quarantined_at)
SELECT * FROM unnest($1::int[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::bigint[])
ON CONFLICT (part, record_offset) DO NOTHING
"""


async def _quarantine(connection: Connection, rows: list[QuarantineRow]) -> None:
    rows.sort()
    await connection.execute(_QUARANTINE, *zip(*rows, strict=True))
