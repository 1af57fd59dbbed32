"""What no schema can say of a request that is meant to be taken."""

from typing import Any

import schemathesis

_KNOWN = {"url": "https://hooks.example.com/accord", "period": "2026-02"}


@schemathesis.hook
def map_case(
    context: schemathesis.HookContext,  # noqa: ARG001 - as it is called
    case: "schemathesis.Case[Any]",
) -> "schemathesis.Case[Any]":
    """A cursor was given out, an objective is one of the agreement's, a receiver exists.

    A period has a name, and is over. An instant lies in the years 1 to 9999 also in UTC.
    """
    meta = case.meta
    if meta is not None and not meta.generation.mode.is_positive:
        return case
    if case.query:
        case.query = _meant(dict(case.query), case.path)
    if case.headers:
        # A key belongs to the first body that came with it.
        case.headers.pop("Idempotency-Key", None)
    if case.path_parameters and "name" in case.path_parameters:
        case.path_parameters = {**case.path_parameters, "name": "everyone"}
    if isinstance(case.body, dict):
        known = {name: value for name, value in _KNOWN.items() if name in case.body}
        case.body = {**case.body, **known}
    return case


def _meant(query: dict[str, Any], path: str) -> dict[str, Any]:
    """Parameters that mean something together, and instants that are some in UTC too."""
    query.pop("cursor", None)
    for name, value in query.items():
        if isinstance(value, str) and value[:5] in ("0001-", "9999-"):
            query[name] = f"2026-{value[5:]}"
    if path.startswith("/v1/reports/"):
        for name in ("objective", "period", "from", "until"):
            query.pop(name, None)
    if ("from" in query) is not ("until" in query) or not query.get("from", "x"):
        query.pop("from", None)
        query.pop("until", None)
    if "since" in query and "until" in query:
        query["since"] = query["until"]
    return query
