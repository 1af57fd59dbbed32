"""What a proof rests on: how far the input topics go, in all of their partitions."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from services.evaluator import prover
from services.evaluator.prover import LOOK_UP_S, Prover


class Topics:
    """A topic that grows while it is described; describing takes a while."""

    def __init__(self) -> None:
        self.now = 0.0
        self.partitions = 1

    def monotonic(self) -> float:
        """The clock of the process."""
        return self.now

    async def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        """What it has when it is asked."""
        partitions = [{"partition": number} for number in range(self.partitions)]
        self.now += LOOK_UP_S / 2
        return [{"error_code": 0, "topic": name, "partitions": partitions} for name in names]

    async def list_consumer_group_offsets(self, _group: str) -> dict[TopicPartition, int]:
        """Nothing is committed."""
        return {}


async def test_what_is_known_of_a_topic_is_as_old_as_the_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topics: Any = Topics()
    monkeypatch.setattr(prover, "time", topics)
    nothing: Any = SimpleNamespace()
    own = Prover(
        nothing,
        nothing,
        topics,
        nothing,
        clock=lambda: 0,
        inputs=["leads"],
        topic="events",
        ingest_group="ingest",
        group="evaluator",
    )
    assert await own._input_places() == [TopicPartition("leads", 0)]  # noqa: SLF001
    topics.partitions = 2
    topics.now = LOOK_UP_S - 0.1
    assert len(await own._input_places()) == 1  # noqa: SLF001
    topics.now = LOOK_UP_S
    assert len(await own._input_places()) == 2  # noqa: SLF001
