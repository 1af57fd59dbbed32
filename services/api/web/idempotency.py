"""`Idempotency-Key`: a write that is sent again under its key gets the answer of the first (SQL).

The answer is kept in the transaction of the write itself, so there is none without the other:
whoever repeats it at the same moment waits for the first, and after a restart it is still there.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import asyncpg
from fastapi import Request, Response

from services.api.web.caller import Caller
from services.api.web.problems import Refusal
from shared.domain.instant import Instant
from shared.runtime.database import Connection, Pool, transaction

KEPT_HOURS: Final = 24
"""How long an answer is kept at least (the evaluator lets go of older ones)."""
WAIT: Final = "SET LOCAL lock_timeout = '5s'"
_HEADER: Final = "idempotency-key"
_KEY: Final = re.compile(r'("?)([\x21\x23-\x5b\x5d-\x7e]{1,255})\1')


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write answers: JSON."""

    status: HTTPStatus
    body: bytes

    def response(self) -> Response:
        """The answer over HTTP."""
        return Response(
            self.body,
            status_code=self.status,
            media_type="application/json",
            headers={"cache-control": "no-store"},
        )


Write = Callable[[Connection], Awaitable[Answer]]


async def write_once(
    pool: Pool, request: Request, by: Caller, body: bytes, write: Write, *, now: Instant
) -> Response:
    """Do the write in one transaction, or answer as it was answered under the request's key.

    Nothing is kept of a write that is refused: sent again, it is tried again.
    """
    key = _key(request)
    operation = f"{request.method} {request.url.path}"
    try:
        async with transaction(pool) as connection:
            await connection.execute(WAIT)
            if key is None:
                return (await write(connection)).response()
            own = (by.name, operation, key)
            kept = await _taken(connection, own, hashlib.sha256(body).digest(), now)
            if kept is None:
                kept = await write(connection)
                await connection.execute(_KEEP, *own, kept.status.value, kept.body)
            return kept.response()
    except asyncpg.LockNotAvailableError:
        raise Refusal(
            kind="being-written",
            detail="the same is being written at this moment; send it again",
            headers={"retry-after": "1"},
        ) from None


def _key(request: Request) -> str | None:
    given = request.headers.getlist(_HEADER)
    if not given:
        return None
    found = _KEY.fullmatch(given[0].strip(" \t"))  # as HTTP has it: no other space is one
    if len(given) > 1 or found is None:
        raise Refusal(
            kind="invalid-idempotency-key",
            detail="Idempotency-Key is to be one text of 1 to 255 visible ASCII characters, "
            "such as a UUID",
        )
    return found[2]


async def _taken(
    connection: Connection, own: tuple[str, str, str], digest: bytes, now: Instant
) -> Answer | None:
    """The answer that is kept under a key; None when it is ours to give now."""
    if await connection.fetchval(_TAKE, *own, digest, now):
        return None
    row = await connection.fetchrow(_KEPT, *own)
    if row is None:
        # It was let go of in this moment.
        raise asyncpg.LockNotAvailableError
    if row["request"] != digest:
        raise Refusal(
            kind="idempotency-key-reused",
            detail="this Idempotency-Key came with another body before; take a new one",
        )
    return Answer(HTTPStatus(row["status"]), row["answer"])


_TAKE: Final = """
INSERT INTO idempotency (caller, operation, key, request, at, status, answer)
VALUES ($1, $2, $3, $4, $5, 0, '')
ON CONFLICT (caller, operation, key) DO NOTHING RETURNING true
"""
_KEPT: Final = """
SELECT request, status, answer FROM idempotency
WHERE (caller, operation, key) = ($1, $2, $3)
"""
_KEEP: Final = """
UPDATE idempotency SET status = $4, answer = $5 WHERE (caller, operation, key) = ($1, $2, $3)
"""
