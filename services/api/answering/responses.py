"""How answers leave: JSON, lists with their next page, and conditional requests.

Every answer has a weak `ETag`: it stays as long as nothing but `as_of` has changed, which goes on
by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import msgspec
from fastapi import Request, Response

from services.api.answering.answers import ListAnswer
from services.api.answering.requests import Scope
from services.api.web.cursors import Key, encode_cursor
from shared.domain.instant import Instant
from shared.wire.results import encode, instant_text

_JSON: Final = "application/json"
_CACHE: Final = "private, no-cache"
_TAG_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """A body in JSON with its tag, and the address of the next page of a list."""

    body: bytes
    tag: str
    link: str | None = None


def json_answer(body: msgspec.Struct, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A body as the contract's JSON, for what is not asked for again on condition."""
    return Response(
        encode(body), status_code=status, media_type=_JSON, headers={"cache-control": _CACHE}
    )


def object_answer(request: Request, body: msgspec.Struct) -> Response:
    """One object, or 304 when the caller has just that."""
    return respond(request, Answer(encode(body), tag_of([encode(_timeless(body))])))


def list_answer(
    request: Request,
    items: Sequence[msgspec.Struct],
    scope: Scope,
    last: Key | None,
    as_of: Instant | None,
    *,
    hint: str | None = None,
) -> Response:
    """A page, or 304; `last` is the key of its last item when there are more."""
    following = None if last is None else encode_cursor(scope, last)
    texts = [msgspec.Raw(encode(own)) for own in items]
    tag = tag_of([encode([_timeless(own) for own in items]), encode([following, hint])])
    page = page_answer(address_of(request), texts, following, as_of, tag, hint=hint)
    return respond(request, page)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a page was asked for; the parameters without the cursor."""

    path: str
    parameters: Sequence[tuple[str, str]]


def address_of(request: Request) -> Address:
    """The address of a request."""
    members = request.query_params.multi_items()
    return Address(request.url.path, [own for own in members if own[0] != "cursor"])


def page_answer(
    address: Address,
    texts: Sequence[msgspec.Raw],
    following: str | None,
    as_of: Instant | None,
    tag: str,
    *,
    hint: str | None = None,
) -> Answer:
    """A page of items that are JSON already; `following` is the cursor of the next."""
    said = msgspec.UNSET if hint is None else hint
    answer = ListAnswer(items=texts, next=following, as_of=instant_text(as_of), hint=said)
    return Answer(encode(answer), tag, None if following is None else next_link(address, following))


def next_link(address: Address, following: str) -> str:
    """The header `Link` to the page that begins at the cursor `following`."""
    target = f"{address.path}?{urlencode([*address.parameters, ('cursor', following)])}"
    return f'<{target}>; rel="next"'


def tag_of(parts: Iterable[bytes]) -> str:
    """The tag of what these say."""
    digest = blake2b(digest_size=_TAG_BYTES)
    for part in parts:
        digest.update(part)
    return f'"{digest.hexdigest()}"'


def respond(request: Request, answer: Answer) -> Response:
    """The answer, or 304 without it when the caller says that it has just that."""
    headers = headers_of(answer)
    if is_known(answer.tag, ",".join(request.headers.getlist("if-none-match"))):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(answer.body, media_type=_JSON, headers=headers)


def headers_of(answer: Answer) -> dict[str, str]:
    """The headers that an answer has whether its body goes out or not."""
    headers = {"etag": f"W/{answer.tag}", "cache-control": _CACHE}
    return headers if answer.link is None else {**headers, "link": answer.link}


def is_known(tag: str, if_none_match: str) -> bool:
    """Whether a tag is among those that a caller has."""
    if not if_none_match:
        return False
    known = [own.strip().removeprefix("W/") for own in if_none_match.split(",")]
    return tag in known or "*" in known


def _timeless(body: msgspec.Struct) -> msgspec.Struct:
    """The same without the instant at which it holds, where it has one of its own."""
    return msgspec.structs.replace(body, as_of=None) if hasattr(body, "as_of") else body
