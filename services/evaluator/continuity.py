"""Whether the event log still continues what was folded of it."""

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.evaluator.partition import Partition
from services.evaluator.store import Progress


async def continuing(
    observer: AIOKafkaConsumer, topic: str, cluster_id: str, rows: Sequence[Progress]
) -> tuple[list[Partition], dict[int, str]]:
    """Of claimed partitions those that go on, and why the others cannot."""
    if not rows:
        return [], {}
    places = {row.part: TopicPartition(topic, row.part) for row in rows}
    beginnings = await observer.beginning_offsets([*places.values()])
    ends = await observer.end_offsets([*places.values()])
    claimed: list[Partition] = []
    broken: dict[int, str] = {}
    for row in rows:
        beginning, end = beginnings[places[row.part]], ends[places[row.part]]
        reason = _break(row, cluster_id, beginning, end)
        if reason is not None:
            broken[row.part] = reason
            continue
        partition = Partition.claimed(row)
        partition.unchecked = partition.unchecked and row.next_offset > beginning
        claimed.append(partition)
    return claimed, broken


def _break(row: Progress, cluster_id: str, beginning: int, end: int) -> str | None:
    if row.cluster_id != cluster_id:
        return f"it was folded from the Kafka cluster {row.cluster_id}"
    if row.next_offset < beginning:
        return f"records from offset {row.next_offset} to {beginning} are no longer there"
    if row.next_offset > end:
        return (
            f"the next offset is {row.next_offset} but the log ends at {end}: the topic was made "
            "anew or lost its end"
        )
    return None
