"""Pages of a list in every order, while rows come, change and go between them."""

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest

from shared.domain.instant import DAY, SECOND
from shared.runtime.config import driver_url
from tests.api.opened import Api, an_api
from tests.api.stored import NOW

pytestmark = pytest.mark.integration

Database: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_A_STATE = """
INSERT INTO value
SELECT (jsonb_populate_record(v, jsonb_build_object('grp', $1::text))).*
FROM value v WHERE grp = '["acme","emea"]' LIMIT 1
ON CONFLICT DO NOTHING
"""
_A_WINDOW = """
INSERT INTO value
SELECT (jsonb_populate_record(v, jsonb_build_object('window_start', $1::bigint))).*
FROM value v WHERE objective = 'everyone/leads' LIMIT 1
ON CONFLICT DO NOTHING
"""
_A_BREACH = """
INSERT INTO breach (breach_id, scope, part, objective, item, cycle, opened_at, detected_at)
VALUES ($1, 'item', 0, 'acme-support/first-response-p1', $1, 1, $2, $2)
"""
LISTS = [
    ("/v1/states", "", "sla_id"),
    ("/v1/states", "sort=-sla_id", "sla_id"),
    ("/v1/breaches", "sort=opened_at", "breach_id"),
    ("/v1/breaches", "sort=-opened_at", "breach_id"),
    ("/v1/values", "sla_id=everyone/leads&sort=window", "window"),
    ("/v1/values", "sla_id=everyone/leads&sort=-window", "window"),
]


@pytest.fixture(params=["stored", "remembered"])
async def api(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> AsyncIterator[Api]:
    remembered = request.param == "remembered"
    async with an_api(database_url, tmp_path, remembered=remembered) as opened:
        yield opened


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(driver_url(database_url))
    yield connection
    await connection.close()


async def add(database: Database, chance: random.Random, number: int) -> None:
    """A state, a window and a breach at places of their own."""
    await database.execute(_A_STATE, f'["c{chance.randrange(1000)}","team"]')
    await database.execute(_A_WINDOW, NOW - chance.randrange(1, 4000) * DAY)
    opened = NOW - chance.randrange(50) * SECOND
    await database.execute(_A_BREACH, f"b-{chance.randrange(10**6)}-{number}", opened)


async def change(database: Database) -> None:
    """Other numbers everywhere, and some rows that are there no more."""
    await database.execute("UPDATE value SET state = 'at_risk', value = '0.1', since = since + 1")
    await database.execute("UPDATE breach SET closed_at = opened_at + 1, confirmed = true")
    await database.execute(
        "DELETE FROM value WHERE ctid IN (SELECT ctid FROM value WHERE grp LIKE '[\"c%' LIMIT 1)"
    )
    await database.execute(
        "UPDATE breach SET withdrawn_at = 1 WHERE breach_id ="
        " (SELECT min(breach_id) FROM breach WHERE breach_id LIKE 'b-%' AND withdrawn_at IS NULL)"
    )


async def test_no_page_repeats_a_row_nor_leaves_one_out_that_was_there_all_the_time(
    api: Api, database: Database
) -> None:
    chance = random.Random(7)  # noqa: S311 - a test's
    for number in range(12):
        await add(database, chance, number)
    for path, query, name in LISTS:

        async def all_names(path: str = path, query: str = query, name: str = name) -> list[str]:
            answer = (await api.http.get(f"{path}?{query}&limit=1000")).json()
            return [str(own[name]) for own in answer["items"]]

        before, seen, cursor = await all_names(), [], ""
        while True:
            answer = await api.http.get(f"{path}?{query}&limit=3{cursor}")
            body = answer.json()
            seen += [str(own[name]) for own in body["items"]]
            if body["next"] is None:
                break
            cursor = f"&cursor={body['next']}"
            await change(database)
            await add(database, chance, len(seen))
        after = await all_names()
        assert len(seen) == len(set(seen)), (path, query)
        stood = [own for own in before if own in set(after)]
        assert [own for own in seen if own in set(stood)] == stood, (path, query)


async def test_the_other_order_is_the_same_list_from_its_end(api: Api) -> None:
    for path, one, other in (
        ("/v1/states", "sla_id", "-sla_id"),
        ("/v1/breaches", "-opened_at", "opened_at"),
        ("/v1/values?sla_id=everyone/leads", "-window", "window"),
    ):
        several = [
            (await api.http.get(path, params={**dict(p.split("=") for p in rest), "sort": order}))
            for order in (one, other)
            for rest in (path.split("?")[1:],)
        ]
        first, second = (own.json()["items"] for own in several)
        assert first == second[::-1]


async def test_a_cursor_of_another_order_is_refused(api: Api) -> None:
    cursor = (await api.get("/v1/states", limit=1)).json()["next"]
    answer = await api.get("/v1/states", sort="-sla_id", cursor=cursor)
    assert answer.status_code == 422
