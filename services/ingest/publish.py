"""Kafka out: events to their partition of the event log, refused records to the dead letters.

`publish` returns when the broker has everything: only then may the offsets be committed.
"""

import asyncio
import contextlib
import logging
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    RecordListTooLargeError,
)
from prometheus_client import Counter

from services.ingest.dead_letter import dead_letter, truncated
from services.ingest.handle import Handled, Outgoing, Record, Refused
from shared.runtime.kafka import reaching
from shared.runtime.topics import TopicError, dead_letters
from shared.runtime.wall_clock import WallClock
from shared.wire.cloudevents import InvalidEvent

Place = tuple[str, int]
"""Topic and partition."""

STOP_S: Final = 10.0
LETTERS_S: Final = 5.0
"""How long the dead letters of a topic are waited for: the others wait as long."""
BATCH_BYTES: Final = 256 * 1024
_BACKOFF_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)
_logger: Final = logging.getLogger(__name__)


def new_producer(bootstrap_servers: str, client_id: str) -> AIOKafkaProducer:
    """A producer that neither loses nor repeats nor reorders what it is given."""
    return AIOKafkaProducer(
        **reaching(bootstrap_servers),
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
    )


@dataclass(slots=True)
class _Attempt:
    """What became of one try to write: who is too large alone, and who has to go again."""

    too_large: list[Outgoing] = field(default_factory=list)
    again: dict[Place, list[Outgoing]] = field(default_factory=dict)
    split: bool = False


class Writer:
    """Writes records to partitions that the caller chose, and never gives up on one."""

    def __init__(self, make_producer: Callable[[], AIOKafkaProducer]) -> None:
        """`make_producer` is asked again whenever a producer cannot go on."""
        self._make_producer = make_producer
        self._producer: AIOKafkaProducer | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect; raises KafkaError when no broker answers."""
        self._producer = self._make_producer()
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            # What it still holds while no broker answers is sent again by whoever comes next.
            await _end(producer)

    def abandon(self) -> None:
        """Begin anew with another producer: what this one still holds is not wanted any more."""
        producer, self._producer = self._producer, None
        if producer is not None:
            ending = asyncio.create_task(_end(producer))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has, as far as is known here."""
        if self._producer is None:
            await self.start()
        return len(await self._running().partitions_for(topic))

    async def write(self, outgoing: Mapping[Place, Sequence[Outgoing]]) -> list[Outgoing]:
        """Return when the broker has everything but the result: what is too large for it.

        While the broker is away this waits. A record may be written twice, none is lost.
        """
        too_large: list[Outgoing] = []
        left: Mapping[Place, Sequence[Outgoing]] = outgoing
        alone = False
        tries = 0
        while left:
            attempt = await self._try(left, alone=alone)
            too_large += attempt.too_large
            alone = alone or attempt.split
            left = attempt.again
            if attempt.again or attempt.too_large:
                # A producer that was refused a batch has a hole in its sequence numbers.
                await self._renew(tries)
                tries += 1
        return too_large

    async def _try(self, outgoing: Mapping[Place, Sequence[Outgoing]], *, alone: bool) -> _Attempt:
        sent: list[tuple[asyncio.Future[object], Place, Sequence[Outgoing]]] = []
        attempt = _Attempt()
        for place, records in outgoing.items():
            left: Sequence[Outgoing] = records
            while left:
                try:
                    acknowledged, count = await self._send(place, left, alone=alone)
                except KafkaError as error:
                    _raise_unless_passing(error)
                    attempt.again[place] = list(left)
                    break
                sent.append((acknowledged, place, left[:count]))
                left = left[count:]
        if sent:
            await asyncio.wait([acknowledged for acknowledged, _, _ in sent])
        # Backwards, since each is put before what comes after it in its partition.
        for acknowledged, place, records in reversed(sent):
            failure = acknowledged.exception()
            if failure is None:
                continue
            if not isinstance(failure, _TOO_LARGE):
                _raise_unless_passing(failure)
            elif len(records) == 1:
                attempt.too_large += records
                continue
            else:
                attempt.split = True
            attempt.again[place] = [*records, *attempt.again.get(place, ())]
        return attempt

    async def _send(
        self, place: Place, records: Sequence[Outgoing], *, alone: bool
    ) -> tuple["asyncio.Future[object]", int]:
        """Hand as many of the records as fit one batch to the producer; how many these are."""
        producer = self._running()
        batch = producer.create_batch()
        count = 0
        for record in records:
            if (count and alone) or not batch.append(
                key=record.key, value=record.value, timestamp=None, headers=record.headers
            ):
                break
            count += 1
        topic, partition = place
        batch.close()
        return await producer.send_batch(batch, topic, partition=partition), count

    async def _renew(self, tries: int) -> None:
        await self.stop()
        while True:
            await asyncio.sleep(_BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)])
            try:
                await self.start()
            except KafkaError as error:
                _raise_unless_passing(error)
                await self.stop()
                tries += 1
            else:
                return

    def _running(self) -> AIOKafkaProducer:
        if self._producer is None:
            message = "the writer has not been started"
            raise RuntimeError(message)
        return self._producer


