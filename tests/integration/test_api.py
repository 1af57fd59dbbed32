"""The api on a real database: what it says is what `accord evaluate` says."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
from pydantic import BaseModel

from services.api.answering import schemas
from shared.domain.instant import SECOND, parse_instant
from shared.runtime.config import driver_url
from tests.api.opened import Api, an_api
from tests.api.stored import NOW

pytestmark = pytest.mark.integration

_OF_A_STATE = {"since", "breach_id", "freshness", "revision", "provisional", "as_of"}
STATE_EXTRAS = {*_OF_A_STATE, "complete"}
BREACH_EXTRAS = {"breach_id", "confirmed", "detected_at", "acknowledged"}
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
    ({"state": "at_risk"}, ["everyone/response/acme/emea"]),
    ({"state": "no_data"}, []),
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


@pytest.fixture(params=["stored", "remembered"])
async def api(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> AsyncIterator[Api]:
    remembered = request.param == "remembered"
    async with an_api(database_url, tmp_path, remembered=remembered) as opened:
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
    assert none.json()["type"] == "/problems/no-such-window"


async def test_filters_choose_breaches(api: Api) -> None:
    for asked, scopes in BREACH_FILTERS:
        found = await api.items("/v1/breaches", agreement="acme-support", **asked)
        assert sorted(str(row["scope"]) for row in found) == scopes, asked


async def test_a_filter_that_names_nothing_leaves_the_list_empty_and_says_so(api: Api) -> None:
    for path in ("/v1/states", "/v1/breaches"):
        for _ in range(2):  # the second time a question that is remembered
            answer = (await api.get(path, agreement="everyon")).json()
            assert answer["items"] == []
            assert answer["hint"].endswith("named 'everyon'; did you mean 'everyone'?")
        assert "hint" not in (await api.get(path, agreement="everyone")).json()


async def test_a_group_without_values_is_an_empty_list_that_says_so(api: Api) -> None:
    sla_id = "everyone/response/nobody/~"
    answer = (await api.get("/v1/values", sla_id=sla_id)).json()
    assert answer["items"] == []
    assert answer["hint"] == f"sla_id: nothing has counted in any window of {sla_id!r}"
    then = "2020-01-01T00:00:00Z"
    answer = (await api.get("/v1/values", sla_id="everyone/leads", known_at=then)).json()
    assert answer["items"] == []
    assert answer["hint"] == f"known_at: no window of 'everyone/leads' was final at {then}"
    assert "hint" not in (await api.get("/v1/values", sla_id="everyone/leads")).json()


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


async def test_what_was_said_at_an_instant_is_the_last_revision_of_that_time(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for revision, cause, counts in ((1, "final", '{"count":7}'), (2, "late", '{"count":8}')):
        await database.execute(
            """
            INSERT INTO value_revision
            SELECT objective, grp, window_start, $1::int, $2, $3, 'ok', ($1::int)::text, NULL, $4
            FROM value WHERE objective = 'everyone/leads'
            """,
            revision,
            cause,
            NOW + revision * SECOND,
            counts,
        )

    async def said(known_at: str) -> list[tuple[object, ...]]:
        found = await api.items("/v1/values", sla_id="everyone/leads", known_at=known_at)
        return [
            (v["value"], v["counts"], v["revision"], v["final"], v["since"], len(v["revisions"]))  # type: ignore[arg-type]
            for v in found
        ]

    assert await said("2026-03-02T12:00:00.999999Z") == []
    first = ("1", {"count": 7}, 1, True, "2026-03-02T12:00:01Z", 1)
    assert await said("2026-03-02T12:00:01Z") == [first]
    second = ("2", {"count": 8}, 2, True, "2026-03-02T12:00:02Z", 2)
    assert await said("2026-03-02T13:00:00Z") == [second]
    answer = await api.get("/v1/values", sla_id="everyone/leads", known_at="yesterday")
    assert answer.status_code == 422


async def test_what_is_no_longer_kept_is_refused_and_not_shown_in_part(
    api: Api, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    window = {"sla_id": "everyone/leads", "window": "2026-03-01T00:00:00Z"}
    instant = {"sla_id": "everyone/leads", "known_at": "2026-03-02T12:00:00Z"}
    asked = (("/v1/values/items", window), ("/v1/values", instant))
    start = parse_instant(window["window"])
    for place, expected in ((0, 200), (1, 410)):
        await database.execute(
            "INSERT INTO retention VALUES (1, $1, $2) ON CONFLICT (id) DO UPDATE"
            " SET ledger_from = $1, revisions_from = $2",
            start + place,
            NOW + place,
        )
        for path, parameters in asked:
            answer = await api.get(path, **parameters)
            assert answer.status_code == expected, answer.text
    problem = (await api.get("/v1/values", **instant)).json()
    assert problem["type"] == "/problems/no-longer-kept"
    assert "2026-03-02T12:00:00.000001Z" in problem["detail"]
    assert (await api.get("/v1/values", sla_id="everyone/leads")).status_code == 200


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
