"""S01, API1: who may see one customer sees nothing of another, by no route of the document.

The requests are made from the OpenAPI document: a new operation is asked too, or fails here until
somebody says how it is asked.
"""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.api.openapi import published
from tests.security.walled import CANARY, FOREIGN, Walled, a_walled_api

pytestmark = pytest.mark.integration

MISSING = CANARY[:-1] + "x"
"""As near to any name as the canary is."""
ASKED: dict[tuple[str, str], tuple[dict[str, str], list[dict[str, str]]]] = {
    ("/v1/states/{sla_id}", "sla_id"): (
        {"sla_id": "acme-support/answer"},
        [
            {"sla_id": f"{CANARY}-support/answer"},
            {"sla_id": f"everyone/answer/emea/{FOREIGN}"},
            {"sla_id": f"everyone/{CANARY}-total"},
            {"sla_id": f"named/answer/{FOREIGN}"},
            {"sla_id": f"{CANARY}-shared/answer"},
        ],
    ),
    ("/v1/items/{kind}/{subject}", "kind subject"): (
        {"kind": "ticket", "subject": "A-1"},
        [
            {"kind": "ticket", "subject": f"{CANARY}-1"},
            {"kind": "ticket", "subject": f"{CANARY}-3"},
            {"kind": "lead", "subject": f"{CANARY}-L"},
        ],
    ),
    ("/v1/agreements/{name}", "name"): (
        {"name": "acme-support"},
        [{"name": f"{CANARY}-support"}, {"name": f"{CANARY}-shared"}],
    ),
    ("/v1/reports/{agreement}", "agreement"): (
        {"agreement": "acme-support", "period": "2026-03"},
        [{"agreement": f"{CANARY}-support"}, {"agreement": f"{CANARY}-shared"}],
    ),
    ("/v1/comparisons", "kpi"): ({"kpi": "first-response"}, [{"kpi": f"{CANARY}-leads"}]),
    ("/v1/items", "kind"): ({"kind": "ticket"}, []),
}
"""For each operation and the parameters that it requires: what is acme's, and what is not."""
ASKED["/v1/values", "sla_id"] = ASKED["/v1/states/{sla_id}", "sla_id"]
ASKED["/v1/values/items", "sla_id"] = ASKED["/v1/states/{sla_id}", "sla_id"]
FOR_ADMIN = {"/v1/audit"}
"""What is read with `admin` alone, which is never for certain customers."""
READ_BY_POST = {"/v1/states:batchGet"}
ELSEWHERE = {
    "/v1/stream",
    "/v1/webhooks",
    "/v1/webhooks/{webhook_id}",
    "/v1/webhooks/{webhook_id}/deliveries",
    "/v1/webhooks/{webhook_id}/dead",
}
"""What belongs to who made it, and streams: they have tests of their own."""


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in published()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def required(operation: dict[str, Any]) -> str:
    names = [own["name"] for own in operation.get("parameters", []) if own["required"]]
    return " ".join(names)


READS = [
    (path, operation)
    for method, path, operation in operations()
    if method == "get" and path not in FOR_ADMIN | ELSEWHERE
]


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Walled]:
    async with a_walled_api(database_url, tmp_path) as walled:
        yield walled


def address(path: str, asked: dict[str, str]) -> tuple[str, dict[str, str]]:
    rest = {name: value for name, value in asked.items() if f"{{{name}}}" not in path}
    return path.format(**asked), rest


def seen(answer: httpx.Response) -> str:
    """All of an answer, cursors read."""
    text = f"{answer.headers} {answer.text}"
    if answer.headers["content-type"].startswith("application/json"):
        cursor = answer.json().get("next")
        if cursor is not None:
            text += urlsafe_b64decode(cursor + "==").decode("latin-1")
    return text


