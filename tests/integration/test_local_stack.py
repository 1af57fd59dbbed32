"""`accord local` as a person runs it: what it prints, how it ends, what outlives what."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from services.cli.stack.local_stack import LocalStack
from shared.runtime.config import process_environment
from shared.runtime.schema_version import at_head

# It starts its servers itself; the shared ones only prove that this machine can have them.
TOPICS = {"leads", "tickets", "accord.events", "accord.breaches", "leads.dlq", "tickets.dlq"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("stack")]


@contextmanager
def accord_local(home: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    nothing = dict.fromkeys(("ACCORD_KAFKA_BOOTSTRAP_SERVERS", "ACCORD_DATABASE_URL"), "")
    program = "from services.cli.main import app; app()"
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", program, "local", "--data", str(home), *options],
        stdout=subprocess.PIPE,
        text=True,
        env=process_environment(**nothing),
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def until_ready(process: "subprocess.Popen[str]") -> dict[str, str]:
    """The variables that it prints before `ready`."""
    assert process.stdout is not None
    found: dict[str, str] = {}
    for text in process.stdout:
        if text == "ready\n":
            return found
        name, _, value = text.strip().partition("=")
        found[name] = value
    message = f"it ended with code {process.wait()} before it was ready"
    raise AssertionError(message)


def test_data_outlive_a_hard_kill_and_no_process_does(tmp_path: Path) -> None:
    home = tmp_path / "data"
    with accord_local(home, "--port-base", "24100", "--fresh") as process:
        first = until_ready(process)
        children = psutil.Process(process.pid).children(recursive=True)
        assert _addresses(children) == {"127.0.0.1"}
        asyncio.run(_write(first))
        process.kill()
    with accord_local(home, "--port-base", "24100") as process:
        second = until_ready(process)
        assert not any(child.is_running() for child in children)
        assert asyncio.run(_read(second)) == (b"lead 1", "ticket 1")
        assert asyncio.run(_topics(second)) >= TOPICS
        assert asyncio.run(_has_schema(second))
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert process.wait(60) == 0
        assert not any(child.is_running() for child in children)
    LocalStack(home).forget()


def test_a_second_one_with_the_same_data_is_refused(stack: LocalStack) -> None:
    if stack.kafka is None:
        pytest.skip("the run uses servers that somebody else started")
    with accord_local(stack.home) as process:
        assert process.wait(60) == 1


def test_servers_that_crash_start_again_with_what_they_had(tmp_path: Path) -> None:
    with LocalStack(tmp_path, keep=False) as stack:
        assert stack.kafka is not None
        assert stack.postgres is not None
        asyncio.run(_write(stack.environment))
        stack.kafka.kill()
        stack.postgres.kill()
        assert stack.dead() == ["kafka", "postgres"]
        stack.postgres.start()
        stack.kafka.start()
        assert stack.dead() == []
        assert asyncio.run(_read(stack.environment)) == (b"lead 1", "ticket 1")


async def _write(found: dict[str, str]) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=found["ACCORD_KAFKA_BOOTSTRAP_SERVERS"],
        enable_idempotence=True,
        acks="all",
    ) as producer:
        await producer.send_and_wait("leads", b"lead 1", partition=0)
    connection = await asyncpg.connect(found["ACCORD_DATABASE_URL"])
    await connection.execute("CREATE TABLE note (text text)")
    await connection.execute("INSERT INTO note VALUES ('ticket 1')")
    await connection.close()


async def _read(found: dict[str, str]) -> tuple[bytes | None, str]:
    async with AIOKafkaConsumer(
        "leads",
        bootstrap_servers=found["ACCORD_KAFKA_BOOTSTRAP_SERVERS"],
        auto_offset_reset="earliest",
    ) as consumer:
        record = await asyncio.wait_for(consumer.getone(), 60)
    connection = await asyncpg.connect(found["ACCORD_DATABASE_URL"])
    text = await connection.fetchval("SELECT text FROM note")
    await connection.close()
    return record.value, text


async def _topics(found: dict[str, str]) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=found["ACCORD_KAFKA_BOOTSTRAP_SERVERS"])
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


async def _has_schema(found: dict[str, str]) -> bool:
    connection = await asyncpg.connect(found["ACCORD_DATABASE_URL"])
    try:
        return await at_head(connection)
    finally:
        await connection.close()


def _addresses(processes: list[psutil.Process]) -> set[str]:
    """The addresses they listen on (IPv4 written in IPv6 as IPv4)."""
    return {
        connection.laddr.ip.removeprefix("::ffff:")
        for process in processes
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
