"""The loop: take a batch, publish it, commit; and what must be watched on the way.

Offsets are committed after the broker has acknowledged everything that came of the records before
them, and as soon as it has: the evaluator compares them with the ends of the topics to know that
it has seen all there is.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from prometheus_client import CollectorRegistry

from services.ingest.handle import Handled, Record, handle
from services.ingest.offsets import RETRY_S, Admin, committed_offsets
from services.ingest.publish import Publisher
from services.ingest.stops import ANEW, Reason, Stop, Stops
from shared.domain.source import Source
from shared.runtime import metrics
from shared.runtime.config import SESSION_TIMEOUT_MS
from shared.runtime.kafka import reaching, sharing
from shared.runtime.lag import ConsumerLag
from shared.runtime.wall_clock import WallClock

BATCH_RECORDS: Final = 4_000
POLL_MS: Final = 200
FETCH_BYTES: Final = 32 * 1024 * 1024
PARTITION_FETCH_BYTES: Final = 8 * 1024 * 1024  # a larger record comes alone, it is not lost
POISON_RUN: Final = 25_000
"""So many records of one partition in a row that are no events, and it is stopped: rather a
producer that has gone wrong than so many bad records."""
OLDEST_S: Final = 60.0
"""How often the oldest dead letters are looked up."""
STALLED_S: Final = 60.0

_logger: Final = logging.getLogger(__name__)

Batches = Mapping[TopicPartition, Sequence[Record]]


def new_consumer(
    bootstrap_servers: str, *, group: str, session_timeout_ms: int = SESSION_TIMEOUT_MS
) -> AIOKafkaConsumer:
    """A member of ingest's group; `Ingest.run` says which topics it reads."""
    return AIOKafkaConsumer(
        **reaching(bootstrap_servers),
        client_id="accord-ingest",
        **sharing(group, session_timeout_ms=session_timeout_ms),
        auto_offset_reset="earliest",
        metadata_max_age_ms=10_000,  # partitions that are new are read from then on
        fetch_max_wait_ms=20,
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
        self.oldest = metrics.DLQ_OLDEST.gauge(registry)
        self.stopped = metrics.SOURCE_STOPPED.gauge(registry)
        self.lag = ConsumerLag(registry)
        self.duration = metrics.PROCESS_DURATION.histogram(registry)


@dataclass(slots=True)
class _Partition:
    """What is remembered of an assigned partition."""

    committed: int | None
    next_offset: int | None = None
    bad_in_a_row: int = 0


class Ingest(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads the sources' topics until it is told to stop."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        admin: Admin,
        publisher: Publisher,
        sources: Mapping[str, Source],
        stops: Stops,
        *,
        clock: WallClock,
        meters: Meters,
    ) -> None:
        """The clients and the publisher are started by the caller; `sources` by topic."""
        self._consumer = consumer
        self._admin = admin
        self._sources = sources
        self._publisher = publisher
        self._stops = stops
        self._clock = clock
        self._meters = meters
        self._assigned: dict[TopicPartition, _Partition] = {}
        self._reassigned = False
        self._reached: dict[TopicPartition, int] = {}
        self._lag = 0
        self._moved_at = time.monotonic()
        self._oldest_at = float("-inf")
        for topic in sources:
            for counter in (meters.consumed, meters.processed, meters.skipped):
                counter.labels(topic=topic)  # begins at 0

    def readiness(self) -> dict[str, str | None]:
        """Each check with the reason why it fails, if it does."""
        stopped = str(self._stops)
        stalled = self._lag > 0 and time.monotonic() - self._moved_at > STALLED_S
        return {
            "assigned": None if self._assigned else "no partition is assigned to this process",
            "moving": f"{self._lag} records wait and none was read" if stalled else None,
            "partitions": f"stopped: {stopped}; see `accord gaps list`" if stopped else None,
        }

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; everything that was taken is published and committed."""
        self._consumer.subscribe([*self._sources], listener=self)
        while not stopping.is_set():
            # Never cancelled: a cancelled getmany leaves the consumer's book-keeping wrong.
            batches: Batches = await self._consumer.getmany(
                timeout_ms=POLL_MS, max_records=BATCH_RECORDS
            )
            adopted = await self._follow_assignment()
            await self._take({p: found for p, found in batches.items() if p not in adopted})
            await self._commit()
            await self._look_again()
            self._measure_lag()
            await self._measure_letters()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """From here on the consumer's positions may be others than what was read here."""
        del revoked
        self._reassigned = True

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """The same, also where it is given back what it had: it begins at what was committed."""
        del assigned
        self._reassigned = True

    async def _follow_assignment(self) -> AbstractSet[TopicPartition]:
        """Look at partitions that are new here; these, of which nothing may have been read yet."""
        now_assigned: AbstractSet[TopicPartition] = self._consumer.assignment()
        if self._reassigned:
            self._reassigned, self._assigned = False, {}
        elif now_assigned == self._assigned.keys():
            return frozenset()
        self._assigned = {
            place: known for place, known in self._assigned.items() if place in now_assigned
        }
        for place in self._stops.places - self._assigned.keys():
            self._stops.forget(place)
        adopted = now_assigned - self._assigned.keys()
        if adopted:
            offsets = await committed_offsets(self._admin, self._publisher.group, adopted)
            for place in sorted(adopted):
                await self._adopt(place, offsets[place])
        _logger.info(
            "The assigned partitions have changed.",
            extra={"action": "assigned", "partitions": sorted(map(_name, self._assigned))},
        )
        return adopted

    async def _adopt(self, place: TopicPartition, committed: int | None) -> None:
        """Read a partition from what is committed, not from where the consumer would begin.

        The consumer asks for itself, and takes a broker that does not know yet for one that says
        that nothing was committed (see `committed_offsets`).
        """
        while True:
            try:
                # With a topic the group's offsets are deleted; this process knows what it read.
                reached = self._reached.get(place) if committed is None else committed
                stop = await self._stops.known(place, reached, is_committed=committed is not None)
                begin = committed
                if begin is None:
                    begin = (await self._consumer.beginning_offsets([place]))[place]
            except KafkaError as error:
                if not error.retriable:
                    raise
                _logger.warning(
                    "Kafka does not say where a partition begins and ends; it is asked again.",
                    extra={"action": "asking_again", "error": repr(error)},
                )
                await asyncio.sleep(RETRY_S)
            else:
                self._assigned[place] = _Partition(committed, next_offset=committed)
                if stop is not None:
                    await self._stops.stop(place, stop)
                elif place in self._consumer.assignment():
                    self._consumer.seek(place, begin)
                    self._consumer.resume(place)
                return

    async def _look_again(self) -> None:
        """Read on in stopped partitions that may go on by now."""
        for place in self._stops.due():
            known = self._assigned.get(place)
            if known is None or place not in self._consumer.assignment():
                continue
            offset = await self._stops.go_on(place)
            if offset is not None:
                # It may be before what is committed: then another log is read, as was accepted.
                known.committed, known.next_offset, known.bad_in_a_row = None, offset, 0
                self._reached.pop(place, None)
                self._consumer.seek(place, offset)
                self._consumer.resume(place)

    async def _is_whole(self, place: TopicPartition, known: _Partition, offset: int) -> bool:
        """Whether the records from `offset` on are those that come next; else it is stopped.

        While partitions are assigned anew nobody can tell: they are read again from what is
        committed.
        """
        if self._reassigned:
            return False
        if known.committed is not None and offset < known.committed:
            detail = f"the next record to read is {known.committed}, and {offset} came: {ANEW}"
            stop: Stop | None = Stop(Reason.OTHER_LOG, known.committed, detail)
        elif known.next_offset is None or offset <= known.next_offset:
            return True
        else:
            try:
                stop = await self._stops.check(place, known.next_offset)
            except KafkaError as error:
                if not error.retriable:
                    raise
                self._consumer.seek(place, known.next_offset)  # it comes again, and is checked
                return False
        if stop is None:
            return True
        await self._stops.stop(place, stop)
        return False

    async def _take(self, batches: Batches) -> None:
        records: list[Record] = []
        for place, found in batches.items():
            known = self._assigned.get(place)
            if known is None:
                continue  # taken away meanwhile; whoever has it now reads them
            if place in self._stops:  # a change of the assignment forgets what is paused
                self._consumer.pause(place)
                continue
            if not await self._is_whole(place, known, found[0].offset):
                continue
            known.next_offset = found[-1].offset + 1
            records += found
            self._meters.consumed.labels(topic=place.topic).inc(len(found))
        if not records:
            return
        began = time.perf_counter()
        partitions = self._publisher.partitions
        handled = handle(records, self._sources, partitions=partitions, now=self._clock())
        for origin, why in (await self._publisher.publish(handled)).items():
            place = TopicPartition(*origin)
            detail = f"its dead letters are not taken: {why}"
            stop = Stop(Reason.DEAD_LETTERS, batches[place][0].offset, detail)
            await self._stops.stop(place, stop)
        for place in self._stops.tried:
            if place in batches and place not in self._stops:
                self._stops.went_on(place, "its dead letters are taken again")
        self._moved_at = time.monotonic()
        for topic in {place.topic for place in batches}:
            self._meters.duration.labels(topic=topic).observe(time.perf_counter() - began)
        await self._count(batches, handled)

    async def _count(self, batches: Batches, handled: Handled) -> None:
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
            if known is None or place in self._stops:
                continue
            self._meters.processed.labels(topic=place.topic).inc(len(found) - bad.get(place, 0))
            only_bad = bad.get(place, 0) == len(found)
            known.bad_in_a_row = known.bad_in_a_row + len(found) if only_bad else 0
            if known.bad_in_a_row >= POISON_RUN:
                detail = f"{known.bad_in_a_row} records in a row were no events"
                stop = Stop(Reason.POISON, found[-1].offset + 1, detail)
                await self._stops.stop(place, stop)

    async def _commit(self) -> None:
        """Commit where reading stands, past what has no record too (marks of transactions)."""
        moved: dict[TopicPartition, int] = {}
        try:
            for place, known in self._assigned.items():
                if place in self._stops:
                    position = self._stops.reached(place)
                else:
                    position = await self._consumer.position(place)
                if position == known.committed or position is None:
                    continue
                if await self._is_whole(place, known, position):
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
        self._reached |= moved

    async def _measure_letters(self) -> None:
        """Look up when the oldest dead letter of each topic was written."""
        if time.monotonic() - self._oldest_at < OLDEST_S:
            return
        self._oldest_at = time.monotonic()
        for topic in self._sources:
            try:
                graves = await self._publisher.graves_of(topic)
                found = await self._consumer.offsets_for_times(dict.fromkeys(graves, 0))
            except (KafkaError, TimeoutError) as error:
                _logger.warning(
                    "Kafka does not say how old the dead letters of %s are: %r",
                    topic,
                    error,
                    extra={"action": "letters_unknown"},
                )
                continue
            oldest = min((own.timestamp for own in found.values() if own is not None), default=0)
            self._meters.oldest.labels(topic=topic).set(oldest / 1_000)

    def _measure_lag(self) -> None:
        standing: dict[str, dict[int, tuple[int, int]]] = {topic: {} for topic in self._sources}
        self._lag = 0
        for place, known in self._assigned.items():
            end = self._end(place)
            if end is None or known.committed is None:
                continue
            standing[place.topic][place.partition] = (known.committed, end)
            self._lag += max(0, end - known.committed)
        for topic, own in standing.items():
            self._meters.lag.show(topic, self._publisher.group, own, at=time.monotonic())

    def _end(self, place: TopicPartition) -> int | None:
        if place not in self._consumer.assignment():
            return None
        end: int | None = self._consumer.highwater(place)
        return end


def _name(place: TopicPartition) -> str:
    return f"{place.topic}/{place.partition}"
