"""What is asked of Kafka beside the stream; asked again while the broker is away."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

T = TypeVar("T")

_PATIENCE_S: Final = 180.0
"""As long as a broker may take to come back on a busy machine."""
_AGAIN_S: Final = 0.3


class Administrator:
    """Asks with a client of its own each time: the broker may be another one by then."""

    def __init__(self, servers: str) -> None:
        """`servers` are the bootstrap servers."""
        self._servers = servers

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""

        async def describe(admin: AIOKafkaAdminClient) -> int:
            (found,) = await admin.describe_topics([topic])
            return len(found["partitions"])

        return await self._ask(describe)

    async def grow(self, topic: str, total: int) -> None:
        """Give the topic so many partitions."""

        async def grow(admin: AIOKafkaAdminClient) -> None:
            if await self.partitions(topic) < total:
                await admin.create_partitions({topic: NewPartitions(total_count=total)})

        await self._ask(grow)

    async def configure(self, topic: str, settings: Mapping[str, str]) -> None:
        """Give the topic these settings and no others."""

        async def alter(admin: AIOKafkaAdminClient) -> None:
            resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict(settings))
            for answer in await admin.alter_configs([resource]):
                for code, *_ in answer.resources:
                    if code:
                        raise for_code(code)(topic)

        await self._ask(alter)

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """Where the group stands."""

        async def committed(admin: AIOKafkaAdminClient) -> dict[TopicPartition, int]:
            found = await admin.list_consumer_group_offsets(group)
            return {place: own.offset for place, own in found.items()}

        return await self._ask(committed)

    async def ends(self, topic: str) -> int:
        """How many records were ever written to the topic."""

        async def ends(_: AIOKafkaAdminClient) -> int:
            consumer = AIOKafkaConsumer(bootstrap_servers=self._servers, request_timeout_ms=5_000)
            try:
                await consumer.start()
                count = await self.partitions(topic)
                places = [TopicPartition(topic, number) for number in range(count)]
                return sum((await consumer.end_offsets(places)).values())
            finally:
                await consumer.stop()

        return await self._ask(ends)

    async def _ask(self, question: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> T:
        end = time.monotonic() + _PATIENCE_S
        while True:
            admin = AIOKafkaAdminClient(bootstrap_servers=self._servers, request_timeout_ms=5_000)
            try:
                await admin.start()
                return await question(admin)
            except (KafkaError, OSError, TimeoutError):
                if time.monotonic() > end:
                    raise
            finally:
                await admin.close()
            await asyncio.sleep(_AGAIN_S)
