"""What went wrong, for the caller: RFC 9457 problems, and which error becomes which (once).

`type` leads to a page of the api; `problem_kinds` lists them all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from http import HTTPStatus
from typing import Final

import asyncpg
import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from services.api.web.browser_headers import BROWSER_HEADERS
from services.api.web.cursors import InvalidCursor
from services.api.web.problem_kinds import KINDS
from shared.runtime.waiting import AWAITED

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 1
UNKNOWN_PARAMETER: Final = "unknown_parameter"
"""The type of pydantic's error about a name that an operation does not have."""

_NAMES: Final = {
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body-too-large",
}
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
UNAVAILABLE: Final = (
    *AWAITED,
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process had stood still
    asyncpg.InvalidCachedStatementError,  # the schema has changed between two statements
    asyncpg.UndefinedTableError,  # it is migrated later
)
"""Errors of a database that may answer in a moment. All others, and a `ValueError` among them (the
driver's, for arguments that do not fit), are faults of ours."""


@dataclass(kw_only=True)
class Refusal(Exception):  # noqa: N818 - named as the other refusals are
    """A request that cannot be answered as asked; `kind` is one of `problem_kinds`."""

    kind: str
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def invalid_parameter(name: str, detail: str) -> Refusal:
    """A 422 about one query parameter."""
    return Refusal(
        kind="invalid-parameter",
        detail=f"{name}: {detail}",
        errors=({"parameter": name, "detail": detail},),
    )


def suggestion(word: str, known: Sequence[str]) -> str:
    """`; did you mean "…"?` when one of the known words is close, else nothing."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def map_errors(app: FastAPI) -> None:
    """Turn every error of the app into a problem."""
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(InvalidCursor, _invalid_cursor)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    for kind in UNAVAILABLE:
        app.add_exception_handler(kind, _unavailable)
    # Starlette answers with it and raises the error again, for the log.
    app.add_exception_handler(Exception, _unexpected)


def problem_response(request: Request, refusal: Refusal) -> Response:
    """The answer that says why a request is refused."""
    kind = KINDS[refusal.kind]
    body = _body(request, kind.type, kind.title, kind.status, refusal.detail)
    if refusal.errors:
        body["errors"] = list(refusal.errors)
    return _response(body, kind.status, refusal.headers)


def _body(
    request: Request, kind: str, title: str, status: HTTPStatus, detail: str
) -> dict[str, object]:
    body: dict[str, object] = {
        "type": kind,
        "title": title,
        "status": status.value,
        "detail": detail,
        "instance": request.url.path,
    }
    request_id = request.scope.get("accord.request_id")
    if request_id is not None:
        body["request_id"] = request_id
    return body


def _response(
    body: Mapping[str, object], status: HTTPStatus, headers: Mapping[str, str]
) -> Response:
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=dict(headers),
    )


def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - starlette calls it for nothing else
    return problem_response(request, error)


def _invalid_cursor(request: Request, error: Exception) -> Response:
    return problem_response(request, invalid_parameter("cursor", str(error)))


def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    errors = [_member(found) for found in error.errors()]
    unknown = any(found["type"] == UNKNOWN_PARAMETER for found in error.errors())
    refusal = Refusal(
        kind="unknown-parameter" if unknown else "invalid-parameter",
        detail="; ".join(_sentence(member) for member in errors),
        errors=errors,
    )
    return problem_response(request, refusal)


def _member(found: Mapping[str, object]) -> dict[str, str]:
    place = found["loc"]
    names = [part for part in place if isinstance(part, str)] if isinstance(place, tuple) else []
    detail = str(found["msg"]).removeprefix("Value error, ")
    name = names[1] if len(names) > 1 else ""
    return {"parameter": name, "detail": detail} if name else {"detail": detail}


def _sentence(member: Mapping[str, str]) -> str:
    name = member.get("parameter")
    return f"{name}: {member['detail']}" if name else member["detail"]


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    status = HTTPStatus(error.status_code)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if status is HTTPStatus.NOT_FOUND:
        detail = f"nothing is at {request.url.path}; /openapi.json lists what there is"
    elif status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["allow"] = _allowed(request)
        detail = f"{request.method} is not for {request.url.path}; use {headers['allow']}"
    else:
        detail = str(error.detail)
    name = _NAMES.get(status)
    if name is not None:
        return problem_response(request, Refusal(kind=name, detail=detail, headers=headers))
    # The kind of a problem that says no more than its status does (RFC 9457, 4.2.1).
    body = _body(request, "about:blank", status.phrase, status, detail)
    return _response(body, status, headers)


def _allowed(request: Request) -> str:
    """The methods of all operations at the path, HEAD with GET."""
    found = [
        method
        for method in _METHODS
        for route in request.app.routes
        if route.matches({**request.scope, "method": method, "fastapi": {}})[0] is Match.FULL
    ]
    return ", ".join(["GET, HEAD" if method == "GET" else method for method in found])


def _unavailable(request: Request, error: Exception) -> Response:
    if isinstance(error, ValueError):
        raise error
    refusal = Refusal(
        kind="unavailable",
        detail="nothing can be read at the moment; ask again",
        headers={"retry-after": str(RETRY_AFTER_S)},
    )
    return problem_response(request, refusal)


def _unexpected(request: Request, error: Exception) -> Response:
    # The server logs the error, which starlette raises again.
    request_id = request.scope.get("accord.request_id")
    error.add_note(f"{request.method} {request.url.path}, request {request_id}")
    refusal = Refusal(
        kind="internal",
        detail="this is a fault of Accord; the log has it under the request's id",
        # Nothing that stands around a request sees this answer.
        headers=BROWSER_HEADERS,
    )
    return problem_response(request, refusal)