async def pages(api: Walled, who: str, path: str, asked: dict[str, str]) -> list[httpx.Response]:
    """Every page of a list, one item each; of what is no list the one answer."""
    found = [await api.get(who, path, asked)]
    if found[0].status_code != 200 or "next" not in found[0].json():
        return found
    more: dict[str, str] = {"limit": "1"}
    while True:
        found.append(await api.get(who, path, asked | more))
        assert found[-1].status_code == 200, found[-1].text
        cursor = found[-1].json()["next"]
        if cursor is None:
            return found
        more["cursor"] = cursor


def asked_of(path: str, operation: dict[str, Any]) -> tuple[dict[str, str], list[dict[str, str]]]:
    names = required(operation)
    if not names:
        return {}, []
    assert (path, names) in ASKED, f"say in ASKED how {path} is asked for what is not acme's"
    return ASKED[path, names]


async def test_s01_what_is_ones_own_is_shown_and_no_canary_with_it(api: Walled) -> None:
    for path, operation in READS:
        own, _ = asked_of(path, operation)
        await _is_ones_own(api, *address(path, own))


async def _is_ones_own(api: Walled, target: str, rest: dict[str, str]) -> None:
    several = await pages(api, "acme", target, rest)
    for answer in several:
        assert answer.status_code == 200, answer.text
        assert CANARY not in seen(answer), target
    body = several[0].json()
    if "items" not in body:
        return
    assert body["items"], f"{target} shows acme nothing, which proves nothing"
    assert [one for page in several[1:] for one in page.json()["items"]] == body["items"]
    if "sla_id" not in rest:
        everything = await api.get("all", target, rest)
        assert CANARY in everything.text, f"{target} has nothing that is not acme's"


async def test_s01_what_is_anothers_is_as_if_it_did_not_exist(api: Walled) -> None:
    for path, operation in READS:
        for other in asked_of(path, operation)[1]:
            await _is_nothing(api, path, other)


async def _is_nothing(api: Walled, path: str, other: dict[str, str]) -> None:
    missing = {name: value.replace(CANARY, MISSING) for name, value in other.items()}
    target, rest = address(path, other)
    answer = await api.get("acme", target, rest)
    nothing = await api.get("acme", *address(path, missing))
    assert answer.status_code == nothing.status_code == 404, target
    shown, absent = (
        {name: value for name, value in own.json().items() if name != "request_id"}
        for own in (answer, nothing)
    )
    assert json.dumps(shown).replace(CANARY, MISSING) == json.dumps(absent)
    assert (await api.get("all", target, rest)).status_code == 200, target
    assert (await api.get("admin", target, rest)).status_code == 200, target


FILTERS = {
    "sla_id": [f"{CANARY}-support/answer", f"everyone/answer/emea/{FOREIGN}"],
    "agreement": [f"{CANARY}-support"],
    "customer": [FOREIGN],
    "item": [f"ticket:{CANARY}-1"],
}
FILTERED = [
    (path, own["name"], value)
    for path, operation in READS
    for own in operation.get("parameters", [])
    if not own["required"] and not required(operation)
    for value in FILTERS.get(own["name"], [])
]


async def test_s01_a_filter_for_what_is_anothers_finds_nothing(api: Walled) -> None:
    assert len(FILTERED) >= 8
    for path, name, value in FILTERED:
        answer = await api.get("acme", path, {name: value})
        nothing = await api.get("acme", path, {name: "zznobody/x"})
        assert answer.json()["items"] == nothing.json()["items"] == [], (path, name)
        assert answer.json()["next"] is None
        assert (await api.get("all", path, {name: value})).json()["items"], (path, name)


async def test_s01_an_agreement_with_several_shows_no_name_of_the_others(api: Walled) -> None:
    for who, names in (("acme", {"acme"}), ("all", {"acme", FOREIGN})):
        body = (await api.get(who, "/v1/agreements/named")).json()
        applies = body["versions"][0]["document"]["appliesTo"]["customer"]
        assert set(applies) == names
    answer = await api.get("acme", "/v1/agreements/everyone")
    assert CANARY not in answer.text
    body = answer.json()
    assert [own["objective"] for own in body["objectives"]] == ["answer"]


