"""`accord topics`: make the topics that are not there yet, with their numbers of partitions."""

import asyncio
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from services.cli.declared import declared_sources
from services.cli.terminal import say
from shared.runtime.config import (
    EVENT_PARTITIONS,
    InvalidSettings,
    environment_brokers,
    environment_value,
)
from shared.runtime.topics import TopicError, create_topics


def topics_command(
    replication_factor: Annotated[
        int, typer.Option(help="On how many brokers each partition is kept; -1: Kafka's default.")
    ] = -1,
) -> None:
    """Make the topics that are not there yet, those of ACCORD_SOURCES too."""
    try:
        servers = environment_brokers()
    except InvalidSettings as error:
        say(str(error))
        raise typer.Exit(2) from None
    if servers is None:
        say("ACCORD_KAFKA_BOOTSTRAP_SERVERS is not set; `accord local` prints a value that works")
        raise typer.Exit(2)
    inputs = [source.topic for source in declared_sources()]
    partitions = environment_value("EVENT_PARTITIONS") or str(EVENT_PARTITIONS)
    try:
        asyncio.run(
            create_topics(
                servers,
                prefix=environment_value("TOPIC_PREFIX") or "",
                inputs=inputs,
                event_partitions=int(partitions),
                replication_factor=replication_factor,
            )
        )
    except (TopicError, KafkaError, ValueError) as error:
        say(f"{servers}: {error}")
        raise typer.Exit(1) from None
    print("the topics are there")
