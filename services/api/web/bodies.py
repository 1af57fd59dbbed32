"""Bodies of requests: read as strictly as events are, into a model.

How large one may be is looked at in `limits`. What is wrong is named by its place (a JSON Pointer)
and never repeated: it may hold a secret.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from services.api.web.limits import BODY_BYTES_MAX
from services.api.web.problems import Refusal
from shared.wire.cloudevents import InvalidEvent, decode_json

_JSON: Final = "application/json"
_CHARSETS: Final = frozenset({"", "utf-8", "utf8"})
M = TypeVar("M", bound="Body")


class Body(BaseModel):
    """What a request sends: no member that is not known, no value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


async def read_bytes(request: Request) -> bytes:
    """The body's bytes; a `Refusal` where it is packed, or says that it is not JSON."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    packed = request.headers.get("content-encoding", "identity").lower() != "identity"
    if kind.strip().lower() != _JSON or charset not in _CHARSETS or packed:
        raise Refusal(
            kind="unsupported-media-type",
            detail="the body is to be JSON in UTF-8, as it is: content-type: application/json, "
            "and no content-encoding",
            headers={"accept-post": _JSON},
        )
    return await request.body()


def parsed(body: bytes, model: type[M]) -> M:
    """The body as a model; a `Refusal` that says what is wrong where."""
    try:
        given = decode_json(body, max_bytes=BODY_BYTES_MAX)
    except InvalidEvent as error:
        raise Refusal(kind="not-json", detail=f"the body: {error.message}") from None
    try:
        return model.model_validate(given)
    except ValidationError as error:
        errors = [
            {"pointer": _pointer(found["loc"]), "detail": _said(found["msg"])}
            for found in error.errors(include_input=False, include_url=False)
        ]
        detail = "; ".join(f"{own['pointer'] or 'the body'}: {own['detail']}" for own in errors)
        raise Refusal(kind="invalid-body", detail=detail, errors=errors) from None


def described(model: type[Body], example: dict[str, Any]) -> dict[str, Any]:
    """What the OpenAPI document says of a body that is read by `parsed`."""
    return {
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": model.model_json_schema(), "example": example}},
        },
        "parameters": [_IDEMPOTENCY_KEY],
    }


_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again under the same key the write gets the answer of the first, for 24 "
    "hours. A key belongs to the caller and the path.",
    "schema": {
        "type": "string",
        "pattern": '^(?:[!#-[\\]-~]{1,255}|"[!#-[\\]-~]{1,255}")$',
    },
}


def _pointer(place: Sequence[str | int]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
