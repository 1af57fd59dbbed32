"""`accord dlq` on a real Kafka: what is listed, shown and sent again, and how often."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.stack.local_stack import LocalStack
from services.cli.stack.services import Services
from shared.runtime.config import driver_url
from shared.runtime.topics import Topics

pytestmark = [pytest.mark.integration, pytest.mark.timeout(100)]

FUTURE = b"""{"specversion":"1.0","id":"e-1","source":"/test","type":"ticket.replied",
"subject":"T-1","time":"2026-03-02T10:00:00Z","data":{"secret":"s"}}"""


@dataclass(frozen=True, slots=True)
class Desk:
    """Topics whose ingest has refused two records, its clock at nine."""

    servers: str
    topics: Topics
    environment: dict[str, str]

    def accord(self, *arguments: str, clock: str = "09:00") -> tuple[int, Any]:
        """The command's exit code and what it printed, as JSON if it is that."""
        done = CliRunner().invoke(
            app,
            ["dlq", *arguments],
            env={**self.environment, "ACCORD_CLOCK": f"2026-03-02T{clock}:00Z"},
            catch_exceptions=False,
        )
        told = done.stdout or done.stderr
        return done.exit_code, json.loads(told) if "--json" in arguments else told

    def redrive(self, *arguments: str, clock: str) -> tuple[int, int]:
        """The exit code, and how many were sent."""
        code, told = self.accord("redrive", "--json", *arguments, clock=clock)
        return code, int(told["sent"])

    def wait_for(self, total: int) -> list[dict[str, Any]]:
        """The refused records, once there are so many."""
        told: Any = None
        for _ in range(600):
            _, told = self.accord("list", "--json")
            if told["total"] >= total:
                assert told["total"] == total
                return list(told["records"])
            time.sleep(0.1)
        raise AssertionError(told)


@pytest.fixture
def desk(stack: LocalStack, topics: Topics, database_url: str, tmp_path: Path) -> Iterator[Desk]:
    environment = {
        **stack.environment,
        "ACCORD_DATABASE_URL": database_url,
        "ACCORD_TOPIC_PREFIX": topics.prefix,
    }
    running = {**environment, "ACCORD_CLOCK": "2026-03-02T09:00:00Z"}
    with Services(tmp_path, running, names=["ingest"]):
        asyncio.run(_send(stack.bootstrap_servers, topics.tickets))
        yield Desk(stack.bootstrap_servers, topics, environment)


async def _send(servers: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send(topic, FUTURE, b"k", 3, headers=[("trace", b"t-1")])
        await producer.send(topic, b"\xff\x00", None, 2)


async def _records(servers: str, topic: str, partition: int, count: int) -> list[Any]:
    place = TopicPartition(topic, partition)
    async with AIOKafkaConsumer(bootstrap_servers=servers) as consumer:
        consumer.assign([place])
        consumer.seek(place, 0)
        found: list[Any] = []
        while len(found) < count:
            found += (await consumer.getmany(place, timeout_ms=500)).get(place, [])
        assert (await consumer.end_offsets([place]))[place] == count
        return found


async def _quarantine(database_url: str, record: bytes, at: int = 0) -> None:
    connection = await asyncpg.connect(driver_url(database_url))
    try:
        await connection.execute(
            "INSERT INTO quarantined (part, record_offset, item, reason, record, quarantined_at)"
            " VALUES (0, 7, 'ticket:T-1', 'conflict', $1, $2)",
            record,
            at,
        )
    finally:
        await connection.close()


def test_a_record_whose_time_has_come_is_sent_again_once_and_unchanged(desk: Desk) -> None:
    listed = desk.wait_for(2)
    assert {row["reason"] for row in listed} == {"future_time", "not_utf8"}
    garbage = next(row for row in listed if row["reason"] == "not_utf8")
    code, shown = desk.accord("show", garbage["place"], "--json")
    assert (code, shown["value"], shown["errors"]["partition"]) == (0, "hex:ff00", "2")
    assert desk.accord("show", "tickets.dlq/0@99")[0] == 1

    # Its time has not come; the other one is no event whenever it is.
    assert desk.redrive(clock="09:00") == (1, 0)
    assert desk.redrive("--dry-run", clock="11:00") == (1, 1)
    assert desk.redrive("--reason", "not_utf8", clock="11:00") == (1, 0)
    assert desk.redrive("--reason", "future_time", clock="11:00") == (0, 1)
    sent = asyncio.run(_records(desk.servers, desk.topics.tickets, 3, 2))
    assert (sent[1].key, sent[1].value) == (sent[0].key, sent[0].value) == (b"k", FUTURE)
    assert dict(sent[1].headers).keys() == {"trace", "causationid", "__dlq.replays"}

    # Ingest's own clock still stands at nine: the record is refused again, and knows how often.
    again = desk.wait_for(3)[-1]
    assert (again["reason"], again["replays"]) == ("future_time", 1)
    # Of the two letters of the record only the new one is sent.
    assert desk.redrive("--reason", "future_time", "--dry-run", clock="11:00") == (0, 1)

    # A conflict stays where nobody asks for it, and that is no failure.
    asyncio.run(_quarantine(desk.environment["ACCORD_DATABASE_URL"], FUTURE))
    conflict = ("--reason", "conflict", "--dry-run")
    assert desk.redrive(*conflict, clock="11:00") == (0, 0)
    assert desk.redrive(*conflict, "--conflicts", clock="11:00") == (0, 1)
    assert desk.redrive(*conflict, "--conflicts", clock="09:00") == (1, 0)


def test_records_that_two_logs_had_at_one_offset_are_sent_again_each_once(
    stack: LocalStack, topics: Topics, database_url: str
) -> None:
    environment = {
        **stack.environment,
        "ACCORD_DATABASE_URL": database_url,
        "ACCORD_TOPIC_PREFIX": topics.prefix,
    }
    desk = Desk(stack.bootstrap_servers, topics, environment)
    former = FUTURE.replace(b"secret", b"former")
    asyncio.run(_quarantine(database_url, former))
    before = desk.redrive("--conflicts", clock="11:00")
    asyncio.run(_quarantine(database_url, FUTURE, at=1_000))
    places = {row["place"] for row in desk.wait_for(2)}
    assert len(places) == 2
    after = desk.redrive("--conflicts", clock="11:00")
    assert (before, after, desk.redrive("--conflicts", clock="11:00")) == ((0, 1), (0, 1), (0, 0))
    sent = asyncio.run(_records(desk.servers, topics.events, 0, 2))
    assert [record.value for record in sent] == [former, FUTURE]
    assert {dict(record.headers)["causationid"].decode() for record in sent} == places
