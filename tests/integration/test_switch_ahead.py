"""Documents that are switched to while some partitions are evaluated further than others."""

from pathlib import Path

import pytest

from shared.runtime.database import Pool
from shared.wire.partitioning import partition_of
from tests.integration.evaluating import at, catalogue, event
from tests.integration.stepping import Stepping

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

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
kind: Agreement
metadata: {name: acme}
spec:
  level: customer
  parties: {provider: support, customer: acme}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: answered
      kpi: answer
      target: {within: TARGET, ratio: "0.9"}
      window: {calendar: day, timeZone: UTC}
"""


async def test_what_was_decided_ahead_of_the_switch_is_judged_when_all_have_come_there(
    database: Pool, tmp_path: Path
) -> None:
    first, second = (
        catalogue(DOCUMENTS.replace("TARGET", target), tmp_path) for target in ("PT4H", "PT1H")
    )
    stepping = Stepping(database, first, at("03-02T07:50"))
    await stepping.start()
    await stepping.fold([event("ticket.created", "T-1", "03-02T08:00")])
    stepping.now = at("03-02T08:30")
    await stepping.prove()
    await stepping.judge()
    await stepping.propose(second)
    # One partition is ahead: there the clock has run out under the documents that are built.
    stepping.now = at("03-02T09:40")
    await stepping.prove([partition_of("ticket:T-1", stepping.count)])
    await stepping.change()
    stepping.now = at("03-02T10:10")
    await stepping.prove()
    await stepping.judge()
    await stepping.compare()
    stands = await database.fetch(
        "SELECT opened_at FROM breach WHERE scope = 'window' AND withdrawn_at IS NULL"
    )
    assert len(stands) == 1
