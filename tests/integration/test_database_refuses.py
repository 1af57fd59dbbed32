"""A database that takes nothing for a while, being full or only to be read: it is waited for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from shared.runtime.process import new_registry
from tests.integration.evaluating import Pipeline, event, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

FULL = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON item EXECUTE FUNCTION refuse();
"""


async def cut(pipeline: Pipeline) -> None:
    """End every connection but the test's: settings of a database hold from the next one on."""
    await pipeline.pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name <> 'accord-test'"
    )


async def reads_only(pipeline: Pipeline, *, refuses: bool) -> None:
    """As after a failover to a standby, or while an administrator has it so."""
    name = await pipeline.pool.fetchval("SELECT current_database()")
    await pipeline.pool.execute(
        f'ALTER DATABASE "{name}" SET default_transaction_read_only = {refuses}'
    )
    await cut(pipeline)


async def is_full(pipeline: Pipeline, *, refuses: bool) -> None:
    """As when the disk is full: the server says so (53100) for whatever would grow."""
    await pipeline.pool.execute(
        FULL if refuses else "DROP TRIGGER full_disk ON item; DROP FUNCTION refuse()"
    )


@asynccontextmanager
async def refusing(
    pipeline: Pipeline, change: Callable[..., Awaitable[None]]
) -> AsyncIterator[None]:
    """While the block runs the database takes nothing."""
    await change(pipeline, refuses=True)
    try:
        yield
    finally:
        await change(pipeline, refuses=False)


def restarts(registry: CollectorRegistry) -> float:
    return registry.get_sample_value("accord_evaluator_restarts_total") or 0.0


async def test_who_starts_while_it_is_only_to_be_read_waits_and_begins_by_itself(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    async def is_waiting() -> bool:
        return "ReadOnlySQLTransactionError" in caplog.text

    async with refusing(pipeline, reads_only), pipeline.evaluator():
        await until(is_waiting)
        await reads_only(pipeline, refuses=False)
        await pipeline.produce(event("ticket.created", "T-1", "03-02T09:00", team="emea"))
        await pipeline.rest()
    assert await pipeline.values() == pipeline.expected()


@pytest.mark.parametrize("change", [reads_only, is_full])
async def test_what_it_did_not_take_is_folded_once_when_it_takes_again(
    pipeline: Pipeline, change: Callable[..., Awaitable[None]]
) -> None:
    registry = new_registry()
    async with pipeline.evaluator(registry=registry):
        await pipeline.produce(event("ticket.created", "T-1", "03-02T09:00", team="emea"))
        await pipeline.rest()
        async with refusing(pipeline, change):
            await pipeline.produce(
                event("ticket.replied", "T-1", "03-02T09:30"),
                event("ticket.created", "T-2", "03-02T09:00", team="emea"),
                event("lead.created", "L-1", "03-02T09:00"),
            )

            async def has_tried() -> bool:
                return restarts(registry) > 0

            await until(has_tried)
            assert await pipeline.pool.fetchval("SELECT count(*) FROM item") == 1
        await pipeline.rest()
    assert await pipeline.values() == pipeline.expected()
    assert await pipeline.pool.fetchval("SELECT count(*) FROM item") == 3
