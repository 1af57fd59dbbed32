"""The Python client against the running api: what it reads, and how it goes on."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from clients.python.accord_client import Accord, Change, Problem, State
from services.api.app import create_app, make_sources
from shared.runtime.database import Pool
from shared.runtime.registry import Registry
from tests.api.stored import EVENTS, NOW, a_catalogue, store
from tests.integration.streaming import a_change, append, serving

pytestmark = pytest.mark.integration

FIRST = "acme-support/first-response-p1"


@pytest.fixture
async def address(database: Pool, database_url: str, tmp_path: Path) -> AsyncIterator[str]:
    catalogue = a_catalogue(tmp_path)
    await store(database_url, catalogue, EVENTS, now=NOW)
    sources = make_sources(pool=database, catalogue=catalogue, clock=lambda: NOW)
    async with serving(create_app(sources, Registry())) as served:
        yield served


async def test_everything_is_read_typed_and_exact(address: str) -> None:
    def read() -> None:
        with Accord(address) as accord:
            states = {own.sla_id: own for own in accord.states(level=["customer", "corporate"])}
            assert states[FIRST].value == Decimal("0.5")
            assert states[FIRST].counts["met"] == 1
            paged = [own.sla_id for own in accord.states(limit=1)]
            assert len(paged) == len(set(paged)) == 6
            one = accord.state(FIRST)
            assert one.explain is not None
            assert one.since.tzinfo is not None
            for sla_id in paged:
                assert accord.state(sla_id).sla_id == sla_id
            opened = [own for own in accord.breaches(open=True) if own.scope == "window"]
            assert opened[0].breach_id
            (clock, _) = accord.item("ticket", "T-2").clocks
            assert clock.elapsed_s == Decimal("9000.25")
            assert accord.item("ticket", "T 4/x").subject == "T 4/x"
            assert len([*accord.items("ticket")]) == 5
            windows = [*accord.values("everyone/response/globex/~")]
            assert all(own.revisions == [] for own in windows)

    await asyncio.to_thread(read)


async def test_many_states_come_at_once_each_with_what_is_wrong_with_it(address: str) -> None:
    def read() -> dict[str, State | Problem]:
        with Accord(address) as accord:
            return accord.batch([FIRST, "everyone/leeds"])

    found = await asyncio.to_thread(read)
    known, unknown = found[FIRST], found["everyone/leeds"]
    assert isinstance(known, State)
    assert isinstance(unknown, Problem)
    assert (unknown.kind, unknown.status) == ("unknown-sla-id", 404)


async def test_a_refusal_is_raised_with_its_kind(address: str) -> None:
    def read() -> None:
        with Accord(address) as accord:
            with pytest.raises(Problem, match="did you mean 'everyone/leads'") as refused:
                accord.state("everyone/leeds")
            assert refused.value.kind == "unknown-sla-id"

    await asyncio.to_thread(read)


async def test_what_was_read_before_is_asked_on_condition(address: str) -> None:
    statuses: list[int] = []

    def read() -> tuple[State, State]:
        http = httpx.Client(
            event_hooks={"response": [lambda answer: statuses.append(answer.status_code)]}
        )
        with Accord(address, http=http) as accord:
            return accord.state(FIRST), accord.state(FIRST)

    first, second = await asyncio.to_thread(read)
    assert statuses == [200, 304]
    assert first == second


async def test_a_stream_that_breaks_goes_on_after_the_last_change(
    address: str, database: Pool
) -> None:
    await append(database, *(a_change(number) for number in range(1, 8)))
    found: list[Change] = []

    def read() -> None:
        with Accord(address) as accord:
            # A stream of a second ends while changes are still to come.
            for change in accord.changes("2", seconds=1):
                found.append(change)
                if len(found) == 7:
                    return

    reading = asyncio.create_task(asyncio.to_thread(read))
    await asyncio.sleep(1.5)
    await append(database, a_change(8), a_change(9))
    async with asyncio.timeout(30):
        await reading
    assert [own.id for own in found] == [str(number) for number in range(3, 10)]
    assert {own.name for own in found} == {"state.changed"}


def test_a_server_that_ends_each_stream_at_once_is_asked_again_after_a_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bodies = ["", "", "id: 3\nevent: state.changed\ndata: {}\n\n"]
    http = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, text=bodies.pop(0)))
    )
    rests: list[float] = []
    monkeypatch.setattr("time.sleep", rests.append)
    with Accord("http://api", http=http) as accord:
        assert next(accord.changes()).id == "3"
    assert len(rests) == 2
    assert min(rests) > 0


def test_a_server_that_has_too_much_to_do_is_asked_again() -> None:
    answers = [
        httpx.Response(503, headers={"retry-after": "0"}, json={"type": "/problems/unavailable"}),
        httpx.Response(429, headers={"retry-after": "0"}, json={"type": "/problems/rate-limited"}),
        httpx.Response(200, json={"items": [], "next": None, "as_of": None}),
    ]
    http = httpx.Client(transport=httpx.MockTransport(lambda _: answers.pop(0)))
    with Accord("http://api", http=http) as accord:
        assert [*accord.states()] == []
    assert answers == []


def test_a_server_that_does_not_recover_is_given_up() -> None:
    http = httpx.Client(
        transport=httpx.MockTransport(
            lambda _: httpx.Response(
                503,
                headers={"retry-after": "0"},
                json={"type": "/problems/unavailable", "status": 503},
            )
        )
    )
    with Accord("http://api", http=http, attempts=2) as accord, pytest.raises(Problem) as refused:
        accord.state("a/b")
    assert (refused.value.kind, refused.value.retry_after_s) == ("unavailable", 0.0)
