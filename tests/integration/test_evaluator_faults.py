"""Exactly-once effect: fenced owners, repeated batches, lost replies, lost logs."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from services.evaluator.partition import Partition
from services.evaluator.posting import Posting
from services.evaluator.rows import ItemRow, Move, Window
from services.evaluator.store import FencedError, Store
from shared.domain.event import Event
from shared.domain.instant import format_instant
from shared.domain.measure import Measure
from shared.runtime.config import driver_url, process_environment
from shared.runtime.database import Pool
from shared.wire.partitioning import partition_of
from tests.integration.evaluating import (
    PARTITIONS,
    Pipeline,
    event,
    until,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PART = partition_of("lead:L-0", PARTITIONS)


@pytest.fixture
async def owned(database: Pool) -> Partition:
    """A partition that the test has claimed."""
    await database.execute("INSERT INTO partition_progress (part) VALUES ($1)", PART)
    (row,) = await Store(database).claim([PART], "test")
    return Partition.claimed(row)


def a_posting(partition: Partition, *, start: int, next_offset: int) -> Posting:
    """One batch that adds one item and one to a pane."""
    posting = Posting(posted_at=1)
    posting.items.append(ItemRow(PART, "ticket:T-1", None, b"body"))
    posting.panes[(*Window("a/b", "[]", 0), PART)] = [*Measure(met=1)]
    posting.mark(Window("a/b", "[]", 0), 5, "late")
    posting.moves.append(
        Move(
            part=PART,
            epoch=partition.epoch,
            start=start,
            next_offset=next_offset,
            evaluation_time=1,
            proven=False,
            watermark=0,
            record_digest=b"digest",
            generation=0,
            building=None,
            built_until=None,
            built=False,
            held_at=0,
        )
    )
    return posting


async def met(pool: Pool) -> int:
    """What the pane says."""
    return int(await pool.fetchval("SELECT coalesce(sum(met), 0) FROM pane"))


async def test_a_batch_that_is_applied_again_is_refused(database: Pool, owned: Partition) -> None:
    await Store(database).post(a_posting(owned, start=0, next_offset=3))
    with pytest.raises(FencedError):
        await Store(database).post(a_posting(owned, start=0, next_offset=3))
    assert await met(database) == 1
    assert await database.fetchval("SELECT count(*) FROM judge_queue") == 1


async def test_a_former_owner_writes_nothing(database: Pool, owned: Partition) -> None:
    await Store(database).claim([PART], "somebody else")
    with pytest.raises(FencedError):
        await Store(database).post(a_posting(owned, start=0, next_offset=3))
    assert await met(database) == 0
    assert await database.fetchval("SELECT count(*) FROM item") == 0


async def test_a_claim_waits_for_the_former_owners_commit(database: Pool, owned: Partition) -> None:
    async with database.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("UPDATE partition_progress SET next_offset = 7")
        await connection.execute(
            "INSERT INTO item (part, key, next_due, body) VALUES ($1, 'ticket:T-1', 5, '')", PART
        )
        claiming = asyncio.create_task(Store(database).claim([PART], "the next one"))
        await asyncio.sleep(0.3)
        assert not claiming.done()
        await transaction.commit()
    (row,) = await claiming
    assert (row.next_offset, row.epoch) == (7, owned.epoch + 1)
    assert row.next_due == 5  # what the former owner's items wait for is known too


async def test_two_evaluators_give_each_item_one_effect(pipeline: Pipeline) -> None:
    async with pipeline.evaluator():
        await pipeline.produce(*(event("lead.created", f"L-{n}", "03-02T08:00") for n in range(40)))
        await pipeline.rest()
        async with pipeline.evaluator():
            for start in range(40, 200, 40):
                await pipeline.produce(
                    *(
                        event("lead.created", f"L-{n}", "03-02T09:00")
                        for n in range(start, start + 40)
                    )
                )
                await asyncio.sleep(1)
            await pipeline.rest()
            owners = "SELECT count(DISTINCT owner || epoch) FROM partition_progress"
            assert await pipeline.pool.fetchval(owners) >= 1
        await pipeline.produce(event("lead.created", "L-last", "03-02T09:00"))
        await pipeline.rest()
    assert await pipeline.values() == pipeline.expected()


async def test_an_evaluator_that_slept_through_a_takeover_writes_nothing_old(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.evaluator",
        env=process_environment(**_environment(pipeline, tmp_path)),
    )
    try:
        await pipeline.produce(*_leads(0, 100))
        await pipeline.rest()
        await pipeline.produce(*_leads(100, 200))
        process.send_signal(signal.SIGSTOP)
        async with pipeline.evaluator():
            await pipeline.rest()
            process.send_signal(signal.SIGCONT)
            await pipeline.produce(*_leads(200, 300))
            await pipeline.rest()
            # Both share the partitions in the end, and nobody counted anything twice.
            owners = "SELECT count(DISTINCT owner) = 2 FROM partition_progress"
            await until(lambda: _says(pipeline, owners))
            await pipeline.produce(*_leads(300, 400))
            await pipeline.rest()
    finally:
        process.kill()
        await process.wait()
    assert await pipeline.values() == pipeline.expected()
    assert await pipeline.pool.fetchval("SELECT sum(sign) FROM ledger") == 400


def _leads(first: int, end: int) -> list[Event]:
    return [event("lead.created", f"L-{n}", "03-02T08:00") for n in range(first, end)]


def _environment(pipeline: Pipeline, folder: Path) -> dict[str, str]:
    return {
        "ACCORD_KAFKA_BOOTSTRAP_SERVERS": pipeline.servers,
        "ACCORD_DATABASE_URL": pipeline.database_url,
        "ACCORD_AGREEMENTS": str(folder),
        "ACCORD_TOPIC_PREFIX": pipeline.topics.prefix,
        "ACCORD_CLOCK": format_instant(pipeline.clock.now),
        "ACCORD_SESSION_TIMEOUT_MS": "6000",
        "ACCORD_METRICS_PORT": "0",
        "ACCORD_LOG_LEVEL": "WARNING",
    }


async def test_a_lost_reply_to_commit_counts_once(pipeline: Pipeline) -> None:
    async with _Proxy.before(pipeline.database_url, "INSERT INTO judge_queue") as proxy:
        through = replace(pipeline, database_url=proxy.url)
        async with through.evaluator():
            await through.rest()
            for number in range(5):
                proxy.swallow_next_commit()
                await through.produce(event("lead.created", f"L-{number}", "03-02T08:00"))
                await until(proxy.has_swallowed)
            await through.rest()
    assert proxy.swallowed == 5
    assert await pipeline.values() == through.expected()
    assert await pipeline.pool.fetchval("SELECT sum(sign) FROM ledger") == 5


async def test_lost_connections_are_made_again(pipeline: Pipeline) -> None:
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'accord-evaluator' AND datname = current_database()"
    )
    async with pipeline.evaluator():
        await pipeline.rest()
        for number in range(6):
            await pipeline.produce(event("lead.created", f"L-{number}", "03-02T08:00"))
            await pipeline.pool.execute(kill)
            await asyncio.sleep(0.3)
        await pipeline.rest()
    assert await pipeline.values() == pipeline.expected()


async def test_a_log_that_lost_records_before_they_were_folded_stops_its_partition(
    pipeline: Pipeline,
) -> None:
    await pipeline.produce(*(event("lead.created", f"L-{n}", "03-02T08:00") for n in range(40)))
    admin = AIOKafkaAdminClient(bootstrap_servers=pipeline.servers)
    await admin.start()
    place = TopicPartition(pipeline.topics.events, PART)
    try:
        await admin.delete_records({place: RecordsToDelete(before_offset=1)})
    finally:
        await admin.close()
    async with pipeline.evaluator():
        others = "SELECT bool_and(proven) FROM partition_progress WHERE part <> $1"
        await until(lambda: _says(pipeline, others, PART))
        here = "SELECT next_offset = 0 AND NOT proven FROM partition_progress WHERE part = $1"
        assert await _says(pipeline, here, PART)
        assert not await pipeline.values()


async def test_a_log_that_is_another_one_stops_its_partition(pipeline: Pipeline) -> None:
    await pipeline.produce(*(event("lead.created", f"L-{n}", "03-02T08:00") for n in range(40)))
    async with pipeline.evaluator():
        await pipeline.rest()
    await pipeline.pool.execute(
        "UPDATE partition_progress SET record_digest = 'x' WHERE part = $1", PART
    )
    await pipeline.produce(*(event("lead.created", f"M-{n}", "03-02T08:00") for n in range(40)))
    async with pipeline.evaluator():
        stuck = "SELECT next_offset FROM partition_progress WHERE part = $1"
        before = await pipeline.pool.fetchval(stuck, PART)
        await asyncio.sleep(6)
        assert await pipeline.pool.fetchval(stuck, PART) == before
        total = await pipeline.pool.fetchval("SELECT sum(next_offset) FROM partition_progress")
        assert before < total < pipeline.produced


async def _says(pipeline: Pipeline, query: str, *arguments: object) -> bool:
    return bool(await pipeline.pool.fetchval(query, *arguments))


class _Proxy:
    """Stands before PostgreSQL and can swallow the answer to one COMMIT, then cut the line."""

    def __init__(self, url: str, statement: str) -> None:
        self._parts = urlsplit(driver_url(url))
        self._server: asyncio.Server | None = None
        self._statement = statement.encode()
        self._is_wanted = False
        self.swallowed = 0

    @classmethod
    @asynccontextmanager
    async def before(cls, url: str, statement: str) -> AsyncIterator["_Proxy"]:
        """A proxy while the block runs; it knows transactions by a statement inside."""
        proxy = cls(url, statement)
        proxy._server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        try:
            yield proxy
        finally:
            proxy._server.close()

    @property
    def url(self) -> str:
        """The database through the proxy."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        login, _, _ = self._parts.netloc.rpartition("@")
        return urlunsplit(self._parts._replace(netloc=f"{login}@127.0.0.1:{port}"))

    def swallow_next_commit(self) -> None:
        """Swallow the answer to the COMMIT of the next such transaction, and cut its line."""
        self._is_wanted = True

    async def has_swallowed(self) -> bool:
        """Whether that has happened."""
        return not self._is_wanted

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._parts.hostname or "127.0.0.1", self._parts.port or 5432
        up_reader, up_writer = await asyncio.open_connection(host, port)
        line = _Line()
        ways = [
            asyncio.create_task(self._up(reader, up_writer, line)),
            asyncio.create_task(self._down(up_reader, writer, line)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        up_writer.close()
        writer.close()

    async def _up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: "_Line"
    ) -> None:
        while chunk := await reader.read(1 << 20):
            line.follow(chunk, self._statement)
            if line.is_inside and b"COMMIT;" in chunk:
                line.is_inside = False
                line.is_cut, self._is_wanted = self._is_wanted, False
            writer.write(chunk)
            await writer.drain()

    async def _down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: "_Line"
    ) -> None:
        while chunk := await reader.read(1 << 20):
            if line.is_cut and b"COMMIT" in chunk:
                self.swallowed += 1
                return
            writer.write(chunk)
            await writer.drain()


@dataclass
class _Line:
    """A connection: the statement that is waited for goes by its name once it is prepared."""

    name: bytes | None = None
    is_inside: bool = False
    is_cut: bool = False

    def follow(self, chunk: bytes, statement: bytes) -> None:
        """Note whether the chunk prepares the statement or carries it out."""
        place = chunk.find(statement)
        if place >= 0:
            self.name = _NAME.findall(chunk[:place])[-1]
        if self.name is not None and self.name in chunk:
            self.is_inside = True


_NAME = re.compile(rb"__asyncpg_stmt_\w+__")
