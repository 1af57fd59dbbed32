"""Who asks, and what that one may see and do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

CALLER: Final = "accord.caller"
"""Where a request's scope holds its caller."""
SCOPES: Final = ("read", "write", "admin")
"""From the least to the most: who has one has those before it too."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `scopes` are of `read`, `write` and `admin`.

    With `customers`, nothing is shown but what is about one of them; None is no restriction.
    """

    name: str
    scopes: frozenset[str]
    customers: frozenset[str] | None = None


EVERYONE: Final = Caller("everyone", frozenset(SCOPES))
"""The caller while access is open: the api listens on this machine alone."""
NOBODY: Final = Caller("nobody", frozenset(), frozenset())
"""A caller without a credential where one is needed for all but the pages about nobody."""


def implied(scopes: Iterable[str]) -> frozenset[str]:
    """These scopes and those that they include; what is no scope is left out."""
    places = [SCOPES.index(own) for own in scopes if own in SCOPES]
    return frozenset(SCOPES[: max(places) + 1]) if places else frozenset()


def caller_of(request: Request) -> Caller:
    """Who asks, as what stands around the app has found; without that nobody."""
    found: Caller = request.scope.get(CALLER, NOBODY)
    return found


By = Annotated[Caller, Depends(caller_of)]
"""The caller of the request."""
