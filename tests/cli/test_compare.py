"""The command `accord compare`: an outside provider and the unit inside as one answer."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from services.cli.evaluate import WRONG_INPUT
from services.cli.main import app

DOCUMENTS = """\
apiVersion: accord/v1
kind: Kpi
metadata: {name: repair}
spec: {item: ticket, measure: duration, start: {event: ticket.created},
       stop: {event: ticket.solved}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: unit}
spec:
  level: service
  type: ola
  parties: {provider: operations, customer: support}
  appliesTo: {provider: operations}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - {name: repair, kpi: repair, target: {within: PT2H, ratio: 0.9},
       window: {rolling: P2D, step: PT24H}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: vendor}
spec:
  level: service
  type: uc
  parties: {provider: vendor, customer: support}
  appliesTo: {provider: vendor}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - {name: repair, kpi: repair, target: {within: PT4H, ratio: 0.8},
       window: {rolling: P2D, step: PT24H}}
"""


def run(folder: Path, *more: str, kpi: str = "repair") -> tuple[int, str, str]:
    (folder / "a.yaml").write_text(DOCUMENTS, encoding="utf-8")
    lines = []
    for number, (provider, hours) in enumerate(
        [("operations", 1), ("operations", 1), ("vendor", 1), ("vendor", 5)]
    ):
        for what, hour in (("created", 9), ("solved", 9 + hours)):
            event = {
                "specversion": "1.0",
                "id": f"{number}-{what}",
                "source": "/test",
                "subject": f"T-{number}",
                "type": f"ticket.{what}",
                "time": f"2026-03-02T{hour:02}:00:00Z",
                "data": {"provider": provider},
            }
            lines.append(json.dumps(event) + "\n")
    (folder / "events.ndjson").write_text("".join(lines), encoding="utf-8")
    given = ["--agreements", str(folder), "--events", str(folder / "events.ndjson")]
    asked = ["--now", "2026-03-04T12:00:00Z", "--kpi", kpi, *more]
    told = CliRunner().invoke(app, ["compare", *given, *asked])
    return told.exit_code, told.stdout, told.stderr


def comparisons(folder: Path, *more: str) -> list[dict[str, Any]]:
    code, printed, _ = run(folder, *more)
    assert code == 0
    body = json.loads(printed)
    assert (body["as_of"], body["kpi"]) == ("2026-03-04T12:00:00Z", "repair")
    found: list[dict[str, Any]] = body["comparisons"]
    return found


def test_all_windows_are_compared_or_the_current_one(tmp_path: Path) -> None:
    (current,) = comparisons(tmp_path)
    assert current["window"]["end"] == "2026-03-05T00:00:00Z"
    assert [side["state"] for side in current["sides"]] == ["no_data", "no_data"]
    several = comparisons(tmp_path, "--all-windows")
    assert [own["window"]["end"] for own in several] == [
        "2026-03-03T00:00:00Z",
        "2026-03-04T00:00:00Z",
        "2026-03-05T00:00:00Z",
    ]
    full = several[0]
    assert [(side["provider"], side["value"], side["state"]) for side in full["sides"]] == [
        ("operations", "1", "ok"),
        ("vendor", "0.5", "breached"),
    ]
    assert full["differences"] == [
        {
            "provider": "vendor/repair",
            "internal": "unit/repair",
            "value": "-0.5",
            "unit": "ratio",
            "better": "internal",
        }
    ]
    assert full["text"][-1] == "operations does better than vendor by 50 percentage points."


def test_a_kpi_that_no_document_defines_is_refused_with_the_one_perhaps_meant(
    tmp_path: Path,
) -> None:
    code, printed, problem = run(tmp_path, kpi="repairs")
    assert (code, printed) == (WRONG_INPUT, "")
    assert problem == "--kpi: no document defines 'repairs'; did you mean 'repair'?\n"
