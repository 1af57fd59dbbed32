"""The audit log (SQL): who did what, each entry chained to the one before by its digest.

The database makes the chain (migration 0003); here an entry is added, read, and the chain proved.
Whoever holds a digest that was printed earlier sees also whether the log was cut or made anew.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg

from shared.runtime.database import AnyConnection

_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Proof:
    """What a walk over the log has found: the first entry that does not fit, if there is one."""

    entries: int
    head: str
    broken_at: int | None = None
    reason: str = ""
    anchored: bool = True


async def note(
    connection: AnyConnection,
    actor: str,
    action: str,
    target: str,
    detail: Mapping[str, object],
) -> None:
    """Add an entry; it stands when the transaction of the caller does."""
    text = json.dumps(detail, ensure_ascii=False, sort_keys=True)
    await connection.execute(_ADD, actor, action, target, text)


async def entries(
    connection: AnyConnection, *, before: int | None, limit: int
) -> list[asyncpg.Record]:
    """Entries, the latest first."""
    return await connection.fetch(_ENTRIES, before, limit)


async def prove(connection: AnyConnection, anchor: str | None = None) -> Proof:
    """Walk the whole log; with `anchor`, a digest of earlier, whether that is still in it."""
    number, before, anchored = 0, b"", anchor is None
    async for row in _walk(connection):
        number += 1
        reason = _wrong(row, number, before)
        if reason is not None:
            return Proof(number - 1, before.hex(), row["seq"], reason, anchored=anchored)
        before = row["digest"]
        anchored = anchored or before.hex() == anchor
    return Proof(number, before.hex(), anchored=anchored)


def _wrong(row: asyncpg.Record, number: int, before: bytes) -> str | None:
    if row["seq"] != number:
        return f"entry {number} is missing"
    if row["previous"] != before:
        return "it does not follow the entry before it"
    if row["digest"] != digest_of(row):
        return "its content is not what was written"
    return None


def digest_of(row: Mapping[str, object] | asyncpg.Record) -> bytes:
    """The digest that an entry has to have."""
    said = [row[name] for name in ("seq", "at", "actor", "action", "target", "detail")]
    previous = row["previous"]
    if not isinstance(previous, bytes):
        message = f"{previous!r} is no digest"
        raise TypeError(message)
    # As PostgreSQL writes it: json_build_array(…)::text.
    text = json.dumps(said, ensure_ascii=False)
    return hashlib.sha256(previous + text.encode()).digest()


async def _walk(connection: AnyConnection) -> AsyncIterator[asyncpg.Record]:
    last = None
    while True:
        rows = await connection.fetch(_WALK, last, _PAGE)
        for row in rows:
            yield row
        if len(rows) < _PAGE:
            return
        last = rows[-1]["seq"]


_ADD: Final = "INSERT INTO audit (actor, action, target, detail) VALUES ($1, $2, $3, $4)"
_ENTRIES: Final = """
SELECT seq, at, actor, action, target, detail, previous, digest FROM audit
WHERE $1::bigint IS NULL OR seq < $1 ORDER BY seq DESC LIMIT $2
"""
_WALK: Final = """
SELECT seq, at, actor, action, target, detail, previous, digest FROM audit
WHERE $1::bigint IS NULL OR seq > $1 ORDER BY seq LIMIT $2
"""
