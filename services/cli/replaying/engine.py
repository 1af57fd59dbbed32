"""A replay from beginning to end: snapshot, shadow, rebuild, comparison, and the shadow goes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from services.cli.replaying.compared import ALL, QUARANTINE, SAID, Compared
from services.cli.replaying.differences import SHOWN, Found, find_differences
from services.cli.replaying.rebuild import Pace, Rebuild
from services.cli.replaying.records import Origin, Records, open_event_log, stored_records
from services.cli.replaying.shadow import (
    Session,
    Shadow,
    connect,
    create_shadow,
    create_shadow_pool,
    remove_stale,
)
from services.cli.replaying.snapshot import NothingToReplayError, Snapshot, take_snapshot
from services.evaluator.generations import objectives
from shared.documents import Loaded
from shared.domain.instant import Instant
from shared.runtime.schema_version import at_head
from shared.runtime.topics import Topics

PREVIEWED: Final = SHOWN // 2
"""Of windows and of breaches each."""


class Told(Protocol):
    """Who hears how far a replay is."""

    def say(self, text: str) -> None:
        """A line."""

    def show(self, phase: str, done: int, total: int, events: int) -> None:
        """So much of a phase is done; `events` is 0 where none are folded."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is replayed: `origin` None takes the topic where it is whole, else the items.

    `documents` (they have loaded) are those to rebuild under; None: those in use. Others make it a
    preview. Seconds of patience to wait for a moment with everything settled and judged.
    """

    database_url: str
    bootstrap_servers: str | None
    documents: Loaded | None = None
    topics: Topics = field(default_factory=Topics)
    origin: Origin | None = None
    keep: bool = False
    patience_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it; `is_preview` says that other documents than the live ones were used."""

    objectives: int
    items: int
    found: Found
    origin: Origin
    events: int
    seconds: float
    as_of: Instant
    schema: str
    waiting: tuple[str, ...]
    is_preview: bool

    def __str__(self) -> str:
        """The last line of the command."""
        return f"{self.objectives} objectives, {self.items} items, {self.found.total} differences"


async def replay(request: Request, told: Told) -> Replayed:
    """Rebuild and compare; raises NothingToReplayError and NoShadowError with what to do."""
    session = await connect(request.database_url)
    try:
        if not await at_head(session):
            message = "the database has not the schema of this program: run `accord migrate`"
            raise NothingToReplayError(message)
        for name in await remove_stale(session):
            told.say(f"removed {name}, which a replay left behind")
        async with _shadow(request, session) as shadow:
            return await _replay(request, shadow, told)
    finally:
        await session.close()


@asynccontextmanager
async def _shadow(request: Request, session: Session) -> AsyncIterator[Shadow]:
    """A shadow that goes with the block, whatever ends it, unless it is to be kept."""
    shadow = await create_shadow(session)
    try:
        yield shadow
        if request.keep:
            await shadow.keep()
            return
    except BaseException:
        await _drop(request, shadow)
        raise
    await _drop(request, shadow)


async def _drop(request: Request, shadow: Shadow) -> None:
    # In a session of its own: the other may have been cut off in the middle of a statement.
    session = await connect(request.database_url)
    try:
        await Shadow(shadow.name, session).drop()
    finally:
        await session.close()


async def _replay(request: Request, shadow: Shadow, told: Told) -> Replayed:
    told.say("copying what is stored, at one moment")
    snapshot = await take_snapshot(shadow, patience_s=request.patience_s)
    documents = request.documents or snapshot.documents
    catalogue = documents.catalogue
    if catalogue is None:
        message = f"the documents do not load: {documents.problems}"
        raise NothingToReplayError(message)
    is_preview = catalogue.digest != snapshot.digest
    pace = Pace()
    pool = await create_shadow_pool(request.database_url, shadow)
    async with pool, _records(request, shadow, snapshot, told) as records:
        rebuild = Rebuild(pool, snapshot, documents)
        events = await rebuild.fold(
            records, lambda done, events: told.show("folding", done, records.total, events)
        )
        seconds = pace.seconds
        await rebuild.judge(lambda done, total: told.show("judging", done, total, 0))
    told.say("comparing")
    kinds = _kinds(records.origin, is_preview=is_preview)
    each = PREVIEWED if is_preview else SHOWN
    found = await find_differences(shadow, kinds, snapshot, each=each)
    return Replayed(
        objectives=len(objectives(catalogue)),
        items=snapshot.items,
        found=found,
        origin=records.origin,
        events=events,
        seconds=seconds,
        as_of=snapshot.as_of,
        schema=shadow.name,
        waiting=snapshot.waiting,
        is_preview=is_preview,
    )


def _kinds(origin: Origin, *, is_preview: bool) -> tuple[Compared, ...]:
    if is_preview:
        return SAID
    # What lost a conflict is in no timeline.
    return ALL if origin is Origin.TOPIC else tuple(own for own in ALL if own is not QUARANTINE)


@asynccontextmanager
async def _records(
    request: Request, shadow: Shadow, snapshot: Snapshot, told: Told
) -> AsyncIterator[Records]:
    if request.origin is Origin.ITEMS or request.bootstrap_servers is None:
        yield stored_records(shadow, snapshot)
        return
    async with open_event_log(request.bootstrap_servers, request.topics.events, snapshot) as log:
        missing = await log.missing()
        if missing is None:
            yield Records(Origin.TOPIC, log.total, log.batches())
            return
    if request.origin is Origin.TOPIC:
        message = f"{missing}: replay what is stored of them with `--from items`"
        raise NothingToReplayError(message)
    told.say(f"{missing}: replaying the stored timelines instead (--from items)")
    yield stored_records(shadow, snapshot)
