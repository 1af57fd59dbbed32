"""The event log's number of partitions: recorded once, compared at every start.

An item's partition is computed from the recorded number, so a topic that has grown would split
the lives of its items in two. Growing is a new topic, filled anew from the stored timelines.
"""

from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.kafka import reaching
from shared.runtime.tables import stream
from shared.runtime.topics import MissingTopicError, TopicError

_OTHER_CLUSTER: Final = (
    "the topic {topic} was recorded on the Kafka cluster {recorded} and this one is {found}: "
    "ACCORD_KAFKA_BOOTSTRAP_SERVERS and ACCORD_DATABASE_URL do not belong together"
)
_OTHER_NUMBER: Final = (
    "the topic {topic} has {found} partitions and {recorded} were recorded when it was made: "
    "items would be split between partitions; make a new topic and fill it anew"
)


async def recorded_partitions(
    connection: AsyncConnection, *, bootstrap_servers: str, topic: str
) -> int:
    """How many partitions `topic` has, once and for all; the first to ask records it.

    Raises MissingTopicError when the topic is not there, TopicError when it is not the one that
    was recorded.
    """
    partitions, cluster_id = await _describe(bootstrap_servers, topic)
    new = insert(stream).values(topic=topic, partitions=partitions, cluster_id=cluster_id)
    await connection.execute(new.on_conflict_do_nothing())
    row = (await connection.execute(select(stream).where(stream.c.topic == topic))).one()
    if row.cluster_id != cluster_id:
        raise TopicError(
            _OTHER_CLUSTER.format(topic=topic, recorded=row.cluster_id, found=cluster_id)
        )
    if row.partitions != partitions:
        raise TopicError(
            _OTHER_NUMBER.format(topic=topic, recorded=row.partitions, found=partitions)
        )
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
        message = f"Kafka has no topic {topic}; `accord topics` makes it"
        raise MissingTopicError(message)
    return len(found["partitions"]), str(cluster["cluster_id"])
