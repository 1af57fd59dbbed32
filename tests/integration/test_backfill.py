"""Years of history that come after the rest: numbers are right at once, revisions few."""

from pathlib import Path
from random import Random

import pytest
from prometheus_client import CollectorRegistry

from shared.domain.event import Event
from shared.domain.instant import DAY, HOUR, MINUTE, SECOND
from shared.runtime.process import new_registry
from tests.integration.evaluating import DOCUMENTS, Pipeline, at, catalogue, event

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

DAYS = 400
CHUNKS = 4


def history(random: Random) -> list[Event]:
    """Two tickets and a lead of each day, answered late, soon or never; in no order."""
    events = []
    for day in range(2, DAYS):
        begin = at("03-02T00:00") - day * DAY
        for name in (f"H-{day}-a", f"H-{day}-b"):
            asked = begin + random.randrange(24) * HOUR
            events.append(_at("ticket.created", name, asked))
            if random.random() < 0.8:
                events.append(_at("ticket.replied", name, asked + random.randrange(90) * MINUTE))
        events.append(_at("lead.created", name, begin + 8 * HOUR))
    random.shuffle(events)
    return events


def _at(what: str, subject: str, instant: int) -> Event:
    kind = what.partition(".")[0]
    return Event(kind, subject, "/archive", f"{what}-{subject}", what, instant, {})


async def test_a_backfill_into_running_services_is_right_at_once_and_few_revisions(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    pipeline.catalogue = catalogue(DOCUMENTS.replace("2026-01-01", "2024-01-01"), tmp_path)
    await pipeline.produce(
        event("ticket.created", "T-1", "03-01T10:00", team="emea"),
        event("ticket.replied", "T-1", "03-01T10:20"),
        event("lead.created", "L-1", "03-02T08:00"),
    )
    events = history(Random(7))  # noqa: S311 - a repeatable choice, no secret
    registry = new_registry()
    async with pipeline.evaluator(registry=registry):
        await pipeline.rest()
        before = await _revisions(pipeline)
        for chunk in range(CHUNKS):
            pipeline.clock.now += 40 * SECOND
            await pipeline.produce(*events[chunk::CHUNKS])
            await pipeline.rest()
            # Fresh all the while, and nothing of the past is called final that may still change.
            assert await pipeline.values() == pipeline.expected()
            assert await _revisions(pipeline) == before
        pipeline.clock.now += 5 * MINUTE
        await pipeline.rest()
    assert await pipeline.values() == pipeline.expected()
    assert len(pipeline.expected()) > 2 * DAYS
    rows = await pipeline.pool.fetch(
        "SELECT v.final, v.revision, v.restated_since, r.state = v.state AS same FROM value v"
        " LEFT JOIN value_revision r USING (objective, grp, window_start, revision)"
        " WHERE v.window_end < $1",
        at("03-01T00:00"),
    )
    assert len(rows) > 2 * DAYS - 10
    assert {tuple(row) for row in rows} <= {(True, 1, None, True), (True, 2, None, True)}
    _assert_told(registry, events)


def _assert_told(registry: CollectorRegistry, events: list[Event]) -> None:
    """The metrics know how late all of it came."""
    late = [
        registry.get_sample_value("accord_events_late_total", {"kind": kind})
        for kind in ("ticket", "lead")
    ]
    tickets = sum(own.kind == "ticket" for own in events)
    assert late == [tickets, len(events) - tickets]
    name = "accord_event_lateness_seconds"
    assert registry.get_sample_value(f"{name}_count") == len(events) + 3
    a_month, a_year = (
        registry.get_sample_value(f"{name}_bucket", {"le": edge})
        for edge in ("2.592e+06", "3.1536e+07")
    )
    assert a_month is not None
    assert a_year is not None
    assert 0 < a_month < a_year < len(events)


async def _revisions(pipeline: Pipeline) -> int:
    count: int = await pipeline.pool.fetchval("SELECT count(*) FROM value_revision")
    return count
