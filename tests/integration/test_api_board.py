"""What is kept in memory of states is what the database has, whatever happens to it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.api.app import create_app, make_sources
from services.api.board.board import Board
from services.api.board.sources import Sources
from shared.domain.event import Event
from shared.domain.instant import HOUR, MINUTE, SECOND
from shared.runtime.database import Pool
from tests.integration.evaluating import DOCUMENTS, at, catalogue, event
from tests.integration.stepping import Stepping

pytestmark = pytest.mark.integration

ROLLING = """
    - name: often
      kpi: new-leads
      target: {atLeast: 1}
      window: {rolling: PT3H, step: PT1H}
      groupBy: [team]
"""
SAME = {"x-request-id": "same"}
BEGIN = at("03-02T08:00")
ASKED = (
    "/v1/states",
    "/v1/states?limit=2",
    "/v1/states?limit=2&sort=-sla_id",
    "/v1/states?state=breached&state=ok&level=customer",
    "/v1/states?sla_id=acme/response-by-team/red&sla_id=acme/leads",
    "/v1/states?customer=acme&service=x",
    "/v1/states/acme/response",
    "/v1/states/acme/response-by-team/red",
    "/v1/states/acme/often/blue",
    "/v1/states/acme/leads",
)


@asynccontextmanager
async def looking(board: Board) -> AsyncIterator[None]:
    """Look at the database for who asks."""
    stopping = asyncio.Event()
    running = asyncio.ensure_future(board.renew_until(stopping))
    await asyncio.sleep(0.05)
    yield
    stopping.set()
    await running


@dataclass
class Both:
    """The same app twice: one has a board, the other asks the database."""

    sources: Sources
    remembering: httpx.AsyncClient
    reading: httpx.AsyncClient

    async def compare(self) -> None:
        """Ask both the same."""
        for path in ASKED:
            known = await self.remembering.get(path, headers=SAME)
            read = await self.reading.get(path, headers=SAME)
            assert known.content == read.content, path
            assert known.status_code == read.status_code
            assert known.headers.get("etag") == read.headers.get("etag"), path
            assert known.headers.get("link") == read.headers.get("link"), path


@pytest.fixture
def stepping(database: Pool, tmp_path: Path) -> Stepping:
    return Stepping(database, catalogue(DOCUMENTS + ROLLING, tmp_path), BEGIN)


@pytest.fixture
async def both(database: Pool, stepping: Stepping) -> AsyncIterator[Both]:
    made = make_sources(
        pool=database, catalogue=stepping.catalogue, clock=lambda: stepping.now + SECOND
    )
    other = replace(made, board=Board(database, made.in_use))
    clients = [
        httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(own, CollectorRegistry())), base_url="http://a"
        )
        for own in (made, other)
    ]
    async with looking(made.board):
        yield Both(made, *clients)
    for client in clients:
        await client.aclose()


def some_events(chance: random.Random, stepping: Stepping, number: int) -> list[Event]:
    """A ticket and a lead that begin, or an end, or that something did not happen after all."""
    time = f"{(stepping.now - chance.randrange(3 * HOUR) - BEGIN) // MINUTE}"
    minutes = max(0, int(time))
    text = f"03-{2 + minutes // 1440 + (480 + minutes % 1440) // 1440:02}"
    clock = (480 + minutes) % 1440
    at_text = f"{text}T{clock // 60:02}:{clock % 60:02}"
    team = chance.choice(["red", "blue", "green"])
    known = [own.subject for own in stepping.events if own.type == "ticket.created"]
    begun = [
        event("ticket.created", f"T-{number}", at_text, team=team),
        event("lead.created", f"L-{number}", at_text, team=team),
    ]
    if known and chance.random() < 0.5:
        begun.append(event("ticket.replied", chance.choice(known), at_text, id_=f"r-{number}"))
    return begun


@pytest.mark.parametrize("seed", range(3))
async def test_states_in_memory_are_those_of_the_database_after_every_step(
    both: Both, stepping: Stepping, seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's
    await both.compare()
    await stepping.start()
    other = catalogue(DOCUMENTS.replace("atLeast: 2", "atLeast: 3"), tmp_path)
    for number in range(25):
        step = chance.choice(["fold", "fold", "prove", "judge", "judge"])
        if step == "fold":
            await stepping.fold(some_events(chance, stepping, number))
        elif step == "prove":
            stepping.now += chance.choice([SECOND, MINUTE, HOUR, 26 * HOUR])
            await stepping.prove()
        else:
            await stepping.judge(times=1)
        if number == 18:
            await stepping.start(other)
        if chance.random() < 0.8:
            await both.compare()
    await stepping.judge()
    await both.compare()
    assert len((await both.remembering.get("/v1/states")).json()["items"]) > 2


async def test_a_row_that_is_deleted_leaves_the_memory(
    both: Both, stepping: Stepping, database: Pool
) -> None:
    await stepping.start()
    await stepping.fold([event("ticket.created", "T-1", "03-02T07:00", team="red")])
    stepping.now += MINUTE
    await stepping.prove()
    await stepping.judge()
    async with database.acquire() as connection, connection.transaction():
        await connection.execute("DELETE FROM value WHERE objective = 'acme/response-by-team'")
        await connection.execute("UPDATE judgement SET as_of = as_of")
    await both.compare()


async def test_where_there_are_too_many_states_the_database_is_asked(
    both: Both, stepping: Stepping, database: Pool
) -> None:
    await stepping.start()
    await stepping.fold(
        [event("ticket.created", f"T-{team}", "03-02T07:00", team=team) for team in "abc"]
    )
    stepping.now += MINUTE
    await stepping.prove()
    await stepping.judge()
    for rows_max, is_kept in ((3, False), (100, True)):
        board = Board(database, both.sources.in_use, rows_max=rows_max)
        async with looking(board):
            assert (await board.look() is not None) is is_kept


async def test_an_answer_is_of_a_moment_after_its_question(
    both: Both, stepping: Stepping, database: Pool
) -> None:
    await stepping.start()
    await stepping.prove()
    await stepping.judge()
    for number in range(20):
        await database.execute(
            "UPDATE partition_progress SET evaluation_time = evaluation_time + $1", SECOND
        )
        known, read = await asyncio.gather(
            both.remembering.get("/v1/states", headers=SAME),
            both.reading.get("/v1/states", headers=SAME),
        )
        assert known.content == read.content, number


async def test_while_nothing_is_committed_the_picture_stays(both: Both, database: Pool) -> None:
    board = both.sources.board
    first = await board.look()
    assert first is not None
    assert await board.look() is first
    await database.execute("UPDATE partition_progress SET proven = proven")
    await database.execute("CREATE TABLE other (id int)")
    assert await board.look() is not first


async def test_who_asks_while_nobody_looks_is_told_to_ask_the_database(both: Both) -> None:
    assert await Board(both.sources.pool, both.sources.in_use).look() is None
