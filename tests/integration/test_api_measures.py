"""The api on a real database with every measure, target and kind of window."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.api.answering import schemas
from shared.runtime.config import driver_url
from tests.api.measured import DOCUMENTS, EVENTS, NOW
from tests.api.opened import Api, an_api
from tests.integration.test_api import STATE_EXTRAS, without

pytestmark = pytest.mark.integration


@pytest.fixture(params=["stored", "remembered"])
async def api(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> AsyncIterator[Api]:
    remembered = request.param == "remembered"
    async with an_api(
        database_url, tmp_path, DOCUMENTS, EVENTS, at=NOW, remembered=remembered
    ) as opened:
        yield opened


async def whole(api: Api, path: str, **asked: object) -> Any:  # noqa: ANN401 - JSON
    answer = await api.get(path, **asked)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.content, parse_float=Decimal)


async def test_values_have_a_row_for_each_window_rolling_ones_too(api: Api) -> None:
    rows = api.evaluated["objectives"]
    for sla_id in sorted({str(row["sla_id"]) for row in rows}):
        values = await api.pages("/v1/values", 7, sla_id=sla_id)
        plain = [without(value, STATE_EXTRAS | {"revisions"}) for value in reversed(values)]
        assert _exact(plain) == _exact([row for row in rows if row["sla_id"] == sla_id])


def _exact(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return json.loads(json.dumps(rows, default=str), parse_float=Decimal)  # type: ignore[no-any-return]


async def test_the_current_rolling_window_is_the_one_that_ends_next(api: Api) -> None:
    states = {row["sla_id"]: row for row in await api.items("/v1/states", agreement="figures")}
    assert states["figures/qualified"]["window"] == {
        "start": "2026-03-01T13:00:00Z",
        "end": "2026-03-03T13:00:00Z",
    }
    assert states["figures/p90"]["window"] == {
        "start": "2026-02-25T00:00:00Z",
        "end": "2026-03-04T00:00:00Z",
    }
    assert states["figures/rating"]["window"]["start"] == "2026-03-03T00:00:00Z"  # type: ignore[index]


async def test_an_explanation_has_exact_sums_and_the_stored_value(api: Api) -> None:
    for row in await api.items("/v1/states"):
        state = await whole(api, f"/v1/states/{row['sla_id']}")
        schemas.ExplainedState.model_validate(state)
        assert state["explain"]["rule"].startswith(state["state"])
    told = {
        name: (await whole(api, f"/v1/states/figures/{name}"))["explain"]
        for name in ("revenue", "rating", "conversion", "p90")
    }
    assert told["revenue"]["formula"] == "sum of amount = 70.25 over 2 events"
    assert told["revenue"]["pace"]["elapsed_open_s"] == 60 * 3600
    assert told["rating"]["formula"] == "sum of score / events = 2.5 / 1"
    assert told["conversion"]["formula"] == "good / total = 1 / 3, 1 of them pending"
    assert told["p90"]["rank"] == {"share": "0.9", "of": 3, "place": 3}
    site = await whole(api, "/v1/states/own-repair/mean/x")
    assert site["explain"]["formula"] == "sum of times in seconds / decided = 3600 / 1"


async def test_panes_ahead_of_the_judge_do_not_change_what_is_explained(
    api: Api, database_url: str
) -> None:
    connection = await asyncpg.connect(driver_url(database_url))
    await connection.execute("UPDATE pane SET counted = counted + 1, amount = amount + 5")
    await connection.close()
    revenue = await whole(api, "/v1/states/figures/revenue")
    assert revenue["explain"]["formula"] == "sum of amount = 70.25 over 2 events"
    rating = await whole(api, "/v1/states/figures/rating")
    assert rating["explain"]["formula"] == "sum of score / events = 2.5 / 1"


async def test_the_items_of_a_value_are_those_of_the_ledger_without_what_was_reversed(
    api: Api,
) -> None:
    for limit in (1, 2, 500):
        sold = await api.pages("/v1/values/items", limit, sla_id="figures/revenue")
        assert [(row["item"], row["outcome"], row["amount"]) for row in sold] == [
            ("lead:L-1", "counted", "60.25"),
            ("lead:L-4", "counted", "10"),
        ]
    schemas.Members.model_validate(
        await whole(api, "/v1/values/items", sla_id="figures/conversion")
    )
    cohort = await api.items("/v1/values/items", sla_id="figures/conversion")
    assert [(row["item"], row["outcome"]) for row in cohort] == [
        ("lead:L-1", "entered"),
        ("lead:L-2", "entered"),
        ("lead:L-1", "reached"),
        ("lead:L-2", "lost"),
        ("lead:L-3", "entered"),
    ]
    (repaired,) = await api.items("/v1/values/items", sla_id="own-repair/repair")
    assert repaired == {
        "item": "ticket:T-1",
        "cycle": 1,
        "outcome": "met",
        "at": "2026-03-02T10:00:00Z",
        "amount": None,
        "elapsed_s": 3600,
    }


async def test_the_items_of_a_rolling_window_are_those_of_its_steps(api: Api) -> None:
    now = await api.items("/v1/values/items", sla_id="figures/qualified")
    assert [row["item"] for row in now] == ["lead:L-1", "lead:L-2", "lead:L-3"]
    before = await api.items(
        "/v1/values/items", sla_id="figures/qualified", window="2026-02-28T10:00:00Z"
    )
    assert [row["item"] for row in before] == ["lead:L-1", "lead:L-2"]
    # L-3 comes in the step that begins where this window ends.
    up_to = await api.items(
        "/v1/values/items", sla_id="figures/qualified", window="2026-03-01T09:00:00Z"
    )
    assert [row["item"] for row in up_to] == ["lead:L-1", "lead:L-2"]
    none = await api.get(
        "/v1/values/items", sla_id="figures/qualified", window="2026-02-28T10:00:01Z"
    )
    assert none.json()["type"] == "/problems/no-such-window"


async def test_a_provider_and_the_unit_inside_are_one_answer(api: Api) -> None:
    body = await whole(api, "/v1/comparisons", kpi="repair")
    schemas.Comparisons.model_validate(body)
    assert [(row["window"]["start"], row["group"]) for row in body["items"]] == [
        ("2026-03-01T00:00:00Z", {}),
        ("2026-03-02T00:00:00Z", {"site": "x"}),
        ("2026-03-02T00:00:00Z", {"site": "y"}),
    ]
    month, site, _ = body["items"]
    assert [(side["sla_id"], side["value"]) for side in month["sides"]] == [
        ("own-repair/repair", "1"),
        ("vendor-repair/repair", "0.5"),
    ]
    assert month["differences"] == [
        {
            "provider": "vendor-repair/repair",
            "internal": "own-repair/repair",
            "value": "-0.5",
            "unit": "ratio",
            "better": "internal",
        }
    ]
    assert site["differences"][0]["value"] == "900"
    assert site["differences"][0]["unit"] == "seconds"
    # The quantile's rolling window starts earlier, and nothing stands beside it there.
    first = await api.items("/v1/comparisons", kpi="repair", limit=1)
    assert first == body["items"][:1]
    paged = await api.pages("/v1/comparisons", 1, kpi="repair")
    assert paged == body["items"]


async def test_a_comparison_is_of_the_windows_that_start_at_an_instant(api: Api) -> None:
    found = await api.items("/v1/comparisons", kpi="repair", window="2026-03-02T00:00:00Z")
    assert [row["group"] for row in found] == [{"site": "x"}, {"site": "y"}]
    assert await api.items("/v1/comparisons", kpi="repair", window="2026-01-01T00:00:00Z") == []
    assert await api.items("/v1/comparisons", kpi="revenue") == []


async def test_an_item_shows_every_promise_about_it_side_by_side(api: Api) -> None:
    body = await whole(api, "/v1/items/ticket/T-2")
    schemas.Item.model_validate(body)
    repair = next(own for own in body["levels"] if own["kpi"] == "repair")
    assert [(own["agreement"], own["binding"]) for own in repair["promises"]] == [
        ("figures", True),
        ("figures", True),
        ("vendor-repair", False),
        ("vendor-repair", False),
    ]
    assert repair["promises"][2]["why"] == "of type uc, which never binds"
    assert {own["kpi"] for own in body["levels"]} == {"repair", "rating", "reopened-share"}
    clock = next(own for own in body["clocks"] if own["objective"] == "repair")
    paused = [own for own in clock["explain"]["intervals"] if own["activity"] == "paused"]
    assert [(own["seconds"], own["reason"]) for own in paused] == [(1800, "status is pending")]
