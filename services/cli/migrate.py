"""`accord migrate`: bring the database to the schema that this program expects."""

import asyncio
from typing import Annotated

import typer

from services.cli.local import say
from shared.runtime.config import InvalidSettings, environment_value, masked
from shared.runtime.migrate import MigrationError, migrate


def migrate_command(
    database_url: Annotated[
        str | None, typer.Option(help="Which database; default: ACCORD_DATABASE_URL.")
    ] = None,
) -> None:
    """Bring the database to the schema that this program expects."""
    url = database_url or environment_value("DATABASE_URL")
    if url is None:
        say("ACCORD_DATABASE_URL is not set; `accord local` prints a value that works here")
        raise typer.Exit(2)
    try:
        asyncio.run(migrate(url))
    except (MigrationError, InvalidSettings, OSError) as error:
        say(f"{masked(url)}: {error}")
        raise typer.Exit(1) from None
    print("the schema is up to date")