async def test_s01_which_promise_binds_is_the_same_for_all_and_a_hidden_one_is_not_named(
    api: Walled,
) -> None:
    path = "/v1/items/ticket/A-3"
    shown = (await api.get("acme", path)).json()["clocks"]
    whole = (await api.get("all", path)).json()["clocks"]
    binding = {(own["agreement"], own["objective"]): own["binding"] for own in whole}
    assert {(own["agreement"], own["objective"]) for own in shown} < set(binding)
    for own in shown:
        assert own["binding"] is binding[own["agreement"], own["objective"]] is False
        why = {one["why"] for one in own["explain"]["levels"]}
        assert why == {"another agreement comes first"}


async def test_s01_what_is_not_read_is_asked_with_write_or_admin(api: Walled) -> None:
    for method, path, operation in operations():
        if (method == "get" and path not in FOR_ADMIN) or path in READ_BY_POST:
            continue
        answer = await api.http.request(method, path, headers=api.credentials["acme"], json={})
        assert answer.status_code == 403, (method, path, operation["x-accord-scope"])


async def test_s01_what_is_anothers_is_as_if_it_did_not_exist_among_many(api: Walled) -> None:
    own, foreign = ASKED["/v1/states/{sla_id}", "sla_id"]
    ids = [own["sla_id"], *(other["sla_id"] for other in foreign)]
    answer = await api.http.post(
        "/v1/states:batchGet", headers=api.credentials["acme"], json={"sla_ids": ids}
    )
    assert answer.status_code == 200, answer.text
    first, *others = answer.json()["items"]
    assert first["state"]["sla_id"] == own["sla_id"]
    for entry in others:
        assert (entry["state"], entry["problem"]["status"]) == (None, 404)
    told = answer.text
    for asked in ids:
        told = told.replace(asked, "…")
    assert CANARY not in told


async def test_s01_what_is_anothers_cannot_be_written_to_and_what_was_written_is_in_the_log(
    api: Walled,
) -> None:
    listed = (await api.get("all", "/v1/breaches", {"limit": "1000"})).json()["items"]
    own = (await api.get("acme", "/v1/breaches", {"limit": "1000"})).json()["items"]
    mine = {row["breach_id"] for row in own}
    assert 0 < len(mine) < len(listed)
    for row in listed:
        path = f"/v1/breaches/{row['breach_id']}/acknowledgement"
        answer = await api.http.post(path, json={}, headers=api.credentials["writer"])
        expected = 201 if row["breach_id"] in mine else 404
        assert answer.status_code == expected, (row, answer.text)
    log = (await api.get("admin", "/v1/audit")).json()["items"]
    assert {own["action"] for own in log} == {"breach.acknowledged"}
    assert {own["target"] for own in log} == {f"breach:{own}" for own in mine}
    assert len({own["actor"] for own in log}) == 1


async def test_s03_s40_requests_of_several_callers_at_once_are_never_mixed_up(api: Walled) -> None:
    async def ask(number: int) -> None:
        who = ("acme", "all", "nobody")[number % 3]
        if who == "nobody":
            assert (await api.http.get("/v1/states")).status_code == 401
            return
        request = asyncio.ensure_future(api.get(who, "/v1/breaches"))
        if number % 7 == 0:
            await asyncio.sleep(0.001)
            request.cancel()
            await asyncio.wait([request])
            return
        answer = await request
        assert answer.status_code == 200
        assert (CANARY in answer.text) is (who == "all")

    await asyncio.gather(*(ask(number) for number in range(500)))


async def test_s01_whose_an_item_is_its_events_say(api: Walled) -> None:
    items = {"kind": "ticket", "limit": "1"}
    before = (await api.get("acme", "/v1/items", items)).text
    async with api.pool.acquire() as connection:
        # As it stands after an evaluator that does not know of the column has seen it change hands.
        await connection.execute("UPDATE item SET customer = 'acme'")
    assert (await api.get("acme", "/v1/items", items)).text == before
    everything = await api.get("acme", "/v1/items", {"kind": "ticket"})
    assert everything.json()["items"]
    assert CANARY not in everything.text
