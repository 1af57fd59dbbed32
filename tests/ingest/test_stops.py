"""A database that does not say why partitions are stopped keeps ingest from nothing."""

from typing import cast

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry, Gauge

from services.ingest.stops import Reason, Stops
from shared.runtime.database import Pool

PLACE = TopicPartition("leads", 0)


class Broker:
    """Holds the records from 5 on."""

    def pause(self, *_: TopicPartition) -> None:
        """Send no more of these."""

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where they begin."""
        return dict.fromkeys(places, 5)

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where they end."""
        return dict.fromkeys(places, 9)


class Database:
    """Answers nothing, each time for this reason."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def fetchrow(self, *_: object) -> None:
        """Fail."""
        raise self._error

    def acquire(self) -> None:
        """Fail."""
        raise self._error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("got result for unknown protocol state"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InsufficientPrivilegeError("permission denied for table source_gap"),
        ConnectionResetError(),
        TimeoutError(),
    ],
    ids=repr,
)
async def test_a_partition_is_stopped_and_looked_at_again_whatever_fails(error: Exception) -> None:
    gauge = Gauge("stopped", "", ("topic", "partition", "reason"), registry=CollectorRegistry())
    own = Stops(
        cast("AIOKafkaConsumer", Broker()),
        cast("Pool", Database(error)),
        gauge,
        clock=lambda: 0,
    )
    stop = await own.known(PLACE, 3, is_committed=True)
    assert stop is not None
    assert stop.reason == Reason.RECORDS_LOST
    await own.stop(PLACE, stop)
    assert PLACE in own
    assert await own.go_on(PLACE) is None
    assert await own.known(PLACE, 7, is_committed=True) is None
