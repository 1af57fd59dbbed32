"""The operations on items (their clocks, computed from the stored timeline) and agreements."""

from typing import Annotated, Final

import asyncpg
from fastapi import APIRouter, Query, Request, Response

from services.api import schemas
from services.api.answers import (
    ItemRow,
    agreement_answer,
    agreement_row,
    explained,
)
from services.api.parameters import ItemsParameters, NoParameters, Page
from services.api.problems import not_found, suggestion
from services.api.queries import Standing, read_item, read_items
from services.api.requests import page_place
from services.api.responses import json_answer, list_answer
from services.api.sources import From, Sources
from shared.domain.instant import format_instant
from shared.domain.item import Item
from shared.wire.stored_item import unpack_events

router: Final = APIRouter(prefix="/v1")


@router.get("/items", **schemas.operation("listItems", schemas.ItemOrItems, schemas.ITEM))
async def list_items(
    wanted: Annotated[ItemsParameters, Query()], request: Request, sources: From
) -> Response:
    """One lead or ticket with its clocks; without `subject` all of a kind, by key, as a list.

    The clocks are those that `accord evaluate` prints, as of the evaluation time of the item's
    partition, each with the reasons in `explain`.
    """
    if wanted.subject is not None:
        return await _one(sources, wanted.kind, wanted.subject)
    scope, after = page_place(wanted, "items", (str,))
    async with sources.reading(sources.objectives.keys) as (connection, standing):
        rows = await read_items(
            connection,
            wanted.kind,
            after="" if after is None else str(after[0]),
            limit=wanted.limit + 1,
        )
    page = rows[: wanted.limit]
    items = [_item_row(sources, standing, row) for row in page]
    last = (page[-1]["key"],) if len(rows) > len(page) else None
    return list_answer(request, items, scope, last, standing.evaluated)


@router.get(
    "/items/{kind}/{subject:path}", **schemas.operation("getItem", schemas.Item, schemas.ITEM)
)
async def get_item(
    kind: str, subject: str, _none: Annotated[NoParameters, Query()], sources: From
) -> Response:
    """One lead or ticket with its clocks, as of the evaluation time of its partition.

    A subject with a slash may stand as it is or percent-encoded.
    """
    return await _one(sources, kind, subject)


async def _one(sources: Sources, kind: str, subject: str) -> Response:
    key = f"{kind}:{subject}"
    async with sources.reading([]) as (connection, standing):
        row = await read_item(connection, key)
    if row is None:
        raise not_found(
            kind="unknown-item",
            title="There is no such item",
            detail=f"no event of {key!r} has come",
        )
    return json_answer(_item_row(sources, standing, row))


def _item_row(sources: Sources, standing: Standing, row: asyncpg.Record) -> ItemRow:
    kind, _, subject = row["key"].partition(":")
    now = row["evaluation_time"]
    item = Item(sources.plan, kind, subject, unpack_events(row["key"], row["body"]))
    return ItemRow(
        item=item.key,
        kind=kind,
        subject=subject,
        as_of=format_instant(now),
        freshness=standing.freshness(now, now=sources.clock()),
        clocks=[explained(reading) for reading in item.clocks(now=now)],
    )


@router.get(
    "/agreements", **schemas.operation("listAgreements", schemas.Agreements, schemas.AGREEMENTS)
)
async def list_agreements(
    wanted: Annotated[Page, Query()], request: Request, sources: From
) -> Response:
    """The agreements of the loaded documents by name, as their version effective now says."""
    scope, after = page_place(wanted, "agreements", (str,))
    agreements = sources.objectives.catalogue.agreements
    names = sorted(name for name in agreements if after is None or name > str(after[0]))
    page = names[: wanted.limit]
    async with sources.reading(sources.objectives.keys) as (_, standing):
        as_of = standing.as_of(sources.objectives.keys)
    items = [agreement_row(agreements[name], now=sources.clock()) for name in page]
    last = (page[-1],) if len(names) > len(page) else None
    return list_answer(request, items, scope, last, as_of)


@router.get(
    "/agreements/{name}", **schemas.operation("getAgreement", schemas.Agreement, schemas.AGREEMENT)
)
async def get_agreement(
    name: str, _none: Annotated[NoParameters, Query()], sources: From
) -> Response:
    """One agreement with all its versions, each with its document as written."""
    agreements = sources.objectives.catalogue.agreements
    agreement = agreements.get(name)
    if agreement is None:
        hint = suggestion(name, sorted(agreements))
        raise not_found(
            kind="unknown-agreement",
            title="There is no such agreement",
            detail=f"no document is named {name!r}{hint}",
        )
    return json_answer(agreement_answer(agreement, now=sources.clock()))
