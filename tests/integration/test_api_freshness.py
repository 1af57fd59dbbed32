"""How old an answer of the api is, what it leaves out, and when it has not changed."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from shared.domain.instant import MINUTE, SECOND
from shared.runtime.config import driver_url
from tests.api.opened import Api, an_api
from tests.api.stored import NOW

pytestmark = pytest.mark.integration

_WAITING = """
INSERT INTO judge_queue (objective, grp, pane_start, dirty_from, cause, held_at)
VALUES ('everyone/leads', '[]', 0, $1, 'late', $2)
"""


@pytest.fixture(params=["stored", "remembered"])
async def api(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> AsyncIterator[Api]:
    remembered = request.param == "remembered"
    async with an_api(database_url, tmp_path, remembered=remembered) as opened:
        yield opened


@pytest.fixture
async def database(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(driver_url(database_url))
    yield connection
    await connection.close()


async def test_a_state_that_has_not_changed_is_304(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    path = "/v1/states/acme-support/first-response-p1"
    tag = (await api.get(path)).headers["etag"]
    await database.execute("UPDATE partition_progress SET evaluation_time = evaluation_time + 1")
    same = await api.http.get(path, headers={"if-none-match": f'"other", {tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    await database.execute("UPDATE value SET state = 'ok', breach_id = NULL")
    changed = await api.http.get(path, headers={"if-none-match": tag})
    assert (changed.status_code, changed.json()["state"]) == (200, "ok")


async def test_as_of_stays_where_an_objective_waits_to_be_judged(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute(_WAITING, 0, 0)
    waiting = "2026-03-02T11:59:59.999999Z"
    assert (await api.get("/v1/states")).json()["as_of"] == waiting
    assert (await api.get("/v1/states/everyone/leads")).json()["as_of"] == waiting
    other = await api.get("/v1/states", agreement="acme-support")
    assert other.json()["as_of"] == "2026-03-02T12:00:00Z"


@pytest.mark.parametrize(
    ("dirty_from", "held_at", "as_of"),
    [
        (0, 5, "2026-03-02T12:00:05Z"),  # what was judged held until that came to be folded
        (NOW + 8 * SECOND, 5, "2026-03-02T12:00:07.999999Z"),  # it changes nothing before
        (NOW + 20 * SECOND, 5, "2026-03-02T12:00:10Z"),
    ],
)
async def test_as_of_does_not_go_back_when_something_comes_to_be_judged(
    api: Api,
    database: "asyncpg.Connection[asyncpg.Record]",
    dirty_from: int,
    held_at: int,
    as_of: str,
) -> None:
    moved = "UPDATE partition_progress SET evaluation_time = $1"
    await database.execute(moved, NOW + 5 * SECOND)
    assert (await api.get("/v1/states")).json()["as_of"] == "2026-03-02T12:00:05Z"
    await database.execute(moved, NOW + 10 * SECOND)
    await database.execute(_WAITING, dirty_from, NOW + held_at * SECOND)
    assert (await api.get("/v1/states")).json()["as_of"] == as_of


async def test_as_of_is_that_of_the_judgement_when_a_turn_of_time_has_passed(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("UPDATE judgement SET next_turn = $1 WHERE objective LIKE '%leads'", NOW)
    assert (await api.get("/v1/states")).json()["as_of"] == "2026-03-02T11:59:59.999999Z"


async def test_as_of_is_the_smallest_evaluation_time_and_null_without_any(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("UPDATE partition_progress SET evaluation_time = $1 WHERE part = 1", 5)
    assert (await api.get("/v1/states")).json()["as_of"] == "1970-01-01T00:00:00.000005Z"
    await database.execute("UPDATE partition_progress SET evaluation_time = 0 WHERE part = 1")
    answer = (await api.get("/v1/states")).json()
    assert (answer["as_of"], answer["items"]) == (None, [])
    one = await api.get("/v1/states/everyone/leads")
    assert (one.status_code, one.headers["retry-after"]) == (503, "1")


async def test_an_objective_that_was_never_judged_leaves_the_list_without_as_of(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("DELETE FROM judgement WHERE objective = 'everyone/leads'")
    assert (await api.get("/v1/states")).json()["as_of"] is None
    assert (await api.get("/v1/states", type="ola")).json()["as_of"] is not None


async def test_freshness_is_stale_a_minute_behind_or_unproven(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async def freshness() -> object:
        return (await api.items("/v1/states", agreement="acme-support"))[0]["freshness"]

    api.now[0] = NOW + MINUTE
    assert await freshness() == "live"
    api.now[0] = NOW + MINUTE + 1
    assert await freshness() == "stale"
    api.now[0] = NOW
    await database.execute("UPDATE partition_progress SET proven = false WHERE part = 0")
    assert await freshness() == "stale"
    await database.execute("UPDATE partition_progress SET proven = true")
    assert await freshness() == "live"
    await database.execute("UPDATE partition_progress SET generation = 7 WHERE part = 0")
    assert await freshness() == "stale"


async def test_a_window_that_evaluate_no_longer_lists_is_not_shown(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("UPDATE value SET listed = false WHERE objective = 'everyone/leads'")
    assert await api.items("/v1/states", objective="leads") == []
    assert await api.items("/v1/values", sla_id="everyone/leads") == []


async def test_objectives_that_the_documents_do_not_have_are_not_served(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("UPDATE value SET objective = 'gone/leads' WHERE grp = '[]'")
    await database.execute("UPDATE breach SET objective = 'gone/leads'")
    states = await api.items("/v1/states")
    assert {row["agreement"] for row in states} == {"everyone"}
    assert await api.items("/v1/breaches") == []


async def test_a_database_that_is_away_is_a_problem_to_come_back_with(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("ALTER TABLE value RENAME TO away")
    answer = await api.get("/v1/states")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "application/problem+json"
