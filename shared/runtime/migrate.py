"""Bring a database to the schema that this program expects."""

import asyncio
from collections.abc import Callable
from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from shared.runtime import advisory_locks
from shared.runtime.config import driver_url
from shared.runtime.schema_version import MIGRATIONS

# A statement that waits for a lock holds up all that come after it: rather fail, and be run again.
LOCK_TIMEOUT: Final = "10s"
_RETRY_S: Final = 0.1


class MigrationError(RuntimeError):
    """The database cannot be brought to the wanted schema; the text says what to do."""


async def migrate(database_url: str, *, revision: str = "head") -> None:
    """Upgrade the database to `revision` (the newest). Processes that do so at once take turns.

    Raises MigrationError when the database is at a revision that this program does not know.
    """
    await _run(database_url, lambda config: command.upgrade(config, revision))


async def downgrade(database_url: str, *, revision: str) -> None:
    """Take the database back to `revision` (`base`: nothing is left), data included."""
    await _run(database_url, lambda config: command.downgrade(config, revision))


def create_engine(database_url: str) -> AsyncEngine:
    """An engine that keeps no connection; statements may last as long as they need."""

    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            driver_url(database_url),
            server_settings={
                "application_name": "accord-migrate",
                "lock_timeout": LOCK_TIMEOUT,
                "timezone": "UTC",
            },
        )

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)


async def _run(database_url: str, act: Callable[[Config], None]) -> None:
    def with_config(connection: SyncConnection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        act(config)

    engine = create_engine(database_url)
    try:
        async with engine.connect() as connection:
            await _take_turn(connection)
            await connection.run_sync(with_config)
            await connection.commit()
    except CommandError as error:
        message = (
            f"the schema cannot be changed: {error}; if a newer Accord has migrated this "
            "database, run that one"
        )
        raise MigrationError(message) from error
    finally:
        await engine.dispose()


async def _take_turn(connection: AsyncConnection) -> None:
    """Hold the lock until the connection closes.

    Asked for again and again, not waited for: a session that waits in a statement holds a
    snapshot, and an index that is built concurrently by the other would wait for that.
    """
    statement = text("SELECT pg_try_advisory_lock(:lock)")
    while not await connection.scalar(statement, {"lock": advisory_locks.MIGRATING}):
        await connection.commit()
        await asyncio.sleep(_RETRY_S)
    await connection.commit()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
