"""The switch from one generation of documents to the next (SQL): alone, with items' breaches."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.evaluator.posting import Cause
from shared.domain.instant import Instant
from shared.runtime.database import Connection

_LOCK: Final = (
    # Before anything is read: the snapshot has to be one that nobody changes any more.
    "LOCK TABLE partition_progress IN SHARE ROW EXCLUSIVE MODE",
    "LOCK TABLE judgement IN EXCLUSIVE MODE",
    "LOCK TABLE state_queue IN EXCLUSIVE MODE",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)


async def stand_alone(connection: Connection) -> None:
    """Wait until nobody folds, judges or tells, and keep all from it until the transaction ends."""
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
# What was folded beside has told the judge nothing. What was decided up to the instant of judging
# is judged at the switch; some partitions are ahead of that.
_QUEUE_AHEAD: Final = """
INSERT INTO judge_queue (objective, grp, pane_start, dirty_from, cause, held_at)
SELECT ahead.objective, ahead.grp, ahead.pane_start, edge.at, $3, ahead.as_of
FROM (
    SELECT own.objective, l.grp, l.pane_start, p.as_of, min(l.at) AS first, max(l.at) AS last
    FROM (SELECT min(evaluation_time) AS as_of FROM partition_progress) p
    CROSS JOIN unnest($1::text[], $2::text[]) AS own (objective, pane_key)
    JOIN ledger l ON l.objective = own.pane_key AND l.at > p.as_of
    GROUP BY own.objective, l.grp, l.pane_start, p.as_of
) ahead
CROSS JOIN LATERAL (SELECT DISTINCT at FROM (VALUES (ahead.first), (ahead.last)) e (at)) edge
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


async def queue_ahead(connection: Connection, built: Mapping[str, str]) -> None:
    """Have judged later what partitions that are ahead have decided in what was built beside.

    `built` are the keys of these panes by objective.
    """
    await connection.execute(_QUEUE_AHEAD, [*built], [*built.values()], Cause.LATE)
