"""What the relay says of windows while the judge has still to judge them, and beside other writers.

Relay and judge take their steps as a test asks for them.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from services.evaluator.breaches import BreachRow, window_breach
from services.evaluator.figures import Figures
from services.evaluator.relay import Relay
from services.evaluator.writes import write, write_of_breaches
from shared.domain.instant import MINUTE
from shared.domain.window import Span
from shared.runtime.conventions import WINDOW_PART
from shared.runtime.database import Connection, Pool, create_pool, transaction
from shared.runtime.process import new_registry
from tests.integration.evaluating import at, catalogue, event
from tests.integration.stepping import Stepping
from tests.integration.test_switch_ahead import DOCUMENTS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

OBJECTIVE = "acme/answered"


class Taker:
    """A producer that takes everything."""

    async def start(self) -> None:
        """Connect."""

    async def send(self, *_: object, **__: object) -> "asyncio.Future[None]":
        """Take one."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future


@pytest.fixture
async def stepping(database: Pool, tmp_path: Path) -> Stepping:
    """Before the day's first ticket."""
    documents = catalogue(DOCUMENTS.replace("TARGET", "PT1H"), tmp_path)
    own = Stepping(database, documents, at("03-02T07:50"))
    await own.start()
    return own


@pytest.fixture
async def another(database_url: str) -> AsyncIterator[Pool]:
    """Connections of another process."""
    pool = await create_pool(database_url, service="another")
    yield pool
    await pool.close()


def relay_of(stepping: Stepping) -> Relay:
    """A relay on the same clock."""
    assert stepping.generations is not None
    return Relay(
        stepping.pool,
        cast("Any", Taker),
        stepping.generations,
        Figures(new_registry(), "events"),
        clock=lambda: stepping.now,
        topic="breaches",
    )


async def get_ahead(stepping: Stepping) -> None:
    """Have events take all partitions to 11:00, of which nothing is proven."""
    stepping.now = at("03-02T12:00")
    await stepping.fold([event("lead.created", f"L-{n}", "03-02T11:00") for n in range(20)])
    await stepping.settle()
    await stepping.judge()
    assert await stepping.pool.fetchval("SELECT count(*) FROM breach WHERE scope = 'window'") == 1


async def told(pool: Pool) -> list[tuple[str, str | None]]:
    """What was said of windows, with the state that it says."""
    rows = await pool.fetch("SELECT type, body FROM change ORDER BY seq")
    found = [(row["type"], json.loads(row["body"])["data"]) for row in rows]
    return [(what, data["state"]) for what, data in found if data.get("scope") != "item"]


async def test_of_what_was_judged_amid_a_backfill_nothing_is_said_before_it_is_judged_again(
    stepping: Stepping,
) -> None:
    relay = relay_of(stepping)
    await stepping.judge()
    await stepping.fold([event("ticket.created", "T-1", "03-02T08:00")])
    await get_ahead(stepping)
    await relay.relay_once()
    assert await told(stepping.pool) == []
    await stepping.fold([event("ticket.replied", "T-1", "03-02T08:30")])
    await stepping.prove()
    await relay.relay_once()
    assert await told(stepping.pool) == []
    await stepping.judge()
    await relay.relay_once()
    assert await told(stepping.pool) == [("state.changed", "ok")]


async def test_what_was_judged_rightly_amid_a_backfill_is_said_when_it_is_through(
    stepping: Stepping,
) -> None:
    relay = relay_of(stepping)
    await stepping.fold([event("ticket.created", "T-1", "03-02T08:00")])
    await get_ahead(stepping)
    # Nothing changes any more, so that there is nothing to judge but that it holds now.
    stepping.now = at("03-02T11:01")
    await stepping.prove()
    await stepping.judge()
    await relay.relay_once()
    assert await told(stepping.pool) == [
        ("breach.opened", "breached"),
        ("breach.confirmed", "breached"),
        ("state.changed", "breached"),
    ]


async def test_a_breach_of_a_window_is_confirmed_when_it_was_judged_with_all_that_came_in_time(
    stepping: Stepping,
) -> None:
    relay = relay_of(stepping)
    await stepping.fold([event("ticket.created", "T-1", "03-02T08:00")])
    stepping.now = at("03-02T09:02")
    await stepping.prove()
    await stepping.judge()
    await relay.relay_once()
    assert ("breach.opened", "breached") in await told(stepping.pool)
    # In time: the watermark is at 8:57.
    await stepping.fold([event("ticket.replied", "T-1", "03-02T08:59")])
    stepping.now += 5 * MINUTE
    await stepping.prove()
    await relay.relay_once()
    await stepping.judge()
    await relay.relay_once()
    said = [what for what, _ in await told(stepping.pool) if what.startswith("breach.")]
    assert said == ["breach.opened", "breach.withdrawn"]


async def test_a_relay_waits_for_nobody_who_writes_breaches(
    stepping: Stepping, another: Pool
) -> None:
    relay = relay_of(stepping)
    stepping.now = at("03-02T12:00")
    await stepping.prove()
    await stepping.judge()
    first, second = (a_breach(name, opened) for name, opened in (("a", "08:30"), ("b", "08:00")))
    async with transaction(another) as connection:
        await put(connection, first, second)
    # Rows are written in the order of their names; the relay meets them by when they opened.
    async with transaction(another) as connection:
        await put(connection, first._replace(closed_at=at("03-02T09:00")))
        relaying = asyncio.create_task(relay.relay_once())
        await asyncio.wait([relaying], timeout=0.5)
        await put(connection, second._replace(closed_at=at("03-02T09:00")))
    await relaying
    await relay.relay_once()
    said = [what for what, _ in await told(stepping.pool) if what.startswith("breach.")]
    assert sorted(said) == sorted(2 * ["breach.opened", "breach.confirmed", "breach.closed"])


async def test_what_is_said_of_a_breach_and_of_its_window_is_of_one_moment(
    stepping: Stepping, another: Pool
) -> None:
    relay = relay_of(stepping)
    await stepping.fold([event("ticket.created", "T-1", "03-02T08:00")])
    stepping.now = at("03-02T12:00")
    await stepping.prove()
    await stepping.judge()
    await another.execute("UPDATE breach SET confirmed = true")
    async with transaction(another) as connection:
        await connection.execute(
            "UPDATE breach SET closed_at = opened_at + 1 WHERE scope = 'window'"
        )
        relaying = asyncio.create_task(relay.relay_once())
        await asyncio.wait([relaying], timeout=0.5)
        await connection.execute("UPDATE value SET state = 'ok'")
    await relaying
    await relay.relay_once()
    assert ("breach.closed", "ok") in await told(stepping.pool)
    assert ("breach.closed", "breached") not in await told(stepping.pool)


def a_breach(name: str, opened: str) -> BreachRow:
    """One of a window of the objective."""
    span = Span(at("03-02T00:00"), at("03-03T00:00"))
    row = window_breach(OBJECTIVE, "[]", span, (at(f"03-02T{opened}"), None), 1)
    assert row.part == WINDOW_PART
    return row._replace(breach_id=name)


async def put(connection: Connection, *rows: BreachRow) -> None:
    """Write what is found of them, as fold and judge do."""
    await write(connection, [write_of_breaches(rows)])
