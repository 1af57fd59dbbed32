"""Partitions that are stopped: why, until when, and how one goes on.

A partition stops when its log is not the one that was folded, when too many of its records are no
events, or when one of its items cannot be read. The others go on. What it was stopped for is
written (`gap`), told once, and looked at again every few seconds: when the cause is gone, or a
person has said to go on without what is missing (`accord gaps accept`), it goes on by itself.
Nothing is ever passed over silently.
"""

import hashlib
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from prometheus_client import Gauge

from services.evaluator.gap_rows import Gap
from services.evaluator.partition import ALLOWED_DISORDER, Partition
from services.evaluator.posting import Posting
from services.evaluator.store import Progress
from shared.domain.instant import Instant
from shared.domain.item import Outcomes
from shared.runtime.wall_clock import WallClock

AGAIN_S: Final = 3.0
"""How often a stopped partition is looked at again."""
POISON_RUN: Final = 1_000
"""So many records of one partition in a row that are no events stop it."""
POISON_OF: Final = 10_000
POISON_MOST: Final = 2_000
"""More than so many of the last POISON_OF records of one partition that are no events stop it.
Ingest wrote these records and had read them as events: a few may be foreign, not a fifth."""

_Record: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"
_logger: Final = logging.getLogger(__name__)


class Reason(StrEnum):
    """Why a partition is stopped; `lost` ones mean that records are missing."""

    RECORDS_LOST = "records_lost"
    OTHER_LOG = "other_log"
    OTHER_CLUSTER = "other_cluster"
    POISON = "poison"
    UNREADABLE = "unreadable_item"


_ACCEPT: Final = "`accord gaps accept {part}`"
_WHAT_TO_DO: Final[Mapping[str, str]] = {
    Reason.RECORDS_LOST: "Bring the records back, or go on without them: " + _ACCEPT,
    Reason.OTHER_LOG: "Bring the old log back, or go on with this one from its beginning: "
    + _ACCEPT,
    Reason.OTHER_CLUSTER: "Connect to the old cluster, or go on with this one: " + _ACCEPT,
    Reason.POISON: "See who writes them (`accord dlq list`), mend that, then go on: " + _ACCEPT,
    Reason.UNREADABLE: "Run the version of Accord that wrote it, or restore the item",
}


class Rows(Protocol):
    """Where open gaps are kept."""

    async def open(self, parts: Sequence[int]) -> dict[int, Gap]:
        """The open row of each of these partitions that has one."""

    async def note(self, gap: Gap, *, epoch: int, now: Instant) -> None:
        """Write one, unless the partition has another owner."""

    async def heal(self, part: int, *, now: Instant) -> None:
        """Close one."""


@dataclass(slots=True)
class Poison:
    """How many of a partition's latest records were no events."""

    run: int = 0
    latest: list[tuple[int, int]] = field(default_factory=list)

    def take(self, offsets: Sequence[int], refused: Collection[int]) -> bool:
        """Count a batch; whether these are too many."""
        worst = self.run
        if len(refused) == 0:
            self.run = 0
        else:
            for offset in offsets:
                self.run = self.run + 1 if offset in refused else 0
                worst = max(worst, self.run)
        self.latest.append((len(offsets), len(refused)))
        while sum(count for count, _ in self.latest[1:]) >= POISON_OF:
            del self.latest[0]
        return worst >= POISON_RUN or sum(bad for _, bad in self.latest) > POISON_MOST


