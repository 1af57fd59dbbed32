"""A report of a sealed period: what was signed off, and beside it what became known since."""

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from services.api.reports import schemas
from shared.runtime.database import Pool
from tests.integration.evaluating import at
from tests.integration.signing import LATE, LATE_GROUP, OF_ACME, Desk, a_desk
from tests.integration.test_reports import windows

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
MARCH = {"period": "2026-03"}
ADDED = ("sealed", "adjusted")
Json = Any


@pytest.fixture
async def desk(database: Pool, tmp_path: Path) -> Desk:
    return await a_desk(database, tmp_path)


async def sealed_and_late(desk: Desk) -> tuple[Json, Json]:
    """The report of March before it is signed off, and after what came late since."""
    before = await desk.get("/v1/reports/desk", **MARCH)
    assert (await desk.seal()).status_code == 201
    await desk.receive((*LATE, *LATE_GROUP), "04-02T02:00")
    await desk.wait("04-02T02:06")
    return before, await desk.get("/v1/reports/desk", **MARCH)


async def test_a_report_without_a_review_says_nothing_of_one(desk: Desk) -> None:
    await desk.receive(LATE, "04-02T02:00")
    report = await desk.get("/v1/reports/desk", **MARCH)
    assert not {"reviews", "adjustments"} & report.keys()
    assert not any(set(ADDED) & own.keys() for own in windows(report))
    assert (await desk.seal("2026-02")).status_code == 201
    again = await desk.get("/v1/reports/desk", **MARCH)
    assert again == report


async def test_the_numbers_and_breaches_of_a_sealed_report_stay(desk: Desk) -> None:
    before, after = await sealed_and_late(desk)
    schemas.Report.model_validate(after)
    known = [(own["sla_id"], own["window"]["start"]) for own in windows(before)]
    shown = {(own["sla_id"], own["window"]["start"]): own for own in windows(after)}
    for own in windows(before):
        row = shown[own["sla_id"], own["window"]["start"]]
        plain = {name: row[name] for name in row if name not in {*ADDED, "revisions"}}
        assert plain == {name: own[name] for name in own if name != "revisions"}
    new = shown.keys() - set(known)
    assert {name for name, _ in new} == {"desk/by-customer/initech"}
    for own, other in zip(before["objectives"], after["objectives"], strict=True):
        assert own["breaches"] == other["breaches"]
        assert own["totals"]["counts"] == other["totals"]["counts"]
        assert own["totals"]["value"] == other["totals"]["value"]
    assert before["totals"]["breaches"] == after["totals"]["breaches"]
    assert before["provisional"] == after["provisional"] == []


async def test_a_sealed_report_lists_what_became_known_since_with_its_cause(desk: Desk) -> None:
    _, report = await sealed_and_late(desk)
    (review,) = report["reviews"]
    assert (review["period"]["name"], review["by"], review["note"]) == (
        "2026-03",
        "manager",
        "agreed",
    )
    told = {
        (own["sla_id"], own["window"]["start"][:10]): own
        for own in report["adjustments"]["windows"]
    }
    assert told["desk/month", "2026-03-01"] == {
        "sla_id": "desk/month",
        "window": {"start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z"},
        "cause": "late",
        "known_at": "2026-04-02T02:06:00Z",
        "state": "ok",
        "value": "0.75",
        "adjusted_state": "ok",
        "adjusted_value": "0.666666666667",
    }
    week = told["desk/by-customer/acme", "2026-03-01"]
    assert (week["state"], week["adjusted_state"]) == ("ok", "breached")
    found = [
        (own["change"], own["objective"], own["item"], own["sla_id"])
        for own in report["adjustments"]["breaches"]
    ]
    assert sorted(found, key=str) == [
        ("found", "by-customer", "ticket:T-6", None),
        ("found", "by-customer", None, "desk/by-customer/acme"),
        ("found", "month", "ticket:T-6", None),
        # Where nothing came for ten days, something has now, for some of them.
        ("found", "ten-days", None, "desk/ten-days"),
        ("withdrawn", "ten-days", None, "desk/ten-days"),
    ]


async def test_a_breach_that_did_not_happen_after_all_stays_in_what_was_sealed(
    desk: Desk, database: Pool
) -> None:
    assert (await desk.seal()).status_code == 201
    before = await desk.get("/v1/reports/desk", **MARCH)
    breaches = before["objectives"][1]["breaches"]
    (breach,) = [own for own in breaches if own["scope"] == "item"]
    await database.execute(
        "UPDATE breach SET withdrawn_at = $1 WHERE breach_id = $2",
        at("04-02T00:00"),
        breach["breach_id"],
    )
    after = await desk.get("/v1/reports/desk", **MARCH)
    assert after["objectives"][1]["breaches"] == breaches
    (change,) = after["adjustments"]["breaches"]
    assert change == {
        **breach,
        "objective": before["objectives"][1]["objective"],
        "change": "withdrawn",
    }


async def test_who_sees_some_customers_reads_their_adjustments_alone(desk: Desk) -> None:
    await sealed_and_late(desk)
    report = await desk.get("/v1/reports/desk", OF_ACME, **MARCH)
    (review,) = report["reviews"]
    assert (review["by"], review["note"], review["windows"]) == (None, None, None)
    told = {own["sla_id"] for own in report["adjustments"]["windows"]}
    assert told == {"desk/by-customer/acme"}
    assert {own["item"] for own in report["adjustments"]["breaches"]} == {"ticket:T-6", None}
    assert "initech" not in str(report)


async def test_the_other_forms_say_it_too(desk: Desk) -> None:
    _, report = await sealed_and_late(desk)
    async with desk.asking() as http:
        table = (await http.get("/v1/reports/desk", params={**MARCH, "format": "csv"})).text
        page = (await http.get("/v1/reports/desk", params={**MARCH, "format": "html"})).text
    rows = list(csv.DictReader(StringIO(table)))
    kinds = [row["record"] for row in rows]
    assert kinds.count("review") == 1
    assert kinds.count("adjusted") == len(report["adjustments"]["windows"])
    assert (kinds.count("found"), kinds.count("withdrawn")) == (4, 1)
    (month,) = [
        row for row in rows if row["record"] == "adjusted" and row["sla_id"] == "desk/month"
    ]
    assert (month["value"], month["cause"], month["revision"]) == ("0.666666666667", "late", "2")
    assert "2026-03 was signed off by manager: agreed" in table
    assert "What became known after it was signed off" in page
    assert "sealed, adjusted below" in page
    assert "events that came late" in page
    assert "<dt>Signed off</dt><dd>2026-03, 2026-04-01 00:30:30 +00:00 by manager: agreed" in page
