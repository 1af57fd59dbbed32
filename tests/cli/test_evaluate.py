"""The command `accord evaluate`: what it refuses before it evaluates."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.evaluate import WRONG_INPUT
from services.cli.main import app

DOCUMENTS = """\
apiVersion: accord/v1
kind: Kpi
metadata: {name: k}
spec: {item: ticket, measure: count, event: {event: ticket.created}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: a}
spec:
  level: customer
  parties: {provider: support, customer: acme}
  effective: {from: "0001-01-01T00:00:00Z", until: "9999-12-31T23:59:59Z"}
  objectives:
    - {name: o, kpi: k, target: {atMost: 1}, window: {calendar: year, timeZone: Asia/Tokyo}}
"""


@pytest.mark.parametrize(
    ("now", "code"),
    [
        ("1899-12-31T23:59:59Z", WRONG_INPUT),
        ("1900-01-01T00:00:00Z", 0),
        ("9998-12-30T23:59:59Z", 0),
        ("9999-12-31T23:59:59Z", WRONG_INPUT),
        ("2026-04-01", WRONG_INPUT),
    ],
)
def test_an_instant_that_no_event_can_have_is_refused(tmp_path: Path, now: str, code: int) -> None:
    (tmp_path / "a.yaml").write_text(DOCUMENTS, encoding="utf-8")
    events = tmp_path / "events.ndjson"
    events.touch()
    told = CliRunner().invoke(
        app, ["evaluate", "--agreements", str(tmp_path), "--events", str(events), "--now", now]
    )
    assert told.exit_code == code, told.output
    assert told.exception is None or isinstance(told.exception, SystemExit)
