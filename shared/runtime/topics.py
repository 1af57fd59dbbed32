"""The topics: their names, their partitions, and making them."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.domain.source import DEFAULT_SOURCES
from shared.runtime.config import EVENT_PARTITIONS
from shared.runtime.kafka import reaching

UNLIMITED: Final = "-1"
EVENT_BYTES: Final = 4 * 1024 * 1024
DEAD_LETTER_BYTES: Final = 32 * 1024 * 1024
DEFAULT_INPUTS: Final = tuple(source.topic for source in DEFAULT_SOURCES)


@dataclass(frozen=True, slots=True)
class Topics:
    """The names of the topics; a prefix keeps apart several pipelines on one Kafka."""

    prefix: str = ""

    def input(self, name: str) -> str:
        """A topic that a source declares."""
        return f"{self.prefix}{name}"

    @property
    def leads(self) -> str:
        """Leads as their sources send them, where no others are declared."""
        return self.input("leads")

    @property
    def tickets(self) -> str:
        """Tickets as their sources send them, where no others are declared."""
        return self.input("tickets")

    @property
    def events(self) -> str:
        """Accepted events, by item; its number of partitions never changes."""
        return f"{self.prefix}accord.events"

    @property
    def breaches(self) -> str:
        """What the evaluator says of breaches."""
        return f"{self.prefix}accord.breaches"

    def group(self, service: str) -> str:
        """The consumer group of `ingest` or `evaluator`."""
        return f"{self.prefix}accord-{service}"


def dead_letters(topic: str) -> str:
    """The topic that takes what `topic`'s reader had to refuse."""
    return f"{topic}.dlq"


class TopicError(RuntimeError):
    """Kafka would not make a topic, or has it with another number of partitions."""


class MissingTopicError(TopicError):
    """A topic is not there; `accord topics` makes it."""

    def __init__(self, topic: str) -> None:
        """The text says which."""
        super().__init__(f"Kafka has no topic {topic}; `accord topics` makes it")


async def create_topics(
    bootstrap_servers: str,
    *,
    prefix: str = "",
    inputs: Iterable[str] = DEFAULT_INPUTS,
    event_partitions: int = EVENT_PARTITIONS,
    replication_factor: int = 1,
) -> None:
    """Make every topic that is not there yet; refuse a different number of event partitions.

    `inputs` are those of the sources; they too get the prefix. A replication factor of -1 leaves
    the choice to the broker.
    """
    topics = Topics(prefix)
    new = _new_topics(topics, inputs, event_partitions)
    for topic in new:
        topic.replication_factor = replication_factor  # what makes it refuses the broker's default
    admin = AIOKafkaAdminClient(**reaching(bootstrap_servers))
    await admin.start()
    try:
        answer = await admin.create_topics(new, timeout_ms=30_000)
        for name, code, *detail in answer.topic_errors:
            _check(name, code, detail)
        await _check_partitions(admin, topics.events, event_partitions)
    finally:
        await admin.close()


def _new_topics(topics: Topics, inputs: Iterable[str], event_partitions: int) -> list[NewTopic]:
    names = [topics.input(name) for name in inputs]
    letters = [dead_letters(name) for name in names]
    wanted = {
        **dict.fromkeys(names, event_partitions),
        topics.events: event_partitions,
        topics.breaches: 1,
        **dict.fromkeys(letters, event_partitions),
    }
    # An event may grow when it is written anew, and a dead letter has more headers than it had.
    larger = {
        topics.events: str(EVENT_BYTES),
        **dict.fromkeys(letters, str(DEAD_LETTER_BYTES)),
    }
    return [
        NewTopic(
            name=name,
            num_partitions=partitions,
            replication_factor=1,
            topic_configs={
                "retention.ms": UNLIMITED,
                "retention.bytes": UNLIMITED,
                **({"max.message.bytes": size} if (size := larger.get(name)) else {}),
            },
        )
        for name, partitions in wanted.items()
    ]


async def require_inputs(bootstrap_servers: str, inputs: Iterable[str]) -> None:
    """Raise MissingTopicError for the first topic, of a source or its dead letters, not there.

    `inputs` are full names, with the prefix.
    """
    names = [one for name in inputs for one in (name, dead_letters(name))]
    admin = AIOKafkaAdminClient(**reaching(bootstrap_servers))
    await admin.start()
    try:
        found = await admin.describe_topics(names)
    finally:
        await admin.close()
    for topic in found:
        if topic["error_code"]:
            raise MissingTopicError(topic["topic"])


def _check(name: str, code: int, detail: list[str | None]) -> None:
    error: type[KafkaError] = for_code(code)
    if code and error is not TopicAlreadyExistsError:
        message = f"Kafka did not make the topic {name}: {error.__name__} {detail}"
        raise TopicError(message)


async def _check_partitions(admin: AIOKafkaAdminClient, name: str, wanted: int) -> None:
    found = await _partitions(admin, name)
    if found != wanted:
        message = (
            f"the topic {name} has {found} partitions and {wanted} were asked for; "
            "their number is fixed when it is made: set ACCORD_EVENT_PARTITIONS to it"
        )
        raise TopicError(message)


async def _partitions(admin: AIOKafkaAdminClient, name: str) -> int:
    # A broker answers for a topic a moment after it has said that it made it.
    for _ in range(50):
        (topic,) = await admin.describe_topics([name])
        if not topic["error_code"]:
            return len(topic["partitions"])
        await asyncio.sleep(0.1)
    message = f"Kafka made the topic {name} and does not describe it"
    raise TopicError(message)
