"""What every operation asks of its caller, declared beside it.

An operation that says nothing keeps the api from starting.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount, Route

from services.api.web.caller import NOBODY, SCOPES, caller_of
from services.api.web.problems import Refusal

MEMBER: Final = "x-accord-scope"
"""Where an operation of the OpenAPI document names the scope that it asks for."""
PUBLIC: Final = ("/assets", "/docs", "/openapi.json", "/problems")
"""Paths about nobody's promises, with all that is below them: anybody may read them."""
_PAGE: Final = "/"
"""The scorecard: as it is sent it holds no number, and asks its reader for a key."""
_READING: Final = frozenset({"GET", "HEAD"})


class UndeclaredScopeError(RuntimeError):
    """An operation does not say what it asks of its caller."""


def asks(scope: str) -> dict[str, Any]:
    """What an operation says in `openapi_extra` that asks for a scope."""
    if scope not in SCOPES:
        message = f"{scope!r} is no scope; it is one of {', '.join(SCOPES)}"
        raise UndeclaredScopeError(message)
    return {MEMBER: scope}


def scope_of(route: BaseRoute) -> str | None:
    """The scope that a route asks for; None where it is public.

    To read what is under `/v1`, and pages, takes `read`. UndeclaredScopeError for all else that
    says nothing.
    """
    path = getattr(route, "path", "")
    if is_public(path):
        return None
    if isinstance(route, APIRoute):
        said = (route.openapi_extra or {}).get(MEMBER)
        if isinstance(said, str):
            return said
    if isinstance(route, Route) and route.methods and set(route.methods) <= _READING:
        return "read"
    methods = ", ".join(sorted(getattr(route, "methods", None) or ["?"]))
    message = (
        f"{methods} {path or repr(route)} does not say which scope it asks for: declare it with "
        "openapi_extra=asks(…), or name it among the public paths (services/api/access/scopes.py)"
    )
    raise UndeclaredScopeError(message)


def is_public(path: str) -> bool:
    """Whether anybody may read what is at a path, or at the template of one."""
    return path == _PAGE or any(path == own or path.startswith(f"{own}/") for own in PUBLIC)


def check_scopes(app: FastAPI) -> None:
    """UndeclaredScopeError where a route of the app does not say what it asks for."""
    for route in _routes(app.routes):
        scope_of(route)


def _routes(several: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    for route in several:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from _routes(inner.routes)
        elif not isinstance(route, Mount) or not is_public(route.path):
            yield route


async def authorised(request: Request) -> None:
    """Refuse a caller who has not the scope that the route asks for."""
    needed = scope_of(request.scope["route"])
    caller = caller_of(request)
    if needed is None or needed in caller.scopes:
        return
    if caller is NOBODY:
        raise Refusal(
            kind="unauthenticated",
            detail="this needs a key or a token: Authorization: Bearer …",
            headers=CHALLENGE,
        )
    raise Refusal(
        kind="missing-scope",
        detail=f"this needs the scope `{needed}`; {caller.name} has {_listed(caller.scopes)}",
        headers={
            "www-authenticate": f'Bearer realm="accord", error="insufficient_scope", '
            f'scope="{needed}"'
        },
    )


CHALLENGE: Final = {"www-authenticate": 'Bearer realm="accord"'}
"""What is asked of a program that has shown nothing."""


def _listed(scopes: Iterable[str]) -> str:
    return ", ".join(f"`{own}`" for own in SCOPES if own in scopes) or "none"
