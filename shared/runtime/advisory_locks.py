"""The database's advisory locks: what one process at a time does, or one after the other.

Here so that no two of them are the same; 0x4143434F524B is the audit log's, in migration 0003.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg

from shared.runtime.database import Connection, Pool

MIGRATING: Final = 0x4143434F5244
RELAYING: Final = 0x4143434F5245
PROPOSING: Final = 0x4143434F5246
"""Other documents."""
TIDYING: Final = 0x4143434F5247
RETENTION: Final = 0x4143434F5248
CHANGE_LOG: Final = 0x4143434F5249
JUDGING_AGAIN: Final = 0x4143434F524A
"""Judgings that were given up once hold it together; announcing, which makes them fail, does not go
on meanwhile."""


async def take_turn(connection: Connection, lock: int) -> bool:
    """Whether this transaction has the lock until it ends; else another one has it."""
    taken: bool = await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", lock)
    return taken


async def wait_for_turn(connection: Connection, lock: int) -> None:
    """Have the lock until this transaction ends, once no other one has it."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", lock)


@asynccontextmanager
async def held_together(pool: Pool, lock: int) -> AsyncIterator[None]:
    """Have nobody else take the turn while the block runs; others may hold the lock like this.

    On a connection of its own: a transaction in the block begins with a snapshot of afterwards.
    """
    async with _connection(pool) as connection:
        await connection.execute("SELECT pg_advisory_lock_shared($1)", lock)
        yield
        await connection.execute("SELECT pg_advisory_unlock_shared($1)", lock)


@asynccontextmanager
async def held_alone(pool: Pool, lock: int) -> "AsyncIterator[Connection | None]":
    """The connection that the lock lives as long as, or None where another one has the lock."""
    async with _connection(pool) as connection:
        taken: bool = await connection.fetchval("SELECT pg_try_advisory_lock($1)", lock)
        yield connection if taken else None
        if taken:
            await connection.execute("SELECT pg_advisory_unlock($1)", lock)


@asynccontextmanager
async def _connection(pool: Pool) -> AsyncIterator[Connection]:
    """One that ends with whatever fails meanwhile, a lock that it may have with it.

    Taking the lock and letting it go are meant too: who is told nothing of either cannot know.
    """
    async with pool.acquire() as connection:
        try:
            yield connection
        except BaseException:
            with suppress(asyncpg.InterfaceError):  # the pool has let go of it
                connection.terminate()
            raise
