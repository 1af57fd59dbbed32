"""PostgreSQL: connections, and `transaction()`, the only place that commits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal, TypeAlias

import asyncpg

from shared.runtime.config import driver_url

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
"""A connection inside a transaction that may write."""
AnyConnection: TypeAlias = "Connection | asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

Isolation = Literal["read_committed", "repeatable_read", "serializable"]

# Our statements are short and many: compiling them costs more than it saves.
SESSION: Final = {
    "timezone": "UTC",
    "jit": "off",
    # A process that was stopped inside a transaction must not keep its successor from the rows.
    "idle_in_transaction_session_timeout": "15s",
}
COMMAND_TIMEOUT_S: Final = 60.0
PASSING: Final = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke in the middle of an exchange
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it starts, recovers or stops
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    OSError,
    TimeoutError,
)
"""Errors that may be gone on the next try. A `ValueError` among them (the driver's for arguments
that do not fit) is a fault of ours: catch that first."""
CLOSE_S: Final = 5.0


async def create_pool(
    url: str,
    *,
    service: str,
    size_min: int = 1,
    size_max: int = 8,
    statement_s: float | None = None,
) -> Pool:
    """A pool of connections to the database at `url`; the caller closes it.

    With `size_min` 0 it connects when it is first used: nothing has to be there before. A statement
    is given up after `statement_s` seconds, by the server too. Nothing is asked of a connection
    that comes back, which would be one more round trip each time: leave no setting, lock or
    subscription on it.
    """
    limit = {} if statement_s is None else {"statement_timeout": f"{round(statement_s * 1000)}ms"}
    return await asyncpg.create_pool(
        driver_url(url),
        min_size=size_min,
        max_size=size_max,
        command_timeout=COMMAND_TIMEOUT_S if statement_s is None else statement_s,
        reset=_left_as_it_is,
        server_settings={**SESSION, **limit, "application_name": f"accord-{service}"},
    )


async def close_pool(pool: Pool) -> None:
    """Close the pool, in a few seconds also where the database does not answer any more."""
    try:
        await asyncio.wait_for(pool.close(), CLOSE_S)
    except TimeoutError:
        pool.terminate()


async def _left_as_it_is(_connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """The driver has ended its transaction by now."""


@asynccontextmanager
async def transaction(
    pool: Pool, *, isolation: Isolation = "read_committed"
) -> AsyncIterator[Connection]:
    """A connection that commits when the block ends, and rolls back when it raises."""
    async with pool.acquire() as connection, connection.transaction(isolation=isolation):
        yield connection


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """A connection that cannot write and sees one moment of the database throughout."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection
