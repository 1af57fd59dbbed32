"""What commands about access have in common: the owner's connection, and refusals in words."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import asyncpg
import typer

from services.api.access.key_store import KeyRefused
from services.cli.terminal import say
from shared.runtime.config import InvalidSettings, driver_url, environment_value, masked
from shared.runtime.database import AnyConnection

T = TypeVar("T")


def administer(act: Callable[[AnyConnection], Awaitable[T]]) -> T:
    """Do something in one transaction of the database; ends the program where it cannot be."""
    url = environment_value("DATABASE_URL")
    if url is None:
        refuse("ACCORD_DATABASE_URL is not set; give the URL of the database's owner", 2)
    try:
        return asyncio.run(_within(url, act))
    except KeyRefused as error:
        refuse(str(error), 1)
    except asyncpg.UndefinedTableError:
        refuse(f"{masked(url)}: the schema is an older one: run `accord migrate`", 2)
    except asyncpg.InsufficientPrivilegeError as error:
        refuse(f"{masked(url)}: {error}; give the URL of the database's owner", 2)
    except (InvalidSettings, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        refuse(f"{masked(url)}: {error}", 2)


async def _within(url: str, act: Callable[[AnyConnection], Awaitable[T]]) -> T:
    connection = await asyncpg.connect(driver_url(url))
    try:
        async with connection.transaction():
            return await act(connection)
    finally:
        await connection.close()


def refuse(text: str, code: int) -> NoReturn:
    """Say why not, and end with a code."""
    say(text)
    raise typer.Exit(code)
