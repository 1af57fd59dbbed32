"""What a service waits for before it begins, and what ends it at once."""

import asyncio

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from shared.runtime.topics import MissingTopicError, TopicError
from shared.runtime.waiting import MissingSchemaError, Waiting


def failing(*errors: Exception) -> "Beginning":
    return Beginning(list(errors))


class Beginning:
    """Fails with each error in turn, then succeeds."""

    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors
        self.tries = 0

    async def __call__(self) -> str:
        """Try once."""
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "begun"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "refused"), "PostgreSQL cannot be used yet: ConnectionRef"),
        (asyncpg.CannotConnectNowError("starting up"), "starting up"),
        (asyncpg.InvalidCatalogNameError("no such database"), "no such database"),
        (asyncpg.InvalidPasswordError("wrong"), "InvalidPasswordError: wrong"),
        (KafkaConnectionError("nobody there"), "Kafka cannot be used yet: KafkaConnectionError"),
        (MissingTopicError("x"), "Kafka has no topic x"),
        (MissingSchemaError("run `accord migrate`"), "run `accord migrate`"),
    ],
)
async def test_what_may_come_is_tried_again_and_said(error: Exception, said: str) -> None:
    waiting, begin = Waiting(), failing(error)
    assert await waiting.tried(begin, asyncio.Event()) is None
    assert said in str(waiting.problem)
    assert await waiting.tried(begin, asyncio.Event()) == "begun"
    assert waiting.problem is None


@pytest.mark.parametrize(
    "error",
    [
        TopicError("the topic has 2 partitions and 3 were recorded"),
        asyncpg.exceptions.ClientConfigurationError("no such option"),
        TopicAuthorizationFailedError(),
        asyncpg.PostgresSyntaxError("a fault of ours"),
        LookupError("a fault of ours"),
    ],
)
async def test_what_no_waiting_cures_is_raised(error: Exception) -> None:
    with pytest.raises(type(error)):
        await Waiting().tried(failing(error), asyncio.Event())


async def test_a_beginning_that_hangs_is_given_up_when_the_process_stops() -> None:
    ended = []

    async def begin() -> str:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)
        return "begun"

    stopping = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, stopping.set)
    async with asyncio.timeout(5):
        assert await Waiting().tried(begin, stopping) is None
    assert ended == [True]


async def test_a_pause_between_tries_ends_when_the_process_stops() -> None:
    waiting, stopping = Waiting(), asyncio.Event()
    for _ in range(2):
        await waiting.tried(failing(OSError("away")), stopping)
    asyncio.get_running_loop().call_later(0.05, stopping.set)
    async with asyncio.timeout(0.4):
        assert await waiting.tried(failing(OSError("away")), stopping) is None
