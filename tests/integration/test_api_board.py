"""What is kept in memory of states is what the database has, whatever happens to it."""

import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.api.app import create_app, make_sources
from services.api.board import board
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


@dataclass
class Both:
    """The same app twice: one has a board, the other asks the database."""

    sources: Sources
    remembering: httpx.AsyncClient
    reading: httpx.AsyncClient

    async def look(self) -> None:
        """Renew the board."""
        async with self.sources.pool.acquire() as connection:
            await self.sources.board.renew(connection)

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
    await both.look()
    await both.compare()
    await stepping.start()
    other = catalogue(DOCUMENTS.replace("atLeast: 2", "atLeast: 3"), tmp_path)
    for number in range(25):
        step = chance.choice(["fold", "fold", "prove", "judge", "judge", "look"])
        if step == "fold":
            await stepping.fold(some_events(chance, stepping, number))
        elif step == "prove":
            stepping.now += chance.choice([SECOND, MINUTE, HOUR, 26 * HOUR])
            await stepping.prove()
        elif step == "judge":
            await stepping.judge(times=1)
        if number == 18:
            await stepping.start(other)
        if chance.random() < 0.8:
            await both.look()
            await both.compare()
    await stepping.judge()
    await both.look()
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
    await both.look()
    async with database.acquire() as connection, connection.transaction():
        await connection.execute("DELETE FROM value WHERE objective = 'acme/response-by-team'")
        await connection.execute("UPDATE judgement SET as_of = as_of")
    await both.look()
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
        async with database.acquire() as connection:
            await board.renew(connection)
        assert (board.look() is not None) is is_kept


async def test_a_look_that_takes_long_is_followed_by_the_next_before_the_picture_is_old(
    both: Both, database: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "SHARE", 1_000_000)
    async with database.acquire() as connection:
        pause = await both.sources.board.renew(connection)
    assert pause <= board.OLDEST_S / 2
    later = time.monotonic() + 2 * board.OLDEST_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert both.sources.board.look() is None


async def test_a_picture_of_an_earlier_moment_is_not_shown_after_a_later_one(both: Both) -> None:
    board = both.sources.board
    await both.look()
    assert board.look() is not None
    answer = await both.remembering.get("/v1/states?window=2026-03-01T00:00:00Z")
    assert answer.status_code == 200
    assert board.look() is None
    await both.look()
    assert board.look() is not None
