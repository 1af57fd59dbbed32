"""What every operation reads from, given to the app when it is made."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import Depends, Request

from services.api.board.board import Board
from services.api.board.questions import Questions
from services.api.reading.documents import Documents, InUse
from services.api.reading.objectives import Objectives
from services.api.reading.standing import Progress, Standing, read_judgements, read_progress
from services.api.web.caller import By
from services.api.web.problems import UNAVAILABLE
from shared.domain.plan import Plan
from shared.runtime.database import Connection, Pool, snapshot
from shared.runtime.wall_clock import WallClock


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of the database, and how far everything is then."""

    connection: Connection
    progress: Progress


@dataclass(frozen=True, slots=True)
class Sources:
    """The database, the documents in use, what is known of it in memory, and the wall clock.

    Those of a request stand on one moment of the database: the documents and all numbers belong
    together. With `customers` the objectives are those of its caller alone.
    """

    pool: Pool
    in_use: InUse
    board: Board
    clock: WallClock
    documents: Documents
    questions: Questions = field(default_factory=Questions)
    customers: frozenset[str] | None = None
    moment: Moment | None = None

    @property
    def objectives(self) -> Objectives:
        """The objectives of the documents that the caller may see."""
        return self.among(self.documents)

    @property
    def plan(self) -> Plan:
        """The documents as items are folded by them."""
        return self.documents.plan

    async def at(self, connection: Connection) -> "Sources":
        """The same at one moment of the database, with the documents that are in use then."""
        progress = await read_progress(connection)
        documents = await self.in_use.at(connection, progress.generation)
        return replace(self, documents=documents, moment=Moment(connection, progress))

    @asynccontextmanager
    async def here(self) -> "AsyncIterator[Sources]":
        """The same at this moment."""
        async with snapshot(self.pool) as connection:
            yield await self.at(connection)

    @asynccontextmanager
    async def if_reachable(self) -> "AsyncIterator[Sources]":
        """The same at this moment, or at none while the database is away.

        What is wrong with a request can be said all the same; reading will fail.
        """
        async with AsyncExitStack() as moment:
            try:
                here = await moment.enter_async_context(self.here())
            except UNAVAILABLE:
                here = self
            yield here

    def among(self, documents: Documents) -> Objectives:
        """The objectives of these documents that the caller may see."""
        return documents.objectives.seen_by(self.customers)

    @asynccontextmanager
    async def reading(self, keys: Sequence[str]) -> AsyncIterator[tuple[Connection, Standing]]:
        """One moment of the database, and how far these objectives are judged in it."""
        if self.moment is None:
            async with self.here() as sources, sources.reading(keys) as found:
                yield found
            return
        connection, progress = self.moment.connection, self.moment.progress
        pane_keys = {key: self.objectives[key].pane_key for key in keys}
        judged = await read_judgements(connection, pane_keys, progress.evaluated)
        yield connection, progress.standing(judged, self.documents.number)


async def _unread(request: Request, by: By) -> Sources:
    sources = request.app.state.sources
    if not isinstance(sources, Sources):
        message = "the app was made without sources"
        raise TypeError(message)
    return replace(sources, customers=by.customers)


Unread = Annotated[Sources, Depends(_unread)]
"""The sources of the app that serves the request, before anything is read from them."""


async def _sources(sources: Unread) -> AsyncIterator[Sources]:
    async with sources.if_reachable() as here:
        yield here


From = Annotated[Sources, Depends(_sources)]
"""The sources of the app that serves the request, at the moment of the request."""
