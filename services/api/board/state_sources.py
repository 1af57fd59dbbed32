"""Where states are found: in memory, or in the database at a moment of it. Both say the same."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Protocol, TypeVar

from services.api.answering.answers import explanation
from services.api.board.board import Groups, Picture
from services.api.board.sources import Sources
from services.api.board.state_text import StateText, state_texts
from services.api.reading.made_up import read_measure
from services.api.reading.objectives import Choice, Group, Objectives
from services.api.reading.queries import StateQuery, read_states, resume
from services.api.reading.standing import Standing
from shared.domain.instant import Instant
from shared.domain.window import Span
from shared.runtime.database import Connection
from shared.wire.results import encode

T = TypeVar("T")


class States(Protocol):
    """The states at one moment."""

    @property
    def objectives(self) -> Objectives:
        """The objectives of the documents in use at that moment."""

    async def standing(self, keys: Sequence[str]) -> Standing:
        """How far at least these objectives are judged."""

    async def page(self, query: StateQuery, standing: Standing) -> list[StateText]:
        """The states that the query is about, in its order."""

    async def explained(self, text: StateText, as_of: Instant) -> bytes:
        """The explanation of a state as JSON."""


@asynccontextmanager
async def states_at(sources: Sources, *, stored: bool = False) -> AsyncIterator[States]:
    """The states that are known in memory, else (or with `stored`) those in the database."""
    picture = None if stored else await sources.board.look()
    if picture is not None:
        yield Remembered(sources, picture)
        return
    async with sources.if_reachable() as here:
        yield Stored(here, may_be_sealed=stored)


class Stored:
    """Those of the database."""

    def __init__(self, sources: Sources, *, may_be_sealed: bool = False) -> None:
        """At the moment of these sources; windows that are over may be sealed."""
        self._sources = sources
        self._may_be_sealed = may_be_sealed

    @property
    def objectives(self) -> Objectives:
        """The objectives of the documents in use at that moment."""
        return self._sources.objectives

    async def standing(self, keys: Sequence[str]) -> Standing:
        """How far these objectives are judged."""
        async with self._sources.reading(keys) as (_, standing):
            return standing

    async def page(self, query: StateQuery, standing: Standing) -> list[StateText]:
        """The states that the query is about, in its order."""
        rows = await read_states(self._connection, query, may_be_sealed=self._may_be_sealed)
        return state_texts(self.objectives, standing, rows)

    async def explained(self, text: StateText, as_of: Instant) -> bytes:
        """The explanation of a state as JSON."""
        return await _explained(self._connection, self.objectives, text, as_of)

    @property
    def _connection(self) -> Connection:
        moment = self._sources.moment
        if moment is None:
            message = "the database has gone"
            raise ConnectionError(message)
        return moment.connection


class Remembered:
    """Those in memory."""

    def __init__(self, sources: Sources, picture: Picture) -> None:
        """Those of a picture."""
        self._sources = sources
        self.picture = picture
        self.objectives = sources.among(picture.documents)

    async def standing(self, keys: Sequence[str]) -> Standing:  # noqa: ARG002 - it knows of all
        """How far all objectives are judged."""
        return self.picture.standing

    async def page(
        self,
        query: StateQuery,
        standing: Standing,  # noqa: ARG002 - they are written already
    ) -> list[StateText]:
        """The states that the query is about, in its order."""
        return [*islice(found_states(self.picture.states, query), query.limit)]

    async def explained(self, text: StateText, as_of: Instant) -> bytes:
        """The explanation of a state as JSON; what it needs of the database is read once."""
        known = text.explained
        if known is not None and known[0] in {None, as_of}:
            return known[1]
        async with self._sources.pool.acquire() as connection:
            return await _explained(connection, self.objectives, text, as_of)


async def _explained(
    connection: Connection, objectives: Objectives, text: StateText, as_of: Instant
) -> bytes:
    served = objectives[text.key]
    span = Span(text.row["window_start"], text.row["window_end"])
    found = await read_measure(connection, Group(served, text.group), span)
    reasons = explanation(served, text.row, found, as_of=as_of)
    written = encode(reasons)
    # A pace goes on with time, all else with the next judging.
    text.explained = (None if reasons.pace is None else as_of, written)
    return written


def found_states(states: Mapping[str, Groups], query: StateQuery) -> Iterator[StateText]:
    """The states as the database would find them, after the place where the page begins."""
    passed, last = resume(query)
    wanted: dict[str, set[str]] = {}
    for key, grp in query.groups:
        wanted.setdefault(key, set()).add(grp)
    for place, choice in _ordered([*enumerate(query.choices, 1)], query):
        if place != passed and (place < passed) is not query.descending:
            continue
        own = states.get(choice.served.key, {})
        if query.groups:
            some = sorted(wanted.get(choice.served.key, ()) & own.keys())
            own = {grp: own[grp] for grp in some}
        for grp, text in _ordered([*own.items()], query):
            is_shown = place == passed and (grp >= last if query.descending else grp <= last)
            if text is not None and not is_shown and _fits(choice, text, query):
                yield text


def _ordered(several: list[T], query: StateQuery) -> list[T]:
    return several[::-1] if query.descending else several


def _fits(choice: Choice, text: StateText, query: StateQuery) -> bool:
    return (
        _is_among(text.group, choice.customer_at, query.customers)
        and _is_among(text.group, choice.service_at, query.services)
        and (not query.states or text.state in query.states)
        and (not query.levels or text.level in query.levels)
    )


def _is_among(group: Sequence[str], at: int | None, wanted: Collection[str]) -> bool:
    return at is None or (at < len(group) and group[at] in wanted)
