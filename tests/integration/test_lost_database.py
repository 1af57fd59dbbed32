"""An evaluator that alone loses the database: others get its partitions, and it comes back."""

import asyncio
import logging
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.evaluator import __main__ as wiring
from services.evaluator.__main__ import Evaluator
from services.evaluator.partitions import Partitions
from shared.runtime.process import new_registry
from tests.deploy.gate import Gate
from tests.integration.evaluating import Pipeline, event, loaded_as, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@asynccontextmanager
async def evaluator(
    pipeline: Pipeline, database_url: str, registry: CollectorRegistry
) -> AsyncIterator[Evaluator]:
    """One that reaches the database by a URL of its own."""
    settings = replace(pipeline.settings, database_url=database_url)
    stopping = asyncio.Event()
    service = Evaluator(settings, loaded_as(pipeline.catalogue), registry, clock=pipeline.clock)
    async with asyncio.TaskGroup() as group:
        group.create_task(service.serve(stopping))
        try:
            yield service
        finally:
            stopping.set()


OF_PARTITIONS = {
    "accord_kafka_consumer_lag",
    "accord_evaluation_time_timestamp_seconds",
    "accord_event_watermark_timestamp_seconds",
}


def tellers(registries: Iterable[CollectorRegistry]) -> set[tuple[str, int]]:
    """How many processes tell of one partition, by metric."""
    told = Counter(
        (family.name, sample.labels["partition"])
        for registry in registries
        for family in registry.collect()
        if family.name in OF_PARTITIONS
        for sample in family.samples
    )
    return {(name, count) for (name, _), count in told.items()}


async def tells_once(registries: Iterable[CollectorRegistry]) -> bool:
    """Whether every figure of a partition is told by one process."""
    return tellers(registries) == {(name, 1) for name in OF_PARTITIONS}


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
    registries = [new_registry(), new_registry()]
    async with (
        evaluator(pipeline, url, registries[0]) as lost,
        evaluator(pipeline, pipeline.database_url, registries[1]) as well,
    ):
        for own in (lost, well):
            await said(own, "assignment", None)
        await gate.shut()
        await pipeline.produce(
            *(event("ticket.created", f"T-{number}", "03-02T09:00") for number in range(40))
        )
        await said(lost, "started", "the database has not answered for")
        assert tellers(registries[:1]) == set()
        await pipeline.rest()
        await until(lambda: tells_once(registries))
        await gate.open()
        await said(lost, "assignment", None)
        await pipeline.produce(
            *(event("ticket.created", f"U-{number}", "03-02T09:00") for number in range(40))
        )
        await pipeline.rest()
        await until(lambda: tells_once(registries))
    assert await pipeline.values() == pipeline.expected()
    await gate.close()


async def test_what_it_held_in_memory_goes_when_it_leaves(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # the run of tests keeps what is logged, errors and all
    made: list[weakref.ref[Partitions]] = []

    class Watched(Partitions):
        """One of which it is seen whether it is there yet."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as it is
            super().__init__(*args, **kwargs)
            made.append(weakref.ref(self))

    monkeypatch.setattr(wiring, "Partitions", Watched)
    gate = Gate(pipeline.database_url)
    url = await gate.listen()
    async with evaluator(pipeline, url, new_registry()) as own:
        await said(own, "assignment", None)
        await gate.shut()
        await pipeline.produce(event("ticket.created", "T-1", "03-02T09:00"))
        await said(own, "started", "the database has not answered for")
        await gate.open()
        await said(own, "assignment", None)
        assert [held() is None for held in made] == [True, False]
    await gate.close()
