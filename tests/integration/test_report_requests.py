"""How reports are asked for: forms, periods, customers, limits; on a real database."""

import csv
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import pytest

from services.api.reports import reading, schemas
from tests.api.opened import Api, an_api
from tests.security.walled import CANARY, FOREIGN, a_walled_api

pytestmark = pytest.mark.integration


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with an_api(database_url, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("asked", "accept", "media_type"),
    [
        ({}, "*/*", "application/json"),
        ({}, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ({}, "text/csv", "text/csv"),
        ({}, "text/csv;q=0.1, application/json", "application/json"),
        ({"format": "csv"}, "text/html", "text/csv"),
        ({"format": "html"}, "application/json", "text/html"),
    ],
)
async def test_the_form_is_as_asked_or_as_liked_best(
    api: Api, asked: dict[str, str], accept: str, media_type: str
) -> None:
    answer = await api.http.get(
        "/v1/reports/everyone", params={"period": "2026-03", **asked}, headers={"accept": accept}
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.headers["vary"] == "accept"
    if media_type == "text/html":
        assert "script" not in answer.headers["content-security-policy"]
        style = await api.get("/assets/report.css")
        assert style.headers["content-type"].startswith("text/css")
        assert 'href="/assets/report.css"' in answer.text
    if media_type == "text/csv":
        assert answer.headers["content-disposition"] == (
            'attachment; filename="everyone_2026-03.csv"'
        )
        rows = [*csv.DictReader(StringIO(answer.text, newline=""), strict=True)]
        assert [row["record"] for row in rows].count("window") == 4


@pytest.mark.parametrize("path", ["/v1/reports/everyone?period=2026-03", "/v1/webhooks"])
async def test_what_the_caller_has_is_not_sent_again(api: Api, path: str) -> None:
    answer = await api.http.get(path)
    again = await api.http.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await api.http.get(path, headers={"if-none-match": 'W/"other"'})
    assert other.content == answer.content


async def test_without_a_period_it_is_the_last_whole_month_of_the_calendars_zone(api: Api) -> None:
    report = (await api.get("/v1/reports/acme-support")).json()
    assert report["period"]["name"] == "2026-02"
    schemas.Report.model_validate(report)


async def test_the_list_has_the_agreements_and_their_months(api: Api) -> None:
    listed = (await api.get("/v1/reports")).json()
    schemas.Reports.model_validate(listed)
    assert {row["agreement"]: row["months"] for row in listed["items"]} == {
        "acme-support": ["2026-02"],
        "everyone": ["2026-02"],
        "hosting-desk": [],
    }
    pages = await api.pages("/v1/reports", 1)
    assert pages == listed["items"]


@pytest.mark.parametrize(
    ("asked", "status", "kind", "says"),
    [
        ({"period": "2026-13"}, 422, "invalid-parameter", "period: '2026-13' is no month"),
        ({"from": "2026-03-01"}, 422, "invalid-parameter", "until: `from` and `until`"),
        ({"from": "x", "until": "2026-03-01"}, 422, "invalid-parameter", "from: 'x' is not"),
        ({"perod": "2026"}, 422, "unknown-parameter", "did you mean 'period'?"),
        ({"form": "2026"}, 422, "unknown-parameter", "known: period, from, until"),
        ({"objective": "leeds"}, 422, "invalid-parameter", "did you mean 'leads'?"),
        ({"format": "pdf"}, 422, "invalid-parameter", "format: "),
    ],
)
async def test_what_cannot_be_asked_is_said(
    api: Api, asked: dict[str, str], status: int, kind: str, says: str
) -> None:
    answer = await api.get("/v1/reports/everyone", **asked)
    problem = answer.json()
    assert answer.status_code == status, problem
    assert problem["type"].endswith(kind)
    assert says in problem["detail"]


async def test_a_name_that_is_not_known_is_told_with_a_guess(api: Api) -> None:
    answer = await api.get("/v1/reports/evryone")
    assert answer.status_code == 404
    assert "did you mean 'everyone'?" in answer.json()["detail"]


async def test_only_the_objectives_and_customers_that_are_asked_for(api: Api) -> None:
    report = (await api.get("/v1/reports/everyone", period="2026-03", objective="leads")).json()
    assert [own["objective"] for own in report["objectives"]] == ["leads"]
    report = (await api.get("/v1/reports/everyone", period="2026-03", customer="acme")).json()
    assert {w["group"]["customer"] for own in report["objectives"] for w in own["windows"]} == {
        "acme"
    }


@pytest.mark.parametrize("form", ["json", "csv", "html"])
async def test_a_caller_for_one_customer_sees_nothing_of_others(
    database_url: str, tmp_path: Path, form: str
) -> None:
    async with a_walled_api(database_url, tmp_path) as walled:
        asked = {"period": "2026-03", "format": form}
        for name in ("everyone", "named"):
            answer = await walled.get("acme", f"/v1/reports/{name}", asked)
            assert answer.status_code == 200
            assert CANARY not in answer.text
            assert "acme" in answer.text
        # Asking for another customer's makes nothing visible.
        other = await walled.get("acme", "/v1/reports/everyone", {**asked, "customer": FOREIGN})
        assert "A-1" not in other.text
        assert CANARY not in other.text
        refused = await walled.get("acme", f"/v1/reports/{CANARY}-support", asked)
        assert refused.status_code == 404
        everything = await walled.get("all", "/v1/reports/everyone", asked)
        assert CANARY in everything.text


@pytest.mark.parametrize("limit", ["MOST_WINDOWS", "MOST_BREACHES"])
async def test_what_is_too_large_is_refused_and_never_cut(
    api: Api, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, limit, 0)
    answer = await api.get("/v1/reports/acme-support", period="2026-03")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("report-too-large")
    assert "shorter period" in answer.json()["detail"]
