"""Where the group stands in the partitions of the sources' topics, as Kafka has it."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Final, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, NoError
from aiokafka.structs import OffsetAndMetadata

RETRY_S: Final = 0.5
_NOT_COMMITTED: Final = -1
_logger: Final = logging.getLogger(__name__)


class Admin(Protocol):
    """What is asked of `AIOKafkaAdminClient`."""

    async def list_consumer_group_offsets(
        self, group_id: str, *, partitions: list[TopicPartition]
    ) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """What Kafka says of those partitions of which it says something."""


async def committed_offsets(
    admin: Admin, group: str, places: Collection[TopicPartition]
) -> dict[TopicPartition, int | None]:
    """The committed offset of each partition, None where there is none; asked until it is said.

    A broker that is only loading what was committed answers with an error for the whole group and
    no partitions. `AIOKafkaConsumer.committed` does not look at that error and says None, as if
    nothing had ever been committed. Here a partition that is missing in the answer is asked again.
    Raises KafkaError where asking again does not help.
    """
    while True:
        why = "it does not know yet"
        try:
            found = await admin.list_consumer_group_offsets(group, partitions=sorted(places))
        except NoError:  # the client raises the group's error for that of a partition
            found = {}
        except KafkaError as error:
            if not error.retriable:
                raise
            found, why = {}, repr(error)
        if found.keys() >= set(places):
            return {
                place: None if found[place].offset == _NOT_COMMITTED else found[place].offset
                for place in places
            }
        _logger.warning(
            "Kafka does not say what was committed; it is asked again: %s.",
            why,
            extra={"action": "asking_again"},
        )
        await asyncio.sleep(RETRY_S)
