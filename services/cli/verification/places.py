"""Which partitions topics have: asked of the broker, since a client only knows what it reads."""

from collections.abc import Iterable

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import UnknownTopicOrPartitionError


async def partitions_of(admin: AIOKafkaAdminClient, names: Iterable[str]) -> list[TopicPartition]:
    """Every partition of the topics, in order. Raises KafkaError for a topic that is not there."""
    found: list[TopicPartition] = []
    for topic in await admin.describe_topics(list(names)):
        name = topic["topic"]
        if topic["error_code"]:
            message = f"the topic {name} is not there"
            raise UnknownTopicOrPartitionError(message)
        found += [TopicPartition(name, own["partition"]) for own in topic["partitions"]]
    return sorted(found)