class Stops:
    """The stopped partitions of those assigned to this process."""

    def __init__(
        self,
        rows: Rows,
        observer: AIOKafkaConsumer,
        gauge: Gauge,
        *,
        clock: WallClock,
        topic: str,
        cluster_id: str,
    ) -> None:
        """`gauge` has the labels `partition` and `reason`; `cluster_id` is the one connected to."""
        self._rows = rows
        self._observer = observer
        self._gauge = gauge
        self._clock = clock
        self._topic = topic
        self._cluster_id = cluster_id
        self._stopped: dict[int, Gap] = {}
        self._waiting: set[int] = set()
        self._poison: dict[int, Poison] = {}
        self._looked_at = time.monotonic()

    def __str__(self) -> str:
        """The stopped partitions and why, for people; empty when there are none."""
        return ", ".join(
            f"partition {part}: {gap.reason} ({gap.detail})"
            for part, gap in sorted(self._stopped.items())
        )

    def due(self) -> list[int]:
        """The stopped partitions that are to be looked at again now."""
        if not self._waiting or time.monotonic() - self._looked_at < AGAIN_S:
            return []
        self._looked_at = time.monotonic()
        return sorted(self._waiting)

    def doubt(self, part: int) -> None:
        """Have a partition looked at as soon as may be: it could not be read."""
        self._waiting.add(part)
        self._looked_at = 0.0

    def forget(self) -> None:
        """The partitions are assigned anew: whoever has them now says which are stopped."""
        for part, gap in self._stopped.items():
            self._gauge.labels(partition=part, reason=gap.reason).set(0)
        self._stopped, self._poison, self._waiting = {}, {}, set()

    async def checked(self, rows: Sequence[Progress]) -> list[Partition]:
        """Of partitions just claimed those whose log continues what was folded of it."""
        if not rows:
            return []
        places = {row.part: TopicPartition(self._topic, row.part) for row in rows}
        beginnings = await self._observer.beginning_offsets([*places.values()])
        ends = await self._observer.end_offsets([*places.values()])
        known = await self._rows.open([*places])
        claimed = []
        for row in rows:
            begins, ends_at = beginnings[places[row.part]], ends[places[row.part]]
            gap = self._break(row, begins, ends_at)
            if gap is None and (noted := known.get(row.part)) and noted.reason == Reason.POISON:
                gap = noted
            if gap is not None:
                await self._stop(gap, row.epoch)
                continue
            partition = Partition.claimed(row)
            partition.unchecked = partition.unchecked and row.next_offset > begins
            if not partition.unchecked:
                await self.whole(row.part, noted=row.part in known)
            claimed.append(partition)
        return claimed

    async def whole(self, part: int, *, noted: bool = False) -> None:
        """The partition's log is known to go on where folding stands."""
        gap = self._stopped.pop(part, None)
        self._waiting.discard(part)
        if gap is not None:
            self._gauge.labels(partition=part, reason=gap.reason).set(0)
            _logger.info(
                "Partition %d of %s goes on: what had stopped it is gone.",
                part,
                self._topic,
                extra={"action": "partition_goes_on", "partition": part, "reason": gap.reason},
            )
        if gap is not None or noted:
            await self._rows.heal(part, now=self._clock())

    async def another_log(self, partition: Partition) -> None:
        """Stop a partition whose record before the next one is not the one folded last."""
        at = partition.next_offset - 1
        detail = f"the record at offset {at} is not the one folded last: the topic was made anew"
        await self._stop(_gap(partition, Reason.OTHER_LOG, None, detail), partition.epoch)

    def poisonous(self, posting: Posting, offsets: Mapping[int, Sequence[int]]) -> list[int]:
        """Count a batch, its offsets by partition; those that are to be stopped for it."""
        refused = _refused(posting)
        return [
            part
            for part, each in offsets.items()
            if (part in self._poison or part in refused)
            and self._poison.setdefault(part, Poison()).take(each, refused.get(part, set()))
        ]

    async def poisoned(self, partition: Partition) -> None:
        """Stop a partition whose records are mostly no events; those read are in quarantine."""
        self._poison.pop(partition.part, None)
        detail = (
            f"{POISON_RUN} records in a row or {POISON_MOST} of {POISON_OF} before offset "
            f"{partition.next_offset} are no events"
        )
        await self._stop(_gap(partition, Reason.POISON, None, detail), partition.epoch)

    async def unreadable(self, row: Progress, why: str) -> None:
        """Stop a partition with an item that this program cannot read."""
        detail = f"a stored item cannot be read, {why}"
        await self._stop(_gap(row, Reason.UNREADABLE, None, detail), row.epoch)

    def _break(self, row: Progress, begins: int, ends: int) -> Gap | None:
        if row.cluster_id != self._cluster_id:
            detail = (
                f"it was folded from the Kafka cluster {row.cluster_id}, and this is "
                f"{self._cluster_id}"
            )
            return _gap(row, Reason.OTHER_CLUSTER, begins, detail)
        if row.next_offset < begins:
            detail = f"records from offset {row.next_offset} to {begins} are no longer there"
            return _gap(row, Reason.RECORDS_LOST, begins, detail)
        if row.next_offset > ends:
            detail = (
                f"the next offset is {row.next_offset} but the log ends at {ends}: the topic was "
                "made anew or lost its end"
            )
            return _gap(row, Reason.OTHER_LOG, None, detail)
        return None

    async def _stop(self, gap: Gap, epoch: int) -> None:
        """Note it and tell it, each once; its evaluation time stands still, all see it."""
        self._waiting.add(gap.part)
        before = self._stopped.get(gap.part)
        if before is not None and (before.reason, before.detail) == (gap.reason, gap.detail):
            return
        await self._rows.note(gap, epoch=epoch, now=self._clock())
        if before is not None:
            self._gauge.labels(partition=gap.part, reason=before.reason).set(0)
        self._stopped[gap.part] = gap
        self._gauge.labels(partition=gap.part, reason=gap.reason).set(1)
        _logger.error(
            "Partition %d of %s is stopped: %s. %s. It is looked at "
            "every few seconds; nothing is judged past what it has read until then.",
            gap.part,
            self._topic,
            gap.detail,
            _WHAT_TO_DO[gap.reason].format(part=gap.part),
            extra={"action": "partition_stopped", "partition": gap.part, "reason": gap.reason},
        )


def _gap(own: Progress | Partition, reason: Reason, until_offset: int | None, detail: str) -> Gap:
    evaluated: Instant = own.reached if isinstance(own, Partition) else own.evaluation_time
    from_time = max(0, evaluated - ALLOWED_DISORDER)
    return Gap(own.part, reason, own.next_offset, until_offset, from_time, detail)


def _refused(posting: Posting) -> dict[int, set[int]]:
    """The offsets, by partition, of a batch's records that are no events; conflicts are."""
    refused: dict[int, set[int]] = {}
    for row in posting.quarantined:
        if row.reason != Outcomes.CONFLICT:
            refused.setdefault(row.part, set()).add(row.record_offset)
    return refused


def digest_of(record: _Record) -> bytes:
    """By which the record folded last is known again."""
    return hashlib.sha256(record.value or b"").digest()


def not_folded(partition: Partition, records: list[_Record]) -> list[_Record]:
    """The records to fold; none, and the partition still unchecked, of another log than its own."""
    if partition.unchecked:
        last, *records = records
        if not _is_folded_last(partition, last):
            return []
        partition.unchecked = False
    return [record for record in records if record.offset >= partition.next_offset]


def _is_folded_last(partition: Partition, record: _Record) -> bool:
    """Whether a record is the one that the partition says was folded last."""
    return (
        record.offset == partition.next_offset - 1 and digest_of(record) == partition.record_digest
    )
