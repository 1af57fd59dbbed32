"""The loop: take a batch, publish it, commit; and what must be watched on the way.

Offsets are committed after the broker has acknowledged everything that came of the records before
them, and as soon as it has: the evaluator compares them with the ends of the topics to know that
it has seen all there is.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from prometheus_client import CollectorRegistry

from services.ingest.handle import Handled, Record, handle
from services.ingest.publish import Publisher
from shared.domain.source import Source
from shared.runtime import metrics
from shared.runtime.config import SESSION_TIMEOUT_MS
from shared.runtime.wall_clock import WallClock

BATCH_RECORDS: Final = 4_000
POLL_MS: Final = 200
FETCH_BYTES: Final = 32 * 1024 * 1024
PARTITION_FETCH_BYTES: Final = 8 * 1024 * 1024  # a larger record comes alone, it is not lost
POISON_RUN: Final = 25_000
"""So many records of one partition in a row that are no events, and it is stopped: rather a
producer that has gone wrong than so many bad records."""
RETRY_S: Final = 0.5
STALLED_S: Final = 60.0

_logger: Final = logging.getLogger(__name__)

Batches = Mapping[TopicPartition, Sequence[Record]]


class GapError(RuntimeError):
    """Records are gone from a topic before they were read; the text says how to go on."""


def new_consumer(
    bootstrap_servers: str,
    topics: Iterable[str],
    *,
    group: str,
    session_timeout_ms: int = SESSION_TIMEOUT_MS,
) -> AIOKafkaConsumer:
    """A member of ingest's group on the topics of the sources."""
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=bootstrap_servers,
        client_id="accord-ingest",
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        partition_assignment_strategy=(RoundRobinPartitionAssignor,),
        session_timeout_ms=session_timeout_ms,
        heartbeat_interval_ms=min(3_000, session_timeout_ms // 3),
        rebalance_timeout_ms=60_000,
        metadata_max_age_ms=10_000,  # partitions that are new are read from then on
        fetch_max_wait_ms=50,
        fetch_min_bytes=256 * 1024,
        fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
    )


class Meters:
    """What ingest counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Make the metrics in `registry`."""
        self.consumed = metrics.RECORDS_CONSUMED.counter(registry)
        self.processed = metrics.RECORDS_PROCESSED.counter(registry)
        self.skipped = metrics.RECORDS_SKIPPED.counter(registry)
        self.failed = metrics.RECORDS_FAILED.counter(registry)
        self.dead = metrics.DLQ_RECORDS.counter(registry)
        self.lag = metrics.CONSUMER_LAG.gauge(registry)
        self.duration = metrics.PROCESS_DURATION.histogram(registry)


@dataclass(slots=True)
class _Partition:
    """What is remembered of an assigned partition."""

    committed: int | None
    next_offset: int | None = None
    bad_in_a_row: int = 0
    stopped: bool = False