async def _end(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(TimeoutError, KafkaError):
        await asyncio.wait_for(producer.stop(), STOP_S)


def _raise_unless_passing(error: BaseException) -> None:
    """Raise what another try would not cure."""
    passing = isinstance(error, KafkaError) and error.retriable
    if not passing and not isinstance(error, OutOfOrderSequenceNumber):
        raise error
    _logger.warning(
        "Kafka did not take a batch; it is sent again.",
        extra={"action": "sending_again", "error": repr(error)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Publishes what a batch came to."""

    events: Writer
    letters: Writer
    topic: str
    partitions: int
    group: str
    version: str
    clock: WallClock
    dead: Counter

    async def start(self) -> None:
        """Connect both writers."""
        await self.events.start()
        await self.letters.start()

    async def stop(self) -> None:
        """Disconnect both writers."""
        await self.events.stop()
        await self.letters.stop()

    async def publish(self, handled: Handled) -> Mapping[Place, str]:
        """Return when every event is in the event log and every other record a dead letter.

        The result: the partitions of the sources' topics whose dead letters could not be written,
        with why. None of these are done: their records have to come again, all of the batch.
        Raises TopicError when the event log is not as it was recorded.
        """
        await self._check_partitions()
        failed = await self._bury_by_topic(handled.refused)
        places = {
            (self.topic, part): [one for one in events if _origin(one.origin) not in failed]
            if failed
            else events
            for part, events in handled.events.items()
        }
        too_large = await self.events.write(places)
        origins = {_place(one.origin): one.origin for one in too_large}
        if origins:
            large = [Refused(one, _too_large()) for one in origins.values()]
            failed = {**failed, **await self._bury_by_topic(large)}
        return failed

    async def _bury_by_topic(self, refused: Sequence[Refused]) -> dict[Place, str]:
        """Bury what was refused; which partitions of sources cannot do so now, and why."""
        by_topic: dict[str, list[Refused]] = {}
        for one in refused:
            by_topic.setdefault(one.origin.topic, []).append(one)
        failed: dict[Place, str] = {}
        for some in by_topic.values():
            try:
                async with asyncio.timeout(LETTERS_S):
                    await self._bury(some)
            except (KafkaError, TopicError, TimeoutError) as error:
                why = str(error) or f"not within {LETTERS_S:g} s"
                failed.update(dict.fromkeys((_origin(one.origin) for one in some), why))
                self.letters.abandon()
        return failed

    async def graves_of(self, topic: str) -> list[TopicPartition]:
        """The partitions of the topic that takes the dead letters of `topic`."""
        name = dead_letters(topic)
        async with asyncio.timeout(LETTERS_S):
            count = await self.letters.partitions(name)
        return [TopicPartition(name, partition) for partition in range(count)]

    async def _check_partitions(self) -> None:
        found = await self.events.partitions(self.topic)
        if found > self.partitions:  # fewer: not all is known just now
            message = (
                f"the topic {self.topic} has {found} partitions now and {self.partitions} were "
                "recorded when it was made: make a new topic and fill it anew"
            )
            raise TopicError(message)

    async def _bury(self, refused: Sequence[Refused]) -> None:
        now = self.clock()
        letters = [
            dead_letter(one, group=self.group, failed_at=now, version=self.version)
            for one in refused
        ]
        if too_large := await self.letters.write(await self._graves(letters)):
            rest = [truncated(letter) for letter in too_large]
            if await self.letters.write(await self._graves(rest)):
                message = "the topic of the dead letters takes not even a letter that is cut short"
                raise TopicError(message)
        tally = Tally((one.origin.topic, one.why.reason) for one in refused)
        for (topic, reason), count in tally.items():
            self.dead.labels(topic=topic, reason=reason).inc(count)
        _logger.warning(
            "Records were refused and are dead letters now.",
            extra={
                "action": "dead_lettered",
                "records": len(refused),
                "reasons": {f"{topic} {reason}": n for (topic, reason), n in tally.items()},
                "first": _name(refused[0]),
            },
        )

    async def _graves(self, letters: Iterable[Outgoing]) -> dict[Place, list[Outgoing]]:
        graves: dict[Place, list[Outgoing]] = {}
        for letter in letters:
            topic = dead_letters(letter.origin.topic)
            partition = letter.origin.partition % await self.letters.partitions(topic)
            graves.setdefault((topic, partition), []).append(letter)
        return graves


def _too_large() -> InvalidEvent:
    return InvalidEvent("too_large", "the event log takes no event of this size")


def _origin(origin: Record) -> Place:
    return origin.topic, origin.partition


def _place(origin: Record) -> str:
    return f"{origin.topic}/{origin.partition}@{origin.offset}"


def _name(refused: Refused) -> str:
    return f"{_place(refused.origin)}: {refused.why}"
