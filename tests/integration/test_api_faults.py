"""What PostgreSQL refuses: a fault of ours is a 500 that is logged, what passes a 503."""

import logging
from pathlib import Path

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.api.web.middleware import RequestId
from services.api.web.problems import map_errors
from shared.runtime.config import driver_url
from shared.runtime.database import Pool
from tests.api.opened import an_api
from tests.integration.streaming import serving

pytestmark = pytest.mark.integration

_RAISED = "DO $$ BEGIN RAISE EXCEPTION 'so' USING ERRCODE = '{}'; END $$"


class _Feed:
    async def follow(self, _stopping: object) -> None:
        return


async def _asked(database: Pool, statement: str, *arguments: object) -> httpx.Response:
    """The answer of an operation that runs the statement, over a server."""
    app = FastAPI()
    app.state.feed = _Feed()
    map_errors(app)
    app.add_middleware(RequestId)

    @app.get("/own")
    async def own() -> None:
        await database.execute(statement, *arguments)

    async with serving(app) as address, httpx.AsyncClient() as http:
        return await http.get(f"{address}/own", headers={"x-request-id": "R-7"})


@pytest.mark.parametrize(
    ("statement", "arguments"),
    [
        pytest.param("SELEC 1", (), id="syntax"),
        pytest.param("SELECT nothing FROM item", (), id="undefined-column"),
        pytest.param("INSERT INTO webhook (id) VALUES (NULL)", (), id="not-null"),
        pytest.param(_RAISED.format("unique_violation"), (), id="unique"),
        pytest.param("SELECT 1 / 0", (), id="division-by-zero"),
        pytest.param("SELECT $1::bigint", ("one",), id="argument-of-another-type"),
    ],
)
async def test_a_fault_of_ours_is_a_500_and_in_the_log_under_the_id_of_the_request(
    database: Pool, caplog: pytest.LogCaptureFixture, statement: str, arguments: tuple[object, ...]
) -> None:
    answer = await _asked(database, statement, *arguments)
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal"), answer.text
    assert answer.json()["request_id"] == "R-7"
    (logged,) = [own for own in caplog.records if own.levelno >= logging.ERROR]
    assert "GET /own, request R-7" in logging.Formatter().format(logged)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("SET statement_timeout = 1; SELECT pg_sleep(5)", id="too-slow"),
        pytest.param("SELECT pg_terminate_backend(pg_backend_pid())", id="cut-off"),
        pytest.param("SELECT 1 FROM comes_later", id="not-migrated-yet"),
        pytest.param(_RAISED.format("serialization_failure"), id="serialization"),
        pytest.param(_RAISED.format("deadlock_detected"), id="deadlock"),
        pytest.param(_RAISED.format("too_many_connections"), id="too-many-connections"),
        pytest.param(_RAISED.format("disk_full"), id="disk-full"),
        pytest.param(_RAISED.format("cannot_connect_now"), id="starting"),
        pytest.param(_RAISED.format("read_only_sql_transaction"), id="standby"),
    ],
)
async def test_what_passes_is_a_503_to_come_back_with(database: Pool, statement: str) -> None:
    answer = await _asked(database, statement)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), answer.text
    assert answer.json()["type"] == "/problems/unavailable"


@pytest.mark.parametrize("path", ["/v1/states", "/v1/breaches", "/v1/values?sla_id=everyone/leads"])
async def test_a_table_that_is_not_what_our_statements_expect_is_said(
    database_url: str, tmp_path: Path, path: str
) -> None:
    async with an_api(database_url, tmp_path) as api:
        connection = await asyncpg.connect(driver_url(database_url))
        await connection.execute("ALTER TABLE partition_progress RENAME watermark TO other")
        await connection.close()
        with pytest.raises(asyncpg.UndefinedColumnError):
            await api.http.get(path)
