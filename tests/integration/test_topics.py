"""Topics are made once, as asked for, or as the broker likes best."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from services.cli.stack.local_stack import LocalStack
from shared.runtime.topics import TopicError, Topics, create_topics

BROKER_DECIDES = -1


async def partitions_and_replicas(stack: LocalStack, topic: str) -> tuple[int, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    try:
        [found] = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return len(found["partitions"]), len(found["partitions"][0]["replicas"])


async def test_the_broker_may_decide_on_replicas_and_making_again_changes_nothing(
    stack: LocalStack,
) -> None:
    made = Topics("decides.")
    for _ in range(2):
        await create_topics(
            stack.bootstrap_servers,
            prefix=made.prefix,
            event_partitions=3,
            replication_factor=BROKER_DECIDES,
        )
    partitions, replicas = await partitions_and_replicas(stack, made.events)
    assert partitions == 3
    assert replicas >= 1


async def test_another_number_of_partitions_than_the_log_has_is_refused(stack: LocalStack) -> None:
    made = Topics("fixed.")
    await create_topics(stack.bootstrap_servers, prefix=made.prefix, event_partitions=2)
    with pytest.raises(TopicError, match="has 2 partitions and 3 were asked for"):
        await create_topics(stack.bootstrap_servers, prefix=made.prefix, event_partitions=3)
