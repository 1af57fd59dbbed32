"""Acknowledging a breach, once however often it is sent, and what bodies are refused."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.api.app import create_app, make_sources
from services.api.web.caller import Caller
from services.api.web.limits import BODY_BYTES_MAX
from services.evaluator import change_log
from shared.domain.instant import HOUR
from shared.runtime.config import driver_url
from shared.runtime.database import Pool, transaction
from tests.api.opened import Api, an_api
from tests.api.stored import NOW
from tests.integration.streaming import GivenCallers

pytestmark = pytest.mark.integration

JSON = {"content-type": "application/json"}
WRITE = frozenset({"read", "write"})


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with an_api(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def breach_id(api: Api) -> str:
    """The breach of an item."""
    (own,) = await api.items("/v1/breaches", scope="item", agreement="acme-support")
    return str(own["breach_id"])


def path(breach_id: str) -> str:
    return f"/v1/breaches/{breach_id}/acknowledgement"


async def test_an_acknowledged_breach_says_by_whom_when_and_what_was_said(
    api: Api, breach_id: str
) -> None:
    before = await api.items("/v1/breaches")
    assert [own["acknowledged"] for own in before] == [None] * len(before)
    answer = await api.http.post(path(breach_id), json={"note": "we call them"})
    assert answer.status_code == 201, answer.text
    said = {"at": "2026-03-02T12:00:00Z", "by": "everyone", "note": "we call them"}
    assert answer.json() == {"breach_id": breach_id, **said}
    after = {own["breach_id"]: own["acknowledged"] for own in await api.items("/v1/breaches")}
    assert after.pop(breach_id) == said
    assert set(after.values()) == {None}


async def test_who_acknowledges_a_second_time_is_told_who_was_first(
    api: Api, breach_id: str
) -> None:
    assert (await api.http.post(path(breach_id), json={})).status_code == 201
    again = await api.http.post(path(breach_id), json={"note": "me too"})
    assert again.status_code == 409
    assert again.json()["type"] == "/problems/already-acknowledged"
    assert "by 'everyone' at 2026-03-02T12:00:00Z" in again.json()["detail"]


async def test_a_breach_that_does_not_stand_cannot_be_acknowledged(
    api: Api, breach_id: str, database: Pool
) -> None:
    await database.execute("UPDATE breach SET withdrawn_at = 1 WHERE breach_id = $1", breach_id)
    for own in (breach_id, "nothing", "x" * 64):
        answer = await api.http.post(path(own), json={})
        assert answer.json()["type"] == "/problems/unknown-breach"
    assert (await api.http.post(path("x" * 65), json={})).status_code == 422


async def test_the_same_write_under_a_key_has_one_answer_at_once_and_later(
    api: Api, breach_id: str, database: Pool
) -> None:
    headers = {"idempotency-key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}

    async def send(http: httpx.AsyncClient, note: str = "seen") -> httpx.Response:
        return await http.post(path(breach_id), json={"note": note}, headers=headers)

    answers = await asyncio.gather(*(send(api.http) for _ in range(12)))
    sources = make_sources(pool=database, catalogue=api.catalogue, clock=lambda: NOW + HOUR)
    restarted = httpx.ASGITransport(create_app(sources, CollectorRegistry()))
    async with httpx.AsyncClient(transport=restarted, base_url="http://api") as http:
        answers.append(await send(http))
        other = await send(http, "something else")
    assert {(own.status_code, own.content) for own in answers} == {(201, answers[0].content)}
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert await database.fetchval("SELECT count(*) FROM acknowledgement") == 1
    async with transaction(database) as connection:
        await change_log.prune(connection, now=NOW + change_log.ANSWERS_KEPT)
        assert await connection.fetchval("SELECT count(*) FROM idempotency") == 1
        await change_log.prune(connection, now=NOW + change_log.ANSWERS_KEPT + 1)
        assert await connection.fetchval("SELECT count(*) FROM idempotency") == 0


async def test_a_key_belongs_to_its_caller_and_to_one_path(
    api: Api, breach_id: str, database: Pool
) -> None:
    headers = {"idempotency-key": "k-1"}
    (window,) = await api.items("/v1/breaches", scope="window", agreement="everyone")
    first = await api.http.post(path(breach_id), json={}, headers=headers)
    beside = await api.http.post(path(str(window["breach_id"])), json={}, headers=headers)
    assert (first.status_code, beside.status_code) == (201, 201)
    sources = make_sources(pool=database, catalogue=api.catalogue, clock=lambda: NOW)
    gate = GivenCallers(database, Caller("another", WRITE))
    transport = httpx.ASGITransport(create_app(sources, CollectorRegistry(), gate))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        other = await http.post(path(breach_id), json={}, headers=headers)
    assert other.json()["type"] == "/problems/already-acknowledged"


async def test_a_write_that_was_refused_is_tried_again_under_its_key(
    api: Api, breach_id: str, database: Pool
) -> None:
    headers = {"idempotency-key": "k-1"}
    hide, show = "UPDATE breach SET withdrawn_at = 1", "UPDATE breach SET withdrawn_at = NULL"
    await database.execute(hide)
    assert (await api.http.post(path(breach_id), json={}, headers=headers)).status_code == 404
    await database.execute(show)
    assert (await api.http.post(path(breach_id), json={}, headers=headers)).status_code == 201


async def test_a_write_that_another_holds_up_is_refused_for_the_moment(
    api: Api, breach_id: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.web.idempotency.WAIT", "SET LOCAL lock_timeout = '50ms'")
    own = "INSERT INTO acknowledgement VALUES ($1, 1, 'another', '')"
    connection = await asyncpg.connect(driver_url(database_url))
    async with connection.transaction():
        await connection.execute(own, breach_id)
        answer = await api.http.post(path(breach_id), json={})
    await connection.close()
    assert answer.json()["type"] == "/problems/being-written"
    assert answer.headers["retry-after"] == "1"


async def test_a_key_that_is_none_is_refused(api: Api, breach_id: str) -> None:
    for key in ("", " ", "x" * 256, "a b", 'a"b', "é", '"', '"ab', 'ab"', "ab\xa0", "ab\x85"):
        sent = key.encode("latin-1")
        headers = [(b"idempotency-key", sent), (b"content-type", b"application/json")]
        answer = await api.http.post(path(breach_id), content=b"{}", headers=headers)
        assert answer.status_code == 400, key
        assert answer.json()["type"] == "/problems/invalid-idempotency-key"


REFUSED = [
    (b"", 400, "not-json", "empty"),
    (b'{"note": NaN}', 400, "not-json", "body"),
    (b'{"note": "a"', 400, "not-json", "body"),
    (b'{"note": "a"} {}', 400, "not-json", "body"),
    (b"[" * 60_000, 400, "not-json", "deep"),
    (b'{"note": ' + b"9" * 5_000 + b"}", 400, "not-json", "digits"),
    ('{"note": "é"}'.encode("latin-1"), 400, "not-json", "UTF-8"),
    ('{"note": "a"}'.encode("utf-16"), 400, "not-json", "UTF-8"),
    (b'\xef\xbb\xbf{"note": "a"}', 400, "not-json", "byte order mark"),
    (rb'{"note": "\ud800"}', 400, "not-json", "body"),
    (b'{"note": "a", "note": "b"}', 400, "not-json", "more than once"),
    (rb'{"note": "\u0000"}', 422, "invalid-body", "/note"),
    (b'{"note": 1}', 422, "invalid-body", "/note"),
    (b'{"note": null}', 422, "invalid-body", "/note"),
    (b'{"note": "' + b"x" * 2_001 + b'"}', 422, "invalid-body", "/note"),
    (b'{"by": "me", "note": "secret-1"}', 422, "invalid-body", "/by"),
    (b"[]", 422, "invalid-body", "the body"),
    (b'"text"', 422, "invalid-body", "the body"),
]


async def test_a_body_that_is_not_plainly_right_is_refused_and_not_repeated(
    api: Api, breach_id: str
) -> None:
    for body, status, kind, says in REFUSED:
        answer = await api.http.post(path(breach_id), content=body, headers=JSON)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}"), body
        assert says in answer.json()["detail"]
        assert "secret-1" not in answer.text
    assert all(own["acknowledged"] is None for own in await api.items("/v1/breaches"))


async def test_a_body_of_another_type_is_refused(api: Api, breach_id: str) -> None:
    for headers in (
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=utf-16"},
        {**JSON, "content-encoding": "gzip"},
    ):
        answer = await api.http.post(path(breach_id), content=b"{}", headers=headers)
        assert answer.status_code == 415, headers
        if "content-encoding" not in headers:
            assert answer.headers["accept-post"] == "application/json"


async def test_a_body_is_refused_as_soon_as_it_is_too_large(api: Api, breach_id: str) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 1024

    stated = await api.http.post(path(breach_id), content=b" " * (BODY_BYTES_MAX + 1), headers=JSON)
    assert stated.status_code == 413
    unstated = await api.http.post(path(breach_id), content=endless(), headers=JSON)
    assert unstated.status_code == 413
    assert sent <= BODY_BYTES_MAX // 1024 + 2
