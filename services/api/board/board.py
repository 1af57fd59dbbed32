"""The current windows of all objectives in memory: one moment of the database after the other.

A task looks at the database when somebody asks, in one snapshot each time, and takes over what was
judged since. Everybody who asked before a look began is answered by it, so that no answer is older
than its question; while nothing has been committed since the last look, a look is one small query.
The judge writes what it says of an objective's windows and the row of
`judgement` in one transaction, so that rows written since the last look are found by these; what
it deletes is found by counting. Everything is read anew where that would not do.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal

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
    read_moment,
    read_progress,
)
from shared.domain.instant import Instant
from shared.runtime.database import PASSING, Connection, Pool

PATIENCE_S: Final = 2.0
"""How long a look is waited for; then the database is asked, or says that it does not answer."""
ROWS_MAX: Final = 20_000
"""How many states are kept, at some 2.5 kB each; where there are more, the database is asked."""
UNREACHABLE: Final = (*PASSING, asyncpg.PostgresError)
"""Errors of a database that does not answer, or not with what is expected."""
_AGAIN_S: Final = 1.0
_TOO_MANY_PAUSE_S: Final = 30.0
_SLICE: Final = 100
_NOT_READ: Final = {"action": "states_not_read"}
_logger: Final = logging.getLogger(__name__)

Groups = Mapping[str, StateText | None]
"""What the database has of one objective's current window by group, in order: None where the
window is not listed."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The current windows at one moment; `answers` is for what is made of it and goes with it."""

    documents: Documents
    standing: Standing
    states: Mapping[str, Groups]
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
    """Looks for who asks while `renew_until` runs."""

    def __init__(self, pool: Pool, in_use: InUse, *, rows_max: int = ROWS_MAX) -> None:
        """Nothing is known yet."""
        self._pool = pool
        self._in_use = in_use
        self._rows_max = rows_max
        self._known: _Known | None = None
        self._picture: Picture | None = None
        self._waiting: list[asyncio.Future[Picture | None]] = []
        self._asked = asyncio.Event()
        self._looks = False

    async def look(self) -> Picture | None:
        """The states of a moment from now on; None where the database has to be asked instead."""
        if not self._looks:
            return None
        found: asyncio.Future[Picture | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(found)
        self._asked.set()
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await found
        except TimeoutError:
            return None

    def forget(self) -> None:
        """Know nothing until the next look, which reads everything anew."""
        self._known = self._picture = None

    async def renew_until(self, stopping: asyncio.Event) -> None:
        """Look for who asks until told to stop, on one connection as long as it lasts."""
        problem = ""
        ending = asyncio.ensure_future(stopping.wait())
        while not stopping.is_set():
            pause = _AGAIN_S
            try:
                async with self._pool.acquire() as connection:
                    self.forget()
                    self._looks = True
                    while await self._is_asked(ending):
                        if await self.renew(connection) is None:
                            pause = _TOO_MANY_PAUSE_S
                            break
                        problem = ""
            except UNREACHABLE as error:
                if repr(error) != problem:
                    problem = repr(error)
                    _logger.warning("The states cannot be read: %s", problem, extra=_NOT_READ)
            finally:
                self._looks = False
                self.forget()
                _answer(self._waiting, None)
            await _sleep(pause, stopping)

    async def _is_asked(self, ending: asyncio.Future[Literal[True]]) -> bool:
        """Wait until somebody asks, or until the end."""
        if not self._asked.is_set():
            asked = asyncio.ensure_future(self._asked.wait())
            await asyncio.wait((asked, ending), return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
        return not ending.done()

    async def renew(self, connection: Connection) -> Picture | None:
        """Look once, for everybody who has asked so far; None where there are too many states."""
        self._asked.clear()
        waiting, self._waiting = self._waiting, []
        try:
            self._picture = await self._latest(connection)
            _answer(waiting, self._picture)
        finally:
            _answer(waiting, None)
        return self._picture

    async def _latest(self, connection: Connection) -> Picture | None:
        known = self._known
        if known is not None and await read_moment(connection) == known.progress.seen:
            return self._picture
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            self._known, standing = await self._look_at(connection)
        if self._known is None:
            return None
        return Picture(self._known.documents, standing, self._known.states)

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


def _answer(waiting: list[asyncio.Future[Picture | None]], picture: Picture | None) -> None:
    while waiting:
        found = waiting.pop()
        if not found.done():  # who asked may have gone
            found.set_result(picture)


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
