"""What a service waits for before it can begin: servers, schema and topics that come later.

Services start in any order: one whose servers are not there yet says so in `/readyz`, tries again,
and begins when they are. What no waiting cures (settings that contradict each other, a topic with
another number of partitions) is raised, and ends the process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

import asyncpg
from aiokafka.errors import KafkaError

from shared.runtime.database import PASSING, Pool
from shared.runtime.schema_version import at_head
from shared.runtime.topics import MissingTopicError

T = TypeVar("T")

PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0)
AWAITED: Final = (
    *PASSING,
    asyncpg.InvalidCatalogNameError,  # the database is made later
    asyncpg.InvalidAuthorizationSpecificationError,  # and the user, or the password is changed
    asyncpg.InsufficientPrivilegeError,
)
"""Errors of a database that may be there in a moment. A `ValueError` among them (the driver's, of a
URL that it cannot read) is not cured by waiting."""
_logger: Final = logging.getLogger(__name__)


_OTHER_SCHEMA: Final = (
    "The database has not the schema that this program expects: run `accord migrate`."
)


class MissingSchemaError(Exception):
    """The database has not the schema that this program expects; `accord migrate` makes it."""


async def require_schema(pool: Pool) -> None:
    """Raise MissingSchemaError unless the database has the schema of this program."""
    async with pool.acquire() as connection:
        if not await at_head(connection):
            raise MissingSchemaError(_OTHER_SCHEMA)


class Waiting:
    """Tries to begin again and again; `problem` says what is not there yet."""

    def __init__(self) -> None:
        """Nothing has been tried."""
        self.problem: str | None = "it is starting"
        self._tries = 0

    async def tried(self, begin: Callable[[], Awaitable[T]], stopping: asyncio.Event) -> T | None:
        """The result of `begin`, or None after a pause when something is not there yet.

        None at once, and `begin` cancelled, when the process is told to stop meanwhile. Whatever
        `begin` has opened is the caller's to close before the next try.
        """
        beginning = asyncio.ensure_future(begin())
        stop = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait((beginning, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            beginning.cancel()  # does nothing where it is done
        if not beginning.done():
            with suppress(asyncio.CancelledError, *AWAITED, KafkaError):
                await beginning
            return None
        try:
            begun = beginning.result()
        except ValueError:
            raise
        except (KafkaError, MissingTopicError, MissingSchemaError, *AWAITED) as error:
            if isinstance(error, KafkaError) and not error.retriable:
                raise
            await self._wait(_said(error), stopping)
            return None
        self.problem, self._tries = None, 0
        return begun

    async def _wait(self, problem: str, stopping: asyncio.Event) -> None:
        if problem != self.problem:
            _logger.warning("It cannot begin yet: %s", problem, extra={"action": "waiting"})
        self.problem = problem
        pause = PAUSES_S[min(self._tries, len(PAUSES_S) - 1)]
        self._tries += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)


def _said(error: BaseException) -> str:
    if isinstance(error, MissingTopicError | MissingSchemaError):
        return str(error)
    server = "Kafka" if isinstance(error, KafkaError) else "PostgreSQL"
    return f"{server} cannot be used yet: {type(error).__name__}: {error}"
