"""Webhooks on a real database and real receivers: in order, signed, again until taken."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from standardwebhooks import Webhook

from services.api.app import create_app, make_sources
from services.api.web.caller import Caller
from services.api.webhooks import delivering, sending, store
from services.api.webhooks.addresses import Addresses
from services.api.webhooks.delivering import Deliverer
from services.evaluator import change_log
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
    ids,
    is_failing,
    is_redriven,
    is_released,
    made,
    receiving,
)
from tests.integration.streaming import GivenCallers, a_change, append

pytestmark = pytest.mark.integration

WRITE = frozenset({"read", "write"})
SHIFT = Caller("shift", WRITE)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "PAUSE_S", 0.02)
    monkeypatch.setattr(delivering, "WAITS", (SECOND // 50,))


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def app(database: Pool, tmp_path: Path) -> FastAPI:
    catalogue = a_catalogue(tmp_path)
    sources = make_sources(pool=database, catalogue=catalogue, clock=lambda: NOW)
    gate = GivenCallers(database)
    return create_app(sources, CollectorRegistry(), gate, addresses=Addresses(LOOPBACK))


@pytest.fixture
def asked_by(app: FastAPI) -> Callable[[Caller], httpx.AsyncClient]:
    return partial(asking, app)


@pytest.fixture
async def http(asked_by: Callable[[Caller], httpx.AsyncClient]) -> AsyncIterator[httpx.AsyncClient]:
    async with asked_by(SHIFT) as client:
        yield client


@pytest.fixture
def deliverer(database: Pool, registry: CollectorRegistry) -> Deliverer:
    return Deliverer(database, Addresses(LOOPBACK), registry)


async def test_changes_are_delivered_in_order_signed_and_each_once(
    http: httpx.AsyncClient, database: Pool, deliverer: Deliverer, registry: CollectorRegistry
) -> None:
    await append(database, a_change(0))  # before it was made: not for it
    async with receiving() as receiver, delivers(deliverer):
        own = await made(http, receiver.url)
        await append(database, *map(a_change, range(1, 6)))
        await until(lambda: has(receiver, 5))
        assert receiver.numbers == [1, 2, 3, 4, 5]
        for headers, body in receiver.taken:
            assert headers["content-type"] == "application/cloudevents+json"
            told = Webhook(own["secret"]).verify(body, headers)
            assert headers["webhook-id"] == told["id"]
        shown = (await http.get(f"{HOOKS}/{own['id']}")).json()
        assert (shown["state"], shown["position"], shown["attempts"]) == ("delivering", 6, 0)
        assert "secret" not in shown
        log = (await http.get(f"{HOOKS}/{own['id']}/deliveries")).json()["items"]
        assert [(line["seq"], line["status"]) for line in log] == [
            (number, 204) for number in (6, 5, 4, 3, 2)
        ]
    taken = registry.get_sample_value("accord_webhook_deliveries_total", {"outcome": "taken"})
    assert taken == 5


async def test_a_change_that_is_not_taken_is_sent_again_before_any_other(
    http: httpx.AsyncClient, database: Pool, deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as receiver, delivers(deliverer):
        own = await made(http, receiver.url)
        receiver.answers = [500, 302, 404, 204, 503, 200]
        await append(database, *map(a_change, range(3)))
        await until(lambda: has(receiver, 3))
        assert receiver.numbers == [0, 1, 2]
        log = (await http.get(f"{HOOKS}/{own['id']}/deliveries")).json()["items"]
        said = [(line["seq"], line["attempt"], line["status"]) for line in reversed(log)]
        assert said == [
            (1, 1, 500),
            (1, 2, 302),
            (1, 3, 404),
            (1, 4, 204),
            (2, 1, 503),
            (2, 2, 200),
            (3, 1, 204),
        ]
        receiver.late_s = 1
        with monkeypatch.context() as hasty:
            hasty.setattr(sending, "TOTAL_S", 0.5)
            await append(database, a_change(3))
            await until(lambda: is_failing(http, own["id"], "no answer within 0.5 s"))
        receiver.late_s = 0
        await until(lambda: ids(receiver, 4))


async def test_only_what_its_filters_ask_for_is_sent_and_what_its_owner_may_see(
    http: httpx.AsyncClient,
    asked_by: Callable[[Caller], httpx.AsyncClient],
    database: Pool,
    deliverer: Deliverer,
) -> None:
    async with (
        receiving() as filtered,
        receiving() as restricted,
        asked_by(Caller("globex", WRITE, frozenset({"globex"}))) as globex,
        delivers(deliverer),
    ):
        await made(http, filtered.url, type=["breach.opened"], customer=["acme"])
        await made(globex, restricted.url)
        await append(
            database,
            a_change(1),
            a_change(2, type="breach.opened"),
            a_change(3, type="breach.opened", customers='["globex"]'),
            a_change(4),
        )
        await until(lambda: all_passed(database))
        assert (filtered.numbers, restricted.numbers) == ([2], [3])


async def test_any_number_of_processes_deliver_each_change_once_between_them(
    http: httpx.AsyncClient, database: Pool
) -> None:
    several = [Deliverer(database, Addresses(LOOPBACK), CollectorRegistry()) for _ in range(3)]
    async with receiving() as receiver:
        for _ in range(4):
            await made(http, receiver.url)
        async with delivers(several[0]), delivers(several[1]), delivers(several[2]):
            for number in range(20):
                await append(database, a_change(number))
            await until(lambda: all_passed(database))
        numbers = receiver.numbers
    assert sorted(numbers) == sorted([*range(20)] * 4)


async def test_who_has_lost_its_lease_notes_nothing_more(
    http: httpx.AsyncClient, database: Pool
) -> None:
    own = await made(http, "http://127.0.0.1:9999/")
    await append(database, a_change(1))
    (first,) = await store.claim(database, "first", 5)
    assert await store.claim(database, "second", 5) == []
    await database.execute("UPDATE webhook SET leased_until = 1")
    (second,) = await store.claim(database, "second", 5)
    attempt = store.Attempt(1, "e-1", 1, 5, 204, None)
    for late in (
        store.delivered(database, first, attempt),
        store.passed(database, first, 1),
        store.failed(database, first, attempt, 1),
    ):
        with pytest.raises(store.LeaseLostError):
            await late
    await store.release(database, first)
    assert await store.claim(database, "third", 5) == []
    await store.delivered(database, second, attempt)
    assert await database.fetchval("SELECT count(*) FROM webhook_delivery") == 1
    assert (await http.delete(f"{HOOKS}/{own['id']}")).status_code == 204
    with pytest.raises(store.LeaseLostError):
        await store.passed(database, second, 1)


async def test_what_is_not_taken_for_a_day_is_dead_until_its_owner_has_it_sent_again(
    http: httpx.AsyncClient, database: Pool, deliverer: Deliverer
) -> None:
    async with receiving() as receiver:
        own = await made(http, receiver.url)
        receiver.answers = [503] * 1_000
        now = await store.now_of(database)
        await append(database, a_change(0), a_change(1), at=now - DAY - SECOND)
        await append(database, a_change(2), at=now)
        async with delivers(deliverer):
            await until(lambda: is_failing(http, own["id"], "HTTP 503"))
            assert (await http.get(f"{HOOKS}/{own['id']}/dead")).json()["items"] == []
            await database.execute("UPDATE webhook SET failing_since = $1", now - DAY)
            await until(lambda: has_dead(http, own["id"], 2))
            receiver.answers = []
            await until(lambda: has(receiver, 1))
            assert receiver.numbers == [2]  # what came later goes on
            page = (await http.get(f"{HOOKS}/{own['id']}/dead?limit=1")).json()
            assert [dead["event"]["number"] for dead in page["items"]] == [0]
            assert page["items"][0]["error"] == "HTTP 503"
            receiver.answers = [500]
            assert (await http.post(f"{HOOKS}/{own['id']}/dead/redrive")).json() == {"redriven": 2}
            await until(lambda: is_redriven(database))
            await until(lambda: has_dead(http, own["id"], 2))
            assert receiver.numbers == [2]
            assert (await http.post(f"{HOOKS}/{own['id']}/dead/redrive")).json() == {"redriven": 2}
            await until(lambda: has_dead(http, own["id"], 0))
        assert receiver.numbers == [2, 0, 1]


async def test_a_secret_is_shown_once_and_signs_along_for_a_day_when_it_is_exchanged(
    http: httpx.AsyncClient, database: Pool, deliverer: Deliverer
) -> None:
    async with receiving() as receiver, delivers(deliverer):
        own = await made(http, receiver.url)
        exchanged = (await http.post(f"{HOOKS}/{own['id']}/secret")).json()
        assert exchanged["secret"] != own["secret"]
        await append(database, a_change(1))
        await until(lambda: has(receiver, 1))
        headers, body = receiver.taken[0]
        for secret in (own["secret"], exchanged["secret"]):
            Webhook(secret).verify(body, headers)
        await until(lambda: is_released(database))  # a turn goes on with the secrets it began with
        await database.execute("UPDATE webhook SET former_until = 1")
        await append(database, a_change(2))
        await until(lambda: has(receiver, 2))
        assert len(receiver.taken[1][0]["webhook-signature"].split()) == 1
    listed = await http.get(HOOKS)
    assert "whsec_" not in listed.text


async def test_webhooks_are_their_owners_and_an_admins(
    http: httpx.AsyncClient, asked_by: Callable[[Caller], httpx.AsyncClient]
) -> None:
    own = await made(http, "http://127.0.0.1:9999/")
    async with (
        asked_by(Caller("other", WRITE)) as other,
        asked_by(Caller("boss", WRITE | {"admin"})) as boss,
    ):
        place = f"{HOOKS}/{own['id']}"
        for method, path in (
            ("GET", place),
            ("DELETE", place),
            ("POST", f"{place}/secret"),
            ("GET", f"{place}/deliveries"),
            ("GET", f"{place}/dead"),
            ("POST", f"{place}/dead/redrive"),
        ):
            answer = await other.request(method, path)
            assert answer.json()["type"] == "/problems/unknown-webhook", path
        assert (await other.get(HOOKS)).json()["items"] == []
        assert [found["id"] for found in (await boss.get(HOOKS)).json()["items"]] == [own["id"]]
        assert (await boss.delete(place)).status_code == 204
    assert (await http.get(place)).status_code == 404


async def test_a_webhook_is_made_once_under_a_key_and_not_without_end(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.webhooks.owned.WEBHOOKS_MAX", 2)
    body, headers = {"url": "http://127.0.0.1:9999/"}, {"idempotency-key": "k"}
    first, again = [await http.post(HOOKS, json=body, headers=headers) for _ in range(2)]
    assert first.json() == again.json()
    found = await asyncio.gather(*(http.post(HOOKS, json=body) for _ in range(3)))
    assert sorted(answer.status_code for answer in found) == [201, 409, 409]
    page = (await http.get(f"{HOOKS}?limit=1")).json()
    rest = (await http.get(HOOKS, params={"limit": 1, "cursor": page["next"]})).json()
    assert len(page["items"] + rest["items"]) == 2
    assert rest["next"] is None


REFUSED: list[tuple[dict[str, object], str, str]] = [
    ({"url": "http://10.0.0.1/"}, "webhook-url", "/url"),
    ({"url": "https://169.254.169.254/latest"}, "webhook-url", "/url"),
    ({}, "invalid-body", "/url"),
    ({"url": "https://a.example", "type": ["breach"]}, "invalid-body", "/type/0"),
    ({"url": "https://a.example", "owner": "boss"}, "invalid-body", "/owner"),
    ({"url": "https://a.example", "level": "customer"}, "invalid-body", "/level"),
    ({"url": "https://a.example", "agreement": ["a"] * 101}, "invalid-body", "/agreement"),
]


async def test_what_cannot_be_a_webhook_is_refused(http: httpx.AsyncClient) -> None:
    for body, kind, pointer in REFUSED:
        answer = await http.post(HOOKS, json=body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["type"] == f"/problems/{kind}"
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_what_nobody_had_sent_again_is_let_go_of_after_a_month(database: Pool) -> None:
    dead = "INSERT INTO webhook_dead VALUES ('w', 1, 'e-1', 'state.changed', '{}', $1, 'gone')"
    await database.execute(dead, NOW)
    count = "SELECT count(*) FROM webhook_dead"
    async with transaction(database) as connection:
        await change_log.prune(connection, now=NOW + change_log.DEAD_KEPT)
        assert await connection.fetchval(count) == 1
        await change_log.prune(connection, now=NOW + change_log.DEAD_KEPT + 1)
        assert await connection.fetchval(count) == 0
