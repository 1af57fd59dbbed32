"""The operations on items (their clocks, computed from the stored timeline) and agreements."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from services.api.answering import examples, schemas
from services.api.answering.answers import (
    ItemRow,
    agreement_answer,
    agreement_row,
    explained_item_row,
    item_row,
)
from services.api.answering.parameters import ItemsParameters, NoParameters, Page, Text
from services.api.answering.requests import page_place
from services.api.answering.responses import list_answer, object_answer
from services.api.answering.shown_items import shown_item
from services.api.board.sources import From, Sources
from services.api.reading.standing import Standing
from services.api.reading.stored_items import (
    is_about_no_other,
    read_kind,
    read_named,
    stored_item,
)
from services.api.web.problems import Refusal, suggestion
from shared.domain.agreement import objective_id
from shared.domain.explain_item import explain_item
from shared.domain.instant import Instant
from shared.domain.item import Item
from shared.runtime.database import Connection
from shared.wire.results import clock_row

router: Final = APIRouter(prefix="/v1")


@router.get("/items", **schemas.operation("listItems", schemas.ItemOrItems, examples.ITEM))
async def list_items(
    wanted: Annotated[ItemsParameters, Query()], request: Request, sources: From
) -> Response:
    """One lead or ticket with its clocks; without `subject` all of a kind, by key, as a list.

    The clocks are those that `accord evaluate` prints, as of the evaluation time of the item's
    partition; those of one item each have the reasons in `explain`.
    """
    if wanted.subject is not None:
        return await _one(request, sources, wanted.kind, wanted.subject)
    scope, after = page_place(wanted, "items", (str,))
    async with sources.reading([]) as (connection, standing):
        first = "" if after is None else str(after[0])
        found = await _seen(connection, sources, wanted.kind, first, wanted.limit + 1)
    page = found[: wanted.limit]
    items = [_listed_item(sources, standing, *own) for own in page]
    last = (page[-1][0].key,) if len(found) > len(page) else None
    return list_answer(request, items, scope, last, standing.evaluated)


async def _seen(
    connection: Connection, sources: Sources, kind: str, after: str, limit: int
) -> list[tuple[Item, Instant]]:
    """The next items of a kind that may be seen, with the evaluation times of their partitions.

    Whose an item is its timeline says: an evaluator of an older version notes it nowhere else.
    """
    found: list[tuple[Item, Instant]] = []
    while len(found) < limit:
        rows = await read_kind(
            connection, kind, after=after, limit=limit, customers=sources.customers
        )
        read = [(stored_item(sources.plan, row), row["evaluation_time"]) for row in rows]
        found += [own for own in read if is_about_no_other(own[0], sources.customers)]
        if len(rows) < limit:
            break
        after = rows[-1]["key"]
    return found[:limit]


@router.get(
    "/items/{kind}/{subject:path}", **schemas.operation("getItem", schemas.Item, examples.ITEM)
)
async def get_item(
    kind: Text,
    subject: Text,
    _none: Annotated[NoParameters, Query()],
    request: Request,
    sources: From,
) -> Response:
    """One lead or ticket with its clocks, as of the evaluation time of its partition.

    `explain` of a clock has its life in intervals, what happened to it and why its objective
    applied; `levels` shows every promise about the item side by side, and which one binds.

    A subject with a slash may stand as it is or percent-encoded.
    """
    return await _one(request, sources, kind, subject)


async def _one(request: Request, sources: Sources, kind: str, subject: str) -> Response:
    key = f"{kind}:{subject}"
    async with sources.reading([]) as (connection, standing):
        rows = await read_named(connection, [key])
    item = stored_item(sources.plan, rows[0]) if rows else None
    if item is None or not is_about_no_other(item, sources.customers):
        raise Refusal(kind="unknown-item", detail=f"no event of {key!r} has come")
    now: Instant = rows[0]["evaluation_time"]
    explained = explain_item(item, sources.plan, sources.objectives.catalogue, now=now)
    explained = shown_item(explained, sources.objectives)
    freshness = standing.freshness(now, now=sources.clock())
    return object_answer(request, explained_item_row(item, explained, freshness, now=now))


def _listed_item(sources: Sources, standing: Standing, item: Item, now: Instant) -> ItemRow:
    clocks = [
        clock_row(reading)
        for reading in item.clocks(now=now)
        if sources.objectives.get(objective_id(reading.agreement, reading.objective)) is not None
    ]
    return item_row(item, clocks, standing.freshness(now, now=sources.clock()), now=now)


@router.get(
    "/agreements", **schemas.operation("listAgreements", schemas.Agreements, examples.AGREEMENTS)
)
async def list_agreements(
    wanted: Annotated[Page, Query()], request: Request, sources: From
) -> Response:
    """The agreements of the loaded documents by name, as their version effective now says."""
    scope, after = page_place(wanted, "agreements", (str,))
    agreements = sources.objectives.agreements
    names = sorted(name for name in agreements if after is None or name > str(after[0]))
    page = names[: wanted.limit]
    async with sources.reading(sources.objectives.keys) as (_, standing):
        as_of = standing.as_of(sources.objectives.keys)
    items = [agreement_row(agreements[name], now=sources.clock()) for name in page]
    last = (page[-1],) if len(names) > len(page) else None
    return list_answer(request, items, scope, last, as_of)


@router.get(
    "/agreements/{name}", **schemas.operation("getAgreement", schemas.Agreement, examples.AGREEMENT)
)
async def get_agreement(
    name: str, _none: Annotated[NoParameters, Query()], request: Request, sources: From
) -> Response:
    """One agreement with all its versions, each with its document as written."""
    agreements = sources.objectives.agreements
    agreement = agreements.get(name)
    if agreement is None:
        hint = suggestion(name, sorted(agreements))
        raise Refusal(kind="unknown-agreement", detail=f"no document is named {name!r}{hint}")
    return object_answer(request, agreement_answer(agreement, now=sources.clock()))
