"""The schema that a replay works in: made like the live tables, found again, removed.

`accord_replay_<UTC instant>_<random>`: whose session lock is held is at work, whose comment says so
is kept, and any other is what a crash left behind.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg

from shared.domain.instant import DAY, Instant, as_datetime
from shared.runtime.config import driver_url
from shared.runtime.database import SESSION, Pool
from shared.runtime.schema import metadata
from shared.runtime.wall_clock import system_clock

Session: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

PREFIX: Final = "accord_replay_"
LEFT_AFTER: Final = DAY
"""What is older and belongs to no running replay was left behind by a crash."""
_NAME: Final = re.compile(rf"{PREFIX}(\d{{14}})_[0-9a-f]{{8}}")
_STAMP: Final = "%Y%m%d%H%M%S"
_KEPT: Final = "kept"
_SESSION: Final = {
    **SESSION,
    "application_name": "accord-replay",
    # Ours alone wait for us here: nothing of the running system stands behind these transactions.
    "idle_in_transaction_session_timeout": "0",
    "synchronous_commit": "off",
}
_LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
_UNLOCK: Final = "SELECT pg_advisory_unlock(hashtextextended($1, 0))"
_SCHEMAS: Final = """
SELECT nspname AS name, obj_description(oid, 'pg_namespace') AS said FROM pg_namespace
WHERE starts_with(nspname, $1) ORDER BY nspname
"""


class NoShadowError(RuntimeError):
    """The schema cannot be made; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """A schema of our own, and the session that made it and reads the live tables."""

    name: str
    session: Session

    async def keep(self) -> None:
        """Let it stay for inspection until somebody asks for it to be removed."""
        await self.session.execute(f"COMMENT ON SCHEMA {self.name} IS '{_KEPT}'")

    async def drop(self) -> None:
        """Remove it with all that is in it."""
        await _drop(self.session, self.name)


async def connect(database_url: str) -> Session:
    """A session of the live system's database; the caller closes it."""
    return await asyncpg.connect(driver_url(database_url), server_settings=_SESSION)


async def create_shadow(session: Session) -> Shadow:
    """Make a schema with tables like the live ones, empty; it is locked while the session lasts."""
    name = f"{PREFIX}{_stamp(system_clock())}_{secrets.token_hex(4)}"
    await session.fetchval(_LOCK, name)
    try:
        await session.execute(f"CREATE SCHEMA {name}")
    except asyncpg.InsufficientPrivilegeError as error:
        user, database = await session.fetchrow("SELECT current_user, current_database()") or "??"
        message = (
            f"the role {user} may not create a schema in the database {database} ({error}); allow "
            f'it: GRANT CREATE ON DATABASE "{database}" TO "{user}"'
        )
        raise NoShadowError(message) from None
    for table in metadata.sorted_tables:
        # What is lost in a crash of the server is made anew: no log of it is needed.
        await session.execute(
            f'CREATE UNLOGGED TABLE {name}."{table.name}" (LIKE "{table.name}" INCLUDING ALL)'
        )
    return Shadow(name, session)


async def create_shadow_pool(database_url: str, shadow: Shadow) -> Pool:
    """Connections that see the tables of the shadow and no others; the caller closes it."""
    return await asyncpg.create_pool(
        driver_url(database_url),
        min_size=1,
        max_size=2,
        server_settings={**_SESSION, "search_path": shadow.name},
    )


async def remove_stale(session: Session) -> list[str]:
    """Remove what crashed replays left behind more than a day ago; the names removed."""
    until = _stamp(system_clock() - LEFT_AFTER)
    rows = await session.fetch(_SCHEMAS, PREFIX)
    old = [row["name"] for row in rows if row["said"] != _KEPT and _is_older(row["name"], until)]
    return await _remove_unused(session, old)


async def remove_all(session: Session) -> list[str]:
    """Remove every schema of a replay that is not at work, kept ones too; the names removed."""
    rows = await session.fetch(_SCHEMAS, PREFIX)
    return await _remove_unused(session, [row["name"] for row in rows if _NAME.fullmatch(row[0])])


def _stamp(instant: Instant) -> str:
    return as_datetime(instant).strftime(_STAMP)


def _is_older(name: str, until: str) -> bool:
    found = _NAME.fullmatch(name)
    return found is not None and found[1] < until


async def _remove_unused(session: Session, names: Iterable[str]) -> list[str]:
    removed = []
    for name in names:
        if await session.fetchval(_LOCK, name):
            try:
                await _drop(session, name)
            finally:
                await session.fetchval(_UNLOCK, name)
            removed.append(name)
    return removed


async def _drop(session: Session, name: str) -> None:
    await session.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
