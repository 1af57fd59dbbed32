"""The current windows of all objectives in memory: one moment of the database after the other.

A task looks at the database about twenty times a second, in one snapshot each time, and takes over
what was judged since. The judge writes what it says of an objective's windows and the row of
`judgement` in one transaction, so that rows written since the last look are found by these; what
it deletes is found by counting. Everything is read anew where that would not do.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from services.api.board.kept_answers import KeptAnswers
from services.api.board.state_text import StateText
from services.api.reading.documents import Documents, InUse
from services.api.reading.queries import CurrentQuery, count_current, read_current
from services.api.reading.standing import (
    Judged,
    Judgements,
    Progress,
    Standing,
    read_judged_since,
    read_progress,
)
from shared.domain.instant import Instant
from shared.runtime.database import Connection, Pool

PAUSE_S: Final = 0.05
"""Between two looks."""
SHARE: Final = 10
"""Looking takes one part in so many of the time at most, while that is no long pause."""
PAUSE_MOST_S: Final = 1.0
OLDEST_S: Final = 2.0
"""What is older is not shown: the database is asked then, or says that it does not answer."""
ROWS_MAX: Final = 20_000
"""How many states are kept, at some 2.5 kB each; where there are more, the database is asked."""
IDLE_S: Final = 10.0
"""Nobody looks at the database when nobody has asked for a state for so long."""
PASSING: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke in the middle of an exchange
    OSError,
    TimeoutError,
)
"""Errors of a database that does not answer, or not with what is expected."""
_AGAIN_S: Final = 1.0
_IDLE_PAUSE_S: Final = 0.1
_TOO_MANY_PAUSE_S: Final = 30.0
_SLICE: Final = 100
_NOT_READ: Final = {"action": "states_not_read"}
_logger: Final = logging.getLogger(__name__)

Groups = Mapping[str, StateText | None]
"""What the database has of one objective's current window by group, in order: None where the
window is not listed."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The current windows at one moment; `began` is a reading of a steady clock before it.

    `answers` is for what is made of it: it goes with it.
    """

    documents: Documents
    standing: Standing
    states: Mapping[str, Groups]
    began: float
    answers: KeptAnswers = field(default_factory=KeptAnswers)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the next look builds on."""

    documents: Documents
    progress: Progress
    judged: Mapping[str, Judged]
    starts: Mapping[str, Instant]
    states: Mapping[str, Groups]

    def goes_on(self, documents: Documents, progress: Progress) -> bool:
        """Whether what was judged since is all that is different."""
        before, after = self.progress.evaluated, progress.evaluated
        return (
            self.documents is documents
            and self.progress.gaps == progress.gaps
            and before is not None
            and after is not None
            and before <= after
        )


