"""Bodies that are no JSON, of another kind or shape, or too large: refused, and not repeated.

The letters are the rows of docs/limits.md.
"""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI

from services.api.web.limits import BODY_BYTES_MAX
from tests.api.without_database import an_app, asking

PATH = "/v1/states:batchGet"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return an_app(tmp_path_factory.mktemp("documents"))


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(app) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        pytest.param(b'{"sla_ids":[NaN]}', 400, "not JSON", id="H01-nan"),
        pytest.param(b'{"sla_ids":[Infinity]}', 400, "not JSON", id="H01-infinity"),
        pytest.param(b'{"sla_ids":[1e400]}', 400, "digits", id="H01-beyond-any-float"),
        pytest.param(b"[" * 60_000, 400, "nested", id="H02-deep"),
        pytest.param(b'{"sla_ids":[%s]}' % (b"9" * 5000), 400, "digits", id="H03"),
        pytest.param('{"sla_ids":["é"]}'.encode("latin-1"), 400, "not UTF-8", id="H04-latin-1"),
        pytest.param('{"sla_ids":["a"]}'.encode("utf-16"), 400, "not UTF-8", id="H05-utf-16"),
        pytest.param('{"sla_ids":["a"]}'.encode("utf-16-le"), 400, "not JSON", id="H05-no-mark"),
        pytest.param(b'{"sla_ids":["\\ud800"]}', 400, "half a surrogate", id="H06"),
        pytest.param(b'{"sla_ids":"x"}', 422, "/sla_ids: ", id="other-type"),
        pytest.param(b'{"sla_ids":[1]}', 422, "/sla_ids/0: ", id="other-type-inside"),
        pytest.param(b"{}", 422, "sla_ids", id="missing"),
        pytest.param(b"[]", 422, "dictionary", id="no-object"),
        pytest.param(b"", 400, "empty", id="empty"),
        pytest.param(b'{"sla_ids":[]}', 422, "at least 1", id="none"),
        pytest.param(b'{"sla_ids":[%s"a"]}' % (b'"a",' * 500), 422, "at most 500", id="H37-many"),
        pytest.param(b'{"sla_ids":["a"],"as_of":1}', 422, "as_of", id="H30-unknown-member"),
        pytest.param(b'{"sla_ids":["a"],"customers":[]}', 422, "customers", id="H31-read-only"),
        pytest.param(b'{"sla_ids":["a"],"sla_ids":["b"]}', 400, "more than once", id="H36-twice"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    http: httpx.AsyncClient, body: bytes, status: int, says: str
) -> None:
    answer = await http.post(PATH, content=body, headers=JSON)
    assert (answer.status_code, says in answer.json()["detail"]) == (status, True), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "media",
    [
        pytest.param("", id="H13-none"),
        pytest.param("text/plain", id="H13-other"),
        pytest.param("application/json; charset=utf-16", id="H05-charset"),
        pytest.param("application/x-www-form-urlencoded", id="H14-form"),
        pytest.param("multipart/form-data; boundary=x", id="H14-multipart"),
        pytest.param("application/jsonx", id="H13-almost"),
    ],
)
async def test_a_body_of_another_kind_is_415(http: httpx.AsyncClient, media: str) -> None:
    headers = {"content-type": media} if media else {}
    answer = await http.post(PATH, content=b'{"sla_ids":["a"]}', headers=headers)
    assert answer.status_code == 415, answer.text


async def test_h40_a_compressed_body_is_415(http: httpx.AsyncClient) -> None:
    headers = {**JSON, "content-encoding": "gzip"}
    answer = await http.post(PATH, content=b"\x1f\x8b", headers=headers)
    assert answer.status_code == 415


async def test_h15_what_was_sent_is_not_repeated(http: httpx.AsyncClient) -> None:
    secrets = (b'{"sla_ids":[1],"password":"hunter2"}', b'{"password":"hunter2",')
    for body in secrets:
        answer = await http.post(PATH, content=body, headers=JSON)
        assert answer.status_code in {400, 422}
        assert "hunter2" not in answer.text


async def test_h16_a_body_that_says_it_is_too_large_is_413_before_it_is_read(
    http: httpx.AsyncClient,
) -> None:
    headers = {**JSON, "content-length": str(BODY_BYTES_MAX + 1)}
    answer = await http.post(PATH, content=b"{", headers=headers)
    assert answer.status_code == 413
    assert answer.json()["type"] == "/problems/body-too-large"


async def test_h16_a_body_that_comes_in_chunks_is_413_when_it_is_too_large(
    http: httpx.AsyncClient,
) -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 65_536
            yield b" " * 65_536

    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks():
            yield chunk

    answer = await http.post(PATH, content=body(), headers=JSON)
    assert answer.status_code == 413
    assert sent <= 2 * BODY_BYTES_MAX
