"""`accord migrate`: bring the database to the schema that this program expects."""

import asyncio
from typing import Annotated

import typer

from services.cli.terminal import say
from services.cli.whose_items import note_customers
from services.evaluator.retention import Retention
from shared.runtime.config import InvalidSettings, environment_value, masked
from shared.runtime.database import create_pool
from shared.runtime.migrate import MigrationError, migrate
from shared.runtime.roles import give_rights
from shared.runtime.wall_clock import system_clock


def migrate_command(
    database_url: Annotated[
        str | None, typer.Option(help="Which database; default: ACCORD_DATABASE_URL.")
    ] = None,
) -> None:
    """Bring the database to the schema that this program expects, and give each role its rights."""
    url = database_url or environment_value("DATABASE_URL")
    if url is None:
        say("ACCORD_DATABASE_URL is not set; `accord local` prints a value that works here")
        raise typer.Exit(2)
    try:
        missing = asyncio.run(_prepare(url))
    except (MigrationError, InvalidSettings, OSError) as error:
        say(f"{masked(url)}: {error}")
        raise typer.Exit(1) from None
    if missing:
        say(
            f"the roles {', '.join(missing)} are missing and this user may not make them: "
            "deploy/postgres/roles.sh does; run this again then"
        )
    print("the schema is up to date")


async def _prepare(url: str) -> list[str]:
    """The schema, rights, and room for the months to come; the roles that are missing."""
    await migrate(url)
    missing = await give_rights(url)
    pool = await create_pool(url, service="migrate", size_max=1)
    try:
        await Retention(pool, None, clock=system_clock).begin()
        await note_customers(pool)
    finally:
        await pool.close()
    return missing
