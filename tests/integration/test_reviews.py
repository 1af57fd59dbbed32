"""Periods that are signed off: who may, what is refused, and what is said of them."""

import asyncio
from pathlib import Path

import pytest

from services.api.answering import reviews
from services.api.web.caller import Caller
from shared.domain.instant import HOUR
from shared.runtime.database import Pool
from tests.integration.evaluating import at
from tests.integration.signing import LATE, OF_ACME, Desk, a_desk

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@pytest.fixture
async def desk(database: Pool, tmp_path: Path) -> Desk:
    return await a_desk(database, tmp_path)


async def test_a_period_is_signed_off_and_listed(desk: Desk, database: Pool) -> None:
    answer = await desk.seal()
    assert answer.status_code == 201, answer.text
    said = answer.json()
    reviews.Review.model_validate(said)
    assert said["review_id"].startswith("rv_")
    assert {name: said[name] for name in said if name not in {"review_id", "windows"}} == {
        "agreement": "desk",
        "period": {
            "name": "2026-03",
            "start": "2026-03-01T00:00:00Z",
            "end": "2026-04-01T00:00:00Z",
            "time_zone": "UTC",
        },
        "at": "2026-04-01T00:30:30Z",
        "by": "manager",
        "note": "agreed",
    }
    report = await desk.get("/v1/reports/desk", period="2026-03", all_windows="true")
    assert said["windows"] == report["totals"]["windows"] > 30
    listed = await desk.get("/v1/reviews")
    assert listed["items"] == [said]
    assert listed["next"] is None
    assert (await desk.get("/v1/reviews", agreement="other"))["items"] == []
    entry = await database.fetchrow("SELECT actor, action, target, detail FROM audit")
    assert entry is not None
    assert tuple(entry)[:3] == ("manager", "period.sealed", f"review:{said['review_id']}")


async def test_reviews_come_page_by_page_the_latest_first(desk: Desk) -> None:
    periods = ["2026-03-02", "2026-03-10", "2026-W13"]
    for period in periods:
        assert (await desk.seal(period)).status_code == 201
        desk.stepping.now += 1
    found: list[str] = []
    page = await desk.get("/v1/reviews", limit="1")
    while page["next"] is not None:
        found += [own["period"]["name"] for own in page["items"]]
        page = await desk.get("/v1/reviews", limit="1", cursor=page["next"])
    assert [*found, page["items"][0]["period"]["name"]] == periods[::-1]


@pytest.mark.parametrize("period", ["2026-03", "2026", "2026-W10", "2026-03-31", "2026-Q1"])
async def test_what_has_a_day_of_a_sealed_period_is_not_sealed_again(
    desk: Desk, period: str
) -> None:
    assert (await desk.seal()).status_code == 201
    await desk.wait("04-02T00:00")
    answer = await desk.seal(period)
    assert answer.status_code == 409
    kind = "not-final-yet" if period == "2026" else "already-sealed"
    assert answer.json()["type"] == f"/problems/{kind}"
    if kind == "already-sealed":
        assert "2026-04-01T00:30:30Z, by 'manager'" in answer.json()["detail"]


async def test_of_two_at_once_one_is_sealed(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.seal(own) for own in ("2026-03", "2026-W12") * 3))
    assert sorted(own.status_code for own in answers) == [201] + [409] * 5


async def test_the_same_under_a_key_gets_the_same_answer(desk: Desk, database: Pool) -> None:
    key = {"idempotency-key": "k-1"}
    first = await desk.seal(**key)
    desk.stepping.now += HOUR
    again = await desk.seal(**key)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert (await desk.seal("2026-02", **key)).json()["type"] == "/problems/idempotency-key-reused"
    assert await database.fetchval("SELECT count(*) FROM review") == 1


async def test_a_period_that_may_still_change_is_not_sealed(desk: Desk, database: Pool) -> None:
    async def refused(period: str = "2026-03") -> str:
        answer = await desk.seal(period)
        assert answer.status_code == 409
        assert answer.json()["type"] == "/problems/not-final-yet"
        return str(answer.json()["detail"])

    assert "ends at 2026-05-01T00:00:00Z" in await refused("2026-04")
    desk.stepping.now += HOUR
    assert "is stale" in await refused()
    await desk.receive(LATE, "04-01T02:00")
    assert "windows that end in 2026-03 are not final yet" in await refused()
    kept = """SELECT (SELECT count(*) FROM review) + (SELECT count(*) FROM sealed_objective)
        + (SELECT count(*) FROM sealed_value) + (SELECT count(*) FROM audit)"""
    assert await database.fetchval(kept) == 0
    await desk.wait("04-01T02:06")
    assert (await desk.seal()).status_code == 201


async def test_what_is_not_judged_yet_is_not_sealed_either(desk: Desk, database: Pool) -> None:
    """Its breaches are there before any number says so."""
    await desk.stepping.fold(LATE)
    answer = await desk.seal()
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-final-yet")
    assert "is to be judged" in answer.json()["detail"]
    assert await database.fetchval("SELECT count(*) FROM sealed_breach") == 0
    await desk.wait("04-01T02:00")
    await desk.wait("04-01T02:06")
    assert (await desk.seal()).status_code == 201
    report = await desk.get("/v1/reports/desk", period="2026-03")
    (month,) = (own for own in report["objectives"] if own["objective"] == "month")
    assert month["totals"]["breaches"]["items"] == month["totals"]["counts"]["breached_closed"] == 2


async def test_what_is_on_its_way_has_time_before_a_period_is_sealed(
    database: Pool, tmp_path: Path
) -> None:
    desk = await a_desk(database, tmp_path)
    await database.execute("UPDATE partition_progress SET watermark = $1", at("03-31T23:59"))
    answer = await desk.seal()
    assert "until the watermark has passed" in answer.json()["detail"]


async def test_what_cannot_be_meant_is_refused(desk: Desk) -> None:
    answer = await desk.seal("March")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-body")
    assert answer.json()["errors"][0]["pointer"] == "/period"
    assert "cannot be read" in answer.json()["detail"]
    answer = await desk.seal("2026-01")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/nothing-to-seal")
    assert "no window of 'desk' ends in 2026-01" in answer.json()["detail"]
    async with desk.asking() as http:
        for body, kind in (
            ({"agreement": "dask", "period": "2026-03"}, "unknown-agreement"),
            ({"agreement": "desk"}, "invalid-body"),
            ({"agreement": "desk", "period": "2026-03", "note": "x" * 2_001}, "invalid-body"),
        ):
            answer = await http.post("/v1/reviews", json=body)
            assert answer.json()["type"] == f"/problems/{kind}"


async def test_who_sees_some_customers_alone_signs_nothing_off_and_reads_no_notes(
    desk: Desk,
) -> None:
    refused = await desk.seal("2026-03", OF_ACME)
    assert (refused.status_code, refused.json()["type"]) == (
        403,
        "/problems/restricted-credential",
    )
    reader = Caller("reader", frozenset({"read"}))
    assert (await desk.seal("2026-03", reader)).json()["type"] == "/problems/missing-scope"
    assert (await desk.seal()).status_code == 201
    (seen,) = (await desk.get("/v1/reviews", OF_ACME))["items"]
    assert (seen["agreement"], seen["period"]["name"]) == ("desk", "2026-03")
    assert (seen["by"], seen["note"], seen["windows"]) == (None, None, None)
