"""An evaluator on a host whose clock is an hour ahead proves nothing that has not come yet."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from services.evaluator.__main__ import Evaluator
from shared.domain.event import Event
from shared.domain.instant import HOUR, MINUTE
from shared.runtime.process import new_registry
from shared.runtime.wall_clock import system_clock
from tests.integration.evaluating import DOCUMENTS, Pipeline, catalogue, loaded_as, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PROVEN = """
SELECT count(*) = 8 AND bool_and(proven AND evaluation_time > $1) AND sum(next_offset) = $2
    AND EXISTS (SELECT FROM judgement WHERE as_of > $1)
FROM partition_progress
"""


async def test_no_deadline_is_missed_by_a_clock_that_is_an_hour_ahead(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    begun = system_clock()
    documents = catalogue(DOCUMENTS.replace("2026-01-01", "2020-01-01"), tmp_path)
    asked = begun - 30 * MINUTE  # to be answered within an hour
    await pipeline.produce(Event("ticket", "T-1", "/desk", "e", "ticket.created", asked, {}))
    registry: CollectorRegistry = new_registry()
    service = Evaluator(
        pipeline.settings,
        loaded_as(documents),
        registry,
        clock=lambda: system_clock() + HOUR,
        is_clock_bound=True,
    )

    async def is_proven() -> bool:
        return bool(await pipeline.pool.fetchval(PROVEN, begun, pipeline.produced))

    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(service.serve(stopping))
        try:
            await until(is_proven)
        finally:
            stopping.set()
    latest = await pipeline.pool.fetchval("SELECT max(evaluation_time) FROM partition_progress")
    assert latest <= system_clock()
    assert await pipeline.breaches() == set()
    ahead = registry.get_sample_value("accord_clock_ahead_seconds")
    assert ahead is not None
    assert 3_590 < ahead < 3_610
