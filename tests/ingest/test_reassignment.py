"""Partitions that are taken away and given back: read again from what is committed, not stopped.

A process that was away for longer than its group waits comes back with what it had. The consumer
has asked where to begin before the last commit arrived, which Kafka takes of whoever is alone.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from prometheus_client import CollectorRegistry

from services.ingest.consume import Ingest, Meters
from services.ingest.publish import Publisher
from services.ingest.stops import Stops
from shared.domain.source import DEFAULT_SOURCES
from tests.ingest.test_handle import NOW

PLACE = TopicPartition("tickets", 0)


@dataclass(frozen=True)
class ARecord:
    """A record that is no event."""

    offset: int
    topic: str = PLACE.topic
    partition: int = PLACE.partition
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = b"{"
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Kafka:
    """One partition of twenty records, its group's offset, and the only member of that group.

    `turns` happen one before each time that records are asked for.
    """

    def __init__(self, *turns: Callable[["Kafka"], None]) -> None:
        self.committed = 0
        self.at = 0
        self.turns = [*turns]
        self.listener: Any = None
        self.stopping = asyncio.Event()

    def subscribe(self, topics: Sequence[str], listener: object) -> None:
        """Have it at once."""
        assert PLACE.topic in topics
        self.listener = listener
        self.listener.on_partitions_assigned({PLACE})

    def assignment(self) -> frozenset[TopicPartition]:
        """All there is."""
        return frozenset({PLACE})

    async def getmany(self, **_: object) -> Mapping[TopicPartition, Sequence[ARecord]]:
        """The next five."""
        await asyncio.sleep(0)
        if self.turns:
            self.turns.pop(0)(self)
        elif self.at == 20:
            self.stopping.set()
        begin, self.at = self.at, min(self.at + 5, 20)
        found = [ARecord(offset) for offset in range(begin, self.at)]
        return {PLACE: found} if found else {}

    async def position(self, place: TopicPartition) -> int:
        """Where it stands."""
        assert place == PLACE
        return self.at

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Keep it."""
        self.committed = offsets[PLACE]

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Stand there."""
        assert place == PLACE
        self.at = offset

    def resume(self, *_: object) -> None:
        """Nothing is paused."""

    def pause(self, *_: object) -> None:
        """Have nothing more to give."""
        self.stopping.set()

    def highwater(self, _: object) -> int:
        """The end."""
        return 20

    async def beginning_offsets(self, places: Collection[TopicPartition]) -> dict[Any, int]:
        """Its beginning."""
        return dict.fromkeys(places, 0)

    async def end_offsets(self, places: Collection[TopicPartition]) -> dict[Any, int]:
        """Its end."""
        return dict.fromkeys(places, 20)

    async def offsets_for_times(self, _: object) -> dict[Any, None]:
        """None."""
        return {}

    async def list_consumer_group_offsets(
        self, _: str, *, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """What is kept."""
        return {place: OffsetAndMetadata(self.committed or -1, "") for place in partitions}


class Published:
    """Takes everything."""

    partitions = 8
    group = "ingest"

    def __init__(self) -> None:
        self.offsets: list[int] = []

    async def publish(self, handled: Any) -> dict[Any, str]:  # noqa: ANN401
        """Note what came."""
        self.offsets += [one.origin.offset for one in handled.refused]
        return {}

    async def graves_of(self, _: str) -> list[TopicPartition]:
        """None."""
        return []


class NothingNoted:
    """A database that knows of no stops."""

    async def fetchrow(self, *_: object) -> None:
        """None."""

    def acquire(self) -> None:
        """It takes none either."""
        raise OSError


async def read(kafka: Kafka) -> tuple[list[int], str]:
    """The offsets that were published, and the partitions that are stopped in the end."""
    published, meters = Published(), Meters(CollectorRegistry())
    stops = Stops(
        cast("Any", kafka), cast("Any", NothingNoted()), meters.stopped, clock=lambda: NOW
    )
    ingest = Ingest(
        cast("Any", kafka),
        cast("Any", kafka),
        cast("Publisher", published),
        {source.topic: source for source in DEFAULT_SOURCES},
        stops,
        clock=lambda: NOW,
        meters=meters,
    )
    async with asyncio.timeout(5):
        await ingest.run(kafka.stopping)
    return published.offsets, str(stops)


def nothing(_: Kafka) -> None:
    """No fault."""


def given_back(kafka: Kafka) -> None:
    """It was away: the consumer begins where it was told before the last commit."""
    kafka.listener.on_partitions_revoked({PLACE})
    kafka.listener.on_partitions_assigned({PLACE})
    kafka.at = 5


def taken_away_only(kafka: Kafka) -> None:
    """It is being assigned anew, and that is not over."""
    kafka.listener.on_partitions_revoked({PLACE})
    kafka.at = 5


async def test_every_record_is_read_once_where_nothing_happens() -> None:
    assert await read(Kafka()) == ([*range(20)], "")


async def test_a_partition_that_is_given_back_is_read_from_what_is_committed() -> None:
    assert await read(Kafka(nothing, nothing, nothing, given_back)) == ([*range(20)], "")


async def test_no_position_of_an_assignment_to_come_is_taken_for_a_log_that_went_back() -> None:
    assert await read(Kafka(nothing, nothing, nothing, taken_away_only)) == ([*range(20)], "")


async def test_a_position_that_goes_back_during_a_commit_is_no_reason_to_stop() -> None:
    class Late(Kafka):
        late = True

        async def position(self, place: TopicPartition) -> int:
            """The first time that it would be 15, it is given back first."""
            if self.late and self.at == 15:
                self.late = False
                given_back(self)
            return await super().position(place)

    offsets, stopped = await read(Late())
    assert stopped == ""
    assert sorted({*offsets}) == [*range(20)]


async def test_a_log_that_goes_back_by_itself_is_still_told() -> None:
    def went_back(kafka: Kafka) -> None:
        kafka.at = 5

    _, stopped = await read(Kafka(nothing, nothing, nothing, went_back))
    assert "the next record to read is 10, and 5 came" in stopped
