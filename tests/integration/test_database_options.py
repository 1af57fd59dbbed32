"""What a URL says beyond the address (`?sslmode=…`) holds for every kind of connection."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from shared.runtime.database import create_engine, create_pool
from shared.runtime.migrate import migrate


async def by_pool(url: str) -> None:
    async with await create_pool(url, service="test") as pool:
        assert await pool.fetchval("SELECT 1") == 1


async def by_engine(url: str) -> None:
    engine = create_engine(url, service="test")
    try:
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1
    finally:
        await engine.dispose()


WAYS = pytest.mark.parametrize("way", [by_pool, by_engine, migrate])


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
