"""What is said of a rolling window's state over time: since when, and by which breach."""

from pathlib import Path

import pytest

from shared.domain.instant import Instant
from shared.runtime.database import Pool
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
      target: {within: PT1H}
      window: {rolling: PT4H, step: PT1H}
      groupBy: [team]
"""


async def current(stepping: Stepping, now: Instant) -> tuple[object, ...]:
    """State, since and whether a breach is named, of the window that is current then."""
    stepping.now = now
    await stepping.prove()
    await stepping.judge()
    await stepping.compare()
    row = await stepping.pool.fetchrow(
        "SELECT state, since, breach_id FROM value WHERE listed AND window_end > $1", now
    )
    return ("absent", None, None) if row is None else tuple(row)


async def test_a_breach_runs_on_over_windows_and_ends_without_data(
    database: Pool, tmp_path: Path
) -> None:
    stepping = Stepping(database, catalogue(DOCUMENTS, tmp_path), at("03-02T08:00"))
    await stepping.start()
    await stepping.fold([event("ticket.created", "T-1", "03-02T08:30", team="red")])
    assert await current(stepping, at("03-02T09:20")) == ("no_data", at("03-02T09:20"), None)
    # Missed at 9:30; no window has ended since, so there is no breach yet.
    assert await current(stepping, at("03-02T09:45")) == ("breached", at("03-02T09:45"), None)
    state, since, breach = await current(stepping, at("03-02T10:10"))
    assert (state, since) == ("breached", at("03-02T10:00"))
    assert breach is not None
    # The windows after it miss too: the same breach goes on.
    assert await current(stepping, at("03-02T12:59")) == (state, since, breach)
    # The last window that holds 9:30 has ended at 13:00; the next has no data and is no miss.
    assert await current(stepping, at("03-02T13:30")) == ("absent", None, None)
    assert await breaches(database) == [(breach, at("03-02T10:00"), None)]
    await current(stepping, at("03-02T14:00"))
    assert await breaches(database) == [(breach, at("03-02T10:00"), at("03-02T14:00"))]


async def test_a_late_reply_withdraws_the_breach_of_windows_that_ended(
    database: Pool, tmp_path: Path
) -> None:
    stepping = Stepping(database, catalogue(DOCUMENTS, tmp_path), at("03-02T08:00"))
    await stepping.start()
    for name, time in (("T-1", "08:30"), ("T-2", "10:30")):
        await stepping.fold([event("ticket.created", name, f"03-02T{time}", team="red")])
    await current(stepping, at("03-02T18:00"))
    (first,) = await breaches(database)
    assert first[1:] == (at("03-02T10:00"), at("03-02T16:00"))
    await stepping.fold([event("ticket.replied", "T-1", "03-02T09:00")])
    await current(stepping, at("03-02T18:00"))
    (second,) = await breaches(database)
    assert second[0] != first[0]
    assert second[1:] == (at("03-02T12:00"), at("03-02T16:00"))
    await current(stepping, at("03-02T18:05"))
    causes = await database.fetch("SELECT DISTINCT cause FROM value_revision WHERE revision = 2")
    assert [row["cause"] for row in causes] == ["late"]


async def breaches(pool: Pool) -> list[tuple[object, ...]]:
    rows = await pool.fetch(
        "SELECT breach_id, opened_at, closed_at FROM breach"
        " WHERE scope = 'window' AND withdrawn_at IS NULL"
    )
    return [tuple(row) for row in rows]
