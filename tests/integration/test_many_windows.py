"""Volumes list their last 2,500 windows without data, too; what leaves the list is no news."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.instant import MINUTE
from shared.runtime.database import Pool
from tests.integration.evaluating import at, catalogue, event
from tests.integration.stepping import Stepping

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

DOCUMENTS = """
apiVersion: accord/v1
kind: Kpi
metadata: {name: calls}
spec: {item: ticket, measure: count, event: {event: ticket.created}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: acme}
spec:
  level: customer
  parties: {provider: support, customer: acme}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: apart
      kpi: calls
      target: {atLeast: 1}
      window: {tumbling: PT1M}
    - name: rolling
      kpi: calls
      target: {atLeast: 1}
      window: {rolling: PT3M, step: PT1M}
      groupBy: [team]
"""
BEGIN = at("03-02T08:00")


async def test_the_oldest_windows_leave_the_list_without_news(
    database: Pool, tmp_path: Path
) -> None:
    stepping = Stepping(database, catalogue(DOCUMENTS, tmp_path), BEGIN)
    await stepping.start()
    await stepping.fold([event("ticket.created", "T-1", "03-02T08:00", team="red")])
    for minutes in (0, 60, 2_450, 2_499, 2_500):
        await _pass(stepping, minutes)
    await database.execute("UPDATE breach SET unannounced = false")
    await _pass(stepping, 2_560)
    withdrawn = "SELECT count(*) FROM breach WHERE withdrawn_at IS NOT NULL AND objective = $1"
    assert await database.fetchval(withdrawn, "acme/apart") == 60
    assert await database.fetchval(f"{withdrawn} AND unannounced", "acme/apart") == 0
    # An event in the middle, and some before all that is listed without data.
    for name, time in (("T-2", "03-03T05:00"), ("T-3", "03-02T08:10"), ("T-4", "03-02T08:30")):
        await stepping.fold([event("ticket.created", name, time, team="red")])
    await _pass(stepping, 2_561)
    # And they did not happen: old windows are without data again.
    for name in ("T-4", "T-3", "T-1", "T-2"):
        gone = event("ticket.retracted", name, "03-03T06:00")
        created = next(own for own in stepping.events if own.subject == name)
        await stepping.fold([replace(gone, replaces=created.id)])
        await _pass(stepping, 2_562)


async def _pass(stepping: Stepping, minutes: int) -> None:
    stepping.now = BEGIN + minutes * MINUTE
    await stepping.prove()
    await stepping.judge()
    await stepping.compare()
