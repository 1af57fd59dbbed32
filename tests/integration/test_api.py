"""The api on a real database: what it says is what `accord evaluate` says, and how it says it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import asyncpg
import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel

from services.api import schemas
from services.api.app import create_app, make_sources
from services.api.exporter import Exporter
from services.cli.evaluate import evaluation_form
from shared.domain.agreement import Catalogue
from shared.domain.instant import MINUTE, SECOND
from shared.runtime.config import driver_url
from shared.runtime.database import create_pool
from shared.wire.results import encode
from tests.api.stored import EVENTS, NOW, a_catalogue, store

pytestmark = pytest.mark.integration

STATE_EXTRAS = {"since", "breach_id", "freshness", "revision", "provisional", "as_of"}
BREACH_EXTRAS = {"breach_id", "confirmed", "detected_at"}

STATE_FILTERS: list[tuple[dict[str, object], list[str]]] = [
    ({"agreement": "acme-support"}, ["acme-support/first-response-p1"]),
    ({"objective": "leads"}, ["everyone/leads"]),
    ({"level": "service"}, ["hosting-desk/response"]),
    ({"type": "ola"}, ["hosting-desk/response"]),
    (
        {"customer": "acme"},
        ["acme-support/first-response-p1", "everyone/response/acme/emea"],
    ),
    (
        {"customer": "globex"},
        ["everyone/response/globex/~", "everyone/response/globex/a%2Fb%20c"],
    ),
    ({"service": "payments"}, ["acme-support/first-response-p1"]),
    ({"service": "hosting"}, ["hosting-desk/response"]),
    ({"state": "breached", "agreement": "acme-support"}, ["acme-support/first-response-p1"]),
    ({"sla_id": "everyone/response/globex/a%2Fb%20c"}, ["everyone/response/globex/a%2Fb%20c"]),
    ({"sla_id": "everyone/nothing"}, []),
    ({"agreement": "nobody"}, []),
]
BREACH_FILTERS: list[tuple[dict[str, object], list[str]]] = [
    ({"scope": "item"}, ["item"]),
    ({"scope": "window"}, ["window"]),
    ({"open": "true"}, ["window"]),
    ({"open": "false"}, ["item"]),
    ({"since": "2026-03-02T10:00:00.000001Z"}, []),
    ({"since": "2026-03-02T10:00:00Z"}, ["item", "window"]),
    ({"until": "2026-03-02T10:00:00Z"}, []),
    ({"item": "ticket:T-2"}, ["item"]),
    ({"sla_id": "acme-support/first-response-p1", "scope": "window"}, ["window"]),
]
SHAPES: list[tuple[str, type[BaseModel]]] = [
    ("/v1/states", schemas.States),
    ("/v1/states/acme-support/first-response-p1", schemas.ExplainedState),
    ("/v1/values?sla_id=everyone/leads", schemas.Values),
    ("/v1/breaches", schemas.Breaches),
    ("/v1/items?kind=ticket", schemas.Items),
    ("/v1/items/ticket/T-2", schemas.Item),
    ("/v1/agreements", schemas.Agreements),
    ("/v1/agreements/everyone", schemas.Agreement),
]


@dataclass
class Api:
    """An app over filled tables, and what `accord evaluate` says of the same."""

    http: httpx.AsyncClient
    exporter: Exporter
    registry: CollectorRegistry
    evaluated: dict[str, list[dict[str, object]]]
    catalogue: Catalogue
    now: list[int]

    async def get(self, path: str, **asked: object) -> httpx.Response:
        """One answer, whatever it is."""
        return await self.http.get(path, params={k: str(v) for k, v in asked.items()} or None)

    async def items(self, path: str, **asked: object) -> list[dict[str, object]]:
        """The items of a list's first page, numbers exact."""
        answer = await self.get(path, **asked)
        assert answer.status_code == 200, answer.text
        body = json.loads(answer.content, parse_float=Decimal)
        items: list[dict[str, object]] = body["items"]
        return items

    async def pages(self, path: str, limit: int, **asked: object) -> list[dict[str, object]]:
        """The items of all pages."""
        found: list[dict[str, object]] = []
        cursor: dict[str, object] = {}
        while True:
            body = (await self.get(path, limit=limit, **asked, **cursor)).json()
            assert len(body["items"]) <= limit
            found.extend(body["items"])
            if body["next"] is None:
                return found
            cursor = {"cursor": body["next"]}