class Board:
    """Keeps the latest picture while `renew_until` runs."""

    def __init__(self, pool: Pool, in_use: InUse, *, rows_max: int = ROWS_MAX) -> None:
        """Nothing is known yet."""
        self._pool = pool
        self._in_use = in_use
        self._rows_max = rows_max
        self._known: _Known | None = None
        self._picture: Picture | None = None
        self._passed = 0.0
        self._oldest_s = OLDEST_S
        self._asked_at = 0.0

    def look(self) -> Picture | None:
        """The latest picture; None where the database has to be asked instead."""
        self._asked_at = time.monotonic()
        found = self._picture
        if found is None or found.began < self._passed:
            return None
        return found if self._asked_at - found.began <= self._oldest_s else None

    def pass_by(self) -> None:
        """Note that states of this moment are shown: no picture of an earlier one is any more."""
        self._passed = time.monotonic()

    def forget(self) -> None:
        """Know nothing until the next look, which reads everything anew."""
        self._known = self._picture = None

    async def renew_until(self, stopping: asyncio.Event) -> None:
        """Look until told to stop, on one connection as long as it lasts."""
        problem = ""
        while not stopping.is_set():
            try:
                async with self._pool.acquire() as connection:
                    self.forget()
                    while not stopping.is_set():
                        pause = await self.renew(connection)
                        problem = ""
                        await self._rest(pause, stopping)
            except PASSING as error:
                self.forget()
                if repr(error) != problem:
                    problem = repr(error)
                    _logger.warning("The states cannot be read: %s", problem, extra=_NOT_READ)
                await _sleep(_AGAIN_S, stopping)

    async def _rest(self, seconds: float, stopping: asyncio.Event) -> None:
        await _sleep(seconds, stopping)
        while time.monotonic() - self._asked_at > IDLE_S and not stopping.is_set():
            await _sleep(_IDLE_PAUSE_S, stopping)

    async def renew(self, connection: Connection) -> float:
        """Look once; the seconds to wait before the next time."""
        began = time.monotonic()
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            known, standing = await self._look_at(connection)
        took = time.monotonic() - began
        if known is None:
            self._known = self._picture = None
            return _TOO_MANY_PAUSE_S
        self._known = known
        self._picture = Picture(known.documents, standing, known.states, began)
        self._oldest_s = OLDEST_S + took
        return max(PAUSE_S, min(SHARE * took, PAUSE_MOST_S))

    async def _look_at(self, connection: Connection) -> tuple[_Known | None, Standing]:
        """What is known now, None where that is too much, and how far everything is."""
        progress = await read_progress(connection)
        documents = await self._in_use.at(connection, progress.generation)
        before = self._known
        from_xid = None
        if before is None or not before.goes_on(documents, progress):
            before = _Known(documents, progress, {}, {}, {})
        else:
            from_xid = before.progress.from_xid
        changed, waiting = await read_judged_since(connection, from_xid)
        judged = {**before.judged, **changed} if changed else before.judged
        pane_keys = documents.objectives.pane_keys
        judgements = Judgements(progress.evaluated or 0, judged, waiting, pane_keys)
        standing = progress.standing(judgements, documents.number)
        starts = _starts(documents, standing, changed)
        states = await self._states(connection, standing, before, starts, from_xid)
        known = None
        if states is not None:
            known = _Known(documents, progress, judged, {**before.starts, **starts}, states)
        return known, standing

    async def _states(
        self,
        connection: Connection,
        standing: Standing,
        before: _Known,
        starts: Mapping[str, Instant],
        from_xid: str | None,
    ) -> Mapping[str, Groups] | None:
        """The states with those of the windows that start there, as far as they are new."""
        if not starts:
            return before.states
        states = dict(before.states)
        whole = {key for key in starts if before.starts.get(key) != starts[key]}
        query = CurrentQuery(starts, whole, from_xid, self._rows_max + 1)
        rows = await read_current(connection, query)
        await _merge(states, before.documents, standing, rows, whole)
        # Deleted rows leave no trace but their absence.
        counts = await count_current(connection, starts)
        lost = {key for key, count in counts.items() if count != len(states.get(key, ()))}
        if lost and len(rows) <= self._rows_max:
            some = {key: starts[key] for key in lost}
            query = CurrentQuery(some, lost, None, self._rows_max + 1)
            await _merge(
                states, before.documents, standing, await read_current(connection, query), lost
            )
        return states if sum(map(len, states.values())) <= self._rows_max else None


def _starts(documents: Documents, standing: Standing, judged: Iterable[str]) -> dict[str, Instant]:
    """Where the current windows of these objectives start."""
    starts = {}
    for key in judged:
        served, as_of = documents.objectives.get(key), standing.as_of([key])
        if served is not None and as_of is not None:
            starts[key] = served.window.current(as_of).start
    return starts


async def _merge(
    states: dict[str, Groups],
    documents: Documents,
    standing: Standing,
    rows: Sequence[asyncpg.Record],
    whole: Collection[str],
) -> None:
    """Put rows among the states, in the place of all of their objective where it is read whole."""
    found: dict[str, dict[str, StateText | None]] = {key: {} for key in whole}
    for number, row in enumerate(rows, 1):
        text = StateText(documents.objectives, standing, row) if row["listed"] else None
        found.setdefault(row["objective"], {})[row["grp"]] = text
        if number % _SLICE == 0:
            await asyncio.sleep(0)  # requests do not wait for all of it
    for key, own in found.items():
        known = {} if key in whole else states.get(key, {})
        merged = {**known, **own}
        states[key] = merged if len(merged) == len(known) else dict(sorted(merged.items()))


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
