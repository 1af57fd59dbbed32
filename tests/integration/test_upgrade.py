"""A database with data is brought from the first schema to the newest, and all goes on from there.

`revision_0001.json` has the rows that an evaluator of the first schema wrote as of `now`, and the
events that it had folded. It is never written anew: later programs have to go on from it.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client import CollectorRegistry

from services.api.app import create_app, make_sources
from services.cli.stack.local_stack import LocalStack
from shared.runtime.config import driver_url
from shared.runtime.database import create_pool
from shared.runtime.migrate import migrate
from shared.runtime.months import Month
from shared.runtime.topics import Topics
from shared.wire.cloudevents import decode_structured
from tests.integration.evaluating import DOCUMENTS, Clock, Pipeline, at, catalogue, event

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

KEPT: Mapping[str, Any] = json.loads(
    Path(__file__).with_name("revision_0001.json").read_text(encoding="utf-8")
)
FILL = "INSERT INTO {0} SELECT * FROM jsonb_populate_recordset(NULL::{0}, $1)"
# As that evaluator made the months of its ledger.
MONTH = (
    "CREATE TABLE {0} (LIKE ledger INCLUDING ALL)",
    "ALTER TABLE ledger ATTACH PARTITION {0} FOR VALUES FROM ({1}) TO ({2})",
)
COUNT_ON = "SELECT setval(pg_get_serial_sequence('generation', 'number'), 1)"


async def fill(database_url: str, events_topic: str, cluster_id: str) -> None:
    """Put the rows into a database of the first schema, as of this topic and this Kafka."""
    month = Month.of(KEPT["now"])
    connection = await asyncpg.connect(driver_url(database_url))
    for statement in MONTH:
        await connection.execute(statement.format(month.table, month.start, month.next.start))
    for table, rows in KEPT["tables"].items():
        await connection.execute(FILL.format(table), json.dumps(rows))
    await connection.execute(COUNT_ON)
    await connection.execute("UPDATE stream SET topic = $1", events_topic)
    for table in ("stream", "partition_progress"):
        await connection.execute(f"UPDATE {table} SET cluster_id = $1", cluster_id)  # noqa: S608
    await connection.close()


async def cluster_of(servers: str) -> str:
    """The id of the Kafka cluster."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()


@pytest.fixture
async def former(
    stack: LocalStack, topics: Topics, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[Pipeline]:
    """What was kept, in a log and in a database of the first schema."""
    await migrate(empty_database_url, revision="0001")
    await fill(empty_database_url, topics.events, await cluster_of(stack.bootstrap_servers))
    async with await create_pool(empty_database_url, service="test") as pool:
        pipeline = Pipeline(
            servers=stack.bootstrap_servers,
            topics=topics,
            database_url=empty_database_url,
            pool=pool,
            clock=Clock(KEPT["now"]),
            catalogue=catalogue(DOCUMENTS, tmp_path),
        )
        pipeline.events += [decode_structured(text.encode()) for _, text in KEPT["events"]]
        await pipeline.produce_values([(item, text.encode()) for item, text in KEPT["events"]])
        yield pipeline


@asynccontextmanager
async def api(pipeline: Pipeline) -> AsyncIterator[httpx.AsyncClient]:
    """An api on the database."""
    sources = make_sources(
        pool=pipeline.pool, catalogue=pipeline.catalogue, clock=lambda: pipeline.clock.now
    )
    app = create_app(sources, CollectorRegistry())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://api"
    ) as client:
        yield client


async def test_what_was_folded_and_said_under_the_first_schema_is_as_it_was(
    former: Pipeline,
) -> None:
    before = await former.tables()
    assert all(before[name] for name in ("item", "pane", "ledger", "value", "breach"))
    await migrate(former.database_url)
    async with former.evaluator():
        await former.rest()
    assert await former.tables() == before
    assert await former.values() == former.expected()
    assert await former.pool.fetchval("SELECT count(*) FROM generation") == 1
    assert await former.announced() == []  # it was, by the evaluator of then


async def test_it_goes_on_with_what_comes_late_with_deadlines_in_silence_and_is_asked(
    former: Pipeline,
) -> None:
    await migrate(former.database_url)
    former.clock.now = at("03-02T14:00")
    async with former.evaluator():
        await former.rest()  # what comes then is late by the clock of now, not by that of before
        await former.produce(
            event("ticket.replied", "T-1", "03-01T10:30"),  # it was within the hour after all
            event("ticket.replied", "T-3", "03-02T12:30"),
            event("lead.created", "L-3", "03-02T13:00"),
        )
        await former.rest()
    assert await former.values() == former.expected()
    assert {
        (objective, who, opened_at, closed_at)
        for objective, who, opened_at, closed_at in await former.breaches()
        if who.startswith("ticket:")
    } == {
        ("acme/response", "ticket:T-3", at("03-02T11:15"), at("03-02T12:30")),
        ("acme/response-by-team", "ticket:T-3", at("03-02T12:15"), at("03-02T12:30")),
        ("acme/response", "ticket:T-4", at("03-02T12:45"), None),
        ("acme/response-by-team", "ticket:T-4", at("03-02T13:45"), None),
    }
    assert ("withdrawn", "ticket:T-1") in {
        (what, data.get("item")) for what, data in await former.announced()
    }
    async with api(former) as client:
        states = (await client.get("/v1/states")).json()["items"]
        assert {(own["sla_id"], own["state"], own["value"]) for own in states} == {
            ("acme/leads", "ok", "2"),
            ("acme/response", "breached", "0.333333333333"),  # T-2 of three
            ("acme/response-by-team/apac", "breached", "0"),
            ("acme/response-by-team/emea", "ok", "1"),
        }
        clocks = (await client.get("/v1/items/ticket/T-1")).json()["clocks"]
        assert [(own["objective"], own["state"], own["elapsed_s"]) for own in clocks] == [
            ("response", "met", 1_800),
            ("response-by-team", "met", 1_800),
        ]
        [_, restated] = (await client.get("/v1/values?sla_id=acme/response")).json()["items"]
        assert (restated["state"], restated["value"], restated["provisional"]) == ("ok", "1", True)
        assert [own["state"] for own in restated["revisions"]] == ["breached"]  # said until then
        late = (await client.get("/v1/breaches?item=ticket:T-3")).json()["items"]
        assert [(own["objective"], own["detected_at"]) for own in late] == [
            ("response-by-team", "2026-03-02T14:00:00Z"),
            ("response", "2026-03-02T12:00:00Z"),  # by the evaluator of then
        ]
