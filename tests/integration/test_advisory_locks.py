"""Locks that a connection holds: whatever goes wrong, nobody is left with one in the pool."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import asyncpg
import pytest

from shared.runtime.advisory_locks import held_alone, held_together
from shared.runtime.database import Pool, create_pool
from tests.integration.evaluating import until

pytestmark = pytest.mark.integration

LOCK = 7
Held = Callable[[Pool, int], AbstractAsyncContextManager[object]]


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await create_pool(database_url, service="test", size_max=1) as opened:
        yield opened


def unanswered(patched: pytest.MonkeyPatch, word: str) -> None:
    """Have the statement with this word time out: taking is done by then, letting go is not."""

    def late(name: str) -> None:
        ask = getattr(asyncpg.Connection, name)

        async def asked(own: object, query: str, *rest: object, **others: object) -> object:
            if word not in query:
                return await ask(own, query, *rest, **others)
            if "unlock" not in word:
                await ask(own, query, *rest, **others)
            raise TimeoutError

        patched.setattr(asyncpg.Connection, name, asked)

    for name in ("execute", "fetchval"):
        late(name)


@pytest.mark.parametrize("held", [held_alone, held_together])
@pytest.mark.parametrize("word", ["advisory_lock", "advisory_unlock"])
async def test_a_lock_whose_taking_or_letting_go_was_not_answered_is_kept_by_nobody(
    pool: Pool, database: Pool, held: Held, word: str
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        unanswered(patched, word)
        with pytest.raises(TimeoutError):
            async with held(pool, LOCK):
                pass
    await until(lambda: _is_free(database))


@pytest.mark.parametrize("held", [held_alone, held_together])
async def test_a_lock_is_let_go_of_however_what_is_done_under_it_ends(
    pool: Pool, database: Pool, held: Held
) -> None:
    async with held(pool, LOCK):
        assert not await _is_free(database)
    assert await _is_free(database)
    with pytest.raises(RuntimeError):
        async with held(pool, LOCK):
            raise RuntimeError
    await until(lambda: _is_free(database))


async def test_a_lock_that_another_one_has_is_not_held_alone(pool: Pool, database: Pool) -> None:
    async with held_alone(database, LOCK) as first, held_alone(pool, LOCK) as second:
        assert (first is None, second is None) == (False, True)
    async with held_alone(pool, LOCK) as again:
        assert again is not None


async def _is_free(database: Pool) -> bool:
    async with held_alone(database, LOCK) as taken:
        return taken is not None
