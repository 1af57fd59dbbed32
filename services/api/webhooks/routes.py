"""`/v1/webhooks`: make, list and delete receivers, exchange secrets, look at what was delivered."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import uuid4

import asyncpg
import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from services.api.access import audit
from services.api.access.scopes import asks
from services.api.answering import responses, schemas
from services.api.answering.parameters import NoParameters, Page, Text
from services.api.answering.requests import page_place
from services.api.board.sources import Unread
from services.api.web.bodies import described, parsed, read_bytes
from services.api.web.caller import By, Caller
from services.api.web.cursors import Key, encode_cursor
from services.api.web.idempotency import Answer, write_once
from services.api.web.problems import Refusal
from services.api.webhooks import owned, shapes
from services.api.webhooks.addresses import Addresses, UrlRefused
from shared.runtime.database import Connection, transaction

router: Final = APIRouter(prefix="/v1/webhooks")
Id = Annotated[Text, Path(max_length=64)]
Nothing = Annotated[NoParameters, Query()]
Paged = Annotated[Page, Query()]


def _operation(
    name: str, model: object, example: object, status: HTTPStatus = HTTPStatus.OK
) -> dict[str, Any]:
    found = schemas.operation(name, model, {} if example is None else dict(example))  # type: ignore[call-overload]
    answers = found["responses"]
    answer = answers.pop(HTTPStatus.OK)
    answers[status] = answer if example is not None else {"description": "It is gone"}
    return {**found, "status_code": status}


def _page(item: dict[str, Any]) -> dict[str, Any]:
    return {"items": [item], "next": None}


def _json(status: HTTPStatus, body: object) -> Answer:
    return Answer(status, msgspec.json.encode(body))


@router.post(
    "",
    **_operation("createWebhook", shapes.WebhookWithSecret, shapes.WITH_SECRET, HTTPStatus.CREATED),
    openapi_extra={**described(shapes.WebhookBody, shapes.BODY), **asks("write")},
)
async def create_webhook(_: Nothing, request: Request, by: By, sources: Unread) -> Response:
    """Have changes sent to a URL from now on: those that the filters ask for, in order.

    The answer holds the secret that messages are signed with (Standard Webhooks); it is not shown
    again. Under an `Idempotency-Key` the same request may be sent again and gets the same answer.
    """
    raw = await read_bytes(request)
    body = parsed(raw, shapes.WebhookBody)
    addresses = request.app.state.addresses
    assert isinstance(addresses, Addresses)  # noqa: S101 - as the app was made
    try:
        await addresses.target(body.url)
    except UrlRefused as refusal:
        errors = ({"pointer": "/url", "detail": str(refusal)},)
        raise Refusal(kind="webhook-url", detail=str(refusal), errors=errors) from None
    now = sources.clock()

    async def write(connection: Connection) -> Answer:
        new = owned.New(f"wh_{uuid4().hex}", body.url, body.description, body.filters)
        row = await owned.create(connection, new, by, now=now)
        if row is None:
            detail = f"{by.name} has {owned.WEBHOOKS_MAX} webhooks, the most that are allowed"
            raise Refusal(kind="too-many-webhooks", detail=detail)
        await _note(connection, by, "created", new.id)
        return _json(HTTPStatus.CREATED, _with_secret(row))

    return await write_once(sources.pool, request, by, raw, write, now=now)


@router.get("", **_operation("listWebhooks", shapes.Webhooks, _page(shapes.WEBHOOK)))
async def list_webhooks(wanted: Paged, request: Request, by: By, sources: Unread) -> Response:
    """The caller's webhooks, and how each does; with the scope `admin` everybody's."""
    scope, after = page_place(wanted, "webhooks", (str,))
    async with transaction(sources.pool) as connection:
        last = "" if after is None else str(after[0])
        rows = await owned.read_all(connection, by, after=last, limit=wanted.limit + 1)
    page = rows[: wanted.limit]
    place = (page[-1]["id"],) if len(rows) > len(page) else None
    return _listed(request, [shapes.webhook_form(row) for row in page], scope, place)


@router.get("/{webhook_id}", **_operation("getWebhook", shapes.Webhook, shapes.WEBHOOK))
async def get_webhook(
    webhook_id: Id, _: Nothing, request: Request, by: By, sources: Unread
) -> Response:
    """One webhook."""
    async with transaction(sources.pool) as connection:
        row = await _own(connection, by, webhook_id)
    return _read(request, shapes.webhook_form(row))


@router.delete(
    "/{webhook_id}",
    **_operation("deleteWebhook", None, None, HTTPStatus.NO_CONTENT),
    openapi_extra=asks("write"),
)
async def delete_webhook(webhook_id: Id, _: Nothing, by: By, sources: Unread) -> Response:
    """Delete a webhook with its log and its dead list; nothing more is sent to it."""
    async with transaction(sources.pool) as connection:
        await _own(connection, by, webhook_id)
        await owned.delete(connection, webhook_id)
        await _note(connection, by, "deleted", webhook_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/{webhook_id}/secret",
    **_operation("exchangeWebhookSecret", shapes.WebhookWithSecret, shapes.WITH_SECRET),
    openapi_extra=asks("write"),
)
async def exchange_secret(
    webhook_id: Id, _: Nothing, request: Request, by: By, sources: Unread
) -> Response:
    """Give a webhook a new secret, shown once; the one before signs along for 24 hours.

    Until then every message has a signature by each: a receiver changes over when it likes.
    """

    async def write(connection: Connection) -> Answer:
        await _own(connection, by, webhook_id)
        row = await owned.exchange_secret(connection, webhook_id)
        if row is None:
            raise _unknown(webhook_id)
        await _note(connection, by, "secret_exchanged", webhook_id)
        return _json(HTTPStatus.OK, _with_secret(row))

    return await write_once(sources.pool, request, by, b"", write, now=sources.clock())


@router.get(
    "/{webhook_id}/deliveries",
    **_operation("listWebhookDeliveries", shapes.Deliveries, shapes.DELIVERIES),
)
async def list_deliveries(
    webhook_id: Id, wanted: Paged, request: Request, by: By, sources: Unread
) -> Response:
    """Attempts to deliver to a webhook, the latest first; they are kept for seven days."""
    scope, before = page_place(wanted, "deliveries", (int,))
    async with transaction(sources.pool) as connection:
        await _own(connection, by, webhook_id)
        last = None if before is None else int(before[0])
        rows = await owned.read_deliveries(
            connection, webhook_id, before=last, limit=wanted.limit + 1
        )
    page = rows[: wanted.limit]
    place = (page[-1]["id"],) if len(rows) > len(page) else None
    return _listed(request, [shapes.delivery_form(row) for row in page], scope, place)


@router.get("/{webhook_id}/dead", **_operation("listWebhookDead", shapes.DeadList, shapes.DEAD))
async def list_dead(
    webhook_id: Id, wanted: Paged, request: Request, by: By, sources: Unread
) -> Response:
    """Changes that a webhook has not taken within a day, in the order of the log."""
    scope, after = page_place(wanted, "dead", (int,))
    async with transaction(sources.pool) as connection:
        await _own(connection, by, webhook_id)
        last = 0 if after is None else int(after[0])
        rows = await owned.read_dead(connection, by, webhook_id, after=last, limit=wanted.limit + 1)
    page = rows[: wanted.limit]
    place = (page[-1]["seq"],) if len(rows) > len(page) else None
    return _listed(request, [shapes.dead_form(row) for row in page], scope, place)


@router.post(
    "/{webhook_id}/dead/redrive",
    **_operation("redriveWebhook", shapes.Redriven, {"redriven": 1}),
    openapi_extra=asks("write"),
)
async def redrive(webhook_id: Id, _: Nothing, by: By, sources: Unread) -> Response:
    """Send all of a webhook's dead list again, before what else waits for it, and at once."""
    async with transaction(sources.pool) as connection:
        await _own(connection, by, webhook_id)
        count = await owned.redrive(connection, by, webhook_id)
        await _note(connection, by, "redriven", webhook_id)
    return _json(HTTPStatus.OK, {"redriven": count}).response()


async def _own(connection: Connection, by: Caller, webhook_id: str) -> asyncpg.Record:
    row = await owned.read_one(connection, by, webhook_id)
    if row is None:
        raise _unknown(webhook_id)
    return row


async def _note(connection: Connection, by: Caller, what: str, webhook_id: str) -> None:
    await audit.note(connection, by.name, f"webhook.{what}", f"webhook:{webhook_id}", {})


def _unknown(webhook_id: str) -> Refusal:
    detail = f"there is no webhook {webhook_id!r}, or it is another's"
    return Refusal(kind="unknown-webhook", detail=detail)


def _with_secret(row: asyncpg.Record) -> dict[str, Any]:
    return {**shapes.webhook_form(row), "secret": row["secret"]}


def _listed(
    request: Request, items: list[dict[str, Any]], scope: list[object], last: Key | None
) -> Response:
    following = None if last is None else encode_cursor(scope, last)
    address = responses.address_of(request)
    link = None if following is None else responses.next_link(address, following)
    return _read(request, {"items": items, "next": following}, link)


def _read(request: Request, body: object, link: str | None = None) -> Response:
    text = msgspec.json.encode(body)
    return responses.respond(request, responses.Answer(text, responses.tag_of([text]), link))
