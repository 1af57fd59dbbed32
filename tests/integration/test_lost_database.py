"""An evaluator that alone loses the database: others get its partitions, and it comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from services.evaluator.__main__ import Evaluator
from shared.runtime.process import new_registry
from tests.deploy.gate import Gate
from tests.integration.evaluating import Pipeline, event, loaded_as, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@asynccontextmanager
async def evaluator(pipeline: Pipeline, database_url: str) -> AsyncIterator[Evaluator]:
    """One that reaches the database by a URL of its own."""
    settings = replace(pipeline.settings, database_url=database_url)
    stopping = asyncio.Event()
    service = Evaluator(
        settings, loaded_as(pipeline.catalogue), new_registry(), clock=pipeline.clock
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(service.serve(stopping))
        try:
            yield service
        finally:
            stopping.set()


async def said(service: Evaluator, check: str, start: str | None) -> None:
    """Wait until a check is good (None), or fails with words that begin so."""

    async def says() -> bool:
        found = service.readiness.checks().get(check, "")
        return found is None if start is None else (found or "").startswith(start)

    await until(says)


async def test_others_take_over_what_it_cannot_fold_and_it_comes_back_by_itself(
    pipeline: Pipeline,
) -> None:
    gate = Gate(pipeline.database_url)
    url = await gate.listen()
    async with evaluator(pipeline, url) as lost, evaluator(pipeline, pipeline.database_url) as well:
        for own in (lost, well):
            await said(own, "assignment", None)
        await gate.shut()
        await pipeline.produce(
            *(event("ticket.created", f"T-{number}", "03-02T09:00") for number in range(40))
        )
        await said(lost, "started", "the database has not answered for")
        await pipeline.rest()
        await gate.open()
        await said(lost, "assignment", None)
        await pipeline.produce(
            *(event("ticket.created", f"U-{number}", "03-02T09:00") for number in range(40))
        )
        await pipeline.rest()
    assert await pipeline.values() == pipeline.expected()
    await gate.close()