class Ingest:
    """Reads the sources' topics until it is told to stop."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        publisher: Publisher,
        sources: Mapping[str, Source],
        *,
        clock: WallClock,
        meters: Meters,
    ) -> None:
        """Both the consumer and the publisher are started by the caller; `sources` by topic."""
        self._consumer = consumer
        self._sources = sources
        self._publisher = publisher
        self._clock = clock
        self._meters = meters
        self._assigned: dict[TopicPartition, _Partition] = {}
        self._lag = 0
        self._moved_at = time.monotonic()

    def readiness(self) -> dict[str, str | None]:
        """Each check with the reason why it fails, if it does."""
        stopped = [_name(place) for place, known in self._assigned.items() if known.stopped]
        stalled = self._lag > 0 and time.monotonic() - self._moved_at > STALLED_S
        return {
            "assigned": None if self._assigned else "no partition is assigned to this process",
            "moving": f"{self._lag} records wait and none was read" if stalled else None,
            "poison": f"stopped for too many bad records: {stopped}" if stopped else None,
        }

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; everything that was taken is published and committed."""
        while not stopping.is_set():
            # Never cancelled: a cancelled getmany leaves the consumer's book-keeping wrong.
            batches: Batches = await self._consumer.getmany(
                timeout_ms=POLL_MS, max_records=BATCH_RECORDS
            )
            await self._follow_assignment()
            await self._take(batches)
            await self._commit()
            self._measure_lag()

    async def _follow_assignment(self) -> None:
        """Look at partitions that are new here, before anything of theirs is committed."""
        now_assigned = self._consumer.assignment()
        if now_assigned == self._assigned.keys():
            return
        self._assigned = {
            place: known for place, known in self._assigned.items() if place in now_assigned
        }
        for place in sorted(now_assigned - self._assigned.keys()):
            self._assigned[place] = _Partition(await self._committed(place))
        _logger.info(
            "The assigned partitions have changed.",
            extra={"action": "assigned", "partitions": sorted(map(_name, self._assigned))},
        )

    async def _committed(self, place: TopicPartition) -> int | None:
        while True:
            try:
                committed: int | None = await self._consumer.committed(place)
                if committed is not None:
                    await self._refuse_gap(place, committed)
            except KafkaError as error:
                if not error.retriable:
                    raise
                _logger.warning(
                    "Kafka does not say what was committed; it is asked again.",
                    extra={"action": "asking_again", "error": repr(error)},
                )
                await asyncio.sleep(RETRY_S)
            else:
                return committed

    async def _refuse_gap(self, place: TopicPartition, offset: int) -> None:
        begins = (await self._consumer.beginning_offsets([place]))[place]
        ends = (await self._consumer.end_offsets([place]))[place]
        if begins <= offset <= ends:
            return
        message = (
            f"{_name(place)}: the next record to read is {offset}, and the topic "
            f"holds {begins} to {ends}: records were deleted before they were read, or the topic "
            "was made anew; to go on without them, reset the group's offset with "
            f"kafka-consumer-groups --group {self._publisher.group} --reset-offsets"
        )
        raise GapError(message)

    async def _take(self, batches: Batches) -> None:
        records: list[Record] = []
        for place, found in batches.items():
            known = self._assigned.get(place)
            if known is None:
                continue  # taken away meanwhile; whoever has it now reads them
            if known.stopped:  # a change of the assignment forgets what is paused
                self._consumer.seek(place, found[0].offset)
                self._consumer.pause(place)
                continue
            if known.next_offset is not None and found[0].offset > known.next_offset:
                await self._refuse_gap(place, known.next_offset)
            known.next_offset = found[-1].offset + 1
            records += found
            self._meters.consumed.labels(topic=place.topic).inc(len(found))
        if not records:
            return
        began = time.perf_counter()
        partitions = self._publisher.partitions
        handled = handle(records, self._sources, partitions=partitions, now=self._clock())
        await self._publisher.publish(handled)
        self._moved_at = time.monotonic()
        for topic in {place.topic for place in batches}:
            self._meters.duration.labels(topic=topic).observe(time.perf_counter() - began)
        self._count(batches, handled)

    def _count(self, batches: Batches, handled: Handled) -> None:
        bad: dict[TopicPartition, int] = {}
        for refused in handled.refused:
            place = TopicPartition(refused.origin.topic, refused.origin.partition)
            bad[place] = bad.get(place, 0) + 1
            failed = self._meters.failed.labels(topic=place.topic, error_type=refused.why.reason)
            failed.inc()
        for record in handled.skipped:
            self._meters.skipped.labels(topic=record.topic).inc()
        for place, found in batches.items():
            known = self._assigned.get(place)
            if known is None or known.stopped:
                continue
            self._meters.processed.labels(topic=place.topic).inc(len(found) - bad.get(place, 0))
            only_bad = bad.get(place, 0) == len(found)
            known.bad_in_a_row = known.bad_in_a_row + len(found) if only_bad else 0
            if known.bad_in_a_row >= POISON_RUN:
                self._stop(place, known)

    def _stop(self, place: TopicPartition, known: _Partition) -> None:
        known.stopped = True
        self._consumer.pause(place)
        _logger.error(
            "A partition is stopped: %d records in a row were no events. "
            "See its dead letters; start ingest again to go on.",
            known.bad_in_a_row,
            extra={"action": "stopped_poison", "topic": place.topic, "partition": place.partition},
        )

    async def _commit(self) -> None:
        """Commit where reading stands, past what has no record too (marks of transactions)."""
        moved: dict[TopicPartition, int] = {}
        try:
            for place, known in self._assigned.items():
                position = await self._consumer.position(place)
                if position != known.committed:
                    moved[place] = position
            if moved:
                await self._consumer.commit(moved)
        except (IllegalStateError, CommitFailedError) as error:
            # The partitions have gone to another member, who reads again what is not committed.
            _logger.info(
                "A commit came too late: the assignment has changed.",
                extra={"action": "commit_late", "error": repr(error)},
            )
            self._assigned = {}
            return
        except KafkaError as error:
            if not error.retriable:
                raise
            _logger.warning(
                "A commit did not succeed; the next one will include it.",
                extra={"action": "commit_failed", "error": repr(error)},
            )
            return
        for place, position in moved.items():
            self._assigned[place].committed = position

    def _measure_lag(self) -> None:
        total = 0
        for place, known in self._assigned.items():
            end = self._end(place)
            if end is None or known.committed is None:
                continue
            lag = max(0, end - known.committed)
            total += lag
            self._meters.lag.labels(
                topic=place.topic, partition=str(place.partition), group=self._publisher.group
            ).set(lag)
        self._lag = total

    def _end(self, place: TopicPartition) -> int | None:
        if place not in self._consumer.assignment():
            return None
        end: int | None = self._consumer.highwater(place)
        return end


def _name(place: TopicPartition) -> str:
    return f"{place.topic}/{place.partition}"
