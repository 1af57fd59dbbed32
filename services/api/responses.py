"""How answers leave: JSON, lists with their next page, and conditional requests."""

from collections.abc import Sequence
from hashlib import blake2b
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import msgspec
from fastapi import Request, Response

from services.api.answers import ListAnswer, StateRow
from services.api.cursors import Key, encode_cursor
from services.api.requests import Scope
from shared.domain.instant import Instant
from shared.wire.results import encode, instant_text

_JSON: Final = "application/json"
_CACHE: Final = "private, no-cache"
_TAG_BYTES: Final = 16


def json_answer(body: msgspec.Struct) -> Response:
    """A body as the contract's JSON."""
    return Response(encode(body), media_type=_JSON, headers={"cache-control": _CACHE})


def list_answer(
    request: Request,
    items: Sequence[msgspec.Struct],
    scope: Scope,
    last: Key | None,
    as_of: Instant | None,
) -> Response:
    """A page; `last` is the key of its last item when there are more."""
    following = None if last is None else encode_cursor(scope, last)
    body = ListAnswer(items=items, next=following, as_of=instant_text(as_of))
    response = json_answer(body)
    if following is not None:
        kept = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
        target = f"{request.url.path}?{urlencode([*kept, ('cursor', following)])}"
        response.headers["link"] = f'<{target}>; rel="next"'
    return response


def conditional(request: Request, response: Response, states: Sequence[StateRow]) -> Response:
    """The response with an ETag of what the states say; 304 when the caller has just that.

    The tag is weak: `as_of` goes on by itself and is not part of it.
    """
    timeless = [msgspec.structs.replace(state, as_of=None) for state in states]
    digest = blake2b(encode(timeless), digest_size=_TAG_BYTES)
    digest.update(response.headers.get("link", "").encode())
    tag = f'"{digest.hexdigest()}"'
    headers = {"etag": f"W/{tag}", "cache-control": _CACHE}
    known = [own.strip().removeprefix("W/") for own in _if_none_match(request).split(",")]
    if tag in known or "*" in known:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    response.headers.update(headers)
    return response


def _if_none_match(request: Request) -> str:
    return ",".join(request.headers.getlist("if-none-match"))
