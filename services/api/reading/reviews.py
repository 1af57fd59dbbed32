"""Reviews as they are stored: which periods of which agreements were signed off (SQL)."""

from collections.abc import Collection
from typing import Final

import asyncpg

from shared.domain.instant import Instant
from shared.domain.window import Span
from shared.runtime.database import Connection


async def read_reviews(
    connection: Connection,
    agreements: Collection[str] | None,
    *,
    after: tuple[Instant, str] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Reviews of these agreements (None: of all), the latest first."""
    named = None if agreements is None else sorted(agreements)
    at, last = after or (None, "")
    return await connection.fetch(_REVIEWS, named, at, last, limit)


async def read_reviews_in(
    connection: Connection, agreement: str, span: Span
) -> list[asyncpg.Record]:
    """Those of an agreement whose periods have something of a span, by time."""
    return await connection.fetch(_REVIEWS_IN, agreement, span.start, span.end)


async def read_review(connection: Connection, review: str) -> asyncpg.Record:
    """One that is there."""
    row = await connection.fetchrow(_REVIEW, review)
    if row is None:
        message = f"the review {review} has gone"
        raise LookupError(message)
    return row


_COLUMNS: Final = """
SELECT id, agreement, period, starts, ends, time_zone, windows, sealed_at, sealed_by, note
FROM review
"""
_REVIEWS: Final = f"""
{_COLUMNS}
WHERE ($1::text[] IS NULL OR agreement = ANY($1))
  AND ($2::bigint IS NULL OR (sealed_at, id) < ($2, $3))
ORDER BY sealed_at DESC, id DESC LIMIT $4
"""
_REVIEWS_IN: Final = f"""
{_COLUMNS}
WHERE agreement = $1 AND starts < $3 AND ends > $2
ORDER BY starts, id
"""
_REVIEW: Final = f"{_COLUMNS} WHERE id = $1"
