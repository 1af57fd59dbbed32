"""What the built-in KPIs measure: a small story for each, and what comes out of it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from shared.documents.built_in import built_in_kpis
from shared.domain.agreement import MeasureKind
from tests.documents.writing import first_response, promising

NOW = "2026-03-31T00:00:00Z"
AGENT, CUSTOMER = {"actor": "agent"}, {"actor": "customer"}
Story = Sequence[tuple[str, str, Mapping[str, object]]]
"""When on 2 March 2026 (or `DD HH:MM` of that month), what happens, with which data."""


def evaluated(folder: Path, kpi: str, story: Story) -> dict[str, list[dict[str, object]]]:
    own = built_in_kpis()[kpi]
    target = "{within: PT1H}" if own.measure is MeasureKind.DURATION else "{atLeast: 0}"
    text = promising(first_response(kpi=kpi, target=target))
    (folder / "agreements.yaml").write_text(text, encoding="utf-8")
    lines = [
        json.dumps(
            {
                "id": f"{number}",
                "source": "/test",
                "subject": "1",
                "type": f"{own.item}.{what}",
                "time": f"2026-03-{at if ' ' in at else f'02 {at}'}:00Z".replace(" ", "T"),
                "data": data,
            }
        )
        for number, (at, what, data) in enumerate(story)
    ]
    (folder / "events.ndjson").write_text("\n".join(lines), encoding="utf-8")
    options = ["--agreements", str(folder), "--events", str(folder / "events.ndjson")]
    done = CliRunner().invoke(app, ["evaluate", *options, "--now", NOW])
    assert done.exit_code == 0, done.stderr
    found: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
    assert found["rejected"] == []
    return found


CLOCKS: dict[str, tuple[Story, list[tuple[str, int]]]] = {
    "ticket-first-response": (
        [
            ("09:00", "created", CUSTOMER),
            ("09:10", "replied", CUSTOMER),
            ("09:30", "replied", AGENT),
            ("10:00", "replied", AGENT),
        ],
        [("met", 1800)],
    ),
    "ticket-next-response": (
        [
            ("09:00", "created", CUSTOMER),
            ("09:30", "replied", AGENT),
            ("10:00", "replied", CUSTOMER),
            ("10:05", "replied", CUSTOMER),
            ("10:20", "replied", AGENT),
            ("11:00", "replied", CUSTOMER),
            ("11:01", "solved", {}),
        ],
        [("met", 1800), ("met", 1200), ("met", 60)],
    ),
    "ticket-resolution": (
        [
            ("09:00", "created", {"status": "new"}),
            ("09:10", "status_changed", {"status": "pending"}),
            ("09:20", "status_changed", {"status": "on-hold"}),
            ("09:40", "status_changed", {"status": "open"}),
            ("09:50", "solved", {}),
            ("10:50", "reopened", {}),
            ("11:00", "closed", {}),
        ],
        [("met", 1800)],
    ),
    "ticket-requester-wait": (
        [
            ("09:00", "created", {"status": "new"}),
            ("09:10", "status_changed", {"status": "pending"}),
            ("09:20", "status_changed", {"status": "on-hold"}),
            ("09:40", "solved", {}),
        ],
        [("met", 1800)],
    ),
    "ticket-agent-work": (
        [
            ("09:00", "created", {"status": "new"}),
            ("09:10", "assigned", {"owner": "eve"}),
            ("09:20", "status_changed", {"status": "on-hold"}),
            ("09:30", "status_changed", {"status": "open"}),
            ("09:35", "assigned", {"owner": None}),
            ("09:40", "solved", {}),
        ],
        [("met", 900)],
    ),
    "time-in-team": (
        [
            ("09:00", "created", {"team": "a"}),
            ("09:10", "assigned", {"team": "b", "owner": "eve"}),
            ("09:20", "assigned", {"owner": "bob"}),
            ("09:40", "solved", {}),
        ],
        [("met", 600), ("met", 1800)],
    ),
    "ticket-time-to-own": (
        [
            ("09:00", "created", {}),
            ("09:10", "replied", AGENT),
            ("09:25", "assigned", {"owner": "e"}),
        ],
        [("met", 1500)],
    ),
    "speed-to-lead": (
        [("09:00", "created", {}), ("09:05", "assigned", {}), ("09:15", "contacted", {})],
        [("met", 900)],
    ),
    "lead-assignment": (
        [("09:00", "created", {}), ("09:20", "qualified", {"owner": "eve"})],
        [("met", 1200)],
    ),
    "lead-handover": (
        [("09:00", "created", {}), ("09:10", "qualified", {}), ("09:40", "rejected", {})],
        [("met", 1800)],
    ),
    "lead-time-to-win": (
        [("09:00", "created", {}), ("09:10", "qualified", {}), ("09:50", "won", {})],
        [("met", 3000)],
    ),
}
OWNED: Story = [("09:00", "created", {"owner": "eve"}), ("09:10", "assigned", {"owner": "bob"})]
VALUES: dict[str, tuple[Story, str | None, dict[str, int]]] = {
    "ticket-reopenings": (
        [("09:00", "solved", {}), ("09:10", "reopened", {}), ("09:20", "reopened", {})],
        "2",
        {"count": 2},
    ),
    "solved-tickets": ([("09:00", "solved", {}), ("09:10", "solved", {})], "1", {"count": 1}),
    "ticket-satisfaction": (
        [("09:00", "rated", {"score": 4}), ("09:10", "rated", {"score": "3.5"})],
        "3.75",
        {"count": 2},
    ),
    "lead-follow-up": (
        [("09:00", "assigned", {}), *((f"0{day} 10:00", "contacted", {}) for day in (3, 4, 8))],
        "1",
        {"good": 1, "total": 1, "pending": 0},
    ),
    "qualified-leads": ([("09:00", "qualified", {})], "1", {"count": 1}),
    "accepted-leads": ([("09:00", "accepted", {})], "1", {"count": 1}),
    "won-leads": ([("09:00", "won", {}), ("09:10", "won", {})], "1", {"count": 1}),
    "won-revenue": (
        [("09:00", "won", {"amount": "99.90"}), ("09:10", "won", {"amount": 0.1})],
        "100",
        {"count": 2},
    ),
    "lead-acceptance": (
        [("09:00", "rejected", {}), ("09:10", "accepted", {})],
        "1",
        {"good": 1, "total": 1},
    ),
    "lead-conversion": (
        [("01 09:00", "qualified", {}), ("30 09:00", "won", {})],
        "1",
        {"good": 1, "total": 1, "pending": 0},
    ),
    "customer-retention": (
        [("09:00", "won", {}), ("09:10", "renewed", {})],
        "1",
        {"good": 1, "total": 1, "pending": 0},
    ),
    "customer-churn": ([("09:00", "won", {})], "0", {"good": 0, "total": 1, "pending": 1}),
    "lead-satisfaction": (
        [("09:00", "rated", {"score": 5}), ("09:10", "rated", {"score": "five"})],
        "5",
        {"count": 1},
    ),
}


def test_every_built_in_kpi_has_a_story() -> None:
    assert CLOCKS.keys() | VALUES.keys() == built_in_kpis().keys()


@pytest.mark.parametrize("kpi", CLOCKS)
def test_a_clock_runs_as_the_page_says(tmp_path: Path, kpi: str) -> None:
    story, expected = CLOCKS[kpi]
    clocks = evaluated(tmp_path, kpi, story)["clocks"]
    assert [(clock["state"], clock["elapsed_s"]) for clock in clocks] == expected


@pytest.mark.parametrize("kpi", VALUES)
def test_a_value_is_what_the_page_says(tmp_path: Path, kpi: str) -> None:
    story, value, counts = VALUES[kpi]
    (found,) = evaluated(tmp_path, kpi, story)["objectives"]
    assert (found["value"], found["counts"]) == (value, counts)


@pytest.mark.parametrize("kpi", ["ticket-time-to-own", "lead-assignment"])
def test_what_is_born_with_an_owner_waits_for_none(tmp_path: Path, kpi: str) -> None:
    assert evaluated(tmp_path, kpi, OWNED)["clocks"] == []


def test_contacts_after_a_week_are_no_follow_up(tmp_path: Path) -> None:
    contacts: Story = [(f"{day} 10:00", "contacted", {}) for day in ("03", "04", "09")]
    story = [("09:00", "assigned", {}), *contacts]
    (found,) = evaluated(tmp_path, "lead-follow-up", story)["objectives"]
    assert found["counts"] == {"good": 0, "total": 1, "pending": 0}
