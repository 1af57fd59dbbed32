"""What a window is made up of: its panes, and the ledger's entries, net of reversals (SQL).

A window is one pane, or several steps of a rolling one.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from services.api.reading.objectives import Group
from shared.domain.measure import NOTHING, Measure
from shared.domain.window import Span
from shared.runtime.conventions import PANE_COUNTS
from shared.runtime.database import Connection
from shared.wire.amounts import amount_of_decimal

MEMBER_KEY: Final = (int, str, int, int, str)
"""The types of the key of an entry: when it was decided, item, cycle, ordinal, outcome."""


async def read_measure(connection: Connection, group: Group, span: Span) -> Measure:
    """What the panes of a window hold; what is running and has no pane yet is not in it."""
    row = await connection.fetchrow(
        _MEASURE, group.served.pane_key, group.stored, span.start, span.end
    )
    if row is None:
        return NOTHING
    counts = dict(zip(PANE_COUNTS, row, strict=False))
    return Measure(**counts, amount=amount_of_decimal(row["amount"]))


_MEASURE: Final = f"""
SELECT {", ".join(f"coalesce(sum({name}), 0)::bigint" for name in PANE_COUNTS)},
       coalesce(sum(amount), 0) AS amount
FROM pane
WHERE objective = $1 AND grp = $2 AND pane_start >= $3 AND pane_start < $4
"""  # noqa: S608 - columns are ours


async def read_members(
    connection: Connection,
    group: Group,
    span: Span,
    after: Sequence[int | str] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """The entries of a window that stand, by the instant of their decision, then the item."""
    key = (None, "", 0, 0, "") if after is None else after
    return await connection.fetch(
        _MEMBERS, group.served.pane_key, group.stored, span.start, span.end, *key, limit
    )


_MEMBERS: Final = """
SELECT at, item, cycle, ordinal, outcome, coalesce(elapsed, amount) AS amount
FROM ledger
WHERE objective = $1 AND grp = $2 AND pane_start >= $3 AND pane_start < $4 AND posted_at >= $3
  AND ($5::bigint IS NULL
       OR (at, item, cycle, ordinal, outcome COLLATE "C") > ($5, $6, $7, $8, $9))
GROUP BY at, item, cycle, ordinal, outcome, elapsed, amount
HAVING sum(sign) > 0
ORDER BY at, item, cycle, ordinal, outcome COLLATE "C"
LIMIT $10
"""
