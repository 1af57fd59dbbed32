"""A case that differs made small: what can be left out without losing the difference is."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.oracle.generate import Case
from tests.oracle.reading import RefusedError

Json = Any
ENVELOPE = {"specversion", "id", "source", "subject", "type", "time"}
PATIENCE = 60.0  # seconds; what is found until then is small enough
Difference = Callable[[Case], str | None]


def minimised(given: Case, difference: Difference) -> Case:
    """A smaller case that still differs in the same way and part, though maybe elsewhere."""
    sort = _sort(difference(given))
    if "refused:" in sort:
        return given  # whatever is left out of it, it is refused

    begun = time.monotonic()

    def still(candidate: Case) -> bool:
        if time.monotonic() > begun + PATIENCE:
            return False
        try:
            return _sort(difference(candidate)) == sort
        except (RefusedError, ArithmeticError, LookupError, TypeError, ValueError, AssertionError):
            return False  # no case that the oracle understands

    size = len(given.events)
    while size:
        given = _without_events(given, size, still)
        size //= 2
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(given):
            if still(candidate):
                given, smaller = candidate, True
                break
    return given


def _sort(found: str | None) -> list[str]:
    """Which way and which part."""
    return (found or "").split()[:2]


def _without_events(given: Case, size: int, still: Callable[[Case], bool]) -> Case:
    at = 0
    while at < len(given.events):
        candidate = given.with_events([*given.events[:at], *given.events[at + size :]])
        if candidate.events and still(candidate):
            given = candidate
        else:
            at += size
    return given


def _smaller(given: Case) -> Iterator[Case]:
    docs = list(given.documents)
    for i in range(len(docs)):
        yield given.with_documents(docs[:i] + docs[i + 1 :])
    for i, doc in enumerate(docs):
        for spec in _fewer(doc["spec"]):
            yield given.with_documents([*docs[:i], {**doc, "spec": spec}, *docs[i + 1 :]])
    for i, event in enumerate(given.events):
        if len(given.events) > 1:
            yield given.with_events([*given.events[:i], *given.events[i + 1 :]])
        for members in _fewer(event):
            if not members.keys() >= ENVELOPE:
                continue
            yield given.with_events([*given.events[:i], members, *given.events[i + 1 :]])


def _fewer(spec: dict[str, Json]) -> Iterator[dict[str, Json]]:
    for left in spec:
        yield {k: v for k, v in spec.items() if k != left}
    for name, value in spec.items():
        if isinstance(value, dict):
            yield from ({**spec, name: v} for v in _fewer(value))
        if isinstance(value, list) and len(value) > 1:
            for i in range(len(value)):
                yield {**spec, name: [*value[:i], *value[i + 1 :]]}
        if isinstance(value, list):
            for i, member in enumerate(value):
                if isinstance(member, dict):
                    yield from (
                        {**spec, name: [*value[:i], v, *value[i + 1 :]]} for v in _fewer(member)
                    )
