"""`GET /v1/stream` on a real database: each change once, in order, whatever happens between."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Scope

from services.api.app import create_app, make_sources
from services.api.stream import change_feed, event_stream
from services.api.web.caller import Caller
from services.api.web.problems import Refusal
from services.evaluator import change_log
from shared.runtime.database import Pool, create_pool, transaction
from tests.api.stored import NOW, a_catalogue
from tests.integration.evaluating import until
from tests.integration.streaming import GivenCallers, Reader, a_change, append, serving

pytestmark = pytest.mark.integration

READ = frozenset({"read"})


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def make_app(database: Pool, tmp_path: Path, registry: CollectorRegistry) -> Callable[..., FastAPI]:
    catalogue = a_catalogue(tmp_path)

    def make(own: CollectorRegistry = registry, caller: Caller | None = None) -> FastAPI:
        sources = make_sources(pool=database, catalogue=catalogue, clock=lambda: NOW)
        return create_app(sources, own, GivenCallers(database, caller))

    return make


@pytest.fixture
def app(make_app: Callable[..., FastAPI]) -> FastAPI:
    return make_app()


@pytest.fixture
async def base(app: FastAPI) -> AsyncIterator[str]:
    async with serving(app) as address:
        yield address


async def test_a_reader_without_an_id_gets_what_comes_from_now_on(
    app: FastAPI, base: str, database: Pool, registry: CollectorRegistry
) -> None:
    await append(database, a_change(1))
    reader = Reader()
    await until(lambda: _is_known(app, 1))
    reading = asyncio.create_task(reader.read(base, until=2))
    await until(lambda: _open(registry, 1))
    await append(database, a_change(2), a_change(3))
    await reading
    assert [(own.id, own.type, own.data["number"]) for own in reader.told] == [
        (2, "state.changed", 2),
        (3, "state.changed", 3),
    ]
    await until(lambda: _open(registry, 0))


async def test_a_reader_that_was_told_nothing_yet_goes_on_where_its_stream_began(
    app: FastAPI, base: str, database: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await append(database, a_change(1))
    await until(lambda: _is_known(app, 1))
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.1)
    reader = Reader()
    await reader.read(base, until_comment=True)
    assert (reader.told, reader.last) == ([], "1")
    await append(database, a_change(2))
    await reader.read(base, until=1)
    assert [own.id for own in reader.told] == [2]


async def test_readers_that_come_and_go_while_several_append_miss_and_repeat_nothing(
    base: str, database: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_feed, "RECENT", 20)  # what is older is read from the log
    monkeypatch.setattr(event_stream, "BATCH", 7)
    total = 90

    async def write(first: int) -> None:
        for number in range(first, total, 3):
            await append(database, a_change(number))

    async def read(seed: int) -> Reader:
        random, reader = Random(seed), Reader(last="0")  # noqa: S311 - no secret
        while len(reader.told) < total:
            await reader.read(base, until=min(total, len(reader.told) + random.randrange(1, 30)))
        return reader

    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(read(seed)) for seed in range(4)]
        for first in range(3):
            group.create_task(write(first))
    told = [[own.id for own in reader.result().told] for reader in readers]
    assert told == [list(range(1, total + 1))] * 4
    numbers = [own.data["number"] for own in readers[0].result().told]
    assert sorted(map(str, numbers)) == sorted(map(str, range(total)))


async def test_an_appender_that_is_given_up_takes_no_number_with_it(database: Pool) -> None:
    async with transaction(database) as first:
        assert await change_log.take_turn(first)
        async with transaction(database) as second:
            assert not await change_log.take_turn(second)
        await change_log.append(first, [a_change(1)])

    async def append_in_vain() -> None:
        async with transaction(database) as lost:
            assert await change_log.take_turn(lost)
            await change_log.append(lost, [a_change(2)])
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await append_in_vain()
    await append(database, a_change(3))
    rows = await database.fetch("SELECT seq, event_id FROM change ORDER BY seq")
    assert [tuple(row) for row in rows] == [(1, "e-1"), (2, "e-3")]


async def test_the_last_id_may_be_in_the_query_and_the_header_comes_first(
    base: str, database: Pool
) -> None:
    await append(database, *map(a_change, range(1, 6)))
    reader = Reader()
    await reader.read(base, until=2, asked={"last_event_id": "3"})
    assert [own.id for own in reader.told] == [4, 5]
    # A browser keeps the address and sends the header.
    await append(database, a_change(6))
    await reader.read(base, until=3, asked={"last_event_id": "3"})
    assert [own.id for own in reader.told] == [4, 5, 6]


async def test_an_id_that_is_none_is_refused(base: str) -> None:
    async with httpx.AsyncClient(base_url=base) as http:
        for id_ in ("abc", "-1", "1.0", "9" * 30, "²"):
            answer = await http.get("/v1/stream", headers=[(b"last-event-id", id_.encode())])
            assert answer.status_code == 422, answer.text
            assert "Last-Event-ID" in answer.json()["detail"]
            asked = {"last_event_id": id_}
            assert (await http.get("/v1/stream", params=asked)).status_code == 422


FILTERS: list[tuple[dict[str, str], list[int]]] = [
    ({"type": "breach.opened"}, [2]),
    ({"agreement": "everyone"}, [3, 4]),
    ({"objective": "leads"}, [3]),
    ({"sla_id": "everyone/response/globex/a%2Fb%20c"}, [4]),
    ({"customer": "globex"}, [4]),
    ({"level": "corporate"}, [3, 4]),
    ({"level": "corporate", "customer": "globex", "type": "breach.opened"}, []),
    ({}, [1, 2, 3, 4]),
]


async def test_filters_are_those_of_the_lists(
    base: str, database: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.1)
    await _append_several(database)
    for asked, ids in FILTERS:
        reader = Reader(last="0")
        await _read_up_to(reader, base, asked, "4")
        assert [own.id for own in reader.told] == ids, asked


async def test_a_caller_for_one_customer_is_told_of_no_other(
    make_app: Callable[..., FastAPI], database: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.1)
    await _append_several(database)
    caller = Caller("globex", READ, frozenset({"globex"}))
    async with serving(make_app(caller=caller)) as base:
        asked: dict[str, str]
        for asked in ({}, {"customer": "acme"}, {"agreement": "everyone"}):
            reader = Reader(last="0")
            await _read_up_to(reader, base, asked, "4")
            assert [own.id for own in reader.told] == ([] if "customer" in asked else [4])


async def _read_up_to(reader: Reader, base: str, asked: Mapping[str, str], last: str) -> None:
    """Read until that was passed by: what was appended is read a moment later."""
    async with asyncio.timeout(20):
        while reader.last != last:
            reader.comments = 0
            await reader.read(base, asked=asked, until_comment=True)


async def _append_several(pool: Pool) -> None:
    of_everyone = {"level": "corporate", "customers": '["everyone"]'}
    await append(
        pool,
        a_change(1),
        a_change(2, type="breach.opened"),
        a_change(3, objective="everyone/leads", **of_everyone),
        a_change(
            4,
            objective="everyone/response",
            grp='["globex","a/b c"]',
            level="corporate",
            customers='["globex"]',
        ),
    )


async def test_a_reader_that_comes_too_late_is_told_so_and_stays(base: str, database: Pool) -> None:
    week = change_log.KEPT
    await append(database, *map(a_change, range(1, 5)), at=NOW - week - 1)
    await append(database, a_change(5), at=NOW - week)
    async with transaction(database) as connection:
        assert not await change_log.prune(connection, now=NOW)
    await asyncio.sleep(2 * change_feed.POLL_S)
    in_time, late, foreign = Reader(last="4"), Reader(last="3"), Reader(last="70")
    await in_time.read(base, until=1)
    assert [(own.id, own.type) for own in in_time.told] == [(5, "state.changed")]
    reading = [asyncio.create_task(reader.read(base, until=2)) for reader in (late, foreign)]
    await until(lambda: _both(late, foreign))
    await append(database, a_change(6))
    await asyncio.gather(*reading)
    for reader in (late, foreign):
        assert [(own.id, own.type) for own in reader.told] == [
            (5, "reset"),
            (6, "state.changed"),
        ]
        assert reader.told[0].data["kept_from"] == 5


async def test_a_process_that_is_behind_another_knows_that_it_is(
    database: Pool, make_app: Callable[..., FastAPI]
) -> None:
    app = make_app()
    await app.state.feed.ready()
    await append(database, a_change(1))  # another process has read and sent it
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        answer = await http.get("/v1/stream?last_event_id=1&seconds=1")
    assert "reset" not in answer.text


async def test_a_comment_comes_while_nothing_changes_with_the_id_passed_by(
    base: str, database: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.1)
    await append(database, a_change(1))
    reader = Reader(last="0")
    await _read_up_to(reader, base, {"agreement": "nobody"}, "1")
    assert reader.told == []


async def test_a_reader_that_takes_nothing_is_let_go_of_and_holds_nobody_up(
    base: str,
    database: Pool,
    registry: CollectorRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_stream, "STALL_S", 0.5)
    place = urlsplit(base)
    with socket.create_connection((place.hostname, place.port or 0)) as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(b"GET /v1/stream?last_event_id=0 HTTP/1.1\r\nhost: a\r\n\r\n")
        await until(lambda: _open(registry, 1))
        large = a_change(0)._replace(body='{"number":"' + "x" * 60_000 + '"}')
        reader = Reader(last="0")
        reading = asyncio.create_task(reader.read(base, until=300))
        for _ in range(10):
            await append(database, *[large] * 30)
        await reading
        await until(lambda: _ended(registry, "slow", 1))
    assert [own.id for own in reader.told] == list(range(1, 301))


async def test_streams_end_when_the_process_stops_and_go_on_at_another(
    make_app: Callable[..., FastAPI], database: Pool, registry: CollectorRegistry
) -> None:
    reader = Reader(last="0")
    async with serving(make_app()) as base:
        reading = asyncio.create_task(reader.read(base))
        await append(database, a_change(1))
        await until(lambda: _told(reader, 1))
    await reading  # it ended in order: no error
    assert registry.get_sample_value("accord_http_streams_ended_total", {"reason": "stopped"}) == 1
    await append(database, a_change(2))
    async with serving(make_app(CollectorRegistry())) as base:
        await reader.read(base, until=2)
    assert [own.id for own in reader.told] == [1, 2]


async def test_a_database_that_goes_away_for_a_moment_costs_no_reader_anything(
    base: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_feed, "RETRY_S", 0.05)
    reader = Reader(last="0")
    reading = asyncio.create_task(reader.read(base, until=20))
    async with await create_pool(database_url, service="relay") as relay:
        for number in range(20):
            await append(relay, a_change(number))
            await relay.execute(_END_THE_API)
            await asyncio.sleep(0.02)
    await reading
    assert [own.id for own in reader.told] == list(range(1, 21))


_END_THE_API = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'accord-test'
"""


