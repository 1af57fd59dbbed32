"""The rows of webhooks (SQL): who delivers to each at present, what came of it, what is dead.

Who delivers holds a lease with an epoch: nothing is noted for one whose epoch is past. Leases and
waits go by the database's clock, which all processes share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import asyncpg
import msgspec

from services.api.stream.changes import Change, Wanted
from shared.domain.instant import HOUR, MINUTE, Instant, Micros
from shared.runtime.database import Pool, transaction
from shared.wire.groups import group_text

LEASE: Final[Micros] = MINUTE
"""How long a process that says nothing more keeps others from delivering."""
OVERLAP: Final[Micros] = 24 * HOUR
"""How long a secret that was exchanged still signs beside the new one."""
GIVE_UP: Final[Micros] = 24 * HOUR
"""How long a change waits for a receiver that takes nothing."""
NOW: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
"""The database's clock in SQL."""


class Filters(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which changes a receiver gets, as its owner has written it."""

    type: tuple[str, ...] = ()
    agreement: tuple[str, ...] = ()
    objective: tuple[str, ...] = ()
    sla_id: tuple[str, ...] = ()
    customer: tuple[str, ...] = ()
    level: tuple[str, ...] = ()

    def wanted(self, visible_to: frozenset[str] | None) -> Wanted:
        """The same for the log, of what its owner may see."""
        return Wanted(
            types=self.type,
            agreements=self.agreement,
            objectives=self.objective,
            sla_ids=self.sla_id,
            customers=frozenset(self.customer),
            levels=self.level,
            visible_to=visible_to,
        )


@dataclass(frozen=True)
class Leased:
    """A webhook that this process delivers to, as it was claimed."""

    id: str
    url: str
    filters: str
    customers: str | None
    secret: str
    former_secret: str | None
    position: int
    attempts: int
    epoch: int

    @cached_property
    def visible_to(self) -> frozenset[str] | None:
        """The customers that its owner is restricted to, as of the claim; None: to none."""
        return None if self.customers is None else frozenset(_texts(self.customers))

    @cached_property
    def wanted(self) -> Wanted:
        """Which changes it gets."""
        return msgspec.json.decode(self.filters, type=Filters).wanted(self.visible_to)

    @property
    def secrets(self) -> list[str]:
        """What its messages are signed with."""
        return [self.secret, *([] if self.former_secret is None else [self.former_secret])]


def _texts(text: str) -> list[str]:
    return msgspec.json.decode(text, type=list[str])


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to deliver one change."""

    seq: int
    event_id: str
    number: int
    took: Micros
    status: int | None
    error: str | None


class LeaseLostError(Exception):
    """Somebody else delivers to the webhook, or it was deleted."""


async def claim(pool: Pool, owner: str, limit: int) -> list[Leased]:
    """Take webhooks that have something to be sent and nobody who does.

    Whoever's key has ended is told nothing more, and anybody with a key what it shows today.
    """
    rows = await pool.fetch(_CLAIM, owner, limit, LEASE)
    return [Leased(*row) for row in rows]


async def release(pool: Pool, own: Leased) -> None:
    """Let others have it."""
    await pool.execute(_RELEASE, own.id, own.epoch)


async def passed(pool: Pool, own: Leased, seq: int) -> None:
    """Nothing up to this change was wanted."""
    _check(await pool.fetchval(_PASSED, own.id, own.epoch, seq, LEASE))


async def delivered(pool: Pool, own: Leased, attempt: Attempt) -> None:
    """The receiver has taken the change."""
    _check(await pool.fetchval(_DELIVERED, own.id, own.epoch, *_row(attempt), LEASE))


async def failed(pool: Pool, own: Leased, attempt: Attempt, wait: Micros) -> bool:
    """The receiver has not; whether it has taken nothing for as long as is waited for one."""
    row = await pool.fetchrow(_FAILED, own.id, own.epoch, *_row(attempt), wait, GIVE_UP)
    _check(row)
    return bool(row and row["is_over"])


def _row(attempt: Attempt) -> tuple[object, ...]:
    return (
        attempt.seq,
        attempt.event_id,
        attempt.number,
        attempt.took,
        attempt.status,
        attempt.error,
    )


def _check(found: object) -> None:
    if not found:
        raise LeaseLostError


async def bury(pool: Pool, own: Leased, changes: Sequence[Change], seq: int, error: str) -> None:
    """Put changes on the dead list, and go on after `seq`."""
    rows = [(own.id, c.seq, c.event_id, c.type, c.body, group_text(c.customers)) for c in changes]
    async with transaction(pool) as connection:
        _check(await connection.fetchval(_PASSED, own.id, own.epoch, seq, LEASE))
        if rows:
            await connection.execute(_BURY, *zip(*rows, strict=True), error)


async def now_of(pool: Pool) -> Instant:
    """The database's clock."""
    now: Instant = await pool.fetchval(f"SELECT {NOW}")
    return now


async def redriven(pool: Pool, own: Leased) -> asyncpg.Record | None:
    """The first dead change that is to be sent again."""
    return await pool.fetchrow(_REDRIVEN, own.id)


async def kept_back(pool: Pool, own: Leased, seq: int) -> None:
    """Its owner may not see this one any more: it stays on the dead list."""
    _check(await pool.fetchval(_KEPT_BACK, own.id, own.epoch, seq))


async def risen(pool: Pool, own: Leased, attempt: Attempt) -> None:
    """A dead change was taken after all."""
    async with transaction(pool) as connection:
        _check(await connection.fetchval(_LOGGED, own.id, own.epoch, *_row(attempt), LEASE))
        await connection.execute(_RISEN, own.id, attempt.seq)


async def still_dead(pool: Pool, own: Leased, attempt: Attempt) -> None:
    """It was not: all that were to be sent again stay on the dead list."""
    async with transaction(pool) as connection:
        _check(await connection.fetchval(_LOGGED, own.id, own.epoch, *_row(attempt), LEASE))
        await connection.execute(_STILL_DEAD, own.id, attempt.error or f"HTTP {attempt.status}")


CONCERN: Final = """
coalesce(d.customers, (SELECT customers FROM change c WHERE c.seq = d.seq), '[]')
"""
"""Whom a dead change `d` is about. One that a version before has buried does not say it itself."""
# What an issuer says of an owner is in tokens alone: of the last one that made the webhook.
_CLAIM: Final = f"""
WITH own AS (
    SELECT c.id,
        CASE WHEN k.id IS NULL THEN c.customers ELSE to_json(k.customers)::text END AS customers
    FROM webhook c
    LEFT JOIN api_key k ON 'key:' || k.id = c.owner AND k.revoked_at IS NULL
        AND (k.expires_at IS NULL OR k.expires_at > {NOW})
    WHERE leased_until < {NOW} AND next_attempt_at <= {NOW} AND (
        position < (SELECT last_seq FROM change_head)
        OR EXISTS (SELECT FROM webhook_dead d WHERE d.webhook = c.id AND d.redriven)
    ) AND (k.id IS NOT NULL OR c.owner NOT LIKE 'key:%')
    ORDER BY next_attempt_at LIMIT $2
    FOR UPDATE OF c SKIP LOCKED
)
UPDATE webhook w SET epoch = epoch + 1, leased_by = $1, leased_until = {NOW} + $3
FROM own WHERE w.id = own.id
RETURNING w.id, url, filters, own.customers, secret,
    CASE WHEN former_until > {NOW} THEN former_secret END, position, attempts, epoch
"""  # noqa: S608 - our own words
_RELEASE: Final = "UPDATE webhook SET leased_until = 0 WHERE id = $1 AND epoch = $2"
_PASSED: Final = f"""
UPDATE webhook SET position = $3, leased_until = {NOW} + $4 WHERE id = $1 AND epoch = $2
RETURNING true
"""  # noqa: S608 - our own words
_LOG: Final = f"""
INSERT INTO webhook_delivery (webhook, seq, event_id, attempt, at, took, status, error)
SELECT id, $3, $4, $5, {NOW}, $6, $7::int, $8 FROM own
"""  # noqa: S608 - our own words
_DELIVERED: Final = f"""
WITH own AS (
    UPDATE webhook SET position = $3, attempts = 0, failing_since = NULL, last_error = NULL,
        leased_until = {NOW} + $9
    WHERE id = $1 AND epoch = $2 RETURNING id
)
{_LOG} RETURNING true
"""  # noqa: S608 - our own words
_LOGGED: Final = f"""
WITH own AS (
    UPDATE webhook SET leased_until = {NOW} + $9 WHERE id = $1 AND epoch = $2 RETURNING id
)
{_LOG} RETURNING true
"""  # noqa: S608 - our own words
_FAILED: Final = f"""
WITH own AS (
    UPDATE webhook SET attempts = attempts + 1, next_attempt_at = {NOW} + $9,
        failing_since = coalesce(failing_since, {NOW}),
        last_error = coalesce($8, 'HTTP ' || $7::int)
    WHERE id = $1 AND epoch = $2
    RETURNING id, failing_since <= {NOW} - $10::bigint AS is_over
), logged AS ({_LOG})
SELECT is_over FROM own
"""  # noqa: S608 - our own words
_BURY: Final = f"""
INSERT INTO webhook_dead (webhook, seq, event_id, type, body, customers, dead_at, error)
SELECT *, {NOW}, $7
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])
ON CONFLICT (webhook, seq) DO NOTHING
"""  # noqa: S608 - our own words
_REDRIVEN: Final = f"""
SELECT seq, event_id, body, {CONCERN} AS customers FROM webhook_dead d
WHERE webhook = $1 AND redriven ORDER BY seq LIMIT 1
"""  # noqa: S608 - our own words
_KEPT_BACK: Final = """
UPDATE webhook_dead d SET redriven = false FROM webhook w
WHERE w.id = $1 AND w.epoch = $2 AND d.webhook = w.id AND d.seq = $3 RETURNING true
"""
_RISEN: Final = "DELETE FROM webhook_dead WHERE webhook = $1 AND seq = $2"
_STILL_DEAD: Final = """
UPDATE webhook_dead SET redriven = false, error = $2 WHERE webhook = $1 AND redriven
"""
