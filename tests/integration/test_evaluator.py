"""The evaluator on a real Kafka and PostgreSQL: right numbers, in time, restated when due."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from services.cli.stack.local_stack import LocalStack
from shared.domain.event import Event
from shared.domain.instant import DAY, MINUTE
from shared.runtime.schema import metadata
from shared.runtime.topics import Topics, create_topics
from shared.wire import cloudevents
from tests.integration.evaluating import (
    DOCUMENTS,
    Pipeline,
    at,
    catalogue,
    event,
    until,
)
from tests.integration.everything import documents, life

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def a_busy_day(seed: int, tickets: int = 60) -> list[Event]:
    """Tickets of three teams over two days, some never answered, some changing hands; leads."""
    random = Random(seed)  # noqa: S311 - a repeatable choice, no secret
    events: list[Event] = []
    for number in range(tickets):
        name, hour = f"T-{number}", random.randrange(10, 23)
        team = random.choice(["emea", "apac", "amer"])
        day = random.choice(["03-01", "03-02"]) if hour < 12 else "03-01"
        events.append(event("ticket.created", name, f"{day}T{hour}:00", team=team))
        if random.random() < 0.7:
            reply = event("ticket.replied", name, f"{day}T{hour}:{random.randrange(10, 59)}")
            events.append(reply)
        if random.random() < 0.2:
            events.append(event("ticket.assigned", name, f"{day}T{hour}:05", team="other"))
    events += [event("lead.created", f"L-{n}", f"03-0{n}T08:00") for n in (1, 2)]
    return events


async def test_what_is_stored_at_rest_is_what_evaluate_says(pipeline: Pipeline) -> None:
    await pipeline.produce(*a_busy_day(1))
    async with pipeline.evaluator():
        await pipeline.rest()
    assert await pipeline.values() == pipeline.expected()
    assert len(pipeline.expected()) > 6


async def test_shuffled_and_repeated_events_leave_the_same_tables(
    pipeline: Pipeline, stack: LocalStack, tmp_path: Path
) -> None:
    random = Random(2)  # noqa: S311 - a repeatable choice, no secret
    begin = at("02-27T00:00")
    events = [e for number in range(40) for e in life(random, number, begin, 3 * DAY)]
    events = [
        *{(e.item, e.source, e.id): e for e in events if e.time < pipeline.clock.now}.values()
    ]
    pipeline.catalogue = catalogue(documents(), tmp_path)
    shuffled = [*events, *random.sample(events, 20)]
    random.shuffle(shuffled)
    await pipeline.produce(*events)
    async with pipeline.evaluator():
        await pipeline.rest()
    in_order = await pipeline.tables()
    assert all(in_order.values())
    assert await pipeline.values() == pipeline.expected()
    await pipeline.pool.execute(
        "TRUNCATE partition_progress, item, ledger, pane, pane_bucket, judge_queue, judgement,"
        " value, value_revision, breach, outbox, quarantined, stream"
    )
    again = Pipeline(
        servers=pipeline.servers,
        topics=Topics(f"{pipeline.topics.prefix}again."),
        database_url=pipeline.database_url,
        pool=pipeline.pool,
        clock=pipeline.clock,
        catalogue=pipeline.catalogue,
    )
    await _create(stack, again.topics)
    # In several batches, so that much is decided before what came first is read.
    async with again.evaluator():
        for start in range(0, len(shuffled), 25):
            await again.produce(*shuffled[start : start + 25])
            await until(lambda: _folded(again))
        await again.rest()
    assert await again.tables() == in_order


async def test_a_deadline_that_passes_in_silence_becomes_a_breach(pipeline: Pipeline) -> None:
    await pipeline.produce(event("ticket.created", "T-1", "03-02T11:30", team="emea"))
    async with pipeline.evaluator():
        await pipeline.rest()
        assert await pipeline.breaches() == set()
        pipeline.clock.now = at("03-02T12:30")
        await pipeline.rest()
        assert await pipeline.breaches() == set()  # 60 minutes are in time
        pipeline.clock.now += 1
        await pipeline.rest()
    opened = at("03-02T12:30")
    assert await pipeline.breaches() == {
        ("acme/response", "ticket:T-1", opened, None),
        ("acme/response", "[]", opened, None),
    }


async def test_a_late_event_restates_a_final_window_and_withdraws_its_breach(
    pipeline: Pipeline,
) -> None:
    await pipeline.produce(event("ticket.created", "T-1", "03-02T11:00", team="emea"))
    pipeline.clock.now = at("03-03T09:00")
    async with pipeline.evaluator():
        await pipeline.rest()
        await pipeline.produce(event("ticket.replied", "T-1", "03-02T11:20"))
        await pipeline.rest()
        assert await pipeline.values() == pipeline.expected()
        assert await _revisions(pipeline) == 1  # until what else is late has had time
        pipeline.clock.now += 5 * MINUTE
        await pipeline.rest()
    assert await pipeline.values() == pipeline.expected()
    revisions = await pipeline.pool.fetch(
        "SELECT revision, cause, state FROM value_revision"
        " WHERE objective = 'acme/response' ORDER BY revision"
    )
    assert [tuple(row) for row in revisions] == [(1, "final", "breached"), (2, "late", "ok")]
    assert await pipeline.breaches() == set()
    told = [what for what, data in await pipeline.announced() if data["scope"] == "item"]
    assert told.count("withdrawn") == 2  # one of each objective's clocks


async def test_a_correction_names_itself_as_the_cause(pipeline: Pipeline) -> None:
    await pipeline.produce(
        event("ticket.created", "T-1", "03-02T11:00"),
        event("ticket.replied", "T-1", "03-02T11:20", id_="r"),
    )
    pipeline.clock.now = at("03-03T09:00")
    wrong = event("ticket.retracted", "T-1", "03-03T08:00")
    async with pipeline.evaluator():
        await pipeline.rest()
        await pipeline.produce(_replacing(wrong, "r"))
        await pipeline.rest()
        pipeline.clock.now += 5 * MINUTE
        await pipeline.rest()
    causes = await pipeline.pool.fetch(
        "SELECT cause FROM value_revision WHERE objective = 'acme/response' ORDER BY revision"
    )
    assert [row["cause"] for row in causes] == ["final", "corrected"]


async def test_a_window_is_final_only_when_the_allowed_disorder_has_passed(
    pipeline: Pipeline,
) -> None:
    await pipeline.produce(event("ticket.created", "T-1", "03-02T11:00", team="emea"))
    day = ("acme/response", at("03-02T00:00"))
    query = "SELECT final, provisional FROM value WHERE objective = $1 AND window_start = $2"
    async with pipeline.evaluator():
        pipeline.clock.now = at("03-03T00:00") + 4 * MINUTE
        await pipeline.rest()
        assert tuple(await pipeline.pool.fetchrow(query, *day) or ()) == (False, True)
        pipeline.clock.now = at("03-03T00:00") + 5 * MINUTE
        await pipeline.rest()
        assert tuple(await pipeline.pool.fetchrow(query, *day) or ()) == (True, False)


async def test_breaches_are_announced_opened_confirmed_and_closed(pipeline: Pipeline) -> None:
    await pipeline.produce(event("ticket.created", "T-1", "03-02T10:59", team="emea"))
    async with pipeline.evaluator():
        await pipeline.rest()
        pipeline.clock.now += 10 * MINUTE
        await pipeline.rest()
        await pipeline.produce(event("ticket.replied", "T-1", "03-02T12:05"))
        await pipeline.rest()
        await until(lambda: _announced(pipeline))
    of_item = [
        w
        for w, d in await pipeline.announced()
        if d["objective"] == "response" and d["scope"] == "item"
    ]
    assert of_item == ["opened", "confirmed", "closed"]


async def test_other_documents_fold_everything_anew_and_say_so(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    await pipeline.produce(*a_busy_day(3))
    pipeline.clock.now = at("03-03T09:00")
    async with pipeline.evaluator():
        await pipeline.rest()
    stricter = catalogue(
        DOCUMENTS.replace("within: PT1H", "within: PT20M").replace("groupBy: [team]", ""), tmp_path
    )
    async with pipeline.evaluator(stricter):
        await until(lambda: _folded_under(pipeline, stricter.digest))
        await pipeline.rest()
    assert await pipeline.values() == pipeline.expected(stricter)
    causes = await pipeline.pool.fetch(
        "SELECT DISTINCT cause FROM value_revision WHERE revision = 2"
    )
    assert [row["cause"] for row in causes] == ["documents"]


async def test_what_cannot_be_read_and_what_conflicts_is_quarantined(pipeline: Pipeline) -> None:
    first = event("ticket.created", "T-1", "03-02T11:00", id_="e", team="a")
    other = event("ticket.created", "T-1", "03-02T11:00", id_="e", team="b")
    await pipeline.produce(first, other)
    await pipeline.produce_values([("ticket:T-1", b"{"), ("ticket:T-2", b"\xff")])
    async with pipeline.evaluator():
        await pipeline.rest()
    rows = await pipeline.pool.fetch("SELECT reason, record FROM quarantined ORDER BY reason")
    assert [row["reason"] for row in rows] == ["conflict", "not_json", "not_utf8"]
    assert cloudevents.decode_structured(rows[0]["record"]) == other
    assert await pipeline.values() == pipeline.expected()


async def test_nothing_moves_while_the_clock_stands_still(pipeline: Pipeline) -> None:
    await pipeline.produce(*a_busy_day(4, tickets=5))
    async with pipeline.evaluator():
        await pipeline.rest()
        await asyncio.sleep(1.5)
        before = await _row_versions(pipeline)
        await asyncio.sleep(3)
        assert await _row_versions(pipeline) == before


async def test_an_empty_log_is_judged_too(pipeline: Pipeline) -> None:
    async with pipeline.evaluator():
        await pipeline.rest()
    assert await pipeline.values() == pipeline.expected()


async def _revisions(pipeline: Pipeline) -> int:
    """How many there are of one objective."""
    count: int = await pipeline.pool.fetchval(
        "SELECT count(*) FROM value_revision WHERE objective = 'acme/response'"
    )
    return count


async def _create(stack: LocalStack, topics: Topics) -> None:
    await create_topics(stack.bootstrap_servers, prefix=topics.prefix)


async def _row_versions(pipeline: Pipeline) -> dict[str, tuple[int, int]]:
    """Of each table how many rows there are, and the last transaction that wrote one of them.

    Not the statistics' counters: a server process may report what it wrote seconds later.
    """
    found: dict[str, tuple[int, int]] = {}
    for table in metadata.sorted_tables:
        query = f"SELECT count(*), coalesce(max(xmin::text::bigint), 0) FROM {table.name}"  # noqa: S608 - our own tables
        row = await pipeline.pool.fetchrow(query)
        assert row is not None
        found[table.name] = (row[0], row[1])
    return found


async def _folded(pipeline: Pipeline) -> bool:
    count = await pipeline.pool.fetchval("SELECT sum(next_offset) FROM partition_progress")
    return bool(count == pipeline.produced)


async def _folded_under(pipeline: Pipeline, digest: str) -> bool:
    current = "SELECT digest FROM generation WHERE state = 'current'"
    return bool(await pipeline.pool.fetchval(current) == digest)


async def _announced(pipeline: Pipeline) -> bool:
    left = "SELECT (SELECT count(*) FROM breach WHERE unannounced) + (SELECT count(*) FROM outbox)"
    return bool(await pipeline.pool.fetchval(left) == 0)


def _replacing(event_: Event, name: str) -> Event:
    return Event(
        event_.kind,
        event_.subject,
        event_.source,
        event_.id,
        event_.type,
        event_.time,
        event_.data,
        replaces=name,
    )