async def test_streams_are_counted_and_not_timed_and_a_head_ends_at_once(
    base: str, registry: CollectorRegistry
) -> None:
    async with httpx.AsyncClient(base_url=base) as http:
        answer = await http.head("/v1/stream")
    assert answer.headers["cache-control"] == "no-store"
    await Reader().read(base, asked={"seconds": "1"})
    own = {"method": "GET", "route": "/v1/stream"}
    counted = registry.get_sample_value("accord_http_requests_total", {**own, "status": "200"})
    assert counted == 1
    name = "accord_http_request_duration_seconds_count"
    assert registry.get_sample_value(name, own) is None


async def test_a_stream_ends_soon_after_the_credential_of_its_reader_does(
    database: Pool, tmp_path: Path, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(event_stream, "CHECK_S", 0.05)
    sources = make_sources(pool=database, catalogue=a_catalogue(tmp_path), clock=lambda: NOW)
    said = ""

    class Ending(GivenCallers):
        async def caller(self, scope: Scope) -> Caller:
            if said:
                raise Refusal(kind=said, detail="no such key")
            return await super().caller(scope)

    async with serving(create_app(sources, registry, Ending(database))) as base:
        reader = Reader()
        reading = asyncio.create_task(reader.read(base, asked={"seconds": "60"}))
        await until(lambda: has_comments(reader, 2))
        said, seen = "unavailable", reader.comments
        await until(lambda: has_comments(reader, seen + 4))  # nobody can say that it has ended
        said = "unauthenticated"
        await asyncio.wait_for(reading, 5)
    name = "accord_http_streams_ended_total"
    assert registry.get_sample_value(name, {"reason": "refused"}) == 1


async def has_comments(reader: Reader, count: int) -> bool:
    """Whether the reader has seen so many comments."""
    return reader.comments >= count


async def test_more_streams_than_are_allowed_are_refused_with_when_to_come(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.stream.stream.STREAMS_MAX", 0)
    async with httpx.AsyncClient(base_url=base) as http:
        answer = await http.get("/v1/stream")
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("too-many-streams")
    assert answer.headers["retry-after"] == "5"


async def _is_known(app: FastAPI, seq: int) -> bool:
    return bool(app.state.feed.last == seq)


async def _open(registry: CollectorRegistry, count: int) -> bool:
    return registry.get_sample_value("accord_http_streams_open") == count


async def _ended(registry: CollectorRegistry, reason: str, count: int) -> bool:
    name = "accord_http_streams_ended_total"
    return registry.get_sample_value(name, {"reason": reason}) == count


async def _told(reader: Reader, count: int) -> bool:
    return len(reader.told) >= count


async def _both(*readers: Reader) -> bool:
    return all(len(reader.told) == 1 for reader in readers)
