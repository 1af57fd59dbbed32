"""What is proven (ADR 8), and what is not: topics that grow, ingest that lags, other logs."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from services.evaluator.figures import Figures
from services.evaluator.partition import Proof
from services.evaluator.prover import Prover
from shared.domain.instant import SECOND
from shared.runtime.process import new_registry

NOW = 1_800_000_000 * SECOND


@dataclass
class World:
    """Two input topics, an event log of one partition, ingest's offsets, and a clock.

    It is the observer, the admin client and the partitions of a prover in one, and stops it after
    each round.
    """

    inputs: dict[TopicPartition, int]
    committed: dict[TopicPartition, int]
    log_end: int = 7
    now: int = NOW
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    found: dict[int, Proof] = field(default_factory=dict)
    takes: float = 0.0
    answers_after: float = 0.0
    lagging: list[bool] = field(default_factory=list)

    def clock(self) -> int:
        """The wall clock."""
        return self.now

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where partitions end."""
        await asyncio.sleep(self.answers_after)
        return {p: self.log_end if p.topic == "events" else self.inputs[p] for p in places}

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Nothing has been deleted."""
        return dict.fromkeys(places, 0)

    async def describe_topics(self, topics: list[str]) -> list[dict[str, Any]]:
        """The partitions that there are when it is asked."""
        found: dict[str, list[dict[str, int]]] = {topic: [] for topic in topics}
        for place in self.inputs:
            found[place.topic].append({"partition": place.partition})
        return [{"error_code": 0, "topic": t, "partitions": own} for t, own in found.items()]

    async def list_consumer_group_offsets(
        self, _group: str, partitions: list[TopicPartition] | None = None
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """What ingest has committed."""
        wanted = self.committed if partitions is None else partitions
        return {
            place: OffsetAndMetadata(self.committed[place], "")
            for place in wanted
            if place in self.committed
        }

    @property
    def positions(self) -> dict[int, int]:
        """How far the log is read."""
        return {0: 7}

    async def pass_time(self, proofs: dict[int, Proof], *, write: bool, lagging: bool) -> bool:
        """Take what is proven, and end the round, or the run after some rounds."""
        del write
        self.found = proofs
        if not self.takes:
            self.stopping.set()
            return False
        self.lagging.append(lagging)
        await asyncio.sleep(self.takes if lagging else 0)
        if len(self.lagging) == ROUNDS:
            self.stopping.set()
        return False

    async def proves(self, prover: Prover) -> dict[int, Proof]:
        """What the next round proves."""
        self.stopping.clear()
        await prover.run(self.stopping)
        return self.found


ROUNDS = 30
LEADS = TopicPartition("leads", 0)
TICKETS = TopicPartition("tickets", 0)
GROWN = TopicPartition("tickets", 1)


@pytest.fixture
def world() -> World:
    return World(inputs={LEADS: 3, TICKETS: 0}, committed={LEADS: 3})


@pytest.fixture
def prover(world: World, monkeypatch: pytest.MonkeyPatch) -> Prover:
    monkeypatch.setattr("services.evaluator.prover.REST", 0)  # however slow this machine is
    everything: Any = world
    return Prover(
        everything,
        everything,
        everything,
        Figures(new_registry(), "events"),
        clock=world.clock,
        inputs=["leads", "tickets"],
        topic="events",
        ingest_group="ingest",
        group="evaluator",
    )


async def test_what_ingest_has_passed_is_proven_up_to_the_end_of_the_log(
    world: World, prover: Prover
) -> None:
    assert await world.proves(prover) == {0: Proof(NOW, 7)}
    world.log_end, world.now = 9, NOW + SECOND
    assert await world.proves(prover) == {0: Proof(NOW + SECOND, 9)}


async def test_a_topic_that_has_grown_proves_nothing_before_its_new_partition_is_read(
    world: World, prover: Prover
) -> None:
    assert await world.proves(prover) == {0: Proof(NOW, 7)}
    # An event that came a moment ago, in a partition that was not there a moment before.
    world.inputs[GROWN] = 1
    world.now += SECOND
    assert await world.proves(prover) == {}
    world.now += SECOND
    assert await world.proves(prover) == {}
    world.committed[GROWN], world.log_end = 1, 8
    # Proven is the instant at which the ends were noted, not the one of the answer.
    assert await world.proves(prover) == {0: Proof(NOW + SECOND, 8)}


async def test_an_ingest_that_lags_proves_the_instant_whose_ends_it_has_passed(
    world: World, prover: Prover
) -> None:
    world.inputs[TICKETS] = 2
    assert await world.proves(prover) == {}
    world.now += 5 * SECOND
    world.inputs[TICKETS], world.committed[TICKETS] = 9, 2
    assert await world.proves(prover) == {0: Proof(NOW, 7)}
    assert await world.proves(prover) == {}


async def test_a_log_or_a_topic_that_ends_before_what_was_read_proves_nothing(
    world: World, prover: Prover
) -> None:
    world.log_end = 6
    assert await world.proves(prover) == {}
    world.log_end = 7
    world.committed[LEADS] = 4
    assert await world.proves(prover) == {}


async def test_settling_what_is_due_behind_has_a_share_of_the_time(
    world: World, prover: Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.evaluator.prover.LAGGING_S", 0.0)
    monkeypatch.setattr("services.evaluator.prover.TICK_S", 0.002)
    world.takes = 0.05
    await world.proves(prover)
    # It took 0.05 s at first: for ten times as long other rounds come, of which none has to settle.
    assert world.lagging[0]
    assert sum(world.lagging) == 1


async def test_waiting_for_the_database_is_no_reason_to_settle_nothing_for_long(
    world: World, prover: Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.evaluator.prover.LAGGING_S", 0.0)
    monkeypatch.setattr("services.evaluator.prover.LAGGING_REST_MAX_S", 0.0)
    monkeypatch.setattr("services.evaluator.prover.TICK_S", 0.002)
    world.takes = 0.01
    await world.proves(prover)
    assert sum(world.lagging) == len(world.lagging)


async def test_only_the_first_question_which_connects_is_followed_by_no_rest(
    world: World, prover: Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.evaluator.prover.REST", 1_000)
    world.answers_after = 0.01
    assert await world.proves(prover) == {0: Proof(NOW, 7)}
    assert await world.proves(prover) == {0: Proof(NOW, 7)}
    assert await world.proves(prover) == {}
