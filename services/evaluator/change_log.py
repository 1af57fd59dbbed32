"""The change log: numbered as it is committed, by one writer at a time; kept for some days (SQL).

A reader that has seen number n has seen all before it, and none is missing between two: whoever
appends holds a lock until the commit, and takes the numbers from a row of the same transaction.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from services.evaluator.deleting import ROWS_MAX, delete_some
from services.evaluator.generations import Generations
from shared.domain.concern import concern_of
from shared.domain.instant import DAY, Instant
from shared.runtime import advisory_locks
from shared.runtime.database import Connection
from shared.wire.groups import group_of, group_text

KEPT: Final = 7 * DAY
"""How long a change can be asked for, and what was noted of deliveries."""
ANSWERS_KEPT: Final = DAY
"""How long the answer to a write under a key is kept."""
DEAD_KEPT: Final = 30 * DAY
"""How long a receiver may have what it did not take sent again."""


class Change(NamedTuple):
    """A row of the change log without its number; `body` is the CloudEvent."""

    at: Instant
    event_id: str
    type: str
    objective: str
    grp: str
    level: str
    customers: str
    body: str


class About(NamedTuple):
    """Whom a promise is about, as readers filter changes: its level and customers (JSON)."""

    level: str
    customers: str


def about(generations: Generations, objective: str, grp: str, at: Instant, in_use: int) -> About:
    """Whom a group of an objective is about at an instant under the documents in use.

    Of one that no documents have any more nothing is known: it is shown to unrestricted readers.
    """
    found = generations.judging(objective, at, in_use)
    if found is None:
        return About("", "[]")
    version, own = found
    return About(version.level.value, group_text(concern_of(version, own, group_of(grp))))


async def take_turn(connection: Connection) -> bool:
    """Whether nobody else appends until this transaction ends; else somebody does."""
    return await advisory_locks.take_turn(connection, advisory_locks.CHANGE_LOG)


async def append(connection: Connection, changes: Sequence[Change]) -> None:
    """Append changes in their order; only for who has taken the turn."""
    last: int = await connection.fetchval(_ADVANCE, len(changes))
    first = last - len(changes) + 1
    rows = [(first + place, *own) for place, own in enumerate(changes)]
    await connection.execute(_APPEND, *zip(*rows, strict=True))


async def prune(connection: Connection, *, now: Instant) -> bool:
    """Let go of some of what is older than is kept; whether some may be left."""
    first_kept = await connection.fetchval(_FIRST_KEPT, now - KEPT)
    deleted = await connection.fetch(_FORGET, first_kept, ROWS_MAX)
    if deleted:
        await connection.execute(_NOTE, max(row["seq"] for row in deleted))
    left = len(deleted) == ROWS_MAX
    for statement, kept in (
        (_FORGET_DELIVERIES, KEPT),
        (_FORGET_ANSWERS, ANSWERS_KEPT),
        (_FORGET_DEAD, DEAD_KEPT),
    ):
        left = await delete_some(connection, statement, now - kept) == ROWS_MAX or left
    await connection.execute(_FORGET_TOLD)
    return left


_ADVANCE: Final = """
INSERT INTO change_head AS h (id, last_seq, forgotten) VALUES (1, $1, 0)
ON CONFLICT (id) DO UPDATE SET last_seq = h.last_seq + EXCLUDED.last_seq
RETURNING last_seq
"""
_APPEND: Final = """
INSERT INTO change (seq, at, event_id, type, objective, grp, level, customers, body)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::text[], $8::text[], $9::text[])
"""
# In the order of the numbers, not of the clocks of those who wrote: what is kept has no holes.
_FIRST_KEPT: Final = """
SELECT coalesce(
    (SELECT seq FROM change WHERE at >= $1 ORDER BY seq LIMIT 1),
    (SELECT last_seq + 1 FROM change_head), 0
)
"""
_FORGET: Final = """
DELETE FROM change WHERE seq IN (SELECT seq FROM change WHERE seq < $1 ORDER BY seq LIMIT $2)
RETURNING seq
"""
_NOTE: Final = "UPDATE change_head SET forgotten = greatest(forgotten, $1)"
_FORGET_DELIVERIES: Final = """
DELETE FROM webhook_delivery WHERE id IN (
    SELECT id FROM webhook_delivery WHERE at < $1 ORDER BY at LIMIT $2
)
"""
_FORGET_DEAD: Final = """
DELETE FROM webhook_dead WHERE (webhook, seq) IN (
    SELECT webhook, seq FROM webhook_dead WHERE dead_at < $1 ORDER BY dead_at LIMIT $2
)
"""
_FORGET_ANSWERS: Final = """
DELETE FROM idempotency WHERE (caller, operation, key) IN (
    SELECT caller, operation, key FROM idempotency WHERE at < $1 ORDER BY at LIMIT $2
)
"""
_FORGET_TOLD: Final = """
DELETE FROM state_told t WHERE NOT EXISTS (
    SELECT FROM judgement j WHERE j.objective = t.objective
)
"""
