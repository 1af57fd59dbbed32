"""Where no breach can open or close a window is not walked; its breaches are those of a walk."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import pytest

from services.evaluator import panes
from services.evaluator.panes import Keys, Segment
from services.evaluator.rows import Window
from shared.domain.event import Event
from shared.domain.instant import HOUR, MINUTE, SECOND
from shared.domain.judge import Step
from shared.domain.measure import total_of
from shared.runtime.database import Connection, Pool
from tests.integration.evaluating import at, catalogue, event
from tests.integration.stepping import Stepping

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

DOCUMENTS = """
apiVersion: accord/v1
kind: Kpi
metadata: {name: answer}
spec:
  item: ticket
  measure: duration
  start: {event: ticket.created}
  stop: {event: ticket.replied}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: solved}
spec:
  item: ticket
  measure: ratio
  total: {event: ticket.created}
  good: {event: ticket.solved}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: returns}
spec: {item: ticket, measure: count, event: {event: ticket.reopened}, every: true}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: acme}
spec:
  level: customer
  parties: {provider: support, customer: acme}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: answered
      kpi: answer
      target: {within: PT1H, ratio: "0.8"}
      window: {calendar: day, timeZone: UTC}
    - name: fast
      kpi: answer
      target: {percentile: "0.78", atMost: PT1H}
      window: {calendar: day, timeZone: UTC}
    - name: on-average
      kpi: answer
      target: {mean: true, atMost: PT50M}
      window: {calendar: day, timeZone: UTC}
    - name: solved
      kpi: solved
      target: {atLeast: "0.6"}
      minimum: 5
      window: {calendar: day, timeZone: UTC}
    - name: few-returns
      kpi: returns
      target: {atMost: 30}
      window: {calendar: day, timeZone: UTC}
"""
BEGIN = at("03-02T00:00")
ON_AN_EDGE = 27 * SECOND
"""So long after what happened at a full minute a segment ends with just that."""


def day(random: Random) -> list[tuple[int, Event]]:
    """A good morning, a bad noon and a good afternoon: events and when they come, in minutes."""
    found: list[tuple[int, Event]] = []

    def add(kind: str, name: str, minute: int) -> None:
        time = f"03-02T{minute // 60:02}:{minute % 60:02}"
        late = random.choice([0, 0, 0, 1, 30, 180])
        found.append((minute + late, event(f"ticket.{kind}", name, time)))

    for number in range(500):
        name, created = f"T-{number}", random.randrange(60, 1000)
        is_bad = 480 <= created < 660
        add("created", name, created)
        add("replied", name, created + (random.randrange(50, 200) if is_bad else 40))
        if random.random() < (0.2 if is_bad else 0.8):
            add("solved", name, created + 30)
        if random.random() < 0.1:
            add("reopened", name, created + 120)
    return sorted(found, key=lambda own: own[0])


@pytest.mark.parametrize("seed", [1, 2])
async def test_breaches_are_those_of_a_walk_though_little_is_walked(
    seed: int, database: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every, walked = 0, 0
    segments_of, steps_of = panes.segments_of, panes.steps_of

    async def counted(*given: object) -> dict[Window, list[Segment]]:
        nonlocal every
        found = await segments_of(*given)  # type: ignore[arg-type]
        every += sum(map(len, found.values()))
        return found

    async def noted(
        connection: Connection, keys: Keys, walks: Sequence[tuple[Window, Segment]]
    ) -> AsyncIterator[list[Step]]:
        nonlocal walked
        every_step = steps_of(connection, keys, walks)
        for _, segment in walks:
            steps = await anext(every_step)
            assert total_of(step.change for step in steps) == segment.measure
            assert segment.after < steps[0].at <= steps[-1].at == segment.last <= segment.until
            walked += 1
            yield steps

    monkeypatch.setattr(panes, "segments_of", counted)
    monkeypatch.setattr(panes, "steps_of", noted)
    stepping = Stepping(database, catalogue(DOCUMENTS, tmp_path), BEGIN)
    await stepping.start()
    left = day(Random(seed))  # noqa: S311 - a repeatable choice, no secret
    for minutes in range(90, 25 * 60, 45):
        come = [own for due, own in left if due <= minutes]
        left = left[len(come) :]
        stepping.now = BEGIN + minutes * MINUTE + ON_AN_EDGE
        if come:
            await stepping.fold(come)
        await stepping.prove()
        await stepping.judge()
        if minutes % 2 == 0:
            await stepping.compare()
    stepping.now = BEGIN + 30 * HOUR
    await stepping.prove()
    await stepping.judge()
    await stepping.compare()
    objectives = {own[0] for own in await stepping.breaches() if own[4] is not None}
    assert objectives >= {"acme/answered", "acme/fast", "acme/solved", "acme/few-returns"}
    assert 0 < walked < every / 2
