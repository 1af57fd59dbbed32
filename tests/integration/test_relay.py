"""The relay and a Kafka client that goes wrong: announcements go on with another one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaError, OutOfOrderSequenceNumber
from prometheus_client import CollectorRegistry

from services.evaluator import relay
from services.evaluator.figures import Figures
from services.evaluator.generations import Generations
from services.evaluator.relay import Relay
from shared.runtime import advisory_locks
from shared.runtime.database import Pool, create_pool
from tests.integration.evaluating import until

pytestmark = pytest.mark.integration

EVENTS = [b"first", b"second"]


class Client:
    """A producer that takes everything, or fails, or says nothing any more."""

    def __init__(self, failure: KafkaError | None = None, *, mute: bool = False) -> None:
        self._failure = failure
        self._mute = mute
        self.taken: list[bytes] = []
        self.stopped = False

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Disconnect."""
        self.stopped = True

    async def send(self, _topic: str, *, value: bytes, **_: object) -> "asyncio.Future[None]":
        """Take one."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._failure is not None:
            future.set_exception(self._failure)
        elif not self._mute:
            self.taken.append(value)
            future.set_result(None)
        return future


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await create_pool(database_url, service="test", size_max=3)
    await opened.executemany("INSERT INTO outbox (key, event) VALUES ('k', $1)", zip(EVENTS))
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    "broken", [lambda: Client(OutOfOrderSequenceNumber()), lambda: Client(mute=True)]
)
async def test_a_client_that_failed_is_replaced(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, broken: Callable[[], Client]
) -> None:
    monkeypatch.setattr(relay, "SEND_S", 0.2)
    monkeypatch.setattr(relay, "RETRY_S", 0.01)
    first, second = broken(), Client()
    waiting = iter([first, second])
    own = Relay(
        pool,
        lambda: next(waiting),
        cast("Generations", None),  # nothing is announced here: it is in the outbox already
        Figures(CollectorRegistry(), "events"),
        clock=lambda: 1,
        topic="breaches",
    )
    stopping = asyncio.Event()
    running: asyncio.Task[Any] = asyncio.create_task(own.run(stopping))
    async with asyncio.timeout(20):
        while await pool.fetchval("SELECT count(*) FROM outbox"):  # noqa: ASYNC110 - of a database
            await asyncio.sleep(0.02)
        stopping.set()
        await running
    assert (first.taken, first.stopped) == ([], True)
    assert (second.taken, second.stopped) == (EVENTS, True)


async def test_what_waits_is_told_while_it_cannot_be_sent_by_who_has_the_place_alone(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "RETRY_S", 0.5)
    registry, stopping = CollectorRegistry(), asyncio.Event()
    made = cast("Callable[[], Any]", lambda: Client(OutOfOrderSequenceNumber()))
    figures, nothing = Figures(registry, "events"), cast("Generations", None)
    own = Relay(pool, made, nothing, figures, clock=lambda: 1, topic="breaches")

    async def tells(count: int) -> bool:
        return registry.get_sample_value("accord_outbox_pending") == count

    async with asyncio.TaskGroup() as group, pool.acquire() as another:
        group.create_task(own.run(stopping))
        await until(lambda: tells(len(EVENTS)))
        await until(lambda: another.fetchval(_TRY, advisory_locks.RELAYING))  # between two tries
        await until(lambda: tells(0))
        await another.execute("SELECT pg_advisory_unlock($1)", advisory_locks.RELAYING)
        await until(lambda: tells(len(EVENTS)))
        stopping.set()


async def test_a_relay_that_has_lost_its_place_stops_until_it_has_it_again(
    pool: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "RETRY_S", 0.05)
    client, stopping = Client(), asyncio.Event()
    made = cast("Callable[[], Any]", lambda: client)
    figures, nothing = Figures(CollectorRegistry(), "events"), cast("Generations", None)
    own = Relay(pool, made, nothing, figures, clock=lambda: 1, topic="breaches")
    running = asyncio.create_task(own.run(stopping))
    await until(lambda: _has(client, 2))
    async with (
        await create_pool(database_url, service="another", size_max=2) as others,
        others.acquire() as another,
    ):
        taking = asyncio.create_task(
            another.execute("SELECT pg_advisory_lock($1)", advisory_locks.RELAYING)
        )
        await until(lambda: others.fetchval(_IS_WAITED_FOR))
        assert await others.fetchval(_END, advisory_locks.RELAYING)
        await taking
        await asyncio.sleep(2 * relay.PAUSE_S)  # what was under way then is over
        await others.execute("INSERT INTO outbox (key, event) VALUES ('k', 'third')")
        await asyncio.sleep(5 * relay.PAUSE_S)
        assert len(client.taken) == 2
        await another.execute("SELECT pg_advisory_unlock($1)", advisory_locks.RELAYING)
    await until(lambda: _has(client, 3))
    stopping.set()
    await running


async def _has(client: Client, count: int) -> bool:
    return len(client.taken) == count


_TRY = "SELECT pg_try_advisory_lock($1)"
_IS_WAITED_FOR = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
_END = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted
    AND ((classid::bigint << 32) | objid::bigint) = $1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
