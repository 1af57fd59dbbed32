"""H42: a caller who goes in the middle of a query leaves nothing behind."""

import asyncio

import pytest
from fastapi import FastAPI

from services.api.web.limits import Limits
from services.api.web.problems import map_errors
from shared.runtime.database import Pool
from tests.integration.streaming import serving

pytestmark = pytest.mark.integration

_SLOW = "SELECT pg_sleep(60) -- slow"
_RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE query = $1 AND state = 'active'"


class _Feed:
    async def follow(self, stopping: asyncio.Event) -> None:
        await stopping.wait()


def an_app(database: Pool) -> FastAPI:
    """An app with an operation that reads for a minute."""
    app = FastAPI()
    app.state.feed = _Feed()
    map_errors(app)
    app.add_middleware(Limits)

    @app.get("/slow")
    async def slow() -> None:
        await database.execute(_SLOW)

    return app


async def test_h42_what_is_read_for_a_caller_who_has_gone_is_given_up(
    database: Pool,
) -> None:
    async def is_running() -> bool:
        return bool(await database.fetchval(_RUNNING, _SLOW))

    async with serving(an_app(database)) as address:
        port = int(address.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: api\r\n\r\n")
        async with asyncio.timeout(30):
            while not await is_running():  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(0.05)
            writer.close()
            while await is_running():  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(0.05)
            while database.get_idle_size() < database.get_size():  # noqa: ASYNC110 - nor the pool
                await asyncio.sleep(0.05)
