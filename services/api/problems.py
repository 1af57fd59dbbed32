"""What went wrong, for the caller: RFC 9457 problems, and which error becomes which (once).

`type` is a URN that stays as it is; `docs/api.md` lists them all.
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

from services.api.cursors import InvalidCursor

MEDIA_TYPE: Final = "application/problem+json"
URN: Final = "urn:accord:problem:"
RETRY_AFTER_S: Final = 1
UNKNOWN_PARAMETER: Final = "unknown_parameter"
"""The type of pydantic's error about a name that an operation does not have."""

_TYPES: Final = {404: "not-found", 405: "method-not-allowed"}
_UNAVAILABLE: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


@dataclass
class Refusal(Exception):  # noqa: N818 - named as the other refusals are
    """A request that cannot be answered as asked; `kind` is the last part of the problem's type."""

    status: HTTPStatus
    kind: str
    title: str
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def not_found(kind: str, title: str, detail: str) -> Refusal:
    """A 404 of its own kind."""
    return Refusal(HTTPStatus.NOT_FOUND, kind, title, detail)


def invalid_parameter(name: str, detail: str) -> Refusal:
    """A 422 about one query parameter."""
    return Refusal(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-parameter",
        "A parameter cannot be read",
        f"{name}: {detail}",
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
    for kind in _UNAVAILABLE:
        app.add_exception_handler(kind, _unavailable)
    # Starlette answers with it and raises the error again, for the log.
    app.add_exception_handler(Exception, _unexpected)


def _answer(request: Request, refusal: Refusal) -> Response:
    body: dict[str, object] = {
        "type": URN + refusal.kind,
        "title": refusal.title,
        "status": refusal.status.value,
        "detail": refusal.detail,
        "instance": request.url.path,
    }
    if refusal.errors:
        body["errors"] = list(refusal.errors)
    request_id = request.scope.get("accord.request_id")
    if request_id is not None:
        body["request_id"] = request_id
    return Response(
        msgspec.json.encode(body),
        status_code=refusal.status,
        media_type=MEDIA_TYPE,
        headers=dict(refusal.headers),
    )


def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - starlette calls it for nothing else
    return _answer(request, error)


def _invalid_cursor(request: Request, error: Exception) -> Response:
    return _answer(request, invalid_parameter("cursor", str(error)))


def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    errors = [_member(found) for found in error.errors()]
    unknown = any(found["type"] == UNKNOWN_PARAMETER for found in error.errors())
    refusal = Refusal(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "unknown-parameter" if unknown else "invalid-parameter",
        "A parameter is not known" if unknown else "A parameter cannot be read",
        "; ".join(_sentence(member) for member in errors),
        errors=errors,
    )
    return _answer(request, refusal)


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
    if status is HTTPStatus.NOT_FOUND:
        detail = f"nothing is at {request.url.path}; /openapi.json lists what there is"
    elif status is HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not for {request.url.path}; GET and HEAD are"
    else:
        detail = str(error.detail)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["allow"] = "GET, HEAD"
    kind = _TYPES.get(status.value, f"http-{status.value}")
    return _answer(request, Refusal(status, kind, status.phrase, detail, headers=headers))


def _unavailable(request: Request, _error: Exception) -> Response:
    refusal = Refusal(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "The database does not answer",
        "nothing can be read at the moment; ask again",
        headers={"retry-after": str(RETRY_AFTER_S)},
    )
    return _answer(request, refusal)


def _unexpected(request: Request, _error: Exception) -> Response:
    refusal = Refusal(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        "The request could not be answered",
        "this is a fault of Accord; the log has it under the request's id",
    )
    return _answer(request, refusal)
