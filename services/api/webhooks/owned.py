"""What the owner of webhooks asks of the tables (SQL): their own ones; of everybody's an admin."""

from dataclasses import dataclass
from typing import Final

import asyncpg
import msgspec

from services.api.stream.changes import is_seen
from services.api.web.caller import Caller
from services.api.webhooks.signing import new_secret
from services.api.webhooks.store import CONCERN, NOW, OVERLAP, Filters
from shared.domain.instant import Instant
from shared.runtime.database import Connection

ADMIN: Final = "admin"
WEBHOOKS_MAX: Final = 20
"""Webhooks of one owner."""


@dataclass(frozen=True, slots=True)
class New:
    """A webhook to be made."""

    id: str
    url: str
    description: str
    filters: Filters


def _owner(by: Caller) -> str | None:
    """Whose webhooks the caller sees; None: everybody's."""
    return None if ADMIN in by.scopes else by.name


async def create(
    connection: Connection, new: New, by: Caller, *, now: Instant
) -> asyncpg.Record | None:
    """Make it: it gets what is appended from now on. None when the owner has too many."""
    await connection.execute(_TURN, by.name)
    if await connection.fetchval(_COUNT, by.name) >= WEBHOOKS_MAX:
        return None
    customers = None if by.customers is None else msgspec.json.encode(sorted(by.customers)).decode()
    filters = msgspec.json.encode(new.filters).decode()
    own = (new.id, by.name, new.url, new.description, filters, customers, new_secret(), now)
    return await connection.fetchrow(_CREATE, *own)


async def read_all(
    connection: Connection, by: Caller, *, after: str, limit: int
) -> list[asyncpg.Record]:
    """The webhooks that the caller sees, by id."""
    return await connection.fetch(_ALL, _owner(by), after, limit)


async def read_one(connection: Connection, by: Caller, id_: str) -> asyncpg.Record | None:
    """One of them."""
    return await connection.fetchrow(_ONE, _owner(by), id_)


async def delete(connection: Connection, id_: str) -> None:
    """Delete a webhook with all that was noted of it; who delivers to it at present stops."""
    for statement in _DELETE:
        await connection.execute(statement, id_)


async def exchange_secret(connection: Connection, id_: str) -> asyncpg.Record | None:
    """Give it a new secret; the one before signs along for a day."""
    return await connection.fetchrow(_EXCHANGE, id_, new_secret(), OVERLAP)


async def read_deliveries(
    connection: Connection, id_: str, *, before: int | None, limit: int
) -> list[asyncpg.Record]:
    """Attempts to deliver, the latest first."""
    return await connection.fetch(_DELIVERIES, id_, before, limit)


async def read_dead(
    connection: Connection, by: Caller, id_: str, *, after: int, limit: int
) -> list[asyncpg.Record]:
    """What the caller may see of its dead list, in the order of the log."""
    return await connection.fetch(_DEAD, id_, await _seen(connection, by, id_), after, limit)


async def redrive(connection: Connection, by: Caller, id_: str) -> int:
    """Have that sent again, as soon as somebody delivers; how many those are."""
    count: int = await connection.fetchval(_REDRIVE, id_, await _seen(connection, by, id_))
    return count


async def _seen(connection: Connection, by: Caller, id_: str) -> list[str] | None:
    """Whom its dead changes are about, of those that the caller may see; None: whomever."""
    if by.customers is None:
        return None
    rows = await connection.fetch(_CONCERNS, id_)
    return [row["customers"] for row in rows if is_seen(row["customers"], by.customers)]


_COLUMNS: Final = """
id, owner, url, description, filters, created_at, position, attempts, next_attempt_at,
failing_since, last_error, former_until, secret,
(SELECT count(*) FROM webhook_dead d WHERE d.webhook = webhook.id) AS dead
"""
# Two creations of one owner count one after the other.
_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended('webhook of ' || $1, 0))"
_COUNT: Final = "SELECT count(*) FROM webhook WHERE owner = $1"
_CREATE: Final = f"""
INSERT INTO webhook (id, owner, url, description, filters, customers, secret, created_at,
    position, next_attempt_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce((SELECT last_seq FROM change_head), 0), 0)
RETURNING {_COLUMNS}
"""  # noqa: S608 - our own column names
_ALL: Final = f"""
SELECT {_COLUMNS} FROM webhook WHERE ($1::text IS NULL OR owner = $1) AND id > $2
ORDER BY id LIMIT $3
"""  # noqa: S608 - our own column names
_ONE: Final = f"""
SELECT {_COLUMNS} FROM webhook WHERE ($1::text IS NULL OR owner = $1) AND id = $2
"""  # noqa: S608 - our own column names
_DELETE: Final = (
    "DELETE FROM webhook WHERE id = $1",
    "DELETE FROM webhook_dead WHERE webhook = $1",
    "DELETE FROM webhook_delivery WHERE webhook = $1",
)
_EXCHANGE: Final = f"""
UPDATE webhook SET former_secret = secret, former_until = {NOW} + $3, secret = $2 WHERE id = $1
RETURNING {_COLUMNS}
"""  # noqa: S608 - our own column names
_DELIVERIES: Final = """
SELECT id, seq, event_id, attempt, at, took, status, error FROM webhook_delivery
WHERE webhook = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
"""
_CONCERNS: Final = f"""
SELECT DISTINCT {CONCERN} AS customers FROM webhook_dead d WHERE webhook = $1
"""  # noqa: S608 - our own words
_SEEN: Final = f"webhook = $1 AND ($2::text[] IS NULL OR {CONCERN} = ANY($2))"
_DEAD: Final = f"""
SELECT seq, event_id, type, body, dead_at, error, redriven FROM webhook_dead d
WHERE {_SEEN} AND seq > $3 ORDER BY seq LIMIT $4
"""  # noqa: S608 - our own words
_REDRIVE: Final = f"""
WITH again AS (
    UPDATE webhook_dead d SET redriven = true WHERE {_SEEN} RETURNING 1
), soon AS (
    UPDATE webhook SET next_attempt_at = 0 WHERE id = $1
)
SELECT count(*) FROM again
"""  # noqa: S608 - our own words
