"""Owning partitions, where a step of it is overtaken by the group."""

# ruff: noqa: SLF001 - one step of it

from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

from services.evaluator.figures import Figures
from services.evaluator.partition import Partition
from services.evaluator.partitions import Partitions
from services.evaluator.patience import Patience
from services.evaluator.posting import Posting
from services.evaluator.store import Progress
from shared.domain.instant import SECOND
from shared.runtime.process import new_registry

NOW = 1_800_000_000 * SECOND


class World:
    """A group, a database and the stops of a process, in one."""

    def __init__(self) -> None:
        self.partitions: Partitions | None = None
        self.posted: list[Posting] = []
        self.stopped: list[int] = []

    async def fold(self, _posting: Posting, _batch: object) -> None:
        """Nothing changes."""

    async def post(self, posting: Posting) -> None:
        """The group takes its partitions away while the database writes."""
        self.posted.append(posting)
        assert self.partitions is not None
        self.partitions.on_partitions_revoked([])

    def poisonous(self, _posting: Posting, offsets: dict[int, list[int]]) -> list[int]:
        """All of them."""
        return [*offsets]

    async def poisoned(self, own: Partition) -> None:
        """Stop one."""
        self.stopped.append(own.part)

    def assignment(self) -> set[TopicPartition]:
        """None any more."""
        return set()

    def forget(self) -> None:
        """No stops are told."""


async def test_a_partition_that_is_taken_away_is_not_stopped_for_its_records() -> None:
    world: Any = World()
    world.partitions = partitions = Partitions(
        world,
        world,
        world,
        world,
        world,
        Figures(new_registry(), "events"),
        world,
        patience=Patience(1.0),
        clock=lambda: NOW,
        topic="events",
        owner="test",
    )
    row = Progress(
        part=0,
        epoch=1,
        next_offset=0,
        evaluation_time=NOW,
        watermark=0,
        record_digest=None,
        cluster_id="",
        generation=1,
        building=None,
        built_until=None,
        built=False,
        next_due=None,
    )
    partitions._owned = {0: Partition.claimed(row)}
    record: Any = SimpleNamespace(offset=0, value=b"no event")
    await partitions._fold({TopicPartition("events", 0): [record]}, 0)
    assert [move.next_offset for move in world.posted[0].moves] == [1]
    assert world.stopped == []
