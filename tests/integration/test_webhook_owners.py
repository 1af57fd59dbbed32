"""A webhook gets what its owner may see when it is sent: nothing, once the key has ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.api.access import key_store
from services.api.access.key_store import Wish
from services.api.app import create_app, make_sources
from services.api.web.caller import Caller
from services.api.webhooks import delivering, store
from services.api.webhooks.addresses import Addresses
from services.api.webhooks.delivering import Deliverer
from shared.domain.instant import DAY, SECOND
from shared.runtime.database import Pool, transaction
from tests.api.stored import NOW, a_catalogue
from tests.integration.evaluating import until
from tests.integration.receiving import (
    HOOKS,
    LOOPBACK,
    all_passed,
    asking,
    delivers,
    has,
    has_dead,
    is_redriven,
    made,
    receiving,
)
from tests.integration.streaming import GivenCallers, a_change, append

pytestmark = pytest.mark.integration

WRITE = frozenset({"read", "write"})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "PAUSE_S", 0.02)
    monkeypatch.setattr(delivering, "WAITS", (SECOND // 50,))


@pytest.fixture
def app(database: Pool, tmp_path: Path) -> FastAPI:
    sources = make_sources(pool=database, catalogue=a_catalogue(tmp_path), clock=lambda: NOW)
    gate = GivenCallers(database)
    return create_app(sources, CollectorRegistry(), gate, addresses=Addresses(LOOPBACK))


@pytest.fixture
def deliverer(database: Pool) -> Deliverer:
    return Deliverer(database, Addresses(LOOPBACK), CollectorRegistry())


async def test_nothing_is_sent_for_a_key_that_has_ended_and_one_that_replaces_it_has_its_webhooks(
    app: FastAPI, database: Pool, deliverer: Deliverer
) -> None:
    wish = Wish(name="pager", scopes=["write"])
    async with transaction(database) as owner:
        several = [(await key_store.create(owner, wish, by="mira"))[0] for _ in range(3)]
    async with receiving() as revoked, receiving() as rotated, receiving() as kept:
        for key, receiver in zip(several, (revoked, rotated, kept), strict=True):
            async with asking(app, Caller(f"key:{key}", WRITE)) as client:
                await made(client, receiver.url)
        async with transaction(database) as owner:
            await key_store.revoke(owner, several[0], by="mira")
            new, _ = await key_store.rotate(owner, several[1], by="mira", overlap=0)
        await append(database, a_change(1))
        async with delivers(deliverer):
            await until(lambda: has(rotated, 1))
            await until(lambda: has(kept, 1))
        assert revoked.numbers == []
        async with asking(app, Caller(f"key:{new}", WRITE)) as client:
            assert len((await client.get(HOOKS)).json()["items"]) == 1


@asynccontextmanager
async def a_pager(
    app: FastAPI, database: Pool, *customers: str
) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    """A new key for these customers: its id, and its client as of now."""
    wish = Wish(name="pager", scopes=["write"], customers=customers)
    async with transaction(database) as owner:
        key, _ = await key_store.create(owner, wish, by="mira")
    async with asking(app, Caller(f"key:{key}", WRITE, frozenset(customers))) as client:
        yield key, client


async def test_what_is_sent_is_what_the_owners_key_shows_today(
    app: FastAPI, database: Pool, deliverer: Deliverer
) -> None:
    change = "UPDATE api_key SET customers = $2 WHERE id = $1"
    async with receiving() as receiver, a_pager(app, database, "acme", "globex") as own:
        key, client = own
        await made(client, receiver.url)

        async def tell(*numbers: int) -> None:
            about = ('["acme"]', '["globex"]', '["umbrella"]')
            told = zip(numbers, about, strict=True)
            await append(database, *(a_change(n, customers=whom) for n, whom in told))
            async with delivers(deliverer):
                await until(lambda: all_passed(database))

        await tell(1, 2, 3)
        await database.execute(change, key, ["globex"])
        await tell(4, 5, 6)
        await database.execute(change, key, None)
        await tell(7, 8, 9)
        assert receiver.numbers == [1, 2, 5, 7, 8, 9]
        await database.execute("DELETE FROM api_key")
        await append(database, a_change(10))
        assert await store.claim(database, "any", 5) == []


async def test_a_dead_list_shows_and_sends_again_what_its_owner_may_see_today(
    app: FastAPI, database: Pool, deliverer: Deliverer
) -> None:
    async with receiving() as receiver, a_pager(app, database, "acme", "globex") as own:
        key, client = own
        hook = (await made(client, receiver.url))["id"]
        receiver.answers = [503] * 1_000
        now = await store.now_of(database)
        several = [a_change(n, customers=f'["{who}"]') for n, who in enumerate(("acme", "globex"))]
        await append(database, *several, at=now - DAY - SECOND)
        await database.execute("UPDATE webhook SET failing_since = $1", now - DAY)
        async with delivers(deliverer):
            await until(lambda: has_dead(client, hook, 2))
        receiver.answers = []
        # As a version before has put it there: the log still says whom it is about.
        await database.execute("UPDATE webhook_dead SET customers = NULL WHERE seq = 2")
        await database.execute("UPDATE api_key SET customers = '{globex}' WHERE id = $1", key)

        place = f"{HOOKS}/{hook}/dead"
        async with asking(app, Caller(f"key:{key}", WRITE, frozenset({"globex"}))) as today:
            shown = (await today.get(place)).json()["items"]
            assert [dead["event"]["number"] for dead in shown] == [1]
            assert (await today.post(f"{place}/redrive")).json() == {"redriven": 1}
        # It was narrowed after somebody had asked for them.
        await database.execute("UPDATE webhook_dead SET redriven = true")
        async with delivers(deliverer):
            await until(lambda: is_redriven(database))
        assert receiver.numbers == [1]
        await database.execute("UPDATE webhook_dead SET customers = NULL")
        for customers, count in ((None, 1), (frozenset({"acme"}), 1)):
            async with asking(app, Caller(f"key:{key}", WRITE, customers)) as client:
                assert len((await client.get(place)).json()["items"]) == count
        await database.execute("DELETE FROM change")
        for customers, count in ((None, 1), (frozenset({"acme"}), 0)):
            async with asking(app, Caller(f"key:{key}", WRITE, customers)) as client:
                assert len((await client.get(place)).json()["items"]) == count
