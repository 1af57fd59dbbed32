"""S11, API5: every operation says what it asks of its caller, or the api does not start."""

from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import Mount, Route

from services.api.access.scopes import UndeclaredScopeError, asks, check_scopes, scope_of
from services.api.openapi import new_app
from tests.security.guarded import Guarded, bearer, guarded


@pytest.fixture
def api(tmp_path: Path) -> Guarded:
    return guarded(tmp_path)


async def nothing() -> None:
    """An operation."""


def test_s11_every_operation_of_the_app_has_a_scope(api: Guarded) -> None:
    check_scopes(api.app)
    document = api.app.openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            scope = operation["x-accord-scope"]
            is_read = (method == "get" and path != "/v1/audit") or path.endswith(":batchGet")
            assert is_read is (scope == "read")
            assert operation["security"] == [{"bearer": [scope]}]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_s11_a_write_that_says_nothing_keeps_the_api_from_starting(method: str) -> None:
    app = new_app("test")
    app.add_api_route("/v1/new", nothing, methods=[method])
    with pytest.raises(UndeclaredScopeError, match="/v1/new does not say which scope"):
        check_scopes(app)


def test_s11_a_router_is_looked_into() -> None:
    app, router = new_app("test"), APIRouter(prefix="/v1")
    router.add_api_route("/new", nothing, methods=["POST"])
    app.include_router(router)
    with pytest.raises(UndeclaredScopeError, match="/new does not say which scope"):
        check_scopes(app)


def test_s11_a_mount_that_says_nothing_keeps_the_api_from_starting() -> None:
    app = new_app("test")
    app.mount("/files", FastAPI())
    with pytest.raises(UndeclaredScopeError, match="/files"):
        check_scopes(app)


def test_s11_what_is_read_takes_read_and_public_paths_nothing() -> None:
    assert scope_of(Route("/v1/x", nothing)) == "read"
    assert scope_of(Route("/openapi.json", nothing)) is None
    assert scope_of(Mount("/docs/files", FastAPI())) is None
    with pytest.raises(UndeclaredScopeError, match="'reed' is no scope"):
        asks("reed")


@pytest.mark.parametrize(
    ("held", "needed", "status"),
    [
        ("read", "read", 200),
        ("read", "write", 403),
        ("read", "admin", 403),
        ("write", "read", 200),
        ("write", "write", 200),
        ("write", "admin", 403),
        ("admin", "write", 200),
        ("admin", "admin", 200),
    ],
)
async def test_s11_a_caller_without_the_scope_is_told_which_is_missing(
    api: Guarded, held: str, needed: str, status: int
) -> None:
    api.app.add_api_route("/v1/do", nothing, methods=["POST"], openapi_extra=asks(needed))
    async with api.client(**bearer(api.key(held))) as http:
        answer = await http.post("/v1/do")
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["type"] == "/problems/missing-scope"
        assert f"needs the scope `{needed}`" in answer.json()["detail"]
        assert f'scope="{needed}"' in answer.headers["www-authenticate"]


async def test_s11_a_page_of_another_site_cannot_write_with_what_a_browser_remembers(
    api: Guarded,
) -> None:
    api.app.add_api_route("/v1/do", nothing, methods=["POST"], openapi_extra=asks("write"))
    async with api.client(**bearer(api.key("write"))) as http:
        for headers in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "https://elsewhere.example"},
            {"origin": "null"},
        ):
            answer = await http.post("/v1/do", headers=headers)
            assert answer.status_code == 403, headers
            assert answer.json()["type"] == "/problems/other-origin"
        for headers in ({}, {"sec-fetch-site": "same-origin"}, {"origin": "http://api"}):
            assert (await http.post("/v1/do", headers=headers)).status_code == 200, headers
