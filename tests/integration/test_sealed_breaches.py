"""Breaches of a sealed period: what is listed is what stood then, the rest is told beside it."""

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from services.api.reports import schemas
from services.api.web.caller import Caller
from shared.domain.event import Event
from shared.runtime.database import Pool
from tests.integration.evaluating import catalogue, event
from tests.integration.signing import DOCUMENTS, MARCH, OF_ACME, WRITE, Desk, a_desk

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
OF_GLOBEX = Caller("of-globex", WRITE, frozenset({"globex"}))
IN_MARCH = {"period": "2026-03"}
OPENED = event("ticket.created", "T-8", "03-20T09:00", customer="acme")
REPLIED = event("ticket.replied", "T-8", "04-01T03:00", customer="acme")
Json = Any


@pytest.fixture
async def desk(database: Pool, tmp_path: Path) -> Desk:
    """One of whose tickets is late and waits when March is over."""
    opened = await a_desk(database, tmp_path)
    await opened.receive([OPENED], "04-01T02:00")
    await opened.wait("04-01T02:06")
    return opened


async def march(desk: Desk, *caller: Caller) -> Json:
    report = await desk.get("/v1/reports/desk", *caller, **IN_MARCH)
    schemas.Report.model_validate(report)
    return report


def listed(report: Json) -> dict[str, list[Json]]:
    return {own["objective"]: own["breaches"] for own in report["objectives"]}


def told(report: Json, item: str) -> list[tuple[str, str, str | None]]:
    """How the breaches of an item differ from those that were sealed."""
    return sorted(
        (own["change"], own["objective"], own["closed_at"])
        for own in report["adjustments"]["breaches"]
        if own["item"] == item
    )


def instead(own: Event, type_: str, **data: object) -> Event:
    """What corrects an event."""
    named = (own.kind, own.subject, own.source, f"{own.id}-right")
    return Event(*named, type_, own.time, {**own.data, **data}, replaces=own.id)


async def test_a_breach_that_was_open_when_it_was_sealed_stays_open_there(desk: Desk) -> None:
    before = await march(desk)
    assert (await desk.seal()).status_code == 201
    await desk.receive([REPLIED], "04-01T04:00")
    await desk.wait("04-01T04:06")
    after = await march(desk)
    assert listed(after) == listed(before)
    assert after["totals"]["breaches"] == before["totals"]["breaches"]
    assert after["totals"]["breaches"]["open"] == 2
    ended = "2026-04-01T03:00:00Z"
    assert told(after, "ticket:T-8") == [
        ("closed", "by-customer", ended),
        ("closed", "month", ended),
    ]
    lasted = 11 * 86_400 + 17 * 3_600  # until the reply, from an hour after it was opened
    assert {own["lasted_s"] for own in after["adjustments"]["breaches"]} == {lasted}


async def test_how_long_it_had_lasted_when_it_was_sealed_stays(desk: Desk) -> None:
    assert (await desk.seal()).status_code == 201
    before = listed(await march(desk))
    await desk.wait("04-05T00:00")
    assert listed(await march(desk)) == before


async def test_the_other_forms_say_that_it_has_ended(desk: Desk) -> None:
    assert (await desk.seal()).status_code == 201
    await desk.receive([REPLIED], "04-01T04:00")
    async with desk.asking() as http:
        table = (await http.get("/v1/reports/desk", params={**IN_MARCH, "format": "csv"})).text
        page = (await http.get("/v1/reports/desk", params={**IN_MARCH, "format": "html"})).text
    rows = [row for row in csv.DictReader(StringIO(table)) if row["item"] == "ticket:T-8"]
    assert [(row["record"], row["closed_at"]) for row in rows if row["objective"] == "month"] == [
        ("breach", ""),
        ("closed", "2026-04-01T03:00:00Z"),
    ]
    assert "has ended since" in page


async def test_one_that_had_ended_and_did_not_after_all_is_told(desk: Desk) -> None:
    replied = next(own for own in MARCH if own.type == "ticket.replied" and own.subject == "T-3")
    before = await march(desk)
    assert (await desk.seal()).status_code == 201
    await desk.receive([instead(replied, "ticket.retracted")], "04-01T04:00")
    await desk.wait("04-01T04:06")
    after = await march(desk)
    assert listed(after) == listed(before)
    assert told(after, "ticket:T-3") == [
        ("reopened", "by-customer", None),
        ("reopened", "month", None),
    ]


async def corrected(desk: Desk) -> None:
    """T-3 was never acme's."""
    for own in MARCH:
        if own.subject == "T-3":
            await desk.stepping.fold([instead(own, own.type, customer="globex")])
    await desk.wait("04-01T04:00")
    await desk.wait("04-01T04:06")


async def test_a_breach_that_was_somebody_elses_stays_where_it_was_sealed(desk: Desk) -> None:
    before = {own: await march(desk, own) for own in (OF_ACME, OF_GLOBEX)}
    assert "ticket:T-3" in str(listed(before[OF_ACME]))
    assert (await desk.seal()).status_code == 201
    await corrected(desk)
    after = {own: await march(desk, own) for own in (OF_ACME, OF_GLOBEX)}
    for own in (OF_ACME, OF_GLOBEX):
        assert listed(after[own]) == listed(before[own])
        assert after[own]["totals"]["breaches"] == before[own]["totals"]["breaches"]
    closed = "2026-03-10T12:00:00Z"
    assert told(after[OF_ACME], "ticket:T-3") == [("withdrawn", "by-customer", closed)]
    assert told(after[OF_GLOBEX], "ticket:T-3") == [("found", "by-customer", closed)]
    assert "globex" not in str(after[OF_ACME])
    assert "acme" not in str(after[OF_GLOBEX])


async def test_who_sees_all_is_told_from_whom_to_whom_it_went(desk: Desk) -> None:
    assert (await desk.seal()).status_code == 201
    await corrected(desk)
    report = await march(desk)
    moved = {
        own["change"]: (own["sla_id"], own["group"])
        for own in report["adjustments"]["breaches"]
        if own["item"] == "ticket:T-3"
    }
    assert moved == {
        "withdrawn": ("desk/by-customer/acme", {"customer": "acme"}),
        "found": ("desk/by-customer/globex", {"customer": "globex"}),
    }
    assert [own["item"] for own in listed(report)["month"]] == ["ticket:T-3", "ticket:T-8"]


async def test_other_groups_by_other_documents_are_no_news_of_a_breach(
    desk: Desk, tmp_path: Path
) -> None:
    before = await march(desk)
    assert (await desk.seal()).status_code == 201
    changed = DOCUMENTS.replace("      groupBy: [customer]\n", "")
    await desk.stepping.start(catalogue(changed, tmp_path))
    await desk.wait("04-02T00:10")
    after = await march(desk)
    assert listed(after)["by-customer"] == listed(before)["by-customer"]
    assert told(after, "ticket:T-3") == told(after, "ticket:T-8") == []
