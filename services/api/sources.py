"""What every operation reads from, given to the app when it is made."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.api.objectives import Objectives
from services.api.queries import Standing, read_standing
from shared.domain.plan import Plan
from shared.runtime.database import Connection, Pool, snapshot
from shared.runtime.wall_clock import WallClock


@dataclass(frozen=True, slots=True)
class Sources:
    """The database, the documents as loaded and compiled, and the wall clock."""

    pool: Pool
    objectives: Objectives
    plan: Plan
    clock: WallClock

    @asynccontextmanager
    async def reading(self, keys: Sequence[str]) -> AsyncIterator[tuple[Connection, Standing]]:
        """One moment of the database, and how far these objectives are judged in it."""
        async with snapshot(self.pool) as connection:
            digest = self.objectives.catalogue.digest
            yield connection, await read_standing(connection, keys, digest)


def _sources(request: Request) -> Sources:
    sources = request.app.state.sources
    if not isinstance(sources, Sources):
        message = "the app was made without sources"
        raise TypeError(message)
    return sources


From = Annotated[Sources, Depends(_sources)]
"""The sources of the app that serves the request."""
