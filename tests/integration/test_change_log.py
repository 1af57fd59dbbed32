"""What the evaluator writes into the change log: every announcement, and states as they turn."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from services.evaluator import state_news
from services.evaluator.generations import Generations
from shared.domain.instant import MINUTE
from shared.runtime.database import Pool, transaction
from tests.asyncapi import problems
from tests.integration.evaluating import DOCUMENTS, Pipeline, at, catalogue, event, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


async def test_announcements_and_states_are_logged_once_in_the_order_they_happened(
    pipeline: Pipeline,
) -> None:
    await pipeline.produce(event("ticket.created", "T-1", "03-02T10:59", team="emea"))
    async with pipeline.evaluator():
        await pipeline.rest()
        pipeline.clock.now += 10 * MINUTE
        await pipeline.rest()
        await pipeline.produce(event("ticket.replied", "T-1", "03-02T12:05"))
        await pipeline.rest()
        await until(lambda: _all_told(pipeline.pool))
    log = await _log(pipeline.pool)
    bodies = [json.loads(row["body"]) for row in log]
    schemas = {"state.changed": "StateEvent"}
    for row, body in zip(log, bodies, strict=True):
        assert problems(schemas.get(row["type"], "BreachEvent"), body) == []
        assert body["type"] == f"accord.{row['type']}"
    assert [row["seq"] for row in log] == list(range(1, len(log) + 1))
    assert len({row["event_id"] for row in log}) == len(log)
    sent = await pipeline.announced()
    of_breaches = [own for own in log if own["type"].startswith("breach.")]
    assert [(own["type"].removeprefix("breach."), own["data"]) for own in of_breaches] == sent
    assert all((own["level"], own["customers"]) == ("customer", '["acme"]') for own in log)
    states = [
        (own["data"]["sla_id"], own["data"]["previous"], own["data"]["state"])
        for own in log
        if own["type"] == "state.changed"
    ]
    assert [own for own in states if own[0] == "acme/response"] == [
        ("acme/response", None, "breached")
    ]
    stored = await pipeline.pool.fetch("SELECT objective, grp, state FROM state_told")
    said = await pipeline.pool.fetch(
        "SELECT DISTINCT ON (objective, grp) objective, grp, state FROM value WHERE listed"
        " ORDER BY objective, grp, window_start DESC"
    )
    assert sorted(map(tuple, stored)) == sorted(map(tuple, said))


async def test_a_state_is_told_when_it_turns_and_not_when_its_window_does(
    pipeline: Pipeline,
) -> None:
    await pipeline.produce(
        event("lead.created", "L-1", "03-02T08:00"), event("lead.created", "L-2", "03-02T09:00")
    )
    async with pipeline.evaluator():
        await pipeline.rest()
        await until(lambda: _all_told(pipeline.pool))
        before = len(await _states(pipeline.pool, "acme/leads"))
        pipeline.clock.now = at("03-03T00:01")  # another day, nothing counted yet: still ok
        await pipeline.rest()
        await until(lambda: _all_told(pipeline.pool))
        assert len(await _states(pipeline.pool, "acme/leads")) == before == 1
        await pipeline.produce(event("ticket.created", "T-1", "03-02T23:30"))
        pipeline.clock.now = at("03-03T01:00")
        await pipeline.rest()
        await until(lambda: _all_told(pipeline.pool))
        told = await _states(pipeline.pool, "acme/response")
        assert [own["state"] for own in told] == ["no_data", "breached"]
        assert told[-1]["previous"] == "no_data"
        assert told[-1]["window"] == {
            "start": "2026-03-03T00:00:00Z",
            "end": "2026-03-04T00:00:00Z",
        }


async def test_while_evaluation_is_behind_nothing_is_told_of_states_and_then_once(
    pipeline: Pipeline,
) -> None:
    await pipeline.produce(event("ticket.created", "T-1", "03-02T10:00", team="emea"))
    async with pipeline.evaluator():
        await pipeline.rest()
        await until(lambda: _all_told(pipeline.pool))
    await pipeline.pool.execute("DELETE FROM state_told")
    groups = [("acme/response", "[]")] * 3
    generations = Generations(pipeline.pool)
    await generations.look_up()
    now = pipeline.clock.now
    async with transaction(pipeline.pool) as connection:
        await state_news.queue(connection, groups)
        late = now + state_news.BEHIND + 1
        assert await state_news.take(connection, generations, 10, now=late) == ([], 0)
        changes, taken = await state_news.take(connection, generations, 10, now=now)
        assert (len(changes), taken) == (1, 3)
        again, taken = await state_news.take(connection, generations, 10, now=now)
        assert (again, taken) == ([], 0)


async def _all_told(pool: Pool) -> bool:
    left = "SELECT NOT EXISTS (SELECT FROM state_queue) AND NOT EXISTS (SELECT FROM outbox)"
    told: bool = await pool.fetchval(left)
    return told


async def _log(pool: Pool) -> list[Mapping[str, Any]]:
    rows = await pool.fetch("SELECT * FROM change ORDER BY seq")
    return [{**dict(row), **json.loads(row["body"]), "type": row["type"]} for row in rows]


async def _states(pool: Pool, sla_id: str) -> list[Mapping[str, Any]]:
    rows = await pool.fetch("SELECT body FROM change WHERE type = 'state.changed' ORDER BY seq")
    found = [json.loads(row["body"])["data"] for row in rows]
    return [own for own in found if own["sla_id"] == sla_id]


async def test_a_group_that_documents_no_longer_make_is_not_told_of(pipeline: Pipeline) -> None:
    async with pipeline.evaluator():
        await pipeline.produce(event("ticket.created", "T-1", "03-02T11:59", team="emea"))
        await pipeline.rest()
        await until(lambda: _all_told(pipeline.pool))
        before = await pipeline.pool.fetchval("SELECT count(*) FROM change")
        await pipeline.pool.execute(
            "INSERT INTO value SELECT (jsonb_populate_record(v, $1::jsonb)).* FROM value v"
            " WHERE objective = 'acme/response' LIMIT 1",
            '{"grp": "[\\"of other documents\\"]"}',
        )
        await pipeline.pool.execute(
            "INSERT INTO state_queue (objective, grp) VALUES ($1, $2)",
            "acme/response",
            '["of other documents"]',
        )
        await until(lambda: _all_told(pipeline.pool))
    assert await pipeline.pool.fetchval("SELECT count(*) FROM change") == before


async def test_a_group_of_other_fields_is_not_told_of_under_the_names_of_the_new_ones(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    """Documents that group by another field have as many values in a group as those before."""
    regrouped = catalogue(DOCUMENTS.replace("groupBy: [team]", "groupBy: [desk]"), tmp_path)
    opened = event("ticket.created", "T-1", "03-02T09:00", team="emea", desk="front")
    async with pipeline.evaluator():
        await pipeline.produce(opened)
        await pipeline.rest()
        await until(lambda: _all_told(pipeline.pool))
    async with pipeline.evaluator(regrouped):
        await pipeline.rest()
        await until(lambda: _is_told_of(pipeline.pool, "acme/response-by-team/front"))
        await until(lambda: _all_told(pipeline.pool))
    told = [
        (own["data"]["group"], own["data"]["state"])
        for own in await _log(pipeline.pool)
        if own["type"] == "state.changed" and own["data"]["objective"] == "response-by-team"
    ]
    assert told == [({"team": "emea"}, "breached"), ({"desk": "front"}, "breached")]


async def _is_told_of(pool: Pool, sla_id: str) -> bool:
    return bool(await _states(pool, sla_id))
