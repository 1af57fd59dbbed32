"""Parameters that may be given once are not given twice: nobody says which of the two counts."""

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_plus

from fastapi import FastAPI
from starlette.types import Scope

from services.api.web.problems import Refusal

_PLACE: Final = re.compile(r"\\\{[^}]+\\\}")


def refused_repetition(scope: Scope) -> Refusal | None:
    """The refusal of a query that has a parameter twice which the operation takes once."""
    query: bytes = scope["query_string"]
    if b"&" not in query:
        return None
    members = query.decode("latin-1").split("&")
    names = Counter(unquote_plus(own.partition("=")[0]) for own in members if own)
    repeated = [name for name, times in names.items() if times > 1]
    if not repeated:
        return None
    once = _taken_once(scope["app"], scope["path"])
    errors = [
        {"parameter": name, "detail": f"{name} is given {names[name]} times; give it once"}
        for name in repeated
        if name in once
    ]
    if not errors:
        return None
    detail = "; ".join(own["detail"] for own in errors)
    return Refusal(kind="invalid-parameter", detail=detail, errors=errors)


def _taken_once(app: FastAPI, path: str) -> frozenset[str]:
    return next((own for pattern, own in _operations(app) if pattern.fullmatch(path)), frozenset())


@lru_cache(maxsize=4)
def _operations(app: FastAPI) -> tuple[tuple[re.Pattern[str], frozenset[str]], ...]:
    """By the pattern of a path the parameters of its GET that are no lists."""
    return tuple(
        (
            re.compile(_PLACE.sub(".+", re.escape(path))),
            frozenset(
                own["name"]
                for own in methods.get("get", {}).get("parameters", ())
                if own["in"] == "query" and not _is_list(own["schema"])
            ),
        )
        for path, methods in app.openapi()["paths"].items()
    )


def _is_list(schema: Mapping[str, Any]) -> bool:
    kinds = [schema, *schema.get("anyOf", ())]
    return any(own.get("type") == "array" for own in kinds)
