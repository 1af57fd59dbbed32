"""What every operation reads from, given to the app when it is made."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, Final

import asyncpg
from fastapi import Depends, Request

from services.api.caller import By
from services.api.objectives import Objectives
from services.api.queries import Standing, read_standing
from shared.documents import File, load_texts
from shared.domain.plan import Plan, compile_plan
from shared.runtime import generations
from shared.runtime.database import Connection, Pool, snapshot
from shared.runtime.wall_clock import WallClock

UNREACHABLE: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke in the middle of an exchange
    OSError,
    TimeoutError,
)
"""Errors of a database that does not answer, or not with what is expected."""
KEPT: Final = 4
"""Generations of documents that are kept compiled."""


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents compiled; `number` is that of their generation, 0 for those loaded at the start."""

    objectives: Objectives
    plan: Plan
    number: int = 0


@dataclass(frozen=True, slots=True)
class Sources:
    """The database, the documents in use, and the wall clock.

    Those of a request stand on one moment of the database, `connection`: the documents and all
    numbers belong together. With `customers` the objectives are those of its caller alone.
    """

    pool: Pool
    documents: Documents
    clock: WallClock
    connection: "Connection | None" = None
    known: dict[int, Documents] = field(default_factory=dict)
    customers: frozenset[str] | None = None

    @property
    def objectives(self) -> Objectives:
        """The objectives of the documents that the caller may see."""
        return self.documents.objectives.seen_by(self.customers)

    @property
    def plan(self) -> Plan:
        """The documents as items are folded by them."""
        return self.documents.plan

    async def at(self, connection: Connection) -> "Sources":
        """The same at one moment of the database, with the documents that are in use then."""
        number, _ = await generations.numbers(connection)
        documents = self.documents if number is None else self.known.get(number)
        if documents is None and number is not None:
            documents = await _compiled(connection, number)
            self.known[number] = documents
            for old in sorted(self.known)[:-KEPT]:
                del self.known[old]
        return replace(self, documents=documents or self.documents, connection=connection)

    @asynccontextmanager
    async def here(self) -> "AsyncIterator[Sources]":
        """The same at this moment."""
        async with snapshot(self.pool) as connection:
            yield await self.at(connection)

    @asynccontextmanager
    async def reading(self, keys: Sequence[str]) -> AsyncIterator[tuple[Connection, Standing]]:
        """One moment of the database, and how far these objectives are judged in it."""
        if self.connection is None:
            async with self.here() as sources, sources.reading(keys) as found:
                yield found
            return
        pane_keys = {key: self.objectives[key].pane_key for key in keys}
        standing = await read_standing(self.connection, pane_keys, self.documents.number)
        yield self.connection, standing


async def _compiled(connection: Connection, number: int) -> Documents:
    row = await generations.read(connection, number)
    loaded = await asyncio.to_thread(load_texts, [File(*file) for file in row.files])
    if loaded.catalogue is None:
        message = f"generation {number} of the documents does not load: {loaded.problems}"
        raise RuntimeError(message)
    objectives = Objectives(loaded.catalogue, row.built)
    return Documents(objectives, compile_plan(loaded.catalogue), number)


async def _sources(request: Request, by: By) -> AsyncIterator[Sources]:
    sources = request.app.state.sources
    if not isinstance(sources, Sources):
        message = "the app was made without sources"
        raise TypeError(message)
    sources = replace(sources, customers=by.customers)
    async with AsyncExitStack() as moment:
        try:
            here = await moment.enter_async_context(sources.here())
        except UNREACHABLE:
            # What is wrong with a request can be said all the same; reading will fail.
            here = sources
        yield here


From = Annotated[Sources, Depends(_sources)]
"""The sources of the app that serves the request, at the moment of the request."""
