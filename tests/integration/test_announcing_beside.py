"""Announcing beside those who write breaches: neither waits for the other nor fails for ever."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from services.evaluator import judging
from services.evaluator.figures import Figures
from services.evaluator.generations import Generations
from services.evaluator.judging import Judge
from services.evaluator.relay import Relay
from shared.runtime import advisory_locks
from shared.runtime.database import Pool, create_pool
from tests.integration.evaluating import at, catalogue, event
from tests.integration.stepping import Stepping
from tests.integration.test_switch_ahead import DOCUMENTS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

_LOCK = "SELECT count(*) FROM (SELECT FROM breach FOR UPDATE) AS every"
_HELD = """
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND mode = 'ShareLock'
        AND ((classid::bigint << 32) | objid::bigint) = $1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""


class Taking:
    """A producer that takes everything."""

    async def start(self) -> None:
        """Connect."""

    async def send(self, _topic: str, **_: object) -> "asyncio.Future[None]":
        """Take one."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future


@pytest.fixture
async def relay(database: Pool, database_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    """Two breaches, of an item and of its window, are there to be confirmed and announced."""
    documents = catalogue(DOCUMENTS.replace("TARGET", "PT1H"), tmp_path)
    stepping = Stepping(database, documents, at("03-02T07:50"))
    await stepping.start()
    await stepping.fold([event("ticket.created", "T-1", "03-02T08:00")])
    stepping.now = at("03-02T10:00")
    await stepping.prove()
    await stepping.judge()
    made = cast("Any", Taking)
    figures = Figures(CollectorRegistry(), "events")
    async with await create_pool(database_url, service="relay", size_max=2) as pool:
        generations = Generations(pool)
        yield Relay(
            pool, made, generations, figures, clock=lambda: at("03-02T10:01"), topic="breaches"
        )


async def announced(pool: Pool) -> int:
    count: int = await pool.fetchval("SELECT count(*) FROM breach WHERE announcements > 0")
    return count


async def test_a_breach_that_is_being_written_is_left_for_the_next_time(
    database: Pool, relay: Relay
) -> None:
    async with database.acquire() as another, another.transaction():
        assert await another.fetchval(_LOCK) == 2
        async with asyncio.timeout(5):
            await relay.relay_once()
        assert await announced(database) == 0
    await relay.relay_once()
    assert await announced(database) == 2


async def test_nothing_is_announced_while_a_judging_is_done_again(
    database: Pool, relay: Relay
) -> None:
    async with advisory_locks.held_together(database, advisory_locks.JUDGING_AGAIN):
        await relay.relay_once()
        assert await announced(database) == 0
    await relay.relay_once()
    assert await announced(database) == 2


async def test_a_judging_that_was_given_up_is_not_disturbed_when_it_is_done_again(
    database: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "PAUSE_S", 0.0)
    held: list[bool] = []
    stopping = asyncio.Event()

    async def judge_once(_: Judge) -> float:
        held.append(await database.fetchval(_HELD, advisory_locks.JUDGING_AGAIN))
        if len(held) < 3:
            raise asyncpg.SerializationError
        if len(held) == 4:
            stopping.set()
        return 0.0

    monkeypatch.setattr(Judge, "judge_once", judge_once)
    monkeypatch.setattr(Judge, "_switch_when_built", lambda _: asyncio.sleep(0))
    figures = Figures(CollectorRegistry(), "events")
    own = Judge(database, Generations(database), figures, clock=lambda: 1)
    async with asyncio.timeout(20):
        await own.run(stopping)
    assert held == [False, True, True, False]
