"""The app without its database: errors as problems, unknown parameters, the OpenAPI document."""

from collections.abc import AsyncIterator, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from services.api import openapi
from services.api.answering import answers, examples, schemas, shapes
from services.api.app import create_app, make_sources
from services.api.reports import examples as report_examples
from services.api.reports import forms
from services.api.reports import schemas as report_schemas
from shared.runtime.database import Pool
from shared.wire import compared, explained, results
from tests.api.stored import NOW, a_catalogue


class _Unreachable:
    def acquire(self) -> object:
        raise ConnectionRefusedError


NO_DATABASE = cast("Pool", _Unreachable())


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def app(tmp_path: Path, registry: CollectorRegistry) -> FastAPI:
    catalogue = a_catalogue(tmp_path)
    sources = make_sources(pool=NO_DATABASE, catalogue=catalogue, clock=lambda: NOW)
    return create_app(sources, registry)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


@pytest.mark.parametrize(
    ("method", "path", "status", "kind", "says"),
    [
        ("GET", "/v1/nothing", 404, "not-found", "/v1/nothing"),
        ("POST", "/v1/states", 405, "method-not-allowed", "POST"),
        ("GET", "/v1/states?levle=service", 422, "unknown-parameter", "did you mean 'level'?"),
        ("GET", "/v1/states?level=servise", 422, "invalid-parameter", "level: "),
        ("GET", "/v1/states?limit=0", 422, "invalid-parameter", "limit: "),
        ("GET", "/v1/states?limit=1001", 422, "invalid-parameter", "limit: "),
        ("GET", "/v1/states?window=yesterday", 422, "invalid-parameter", "RFC 3339"),
        ("GET", "/v1/breaches?scope=all", 422, "invalid-parameter", "scope: "),
        ("GET", "/v1/values", 422, "invalid-parameter", "sla_id: "),
        ("GET", "/v1/values/items", 422, "invalid-parameter", "sla_id: "),
        ("GET", "/v1/comparisons", 422, "invalid-parameter", "kpi: "),
        ("GET", "/v1/comparisons?kpi=first-respons", 404, "unknown-kpi", "'first-response'?"),
        ("GET", "/v1/items", 422, "invalid-parameter", "kind: "),
        ("GET", "/v1/items/ticket/T-1?explain=1", 422, "unknown-parameter", "'explain'"),
        ("GET", "/v1/items/ticket/T%001", 422, "invalid-parameter", "subject: "),
        ("GET", "/v1/states?agreement=%00", 422, "invalid-parameter", "agreement: "),
        ("GET", "/v1/states/acme-support/x", 404, "unknown-sla-id", "no agreement has"),
        ("GET", "/v1/states/everyone/leeds", 404, "unknown-sla-id", "mean 'everyone/leads'?"),
        ("GET", "/v1/states/everyone/response", 404, "unknown-sla-id", "customer, team"),
        ("GET", "/v1/values?sla_id=everyone/leads/x", 404, "unknown-sla-id", "is not grouped"),
        ("GET", "/problems/unknown-sla", 404, "unknown-problem", "'unknown-sla-id'?"),
        ("GET", "/v1/agreements/x", 404, "unknown-agreement", "'x'"),
        ("GET", "/v1/states", 503, "unavailable", ""),
    ],
)
async def test_every_error_is_a_problem(
    http: httpx.AsyncClient, method: str, path: str, status: int, kind: str, says: str
) -> None:
    answer = await http.request(method, path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"/problems/{kind}"
    assert problem["status"] == status
    assert says in problem["detail"]
    assert problem["instance"] == unquote(path.partition("?")[0])
    schemas.Problem.model_validate(problem)
    if status == 405:
        assert answer.headers["allow"] == "GET, HEAD"


async def test_a_fault_of_ours_is_a_problem_without_its_text(
    app: FastAPI, http: httpx.AsyncClient
) -> None:
    app.state.sources = "something else"
    answer = await http.get("/v1/states")
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "the log has it" in answer.json()["detail"]
    assert "something else" not in answer.text


async def test_a_request_keeps_its_id_and_gets_one_where_it_has_none(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get("/v1/nothing", headers={"x-request-id": "mine-1"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "mine-1"
    other = await http.get("/v1/nothing", headers={"x-request-id": "no\ttab"})
    assert other.headers["x-request-id"] not in ("", "no\ttab")


async def test_figures_name_the_route_and_never_the_path(
    http: httpx.AsyncClient, registry: CollectorRegistry
) -> None:
    await http.get("/v1/agreements/x")
    await http.head("/v1/agreements/x")
    await http.get("/wp-login.php")
    await http.request("BREW", "/v1/states")

    def requests(method: str, route: str, status: str) -> float | None:
        labels = {"method": method, "route": route, "status": status}
        return registry.get_sample_value("accord_http_requests_total", labels)

    assert requests("GET", "/v1/agreements/{name}", "404") == 1
    assert requests("HEAD", "/v1/agreements/{name}", "404") == 1
    assert requests("GET", "unmatched", "404") == 1
    assert requests("_OTHER", "/v1/states", "405") == 1


def test_every_operation_has_an_example_and_its_problems(app: FastAPI) -> None:
    found = dict(operations(app.openapi()))
    assert list(found) == [
        "GET /v1/states",
        "GET /v1/states/{sla_id}",
        "POST /v1/states:batchGet",
        "GET /v1/values",
        "GET /v1/values/items",
        "GET /v1/breaches",
        "GET /v1/items",
        "GET /v1/items/{kind}/{subject}",
        "GET /v1/agreements",
        "GET /v1/agreements/{name}",
        "GET /v1/comparisons",
        "GET /v1/reports",
        "GET /v1/reports/{agreement}",
        "GET /v1/stream",
        "POST /v1/breaches/{breach_id}/acknowledgement",
        "POST /v1/reviews",
        "GET /v1/reviews",
        "POST /v1/webhooks",
        "GET /v1/webhooks",
        "GET /v1/webhooks/{webhook_id}",
        "DELETE /v1/webhooks/{webhook_id}",
        "POST /v1/webhooks/{webhook_id}/secret",
        "GET /v1/webhooks/{webhook_id}/deliveries",
        "GET /v1/webhooks/{webhook_id}/dead",
        "POST /v1/webhooks/{webhook_id}/dead/redrive",
        "GET /v1/audit",
    ]
    for name, operation in found.items():
        good = next(answer for status, answer in operation["responses"].items() if status < "300")
        for content in good.get("content", {}).values():
            assert content["example"], name
        assert operation["summary"], name
        assert operation["description"], name
        for status in ("422", "503"):
            content = operation["responses"][status]["content"]
            assert list(content) == ["application/problem+json"], name


def test_the_published_document_is_that_of_the_operations() -> None:
    path = Path(__file__).parents[2] / "docs" / "openapi.json"
    assert path.read_text(encoding="utf-8") == openapi.text(), (
        "run: python -m services.api.openapi > docs/openapi.json"
    )


@pytest.mark.parametrize(
    ("shape", "example"),
    [
        (schemas.States, examples.STATES),
        (schemas.ExplainedState, examples.EXPLAINED_STATE),
        (schemas.Values, examples.VALUES),
        (schemas.Members, examples.MEMBERS),
        (schemas.Comparisons, examples.COMPARISONS),
        (schemas.Breaches, examples.BREACHES),
        (schemas.Item, examples.ITEM),
        (schemas.Agreements, examples.AGREEMENTS),
        (schemas.Agreement, examples.AGREEMENT),
        (report_schemas.Report, report_examples.REPORT),
        (report_schemas.Reports, report_examples.REPORTS),
    ],
)
def test_examples_have_the_shape_they_are_examples_of(
    shape: type[BaseModel], example: Mapping[str, object]
) -> None:
    shape.model_validate(example)


@pytest.mark.parametrize(
    ("shape", "written"),
    [
        (schemas.ObjectiveState, answers.StateRow),
        (schemas.Value, answers.ValueRow),
        (schemas.Revision, answers.RevisionRow),
        (schemas.ItemBreach, answers.StoredItemBreach),
        (schemas.WindowBreach, answers.StoredWindowBreach),
        (schemas.Clock, results.ClockRow),
        (schemas.ExplainedClock, explained.ExplainedClockRow),
        (shapes.ClockExplanation, explained.ClockExplanation),
        (shapes.WindowExplanation, explained.WindowExplanation),
        (shapes.Rank, explained.RankForm),
        (shapes.Budget, explained.BudgetForm),
        (shapes.Pace, explained.PaceForm),
        (shapes.Member, explained.MemberForm),
        (shapes.Interval, explained.IntervalForm),
        (shapes.EventName, explained.EventForm),
        (shapes.Happening, explained.HappeningForm),
        (shapes.Alternative, explained.AlternativeForm),
        (shapes.Contender, explained.ContenderForm),
        (shapes.Contest, explained.ContestForm),
        (schemas.Side, compared.SideForm),
        (schemas.Difference, compared.DifferenceForm),
        (schemas.Comparison, compared.ComparisonRow),
        (schemas.ListedItem, answers.ItemRow),
        (schemas.Item, answers.ExplainedItemRow),
        (schemas.Objective, answers.ObjectiveForm),
        (schemas.AgreementSummary, answers.AgreementRow),
        (schemas.Version, answers.VersionRow),
        (schemas.Agreement, answers.AgreementAnswer),
        (schemas.States, answers.ListAnswer),
        (report_schemas.Report, forms.Report),
        (report_schemas.Period, forms.PeriodForm),
        (report_schemas.Documents, forms.DocumentsForm),
        (report_schemas.ReportVersion, forms.VersionForm),
        (report_schemas.ReportedObjective, forms.ReportedObjective),
        (report_schemas.ReportedWindow, forms.ReportedWindow),
        (report_schemas.ReportedBreach, forms.ReportedBreach),
        (report_schemas.Totals, forms.TotalsForm),
        (report_schemas.BreachTotals, forms.BreachTotals),
        (report_schemas.Exclusions, forms.ExclusionsForm),
        (report_schemas.ExcludedItem, forms.ExcludedItem),
        (report_schemas.MarkedWindow, forms.MarkedWindow),
        (report_schemas.MissingRecords, forms.MissingRecords),
        (report_schemas.AvailableReports, forms.AvailableReports),
    ],
)
def test_shapes_have_the_members_that_are_written(
    shape: type[BaseModel], written: type[msgspec.Struct]
) -> None:
    info = msgspec.structs.fields(written)
    tag = written.__struct_config__.tag_field
    members = {field.encode_name for field in info} | ({tag} if tag else set())
    assert set(shape.model_fields) == members


async def test_the_docs_page_loads_nothing_from_elsewhere(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("http://api", "").replace("</", "<")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/docs/files/{name}" in page.text
        assert (await http.get(f"/docs/files/{name}")).status_code == 200
