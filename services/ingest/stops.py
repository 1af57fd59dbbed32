"""Partitions of the sources' topics that are stopped: why, and when one may go on.

One partition stops, the others go on. What records it would pass over is noted in the database
(`source_gap`), told once, and looked at again every few seconds until the log is whole again or
a person has said to go on (`accord gaps accept TOPIC/PARTITION`). Ingest is not started again.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import Gauge

from shared.domain.instant import Instant
from shared.runtime.database import PASSING, Pool, transaction
from shared.runtime.wall_clock import WallClock

AGAIN_S: Final = 3.0
"""How soon a stopped partition is looked at again."""
LETTERS_AGAIN_S: Final = 15.0
"""The same of one whose dead letters cannot be written: to try holds up the others."""
UNKNOWN: Final = (*PASSING, asyncpg.PostgresError)
"""Errors of a database that does not say or note why a partition is stopped, whatever keeps it."""
_logger: Final = logging.getLogger(__name__)


class Reason(StrEnum):
    """Why a partition is stopped."""

    RECORDS_LOST = "records_lost"
    OTHER_LOG = "other_log"
    POISON = "poison"
    DEAD_LETTERS = "dead_letters"


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a partition is stopped; `next_offset` is the first record that has no effect yet."""

    reason: str
    next_offset: int
    detail: str


_ACCEPTED: Final = "accepted"
_PENDING: Final = """
SELECT reason, from_offset, detail, resolution FROM source_gap
WHERE topic = $1 AND part = $2 AND went_on_at IS NULL
"""
_NOTE: Final = """
INSERT INTO source_gap AS g (topic, part, reason, from_offset, detail, seen_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (topic, part) WHERE went_on_at IS NULL DO UPDATE
SET reason = EXCLUDED.reason, from_offset = EXCLUDED.from_offset, detail = EXCLUDED.detail
WHERE g.resolution IS NULL
"""
_WENT_ON: Final = """
UPDATE source_gap SET went_on_at = $3, resolved_at = coalesce(resolved_at, $3),
    resolution = coalesce(resolution, 'healed')
WHERE topic = $1 AND part = $2 AND went_on_at IS NULL
"""


