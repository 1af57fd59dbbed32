"""One moment of the live system, copied: what it stores, and up to where that is true.

The copy is taken in one transaction on one snapshot that ends with it: a long one would keep the
running system's tables from being cleaned.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.cli.replaying.compared import ALL, ITEMS, KEYS, PROGRESS
from services.cli.replaying.shadow import Shadow
from shared.documents import File, Loaded, load_texts
from shared.domain.agreement import objective_id
from shared.domain.contribution import Contribution
from shared.domain.instant import Instant
from shared.runtime.conventions import RUNNING_PANE
from shared.runtime.database import AnyConnection

_AGAIN_S: Final = 0.1


class NothingToReplayError(RuntimeError):
    """The live system has no moment that can be rebuilt; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far one partition is folded, and the digest of the record folded last."""

    part: int
    next_offset: int
    evaluation_time: Instant
    proven: bool
    watermark: Instant
    record_digest: bytes | None
    cluster_id: str
    generation: int
    building: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The moment: its partitions, how many items, and objectives that wait to be judged.

    `documents` are those in use; `built` says for which generation of them the panes of each
    objective (`<agreement>/<objective>`) were built. `has_others` says that other documents were
    in use before, or were begun to be built.
    """

    places: tuple[Place, ...]
    items: int
    waiting: tuple[str, ...]
    documents: Loaded
    built: Mapping[str, int]
    has_others: bool

    @property
    def digest(self) -> str:
        """What names the content of the documents in use."""
        return "" if self.documents.catalogue is None else self.documents.catalogue.digest

    def is_in_use(self, own: Contribution, built: int) -> bool:
        """Whether what was posted for that generation is in panes of the documents in use."""
        return self.built.get(objective_id(own.agreement, own.objective)) == built

    def evaluation_time(self, part: int) -> Instant:
        """The instant up to which a partition is settled."""
        return next(place.evaluation_time for place in self.places if place.part == part)

    @property
    def as_of(self) -> Instant:
        """The instant as of which objectives are judged."""
        return min(place.evaluation_time for place in self.places)


_PLACES: Final = """
SELECT part, next_offset, evaluation_time, proven, watermark, record_digest, cluster_id, generation,
    building
FROM partition_progress ORDER BY part
"""
_DOCUMENTS: Final = """
SELECT files, built, (SELECT count(*) FROM generation) > 1 AS has_others
FROM generation WHERE state = 'current'
"""
_WAITING: Final = f"""
SELECT j.objective FROM judgement j JOIN ({KEYS}) k USING (objective), (
    SELECT min(evaluation_time) AS as_of, min(watermark) AS watermark FROM partition_progress
) p
WHERE j.next_turn <= p.as_of OR j.provisional_until <= p.watermark OR j.pane_key <> k.pane_key
    OR EXISTS (
        SELECT FROM judge_queue q
        WHERE q.objective = j.objective AND (q.dirty_from <= p.as_of OR q.pane_start = $1)
    )
ORDER BY 1
"""  # noqa: S608 - our own names


async def take_snapshot(shadow: Shadow, *, patience_s: float) -> Snapshot:
    """Wait for a moment with everything settled, and judged if possible; copy its rows.

    Raises NothingToReplayError when partitions are catching up all the while.
    """
    end = time.monotonic() + patience_s
    while (found := await _copied(shadow, is_last=time.monotonic() >= end)) is None:  # noqa: ASYNC110 - another process changes it
        await asyncio.sleep(_AGAIN_S)
    await shadow.session.execute(f"CREATE UNIQUE INDEX ON {shadow.name}.live_item (part, key)")
    for own in ALL:
        await shadow.session.execute(f"ANALYZE {shadow.name}.{own.stored}")
    return found


async def _copied(shadow: Shadow, *, is_last: bool) -> Snapshot | None:
    """Copy this moment if it is a good one; the last to be tried may have objectives waiting."""
    async with shadow.session.transaction(isolation="repeatable_read"):
        places = tuple(Place(*row) for row in await shadow.session.fetch(_PLACES))
        waiting = tuple(await waiting_objectives(shadow.session))
        behind = _behind(places)
        if behind is not None or (waiting and not is_last):
            if is_last:
                raise NothingToReplayError(behind)
            return None
        await _copy(shadow)
        row = await shadow.session.fetchrow(_DOCUMENTS)
    if row is None:
        message = "no documents are in use: no evaluator has brought any"
        raise NothingToReplayError(message)
    count = f"SELECT count(*) FROM {shadow.name}.{ITEMS.stored}"  # noqa: S608 - our own names
    items = await shadow.session.fetchval(count)
    texts = [File(name, text) for name, text in json.loads(row["files"])]
    documents, built = load_texts(texts), json.loads(row["built"])
    return Snapshot(places, items, waiting, documents, built, row["has_others"])


async def waiting_objectives(connection: AnyConnection) -> list[str]:
    """Objectives that have to be judged as of now, of the tables that the connection sees."""
    return [row[0] for row in await connection.fetch(_WAITING, RUNNING_PANE)]


def _behind(places: tuple[Place, ...]) -> str | None:
    """Why what the partitions hold is not settled as of one known instant; None if it is."""
    if not places:
        return "nothing has been evaluated yet: no partition has any progress"
    parts = ", ".join(str(place.part) for place in places if not place.proven)
    if parts:
        return (
            f"partitions {parts} are catching up: what they hold is not settled as of one instant; "
            "replay when they keep up (accord_evaluation_time_timestamp_seconds near the clock)"
        )
    if len({place.generation for place in places}) > 1 or any(own.building for own in places):
        return "other documents are being built beside those in use: replay when they are"
    return None


async def _copy(shadow: Shadow) -> None:
    run = shadow.session.execute
    await run(f"CREATE UNLOGGED TABLE {shadow.name}.{PROGRESS} AS {_PLACES}")
    await run(f"INSERT INTO {shadow.name}.retention SELECT * FROM retention")  # noqa: S608
    for own in ALL:
        await run(f"CREATE UNLOGGED TABLE {shadow.name}.{own.stored} AS {own.query}")
