"""Alembic's entry: runs the migrations on the connection that `shared.runtime.migrate` hands over.

From the `alembic` command (`-c pyproject.toml`) the database is named by `-x url=postgresql://…`.
"""

import asyncio

from alembic import context
from sqlalchemy import Connection

from shared.runtime.migrate import create_engine
from shared.runtime.schema import metadata


def run(connection: Connection) -> None:
    """Each migration in a transaction of its own: one that fails leaves those before it."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_on(url: str) -> None:
    """Connect by URL, for the `alembic` command."""
    engine = create_engine(url)
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


if "connection" in context.config.attributes:
    run(context.config.attributes["connection"])
else:
    asyncio.run(run_on(context.get_x_argument(as_dictionary=True)["url"]))
