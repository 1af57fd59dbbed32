"""What a URL says beyond the address (`?sslmode=…`) holds for every kind of connection."""

from collections.abc import Awaitable, Callable

import pytest

from shared.runtime.database import create_pool
from shared.runtime.migrate import migrate


async def by_pool(url: str) -> None:
    async with await create_pool(url, service="test") as pool:
        assert await pool.fetchval("SELECT 1") == 1


WAYS = pytest.mark.parametrize("way", [by_pool, migrate])


@WAYS
async def test_an_option_of_libpq_is_understood(
    way: Callable[[str], Awaitable[None]], empty_database_url: str
) -> None:
    await way(f"{empty_database_url}?sslmode=disable")


@WAYS
async def test_an_option_of_libpq_is_heeded(
    way: Callable[[str], Awaitable[None]], empty_database_url: str
) -> None:
    with pytest.raises(FileNotFoundError):
        await way(f"{empty_database_url}?sslmode=verify-full&sslrootcert=/no-such-authority.pem")