class Stops:
    """Stops partitions, remembers why, and finds out when they may go on."""

    def __init__(
        self, consumer: AIOKafkaConsumer, pool: Pool, gauge: Gauge, *, clock: WallClock
    ) -> None:
        """`gauge` has the labels `topic`, `partition` and `reason`."""
        self._consumer = consumer
        self._pool = pool
        self._gauge = gauge
        self._clock = clock
        self._stopped: dict[TopicPartition, Stop] = {}
        self._noted: set[TopicPartition] = set()
        self._again_at: dict[TopicPartition, float] = {}
        self._trying: set[TopicPartition] = set()

    def __str__(self) -> str:
        """The stopped partitions and why, for people; empty when there are none."""
        return ", ".join(
            f"{place.topic}/{place.partition}: {stop.reason} ({stop.detail})"
            for place, stop in sorted(self._stopped.items())
        )

    def __contains__(self, place: TopicPartition) -> bool:
        """Whether a partition is stopped, and not tried again just now."""
        return place in self._stopped and place not in self._trying

    @property
    def tried(self) -> Sequence[TopicPartition]:
        """Stopped partitions whose records are being tried again."""
        return sorted(self._trying)

    def due(self) -> list[TopicPartition]:
        """The stopped partitions that are to be looked at again now."""
        now = time.monotonic()
        return [
            place
            for place in sorted(self._stopped)
            if place in self and self._again_at[place] <= now
        ]

    @property
    def places(self) -> AbstractSet[TopicPartition]:
        """All that are stopped."""
        return self._stopped.keys()

    def reached(self, place: TopicPartition) -> int | None:
        """The offset to commit of a stopped partition: everything before it has its effect."""
        stop = self._stopped[place]
        return stop.next_offset if stop.reason in (Reason.POISON, Reason.DEAD_LETTERS) else None

    def forget(self, place: TopicPartition) -> None:
        """Whoever has the partition now says whether it is stopped."""
        stop = self._stopped.pop(place, None)
        self._noted.discard(place)
        self._trying.discard(place)
        if stop is not None:
            self._gauge.labels(place.topic, place.partition, stop.reason).set(0)

    async def check(self, place: TopicPartition, offset: int) -> Stop | None:
        """Why the log of a partition does not go on at an offset, if it does not."""
        begins = (await self._consumer.beginning_offsets([place]))[place]
        ends = (await self._consumer.end_offsets([place]))[place]
        if offset < begins:
            detail = f"records from offset {offset} to {begins} were deleted before they were read"
            return Stop(Reason.RECORDS_LOST, offset, detail)
        if offset > ends:
            detail = f"the next record to read is {offset}, and the topic ends at {ends}: " + ANEW
            return Stop(Reason.OTHER_LOG, offset, detail)
        return None

    async def known(
        self, place: TopicPartition, reached: int | None, *, is_committed: bool
    ) -> Stop | None:
        """Why a partition that is new here has to be stopped, if it has to be.

        `reached` is the first offset not read yet, as far as that is known, and `is_committed` says
        that the group's offsets know it too. Raises KafkaError when Kafka does not say; what the
        database does not say is asked again.
        """
        found = None if reached is None else await self.check(place, reached)
        if found is None and reached and not is_committed:
            detail = f"it was read up to {reached}, and that is not committed any more: " + ANEW
            found = Stop(Reason.OTHER_LOG, reached, detail)
        try:
            row = await self._pool.fetchrow(_PENDING, place.topic, place.partition)
            if row is not None and found is None and row["reason"] == Reason.RECORDS_LOST:
                await self._write(_WENT_ON, place.topic, place.partition, self._clock())
                return None
        except UNKNOWN as error:
            _logger.warning(
                "The database does not say whether partitions are stopped: %r",
                error,
                extra={"action": "stops_unknown"},
            )
            return found
        if found is not None or row is None:
            return found
        return Stop(row["reason"], row["from_offset"], row["detail"])

    async def stop(self, place: TopicPartition, stop: Stop) -> None:
        """Read a partition no further: say so, and note it; each once."""
        self._consumer.pause(place)
        pause = LETTERS_AGAIN_S if stop.reason == Reason.DEAD_LETTERS else AGAIN_S
        self._again_at[place] = time.monotonic() + pause
        before = self._stopped.get(place)
        if before is None or before.reason != stop.reason:
            self.forget(place)
            self._gauge.labels(place.topic, place.partition, stop.reason).set(1)
            _logger.error(
                "Partition %d of %s is stopped: %s. %s It is looked at again every few seconds; "
                "the others go on.",
                place.partition,
                place.topic,
                stop.detail,
                _WHAT_TO_DO[stop.reason].format(place=f"{place.topic}/{place.partition}"),
                extra={"action": "partition_stopped", "reason": stop.reason},
            )
        self._stopped[place] = stop
        self._trying.discard(place)
        await self._note(place, stop)

    async def go_on(self, place: TopicPartition) -> int | None:
        """The offset at which a stopped partition may go on by now, if it may; to be followed."""
        stop = self._stopped[place]
        self._again_at[place] = time.monotonic() + AGAIN_S
        try:
            offset, why = await self._may_go_on(place, stop)
            if offset is None:
                await self._note(place, stop)
                return None
            if stop.reason != Reason.DEAD_LETTERS:
                await self._write(_WENT_ON, place.topic, place.partition, self._clock())
        except (KafkaError, *UNKNOWN) as error:
            _logger.warning(
                "A stopped partition is looked at again in a moment: %r",
                error,
                extra={"action": "stopped_unknown"},
            )
            return None
        if stop.reason == Reason.DEAD_LETTERS:
            self._trying.add(place)
        else:
            self.went_on(place, f"{why}, from offset {offset}")
        return offset

    def went_on(self, place: TopicPartition, why: str) -> None:
        """Say that a partition is read again."""
        if place in self._stopped:
            _logger.info(
                "Partition %d of %s goes on: %s.",
                place.partition,
                place.topic,
                why,
                extra={"action": "partition_goes_on"},
            )
            self.forget(place)

    async def _may_go_on(self, place: TopicPartition, stop: Stop) -> tuple[int | None, str]:
        if stop.reason == Reason.DEAD_LETTERS:
            return stop.next_offset, ""
        row = await self._pool.fetchrow(_PENDING, place.topic, place.partition)
        broken = await self.check(place, stop.next_offset)
        if row is not None and row["resolution"] == _ACCEPTED:
            if stop.reason == Reason.POISON and broken is None:
                return stop.next_offset, "a person says so"
            begins = (await self._consumer.beginning_offsets([place]))[place]
            return begins, "a person says so"
        # A topic that was made anew and has grown since is still another log.
        whole = stop.reason == Reason.RECORDS_LOST and broken is None
        return (stop.next_offset if whole else None), "its log is whole again"

    async def _note(self, place: TopicPartition, stop: Stop) -> None:
        """Have it in the database; while that does not answer, it is noted at the next look."""
        if place in self._noted or stop.reason == Reason.DEAD_LETTERS:
            return
        now: Instant = self._clock()
        row = (place.topic, place.partition, stop.reason, stop.next_offset, stop.detail, now)
        try:
            await self._write(_NOTE, *row)
        except UNKNOWN as error:
            _logger.warning(
                "Why a partition is stopped is not noted yet: %r",
                error,
                extra={"action": "stop_not_noted"},
            )
        else:
            self._noted.add(place)

    async def _write(self, statement: str, *values: object) -> None:
        async with transaction(self._pool) as connection:
            await connection.execute(statement, *values)


ANEW: Final = "it was made anew or lost its end"
_ACCEPT: Final = "To go on all the same: `accord gaps accept {place}`."
_WHAT_TO_DO: Final[Mapping[str, str]] = {
    Reason.RECORDS_LOST: _ACCEPT,
    Reason.OTHER_LOG: "To read this one from its beginning: `accord gaps accept {place}`.",
    Reason.POISON: f"See who writes them (`accord dlq list`) and mend that. {_ACCEPT}",
    Reason.DEAD_LETTERS: "Make the topic of its dead letters writable (`accord topics`).",
}
