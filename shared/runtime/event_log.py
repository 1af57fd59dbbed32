"""The event log's number of partitions: recorded once, compared at every start.

An item's partition is computed from the recorded number, so a topic that has grown would split
the lives of its items in two. Growing is a new topic, filled anew from the stored timelines.
"""

from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from shared.runtime.database import Pool, transaction
from shared.runtime.kafka import reaching
from shared.runtime.topics import MissingTopicError, TopicError

_OTHER_CLUSTER: Final = (
    "the topic {topic} was recorded on the Kafka cluster {recorded} and this one is {found}: "
    "ACCORD_KAFKA_BOOTSTRAP_SERVERS and ACCORD_DATABASE_URL do not belong together"
)
_OTHER_NUMBER: Final = (
    "the topic {topic} has {found} partitions and {recorded} were recorded when it was made: "
    "items would be split between partitions; make a new topic and fill it anew"
)


_RECORD: Final = """
INSERT INTO stream (topic, partitions, cluster_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
_RECORDED: Final = "SELECT partitions, cluster_id FROM stream WHERE topic = $1"


async def recorded_partitions(pool: Pool, *, bootstrap_servers: str, topic: str) -> int:
    """How many partitions `topic` has, once and for all; the first to ask records it.

    Raises MissingTopicError when the topic is not there, TopicError when it is not the one that
    was recorded.
    """
    partitions, cluster_id = await _describe(bootstrap_servers, topic)
    async with transaction(pool) as connection:
        await connection.execute(_RECORD, topic, partitions, cluster_id)
        [(known, known_cluster)] = await connection.fetch(_RECORDED, topic)
    if known_cluster != cluster_id:
        raise TopicError(
            _OTHER_CLUSTER.format(topic=topic, recorded=known_cluster, found=cluster_id)
        )
    if known != partitions:
        raise TopicError(_OTHER_NUMBER.format(topic=topic, recorded=known, found=partitions))
    return partitions


async def _describe(bootstrap_servers: str, topic: str) -> tuple[int, str]:
    admin = AIOKafkaAdminClient(**reaching(bootstrap_servers))
    await admin.start()
    try:
        cluster = await admin.describe_cluster()
        (found,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    if found["error_code"]:
        raise MissingTopicError(topic)
    return len(found["partitions"]), str(cluster["cluster_id"])
