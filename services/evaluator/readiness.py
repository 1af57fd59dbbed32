"""Whether the evaluator can do its work: the database, its schema, its partitions."""

import asyncio
import contextlib
from typing import Final

from services.evaluator.following import Following
from services.evaluator.partitions import Partitions
from shared.runtime.database import PASSING, Pool
from shared.runtime.health import Note
from shared.runtime.schema_version import at_head

PAUSE_S: Final = 2.0


class Readiness:
    """The checks of `/readyz`, renewed now and then."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._checks: dict[str, str | None] = {"started": "it is starting"}

    def checks(self) -> dict[str, str | None]:
        """Each check with the reason why it fails, if it does."""
        return dict(self._checks)

    def waits(self, problem: str | None) -> None:
        """Say what is waited for before the work can begin."""
        self._checks = {"started": problem}

    async def watch(
        self, pool: Pool, partitions: Partitions, following: Following, stopping: asyncio.Event
    ) -> None:
        """Renew the checks until told to stop."""
        while not stopping.is_set():
            self._checks = {
                **await self._database(pool),
                "assignment": None if partitions.settled else "partitions are being claimed",
                "partitions": _stopped(partitions),
                "documents": _refused(following),
            }
            with contextlib.suppress(TimeoutError):
                pause = PAUSE_S if partitions.settled else 0.1
                await asyncio.wait_for(stopping.wait(), pause)

    @staticmethod
    async def _database(pool: Pool) -> dict[str, str | None]:
        try:
            async with pool.acquire(timeout=PAUSE_S) as connection:
                current = await at_head(connection)
        except PASSING as error:
            return {"database": f"it cannot be reached: {error!r}"}
        behind = "the database has another schema: run `accord migrate`"
        return {"database": None, "migrations": None if current else behind}


def _refused(following: Following) -> str | None:
    """Documents that do not load keep nothing from working: the last good ones are in use."""
    if following.problem is None:
        return None
    return Note(f"the last good ones stay in use: {following.problem}")


def _stopped(partitions: Partitions) -> str | None:
    stopped = str(partitions.stops)
    return f"stopped: {stopped}; see `accord gaps list`" if stopped else None
