"""`accord evaluate --explain`: reasons beside the numbers, and the numbers as they are without."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli.evaluate import evaluation_form
from services.cli.explaining import ITEMS_SHOWN
from services.cli.main import app
from shared.domain.evaluation import evaluate
from shared.wire.results import encode
from tests.domain.cases import random_case

DOCUMENTS = """\
apiVersion: accord/v1
kind: Kpi
metadata: {name: opened}
spec: {item: ticket, measure: count, event: {event: ticket.created}}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: answer}
spec: {item: ticket, measure: duration, start: {event: ticket.created},
       stop: {event: ticket.replied}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: a}
spec:
  level: customer
  parties: {provider: support, customer: acme}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - {name: few, kpi: opened, target: {atMost: 9}, window: {calendar: month}}
    - {name: quick, kpi: answer, target: {within: PT1H}, window: {calendar: month}}
"""


def json_of(form: object) -> dict[str, Any]:
    return json.loads(encode(form), parse_float=Decimal)  # type: ignore[no-any-return]


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 5000))
def test_explaining_adds_reasons_and_changes_no_number(seed: int) -> None:
    case = random_case(seed)
    items = case.items([own for own in case.events if own.time <= case.now])
    found = evaluate(case.catalogue, items.values(), now=case.now)
    plain = json_of(evaluation_form(case.catalogue, found))
    told = json_of(evaluation_form(case.catalogue, found, items=items.values()))
    for part in ("objectives", "clocks"):
        for row in told[part]:
            assert row.pop("explain")["text"]
    assert told == plain


def run(folder: Path, events: list[dict[str, object]]) -> dict[str, Any]:
    (folder / "a.yaml").write_text(DOCUMENTS, encoding="utf-8")
    lines = "".join(json.dumps(own) + "\n" for own in events)
    (folder / "events.ndjson").write_text(lines, encoding="utf-8")
    given = ["--agreements", str(folder), "--events", str(folder / "events.ndjson")]
    asked = ["--now", "2026-03-31T00:00:00Z", "--explain"]
    told = CliRunner().invoke(app, ["evaluate", *given, *asked])
    assert told.exit_code == 0, told.output
    return json.loads(told.output)  # type: ignore[no-any-return]


def an_event(subject: str, what: str, time: str) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"{subject}-{what}",
        "source": "/test",
        "subject": subject,
        "type": f"ticket.{what}",
        "time": f"2026-03-02T{time}:00Z",
    }


@pytest.mark.parametrize("more", [0, 3])
def test_the_items_of_a_window_are_listed_up_to_a_limit_with_their_number(
    tmp_path: Path, more: int
) -> None:
    events = [an_event(f"T-{n:03}", "created", "09:00") for n in range(ITEMS_SHOWN + more)]
    few = run(tmp_path, events)["objectives"][0]
    assert few["counts"] == {"count": ITEMS_SHOWN + more}
    items = few["explain"]["items"]
    assert items["total"] == ITEMS_SHOWN + more
    assert [own["item"] for own in items["shown"]] == [
        f"ticket:T-{n:03}" for n in range(ITEMS_SHOWN)
    ]


def test_clocks_and_windows_are_told_in_words_and_numbers(tmp_path: Path) -> None:
    found = run(
        tmp_path, [an_event("T-1", "created", "09:00"), an_event("T-1", "replied", "11:00")]
    )
    quick = found["objectives"][1]["explain"]
    assert quick["rule"] == "breached: met 0 < 1 x 1"
    assert quick["items"]["shown"] == [
        {
            "item": "ticket:T-1",
            "cycle": 1,
            "outcome": "breached_closed",
            "at": "2026-03-02T10:00:00Z",
            "amount": None,
            "elapsed_s": 7200,
        }
    ]
    clock = found["clocks"][0]["explain"]
    assert clock["intervals"] == [
        {
            "start": "2026-03-02T09:00:00Z",
            "end": "2026-03-02T11:00:00Z",
            "activity": "running",
            "seconds": 7200,
            "cause": "open",
            "reason": "within the hours of Monday",
        }
    ]
    assert [own["what"] for own in clock["happened"]] == ["started", "breached", "stopped"]
    assert clock["happened"][1]["event"] is None
    assert clock["happened"][2]["event"] == {
        "id": "T-1-replied",
        "source": "/test",
        "type": "ticket.replied",
    }
    assert clock["levels"][0]["why"].startswith("binds: ")
