"""Partitions that stop loudly, say so, and go on by themselves or when a person says so."""

import asyncio
import json
import sys
from collections.abc import Iterator

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from services.api.reading.standing import read_progress
from services.evaluator import stops
from shared.domain.instant import DAY
from shared.runtime.config import process_environment
from shared.runtime.database import snapshot
from shared.runtime.topics import create_topics
from shared.wire.partitioning import partition_of
from tests.integration.evaluating import PARTITIONS, Pipeline, event, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PART = partition_of("lead:L-0", PARTITIONS)


@pytest.fixture(autouse=True)
def _looked_at_often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(stops, "AGAIN_S", 0.2)
    return iter(())


def leads(first: int, last: int) -> list[tuple[str, str]]:
    """Subjects of the stopped partition and of others."""
    return [(f"lead:L-{n}", f"L-{n}") for n in range(first, last)]


async def accord(pipeline: Pipeline, *arguments: str) -> tuple[int, str]:
    """The command's exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.cli.main",
        *arguments,
        env=process_environment(
            ACCORD_KAFKA_BOOTSTRAP_SERVERS=pipeline.servers,
            ACCORD_DATABASE_URL=pipeline.database_url,
            ACCORD_TOPIC_PREFIX=pipeline.topics.prefix,
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode() or err.decode()


async def lose(pipeline: Pipeline, before: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=pipeline.servers)
    await admin.start()
    try:
        place = TopicPartition(pipeline.topics.events, PART)
        await admin.delete_records({place: RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


async def test_lost_records_stop_one_partition_until_a_person_accepts_the_gap(
    pipeline: Pipeline,
) -> None:
    await pipeline.produce(*(event("lead.created", f"L-{n}", "03-02T08:00") for n in range(40)))
    await lose(pipeline, 2)
    async with pipeline.evaluator():
        await until(lambda: pipeline.pool.fetchval("SELECT count(*) FROM gap"))
        code, out = await accord(pipeline, "gaps", "list", "--json")
        (gap,) = json.loads(out)
        assert (code, gap["partition"], gap["reason"]) == (0, PART, "records_lost")
        assert (gap["from_offset"], gap["until_offset"], gap["resolution"]) == (0, 2, None)
        assert (await accord(pipeline, "gaps", "accept", "99", "--why", "x"))[0] == 1
        too_early = await accord(pipeline, "gaps", "accept", str(PART), "--to", "1", "--why", "x")
        assert too_early[0] == 1
        assert "it cannot go on at 1" in too_early[1]
        code, out = await accord(
            pipeline, "gaps", "accept", str(PART), "--why", "the disk died", "--by", "ada"
        )
        assert code == 0, out
        await pipeline.rest()
    (row,) = await pipeline.pool.fetch("SELECT * FROM gap")
    assert (row["resolution"], row["resolved_by"], row["why"]) == (
        "accepted",
        "ada",
        "the disk died",
    )
    assert row["until_time"] > row["from_time"]
    async with snapshot(pipeline.pool) as connection:
        standing = (await read_progress(connection)).standing({}, 0)
    assert not standing.is_complete(row["until_time"] - 1, row["until_time"] + DAY)
    assert standing.is_complete(row["until_time"], row["until_time"] + DAY)
    assert "no partition" in (await accord(pipeline, "gaps", "list"))[1]


async def test_a_partition_goes_on_by_itself_when_its_log_is_back(pipeline: Pipeline) -> None:
    await pipeline.produce(*(event("lead.created", f"L-{n}", "03-02T08:00") for n in range(40)))
    async with pipeline.evaluator():
        await pipeline.rest()
    digest = await pipeline.pool.fetchval(
        "SELECT record_digest FROM partition_progress WHERE part = $1", PART
    )
    change = "UPDATE partition_progress SET record_digest = $2 WHERE part = $1"
    await pipeline.pool.execute(change, PART, b"of another log")
    await pipeline.produce(*(event("lead.created", f"M-{n}", "03-02T08:00") for n in range(40)))
    async with pipeline.evaluator():
        reason = "SELECT reason FROM gap WHERE resolved_at IS NULL"
        await until(lambda: pipeline.pool.fetchval(reason))
        assert await pipeline.pool.fetchval(reason) == "other_log"
        await pipeline.pool.execute(change, PART, digest)
        await pipeline.rest()
        healed = "SELECT resolution FROM gap"
        assert await pipeline.pool.fetchval(healed) == "healed"
    assert await pipeline.values() == pipeline.expected()


async def make_anew(pipeline: Pipeline) -> None:
    """Delete the event log and make it again, empty."""
    admin = AIOKafkaAdminClient(bootstrap_servers=pipeline.servers)
    await admin.start()
    try:
        await admin.delete_topics([pipeline.topics.events])

        async def is_gone() -> bool:
            return pipeline.topics.events not in await admin.list_topics()

        await until(is_gone)
    finally:
        await admin.close()
    await create_topics(pipeline.servers, prefix=pipeline.topics.prefix)
    pipeline.produced = 0


async def test_what_two_logs_have_refused_at_one_offset_is_kept_of_both(
    pipeline: Pipeline,
) -> None:
    await pipeline.produce_values([("lead:L-0", b"no event")])
    async with pipeline.evaluator():
        await pipeline.rest()
    await make_anew(pipeline)
    await pipeline.produce_values([("lead:L-0", b"nor this one")])
    async with pipeline.evaluator():
        reason = "SELECT reason FROM gap WHERE resolved_at IS NULL"
        await until(lambda: pipeline.pool.fetchval(reason))
        assert await pipeline.pool.fetchval(reason) == "other_log"
        code, out = await accord(pipeline, "gaps", "accept", str(PART), "--why", "made anew")
        assert code == 0, out
        await pipeline.rest()
    # The same records once more, as after a restored backup: each stays one row.
    await pipeline.pool.execute(
        "UPDATE partition_progress SET next_offset = 0, record_digest = NULL WHERE part = $1", PART
    )
    async with pipeline.evaluator():
        await pipeline.rest()
    records = "SELECT record FROM quarantined WHERE part = $1 AND record_offset = 0 ORDER BY 1"
    kept = [row["record"] for row in await pipeline.pool.fetch(records, PART)]
    assert kept == [b"no event", b"nor this one"]

    listed = json.loads((await accord(pipeline, "dlq", "list", "--json"))[1])["records"]
    places = [row["place"] for row in listed]
    shown = [json.loads((await accord(pipeline, "dlq", "show", p, "--json"))[1]) for p in places]
    assert [own["place"] for own in shown] == places
    assert sorted(own["value"] for own in shown) == ["no event", "nor this one"]
    code, out = await accord(pipeline, "dlq", "show", f"quarantine/{PART}@0")
    assert (code, all(place in out.replace("\n", "") for place in places)) == (1, True)


async def test_records_that_are_no_events_stop_their_partition_only(pipeline: Pipeline) -> None:
    garbage = [("lead:L-0", b"no event")] * stops.POISON_RUN
    async with pipeline.evaluator():
        await pipeline.produce_values(garbage)
        await until(lambda: pipeline.pool.fetchval("SELECT count(*) FROM gap"))
        await pipeline.produce(*(event("lead.created", f"L-{n}", "03-02T08:00") for n in range(40)))
        others = "SELECT bool_and(proven) AND sum(next_offset) > 0 FROM partition_progress"
        await until(lambda: pipeline.pool.fetchval(f"{others} WHERE part <> $1", PART))
        here = "SELECT next_offset FROM partition_progress WHERE part = $1"
        assert await pipeline.pool.fetchval(here, PART) == stops.POISON_RUN
        kept = await pipeline.pool.fetchval("SELECT count(*) FROM quarantined")
        assert kept == stops.POISON_RUN
        code, out = await accord(pipeline, "gaps", "accept", str(PART), "--why", "mended")
        assert code == 0, out
        await pipeline.rest()
    assert await pipeline.values() == pipeline.expected()


async def test_an_item_of_another_program_stops_its_partition_until_it_can_be_read(
    pipeline: Pipeline,
) -> None:
    await pipeline.produce(*(event("lead.created", f"L-{n}", "03-02T08:00") for n in range(40)))
    async with pipeline.evaluator():
        await pipeline.rest()
    body = "SELECT body FROM item WHERE key = 'lead:L-0'"
    readable = await pipeline.pool.fetchval(body)
    change = "UPDATE item SET body = $1 WHERE key = 'lead:L-0'"
    await pipeline.pool.execute(change, b"\x93\x63" + readable[2:])  # version 99
    await pipeline.produce(*(event("lead.contacted", f"L-{n}", "03-02T09:00") for n in range(40)))
    async with pipeline.evaluator():
        reason = "SELECT reason FROM gap WHERE resolved_at IS NULL"
        await until(lambda: pipeline.pool.fetchval(reason))
        assert await pipeline.pool.fetchval(reason) == "unreadable_item"
        folded = "SELECT bool_and(proven) FROM partition_progress WHERE part <> $1"
        await until(lambda: pipeline.pool.fetchval(folded, PART))
        code, out = await accord(pipeline, "gaps", "accept", str(PART), "--why", "x")
        assert (code, "goes on by itself" in out) == (1, True)
        await pipeline.pool.execute(change, readable)
        await pipeline.rest()
        assert await pipeline.pool.fetchval("SELECT resolution FROM gap") == "healed"
    assert await pipeline.values() == pipeline.expected()
