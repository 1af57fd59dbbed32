"""The switch from one generation of documents to the next (SQL): alone, with items' breaches."""

from collections.abc import Sequence
from typing import Final

from shared.domain.instant import Instant
from shared.runtime.database import Connection

_LOCK: Final = (
    # Before anything is read: the snapshot has to be one that nobody changes any more.
    "LOCK TABLE partition_progress IN SHARE ROW EXCLUSIVE MODE",
    "LOCK TABLE judgement IN EXCLUSIVE MODE",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)


async def stand_alone(connection: Connection) -> None:
    """Wait until nobody folds or judges, and keep everybody from it until the transaction ends."""
    for statement in _LOCK:
        await connection.execute(statement)


_EXCHANGE: Final = (
    """
UPDATE breach b SET part = n.part, grp = n.grp, closed_at = n.closed_at, withdrawn_at = NULL,
    unannounced = true
FROM breach_next n
WHERE n.generation = $1 AND n.breach_id = b.breach_id AND n.withdrawn_at IS NULL
    AND (b.part, b.grp, b.closed_at, b.withdrawn_at)
        IS DISTINCT FROM (n.part, n.grp, n.closed_at, NULL::bigint)
""",
    """
INSERT INTO breach (breach_id, scope, part, objective, grp, window_start, window_end, item, cycle,
    opened_at, closed_at, withdrawn_at, detected_at)
SELECT breach_id, scope, part, objective, grp, window_start, window_end, item, cycle, opened_at,
    closed_at, withdrawn_at, detected_at
FROM breach_next WHERE generation = $1 AND withdrawn_at IS NULL
ON CONFLICT (breach_id) DO NOTHING
""",
)
_WITHDRAW_ITEMS: Final = """
UPDATE breach b SET withdrawn_at = $2, unannounced = true
WHERE b.scope = 'item' AND b.withdrawn_at IS NULL AND b.objective <> ALL($3::text[])
    AND NOT EXISTS (
        SELECT FROM breach_next n
        WHERE n.generation = $1 AND n.breach_id = b.breach_id AND n.withdrawn_at IS NULL
    )
"""
_EXCHANGED: Final = "DELETE FROM breach_next WHERE generation <= $1"


async def exchange_breaches(
    connection: Connection, generation: int, unchanged: Sequence[str], *, now: Instant
) -> None:
    """Put the items' breaches under a generation that was built in the place of those before.

    What was announced of one stays known; those that did not happen after all are withdrawn.
    """
    for statement in _EXCHANGE:
        await connection.execute(statement, generation)
    await connection.execute(_WITHDRAW_ITEMS, generation, now, unchanged)
    await connection.execute(_EXCHANGED, generation)
