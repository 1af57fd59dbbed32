"""Who asks, and what that one may see and do."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

CALLER: Final = "accord.caller"
"""Where a request's scope holds its caller."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `scopes` are of `read`, `write` and `admin`.

    With `customers`, nothing is shown but what is about one of them; None is no restriction.
    """

    name: str
    scopes: frozenset[str]
    customers: frozenset[str] | None = None


EVERYONE: Final = Caller("everyone", frozenset({"read", "write", "admin"}))
"""The caller while access is open: the api listens on this machine alone."""


def _caller(request: Request) -> Caller:
    found: Caller = request.scope.get(CALLER, EVERYONE)
    return found


By = Annotated[Caller, Depends(_caller)]
"""The caller of the request."""