@asynccontextmanager
async def an_api(database_url: str, folder: Path) -> AsyncIterator[Api]:
    catalogue = a_catalogue(folder)
    said = await store(database_url, catalogue, EVENTS, now=NOW)
    evaluated = json.loads(encode(evaluation_form(catalogue, said, [])), parse_float=Decimal)
    now = [NOW]
    registry = CollectorRegistry()
    async with await create_pool(database_url, service="test") as pool:
        sources = make_sources(pool=pool, catalogue=catalogue, clock=lambda: now[0])
        exporter = Exporter(sources, "accord.events")
        registry.register(exporter)
        transport = httpx.ASGITransport(create_app(sources, registry))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            yield Api(http, exporter, registry, evaluated, catalogue, now)


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with an_api(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def database(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(driver_url(database_url))
    yield connection
    await connection.close()


def without(members: dict[str, object], extras: set[str]) -> dict[str, object]:
    assert extras <= set(members)
    return {name: value for name, value in members.items() if name not in extras}


async def test_values_say_what_evaluate_says_number_for_number(api: Api) -> None:
    said: list[dict[str, object]] = []
    for sla_id in sorted({str(row["sla_id"]) for row in api.evaluated["objectives"]}):
        values = await api.items("/v1/values", sla_id=sla_id)
        # The latest comes first; `evaluate` begins with the earliest.
        plain = [without(value, STATE_EXTRAS | {"revisions"}) for value in reversed(values)]
        said.extend(plain)
    expected = sorted(api.evaluated["objectives"], key=lambda row: str(row["sla_id"]))
    assert said == expected
    assert len(expected) == 8


async def test_states_are_the_windows_that_hold_as_of(api: Api) -> None:
    now = "2026-03-02T12:00:00Z"
    answer = (await api.get("/v1/states")).json()
    assert answer["as_of"] == now
    assert answer["next"] is None
    expected = [
        row
        for row in api.evaluated["objectives"]
        if row["window"]["start"] <= now < row["window"]["end"]  # type: ignore[index]
    ]
    assert [without(row, STATE_EXTRAS) for row in answer["items"]] == expected
    for row in answer["items"]:
        assert row["freshness"] == "live"
        assert row["as_of"] == now


async def test_breaches_are_those_of_evaluate_opened_last_first(api: Api) -> None:
    said = await api.pages("/v1/breaches", 2)
    opened = [row["opened_at"] for row in said]
    assert opened == sorted(opened, key=str, reverse=True)
    plain = [without(row, BREACH_EXTRAS) for row in said]
    assert sorted(plain, key=str) == sorted(api.evaluated["breaches"], key=str)


async def test_an_item_shows_its_clocks_as_evaluate_does_with_reasons(api: Api) -> None:
    answer = await api.get("/v1/items/ticket/T-2")
    body = json.loads(answer.content, parse_float=Decimal)
    expected = [row for row in api.evaluated["clocks"] if row["item"] == "ticket:T-2"]
    assert [without(row, {"explain"}) for row in body["clocks"]] == expected
    assert len(expected) == 2
    for clock in body["clocks"]:
        running = [i for i in clock["explain"]["intervals"] if i["activity"] == "running"]
        assert sum(interval["seconds"] for interval in running) == clock["elapsed_s"]


async def test_a_subject_with_a_slash_is_found_as_it_is_encoded_or_as_a_parameter(
    api: Api,
) -> None:
    for path in ("/v1/items/ticket/T%204%2Fx", "/v1/items/ticket/T%204/x"):
        assert (await api.get(path)).json()["item"] == "ticket:T 4/x"
    found = await api.get("/v1/items", kind="ticket", subject="T 4/x")
    assert found.json()["item"] == "ticket:T 4/x"


async def test_all_items_of_a_kind_come_by_key_page_by_page(api: Api) -> None:
    for limit in (1, 2, 50):
        pages = await api.pages("/v1/items", limit, kind="ticket")
        assert [item["subject"] for item in pages] == ["T 4/x", "T-0", "T-1", "T-2", "T-3"]


async def test_filters_choose_states(api: Api) -> None:
    for asked, expected in STATE_FILTERS:
        found = [row["sla_id"] for row in await api.items("/v1/states", **asked)]
        assert found == expected, asked


async def test_a_filter_given_twice_takes_either(api: Api) -> None:
    answer = await api.http.get("/v1/states?level=service&level=customer")
    assert [row["level"] for row in answer.json()["items"]] == ["customer", "service"]


async def test_one_state_is_found_by_its_sla_id_in_the_path_and_encoded_again(api: Api) -> None:
    for state in await api.items("/v1/states"):
        sla_id = str(state["sla_id"])
        for path in (sla_id, quote(sla_id), quote(sla_id, safe="")):
            found = json.loads((await api.get(f"/v1/states/{path}")).content, parse_float=Decimal)
            assert without(found, {"explain"}) == state


async def test_another_window_is_found_by_its_start(api: Api) -> None:
    start = "2026-03-01T00:00:00Z"
    found = await api.get("/v1/states/everyone/leads", window=start)
    assert found.json()["window"]["start"] == start
    assert await api.items("/v1/states", window="2026-03-01T01:00:00+01:00") == [
        {name: value for name, value in found.json().items() if name != "explain"}
    ]
    none = await api.get("/v1/states/everyone/leads", window="2026-03-01T00:00:01Z")
    assert none.status_code == 404
    assert none.json()["type"] == "urn:accord:problem:no-such-window"


async def test_filters_choose_breaches(api: Api) -> None:
    for asked, scopes in BREACH_FILTERS:
        found = await api.items("/v1/breaches", agreement="acme-support", **asked)
        assert sorted(str(row["scope"]) for row in found) == scopes, asked


async def test_a_withdrawn_breach_is_not_listed(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("UPDATE breach SET withdrawn_at = 1")
    assert await api.items("/v1/breaches") == []


async def test_pages_are_stable_while_rows_come_before_them(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    whole = [row["sla_id"] for row in await api.items("/v1/states")]
    first = (await api.get("/v1/states", limit=3)).json()
    await database.execute(
        """
        INSERT INTO value
        SELECT (jsonb_populate_record(v, '{"grp": "[\\"aaa\\",\\"x\\"]"}')).*
        FROM value v WHERE grp = '["acme","emea"]'
        """
    )
    second = (await api.get("/v1/states", limit=50, cursor=first["next"])).json()
    assert [row["sla_id"] for row in first["items"] + second["items"]] == whole
    assert "everyone/response/aaa/x" in [r["sla_id"] for r in await api.items("/v1/states")]


async def test_the_link_header_leads_to_the_next_page(api: Api) -> None:
    answer = await api.get("/v1/states", limit=2, level="corporate")
    target = answer.headers["link"].removeprefix("<").removesuffix('>; rel="next"')
    following = (await api.http.get(target)).json()
    both = answer.json()["items"] + following["items"]
    assert both == (await api.get("/v1/states", level="corporate")).json()["items"]


async def test_a_cursor_of_other_filters_is_refused(api: Api) -> None:
    cursor = (await api.get("/v1/states", limit=1)).json()["next"]
    for asked in ({"level": "service", "cursor": cursor}, {"cursor": "x"}, {"cursor": "é"}):
        answer = await api.get("/v1/states", **asked)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["parameter"] == "cursor"


async def test_a_state_that_has_not_changed_is_304(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    path = "/v1/states/acme-support/first-response-p1"
    tag = (await api.get(path)).headers["etag"]
    await database.execute("UPDATE partition_progress SET evaluation_time = evaluation_time + 1")
    same = await api.http.get(path, headers={"if-none-match": f'"other", {tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    await database.execute("UPDATE value SET state = 'ok', breach_id = NULL")
    changed = await api.http.get(path, headers={"if-none-match": tag})
    assert (changed.status_code, changed.json()["state"]) == (200, "ok")


async def test_as_of_stays_where_an_objective_waits_to_be_judged(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute(
        """
        INSERT INTO judge_queue (objective, grp, window_start, dirty_from, cause)
        VALUES ('everyone/leads', '[]', 0, 0, 'late')
        """
    )
    waiting = "2026-03-02T11:59:59.999999Z"
    assert (await api.get("/v1/states")).json()["as_of"] == waiting
    assert (await api.get("/v1/states/everyone/leads")).json()["as_of"] == waiting
    other = await api.get("/v1/states", agreement="acme-support")
    assert other.json()["as_of"] == "2026-03-02T12:00:00Z"


async def test_as_of_is_that_of_the_judgement_when_a_turn_of_time_has_passed(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("UPDATE judgement SET next_turn = $1 WHERE objective LIKE '%leads'", NOW)
    assert (await api.get("/v1/states")).json()["as_of"] == "2026-03-02T11:59:59.999999Z"


async def test_as_of_is_the_smallest_evaluation_time_and_null_without_any(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("UPDATE partition_progress SET evaluation_time = $1 WHERE part = 1", 5)
    assert (await api.get("/v1/states")).json()["as_of"] == "1970-01-01T00:00:00.000005Z"
    await database.execute("UPDATE partition_progress SET evaluation_time = 0 WHERE part = 1")
    answer = (await api.get("/v1/states")).json()
    assert (answer["as_of"], answer["items"]) == (None, [])
    one = await api.get("/v1/states/everyone/leads")
    assert (one.status_code, one.headers["retry-after"]) == (503, "1")


async def test_an_objective_that_was_never_judged_leaves_the_list_without_as_of(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("DELETE FROM judgement WHERE objective = 'everyone/leads'")
    assert (await api.get("/v1/states")).json()["as_of"] is None
    assert (await api.get("/v1/states", type="ola")).json()["as_of"] is not None


async def test_freshness_is_stale_a_minute_behind_or_unproven(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async def freshness() -> object:
        return (await api.items("/v1/states", agreement="acme-support"))[0]["freshness"]

    api.now[0] = NOW + MINUTE
    assert await freshness() == "live"
    api.now[0] = NOW + MINUTE + 1
    assert await freshness() == "stale"
    api.now[0] = NOW
    await database.execute("UPDATE partition_progress SET proven = false WHERE part = 0")
    assert await freshness() == "stale"


async def test_a_window_that_evaluate_no_longer_lists_is_not_shown(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("UPDATE value SET listed = false WHERE objective = 'everyone/leads'")
    assert await api.items("/v1/states", objective="leads") == []
    assert await api.items("/v1/values", sla_id="everyone/leads") == []


async def test_objectives_that_the_documents_do_not_have_are_not_served(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("UPDATE value SET objective = 'gone/leads' WHERE grp = '[]'")
    await database.execute("UPDATE breach SET objective = 'gone/leads'")
    states = await api.items("/v1/states")
    assert {row["agreement"] for row in states} == {"everyone"}
    assert await api.items("/v1/breaches") == []


async def test_values_carry_every_revision_of_a_window(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for revision, cause in ((2, "late"), (1, "final")):
        await database.execute(
            """
            INSERT INTO value_revision
            SELECT objective, grp, window_start, $1, $2, $3, state, value, budget_remaining, counts
            FROM value WHERE objective = 'everyone/leads'
            """,
            revision,
            cause,
            NOW + revision * SECOND,
        )
    (value,) = await api.items("/v1/values", sla_id="everyone/leads")
    revisions = value["revisions"]
    assert isinstance(revisions, list)
    assert [(r["revision"], r["cause"], r["known_at"]) for r in revisions] == [
        (1, "final", "2026-03-02T12:00:01Z"),
        (2, "late", "2026-03-02T12:00:02Z"),
    ]


async def test_agreements_show_their_versions_and_documents(api: Api) -> None:
    names = [row["agreement"] for row in await api.pages("/v1/agreements", 1)]
    assert names == ["acme-support", "everyone", "hosting-desk"]
    answer = (await api.get("/v1/agreements/everyone")).json()
    assert [own["sla_id"] for own in answer["objectives"]] == [
        "everyone/leads",
        "everyone/response",
    ]
    assert len(answer["versions"]) == 1
    missing = await api.get("/v1/agreements/everyon")
    assert missing.status_code == 404
    assert "did you mean 'everyone'?" in missing.json()["detail"]


async def test_answers_have_the_documented_shape(api: Api) -> None:
    for path, shape in SHAPES:
        answer = await api.http.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == "application/json"
        shape.model_validate_json(answer.content)
        head = await api.http.head(path)
        assert (head.status_code, head.content) == (200, b""), path
        assert head.headers["content-length"] == answer.headers["content-length"]


async def test_a_database_that_is_away_is_a_problem_to_come_back_with(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("ALTER TABLE value RENAME TO away")
    answer = await api.get("/v1/states")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "application/problem+json"


def samples(registry: CollectorRegistry) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


async def test_metrics_show_each_state_from_memory(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    assert not any(name.startswith("accord_sla") for name, _ in samples(api.registry))
    await api.exporter.refresh()
    await database.execute("DELETE FROM value")
    found = samples(api.registry)

    def value(name: str, **labels: str) -> float | None:
        return found.get((name, frozenset(labels.items())))

    own = {"sla_id": "acme-support/first-response-p1"}
    states = {s: value("accord_sla_state", **own, state=s) for s in ("ok", "at_risk", "breached")}
    assert states == {"ok": 0, "at_risk": 0, "breached": 1}
    assert value("accord_sla_value_ratio", **own) == 0.5
    assert value("accord_sla_objective_ratio", **own) == 0.95
    assert value("accord_sla_error_budget_remaining_ratio", **own) == -9
    assert value("accord_sla_burn_rate_ratio", **own, sla_window="month") == 10
    assert value("accord_sla_events_total", **own) == 3
    assert value("accord_sla_breached_events_total", **own) == 1
    assert value("accord_sla_value", sla_id="everyone/leads") == 1
    assert value("accord_sla_value_ratio", sla_id="everyone/leads") is None
    partition = {"topic": "accord.events", "partition": "0"}
    watermark = value("accord_event_watermark_timestamp_seconds", **partition)
    assert watermark == (NOW - 5 * MINUTE) / SECOND
    assert value("accord_series_dropped_total") == 0
    info = [dict(labels) for name, labels in found if name == "accord_sla_info"]
    (mine,) = [labels for labels in info if labels["sla_id"] == own["sla_id"]]
    assert mine["sla_scope"] == "customer"
    assert mine["sla_customer"] == "acme"
    assert mine["sla_service"] == "email,payments"
    assert mine["kpi"] == "first-response"


async def test_an_sla_without_a_value_has_no_series_for_it(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute(
        """
        UPDATE value SET value = NULL, budget_remaining = NULL, state = 'no_data'
        WHERE objective = 'hosting-desk/response'
        """
    )
    await api.exporter.refresh()
    text = generate_latest(api.registry).decode()
    assert 'accord_sla_state{sla_id="hosting-desk/response",state="no_data"} 1.0' in text
    assert "nan" not in text.lower()
    assert 'accord_sla_value_ratio{sla_id="hosting-desk/response"}' not in text


async def test_series_end_at_the_limit_and_what_is_dropped_is_counted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.exporter.SLA_LIMIT", 2)
    await api.exporter.refresh()
    found = samples(api.registry)
    assert len([name for name, _ in found if name == "accord_sla_info"]) == 2
    assert found["accord_series_dropped_total", frozenset()] == 4
    assert found["accord_series_limit", frozenset()] == 2


async def test_totals_never_fall(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.exporter.TOTALS_EVERY", 1)
    await api.exporter.refresh()
    await database.execute("DELETE FROM pane")
    await api.exporter.refresh()
    own = frozenset({("sla_id", "everyone/leads")})
    assert samples(api.registry)["accord_sla_events_total", own] == 1


async def test_a_database_without_the_schema_is_not_ready(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    assert api.exporter.readiness()["database"] is not None
    await database.execute("UPDATE alembic_version SET version_num = 'older'")
    await api.exporter.refresh()
    assert "accord migrate" in (api.exporter.readiness()["database"] or "")
