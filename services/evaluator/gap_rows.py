"""The SQL of stopped partitions: the table `gap`, one open row for each at most."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.instant import Instant
from shared.runtime.database import Pool, transaction

HEALED: Final = "healed"


@dataclass(frozen=True, slots=True)
class Gap:
    """Why a partition is stopped; the row of `gap` that says so.

    `until_offset` is the first record there is after what is missing, None where there is none or
    nothing is missing. Windows are incomplete from `from_time` on.
    """

    part: int
    reason: str
    from_offset: int
    until_offset: int | None
    from_time: Instant
    detail: str


_OPEN: Final = """
SELECT part, reason, from_offset, until_offset, from_time, detail FROM gap
WHERE resolved_at IS NULL AND part = ANY($1::int[])
"""
_NOTE: Final = """
INSERT INTO gap AS g (part, reason, from_offset, until_offset, from_time, detail, seen_at)
SELECT $1, $2, $3, $4, $5, $6, $7 WHERE EXISTS (
    SELECT FROM partition_progress WHERE part = $1 AND epoch = $8
)
ON CONFLICT (part) WHERE resolved_at IS NULL DO UPDATE
SET reason = EXCLUDED.reason, from_offset = EXCLUDED.from_offset,
    until_offset = EXCLUDED.until_offset, detail = EXCLUDED.detail
WHERE (g.reason, g.from_offset, g.until_offset)
    IS DISTINCT FROM (EXCLUDED.reason, EXCLUDED.from_offset, EXCLUDED.until_offset)
"""
_HEAL: Final = """
UPDATE gap SET resolved_at = $2, resolution = $3 WHERE part = $1 AND resolved_at IS NULL
"""


class GapRows:
    """What is written of stopped partitions, in one database."""

    def __init__(self, pool: Pool) -> None:
        """Work on connections of the pool; whoever made it closes it."""
        self._pool = pool

    async def open(self, parts: Sequence[int]) -> dict[int, Gap]:
        """The open row of each of these partitions that has one."""
        rows = await self._pool.fetch(_OPEN, parts)
        return {row["part"]: Gap(*row) for row in rows}

    async def note(self, gap: Gap, *, epoch: int, now: Instant) -> None:
        """Write why the partition is stopped, unless somebody else owns it meanwhile."""
        async with transaction(self._pool) as connection:
            await connection.execute(
                _NOTE,
                gap.part,
                gap.reason,
                gap.from_offset,
                gap.until_offset,
                gap.from_time,
                gap.detail,
                now,
                epoch,
            )

    async def heal(self, part: int, *, now: Instant) -> None:
        """Close the row: the log is again the one that was folded, and nothing is missing."""
        async with transaction(self._pool) as connection:
            await connection.execute(_HEAL, part, now, HEALED)
