"""Requests that are strange or meant to do harm: a problem says why, and never a fault of ours.

The letters are the rows of docs/limits.md. The database does not answer here: what would be a 200
is a 503.
"""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.api.web.cursors import encode_cursor
from tests.api.without_database import an_app, asking

READ = 503
"""The request was understood: the database was asked."""
FOREIGN = encode_cursor(["breaches", {}], (1, "x"))
HUGE = encode_cursor(["breaches", {}], (2**62, "x"))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return an_app(tmp_path_factory.mktemp("documents"))


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(app) as client:
        yield client


@pytest.mark.parametrize(
    ("target", "status"),
    [
        pytest.param("/v1/states?agreement=%00", 422, id="H07"),
        pytest.param("/v1/states/everyone%00/leads", 422, id="H07-path"),
        pytest.param("/v1/states?limit=9223372036854775808", 422, id="H08"),
        pytest.param("/v1/states?limit=-9223372036854775809", 422, id="H08-negative"),
        pytest.param("/v1/states?agreement=%ff", 400, id="H09-query"),
        pytest.param("/v1/states?agreement=%ed%a0%80", 400, id="H09-surrogate"),
        pytest.param("/v1/items/ticket/%ff", 400, id="H09-path"),
        pytest.param("/v1/states?limit=1&limit=2", 422, id="H10"),
        pytest.param("/v1/values?sla_id=everyone/leads&sla_id=x", 422, id="H10-sla-id"),
        pytest.param("/v1/states?level=service&level=customer", READ, id="H10-a-list"),
        pytest.param("/v1/states?limit=1_000", 422, id="H11-underscore"),
        pytest.param("/v1/states?limit=%2B1", 422, id="H11-plus"),
        pytest.param("/v1/states?limit=1.0", 422, id="H11-point"),
        pytest.param("/v1/states?limit=%201", 422, id="H11-space"),
        pytest.param("/v1/states?limit=%D9%A1", 422, id="H11-other-digits"),
        pytest.param("/v1/states/", 404, id="H25-slash"),
        pytest.param("/v1/agreements/", 404, id="H25-slash-2"),
        pytest.param("/v1/states?limit=0", 422, id="H26-none"),
        pytest.param("/v1/states?limit=-1", 422, id="H26-negative"),
        pytest.param("/v1/states?limit=1000000000", 422, id="H26-many"),
        pytest.param("/v1/states?offset=1000000000000", 422, id="H26-offset"),
        pytest.param("/v1/states?cursor=garbage", 422, id="H26-garbage"),
        pytest.param(f"/v1/states?cursor={FOREIGN}", 422, id="H26-foreign"),
        pytest.param(f"/v1/breaches?open=true&cursor={HUGE}", 422, id="H26-other-filters"),
        pytest.param(
            "/v1/breaches?since=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z",
            422,
            id="H27-reversed",
        ),
        pytest.param("/v1/breaches?since=2026-03-01T00:00:00", 422, id="H27-naive"),
        pytest.param("/v1/breaches?since=0001-01-01T00:00:00Z", READ, id="H27-two-thousand-years"),
        pytest.param("/v1/breaches?since=99999-01-01T00:00:00Z", 422, id="H27-no-year"),
        pytest.param("/v1/states?window=2026-03-01T00:00:01Z", READ, id="H27-unaligned"),
        pytest.param("/v1/states?sort=budget", 422, id="H28-sort"),
        pytest.param("/v1/states?sort=sla_id;drop%20table%20value", 422, id="H28-drop"),
        pytest.param("/v1/states?colour=red", 422, id="H28-filter"),
        pytest.param("/v1/../etc/passwd", 404, id="H29-dots"),
        pytest.param("/v1/agreements/..%2f..%2fetc", 404, id="H29-encoded-dots"),
        pytest.param("//v1//states", 404, id="H29-slashes"),
        pytest.param("/v1/agreements/%F0%9F%92%A5", 404, id="H29-unicode"),
        pytest.param("/docs/files/..%2f..%2fpyproject.toml", 404, id="H29-files"),
    ],
)
async def test_a_strange_target_is_answered_as_documented(
    http: httpx.AsyncClient, target: str, status: int
) -> None:
    answer = await http.get(httpx.URL("http://api" + target))
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_h12_a_number_of_5000_digits_is_refused_and_not_repeated(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get("/v1/states?limit=" + "9" * 5000)
    assert answer.status_code == 422
    assert "9999" not in answer.text


async def test_a_target_beyond_8_kib_is_414(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/states?agreement=" + "a" * 8_200)
    assert (answer.status_code, answer.json()["type"]) == (414, "/problems/target-too-long")


async def test_h18_headers_beyond_16_kib_are_431(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/states", headers={"cookie": "a" * 16_384})
    assert (answer.status_code, answer.json()["type"]) == (431, "/problems/headers-too-large")


async def test_h19_two_lengths_are_400(http: httpx.AsyncClient) -> None:
    headers = {"content-length": "2", "transfer-encoding": "chunked"}
    answer = await http.post("/v1/states:batchGet", content=b"{}", headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "PUT", "PATCH", "DELETE", "BREW", "POST"])
async def test_h23_other_methods_are_405_and_those_that_are_allowed_are_named(
    http: httpx.AsyncClient, method: str
) -> None:
    answer = await http.request(method, "/v1/states")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_h33_if_none_match_of_any_form_is_no_fault(http: httpx.AsyncClient) -> None:
    for tag in (b"*", b"W/", b'"', b"\xe9", b",,,", b"x" * 5_000):
        answer = await http.get("/problems", headers=[(b"if-none-match", tag)])
        assert answer.status_code in {200, 304}


@pytest.mark.parametrize("accept", ["text/html", "*/*;q=0", "application/xml", "nonsense"])
async def test_h38_the_answer_is_json_whatever_is_accepted(
    http: httpx.AsyncClient, accept: str
) -> None:
    answer = await http.get("/v1/states", headers={"accept": accept})
    assert answer.headers["content-type"] == "application/problem+json"


async def test_h39_ten_thousand_ranges_cost_nothing(http: httpx.AsyncClient) -> None:
    ranges = "bytes=" + ",".join(f"{n}-{n}" for n in range(1_200))
    answer = await http.get("/v1/agreements/x", headers={"range": ranges})
    assert answer.status_code == 404


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null"])
async def test_h43_no_other_origin_may_read(http: httpx.AsyncClient, origin: str) -> None:
    asked = {"origin": origin, "access-control-request-method": "GET"}
    for answer in (
        await http.options("/v1/states", headers=asked),
        await http.get("/v1/states", headers=asked),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]
