"""The table of keys (SQL): making, listing, revoking and rotating them, each noted in the audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from services.api.access.audit import note
from services.api.access.keys import StoredKey, digest_of, new_key
from services.api.web.caller import SCOPES, implied
from shared.domain.instant import DAY, Instant, Micros
from shared.runtime.database import AnyConnection

OVERLAP: Final[Micros] = DAY
"""How long a key that is replaced is taken beside the new one."""
_NAME_MAX: Final = 200


class KeyRefused(ValueError):  # noqa: N818 - named as the other refusals are
    """A key cannot be made, found or changed as asked; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a new key is to be: for whom, what it allows, and until when."""

    name: str
    scopes: Sequence[str]
    customers: Sequence[str] = ()
    expires_at: Instant | None = None

    def checked(self) -> "Wish":
        """The same; KeyRefused where it cannot be."""
        if not self.name.strip() or len(self.name) > _NAME_MAX or not self.name.isprintable():
            message = f"a key's name is 1 to {_NAME_MAX} printable characters: who uses it"
            raise KeyRefused(message)
        unknown = sorted(set(self.scopes) - set(SCOPES))
        if unknown or not self.scopes:
            message = f"scopes are of {', '.join(SCOPES)}; not {', '.join(unknown) or 'none'}"
            raise KeyRefused(message)
        if "admin" in self.scopes and self.customers:
            message = "what `admin` may see is of all customers: leave out one of the two"
            raise KeyRefused(message)
        if any(not own or "\0" in own for own in self.customers):
            message = "a customer is named as events name it, and not empty"
            raise KeyRefused(message)
        return self


async def create(connection: AnyConnection, wish: Wish, *, by: str) -> tuple[str, str]:
    """Make a key: its id and its text, which nobody can be told again. Runs in a transaction."""
    wish = wish.checked()
    key_id, text = new_key()
    await _insert(connection, key_id, text, wish, by)
    detail = {"name": wish.name, "scopes": sorted(wish.scopes), "customers": [*wish.customers]}
    await note(connection, by, "key.created", f"key:{key_id}", detail)
    return key_id, text


async def revoke(connection: AnyConnection, key_id: str, *, by: str) -> asyncpg.Record:
    """Take a key no more, within seconds. Runs in a transaction."""
    row = await connection.fetchrow(_REVOKE, key_id)
    if row is None:
        message = f"{key_id}: there is no such key that is not revoked yet (`accord keys list`)"
        raise KeyRefused(message)
    await note(connection, by, "key.revoked", f"key:{key_id}", {"name": row["name"]})
    return row


async def rotate(
    connection: AnyConnection, key_id: str, *, by: str, overlap: Micros = OVERLAP
) -> tuple[str, str]:
    """A new key that allows the same; the old one ends after `overlap`. Runs in a transaction.

    The webhooks of the old key are the new one's from now on.
    """
    old = await connection.fetchrow(_END, key_id, overlap)
    if old is None:
        message = f"{key_id}: there is no such key that is taken now (`accord keys list`)"
        raise KeyRefused(message)
    wish = Wish(
        name=old["name"],
        scopes=old["scopes"],
        customers=old["customers"] or (),
        expires_at=old["until"],
    )
    new_id, text = new_key()
    await _insert(connection, new_id, text, wish, by)
    await connection.execute(_HAND_OVER, f"key:{key_id}", f"key:{new_id}")
    await note(connection, by, "key.rotated", f"key:{key_id}", {"by_key": f"key:{new_id}"})
    return new_id, text


async def listed(connection: AnyConnection, *, every: bool) -> list[asyncpg.Record]:
    """The keys that are taken, or all, the latest first; nothing in it can be used as a key."""
    return await connection.fetch(_LIST, every)


async def changed_since(connection: AnyConnection, instant: Instant) -> list[StoredKey]:
    """The keys that were changed since, ended ones included."""
    return [_stored(row) for row in await connection.fetch(_CHANGED, instant)]


async def note_used(connection: AnyConnection, used: Sequence[tuple[str, Instant]]) -> None:
    """Note when keys were used last."""
    await connection.execute(_USED, *zip(*used, strict=True))


async def _insert(connection: AnyConnection, key_id: str, text: str, wish: Wish, by: str) -> None:
    customers = list(wish.customers) or None
    scopes = sorted(wish.scopes)
    own = (key_id, digest_of(text), wish.name, scopes, customers, by, wish.expires_at)
    await connection.execute(_INSERT, *own)


def _stored(row: asyncpg.Record) -> StoredKey:
    customers = row["customers"]
    return StoredKey(
        id=row["id"],
        digest=row["digest"],
        name=row["name"],
        scopes=implied(row["scopes"]),
        customers=None if customers is None else frozenset(customers),
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )


# The database's clock: replicas compare what they have read with it.
_NOW: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_INSERT: Final = f"""
INSERT INTO api_key (id, digest, name, scopes, customers, created_at, created_by, expires_at,
    changed_at)
VALUES ($1, $2, $3, $4, $5, {_NOW}, $6, $7, {_NOW})
"""  # noqa: S608 - our own words
_REVOKE: Final = f"""
UPDATE api_key SET revoked_at = {_NOW}, changed_at = {_NOW} WHERE id = $1 AND revoked_at IS NULL
RETURNING id, name, revoked_at
"""  # noqa: S608 - as above
# What a key's own end was stays the end of the one that replaces it.
_END: Final = f"""
WITH old AS (
    SELECT id, expires_at AS until FROM api_key
    WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > {_NOW})
    FOR UPDATE
)
UPDATE api_key k SET expires_at = least(k.expires_at, {_NOW} + $2::bigint), changed_at = {_NOW}
FROM old WHERE k.id = old.id
RETURNING k.name, k.scopes, k.customers, old.until
"""  # noqa: S608 - as above
_HAND_OVER: Final = "UPDATE webhook SET owner = $2 WHERE owner = $1"
_LIST: Final = f"""
SELECT id, name, scopes, customers, created_at, created_by, expires_at, revoked_at, last_used_at
FROM api_key
WHERE $1 OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > {_NOW}))
ORDER BY created_at DESC, id
"""  # noqa: S608 - as above
_CHANGED: Final = """
SELECT id, digest, name, scopes, customers, expires_at, revoked_at, changed_at
FROM api_key WHERE changed_at >= $1
"""
_USED: Final = """
UPDATE api_key k SET last_used_at = greatest(k.last_used_at, used.at)
FROM unnest($1::text[], $2::bigint[]) AS used (id, at) WHERE k.id = used.id
"""
