"""One moment of the live system, copied: what it stores, and up to where that is true.

The copy is taken in one transaction on one snapshot that ends with it: a long one would keep the
running system's tables from being cleaned.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from services.cli.replaying.compared import ALL, ITEMS, PROGRESS
from services.cli.replaying.shadow import Shadow
from shared.domain.instant import Instant
from shared.runtime.migrate import AnyConnection
from shared.runtime.tables import RUNNING_PANE

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
    documents: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The moment: its partitions, how many items, and objectives that wait to be judged."""

    places: tuple[Place, ...]
    items: int
    waiting: tuple[str, ...]

    @property
    def as_of(self) -> Instant:
        """The instant as of which objectives are judged."""
        return min(place.evaluation_time for place in self.places)


_PLACES: Final = """
SELECT part, next_offset, evaluation_time, proven, watermark, record_digest, cluster_id, documents
FROM partition_progress ORDER BY part
"""
_WAITING: Final = """
SELECT j.objective FROM judgement j, (
    SELECT min(evaluation_time) AS as_of, min(watermark) AS watermark, min(documents) AS documents
    FROM partition_progress
) p
WHERE j.next_turn <= p.as_of OR j.provisional_until <= p.watermark OR j.documents <> p.documents
    OR EXISTS (
        SELECT FROM judge_queue q
        WHERE q.objective = j.objective AND (q.dirty_from <= p.as_of OR q.pane_start = $1)
    )
ORDER BY 1
"""


async def take_snapshot(shadow: Shadow, *, patience_s: float) -> Snapshot:
    """Wait for a moment with everything settled, and judged if possible; copy its rows.

    Raises NothingToReplayError when partitions are catching up all the while.
    """
    end = time.monotonic() + patience_s
    while True:
        is_last = time.monotonic() >= end
        async with shadow.session.transaction(isolation="repeatable_read"):
            places = tuple(Place(*row) for row in await shadow.session.fetch(_PLACES))
            waiting = tuple(await waiting_objectives(shadow.session))
            behind = _behind(places)
            if behind is None and (is_last or not waiting):
                await _copy(shadow)
                break
        if is_last:
            raise NothingToReplayError(behind)
        await asyncio.sleep(_AGAIN_S)
    await _prepare(shadow)
    count = f"SELECT count(*) FROM {shadow.name}.{ITEMS.stored}"  # noqa: S608 - our own names
    return Snapshot(places, await shadow.session.fetchval(count), waiting)


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
    if len({place.documents for place in places}) > 1:
        return "the documents are being changed: replay when every partition has taken them over"
    return None


async def _copy(shadow: Shadow) -> None:
    run = shadow.session.execute
    await run(f"CREATE UNLOGGED TABLE {shadow.name}.{PROGRESS} AS {_PLACES}")
    for own in ALL:
        await run(f"CREATE UNLOGGED TABLE {shadow.name}.{own.stored} AS {own.query}")


async def _prepare(shadow: Shadow) -> None:
    await shadow.session.execute(f"CREATE UNIQUE INDEX ON {shadow.name}.live_item (part, key)")
    for own in ALL:
        await shadow.session.execute(f"ANALYZE {shadow.name}.{own.stored}")
