"""What is committed is asked until Kafka says it."""

from collections.abc import Mapping, Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, NodeNotReadyError, NoError
from aiokafka.structs import OffsetAndMetadata

from services.ingest import offsets
from services.ingest.offsets import committed_offsets

ONE, TWO = TopicPartition("leads", 0), TopicPartition("leads", 1)


class Broker:
    """Says one thing after the other."""

    def __init__(self, answers: Sequence[Mapping[TopicPartition, int] | KafkaError]) -> None:
        self._answers = iter(answers)

    async def list_consumer_group_offsets(
        self, group_id: str, *, partitions: list[TopicPartition]
    ) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """What it says next; an error is raised."""
        assert (group_id, partitions) == ("ingest", [ONE, TWO])
        answer = next(self._answers)
        if isinstance(answer, KafkaError):
            raise answer
        return {place: OffsetAndMetadata(offset, "") for place, offset in answer.items()}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "RETRY_S", 0.001)


@pytest.mark.parametrize(
    "before",
    [
        [],
        [{}],
        [{}, {ONE: 380}],
        [NodeNotReadyError(), NoError(), {}],
    ],
    ids=["it_says_it", "it_is_loading", "it_says_a_part", "it_fails"],
)
async def test_it_is_asked_until_every_partition_is_said(
    before: list[Mapping[TopicPartition, int] | KafkaError],
) -> None:
    broker = Broker([*before, {ONE: 380, TWO: -1}])
    assert await committed_offsets(broker, "ingest", {TWO, ONE}) == {ONE: 380, TWO: None}


async def test_what_does_not_pass_is_raised() -> None:
    broker = Broker([GroupAuthorizationFailedError("ingest")])
    with pytest.raises(GroupAuthorizationFailedError):
        await committed_offsets(broker, "ingest", {ONE, TWO})
