"""The operations on values and breaches: parameters in, one snapshot, the contract out."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from services.api.answering import examples, schemas
from services.api.answering.answers import breach_row, member_row, state_row, value_row
from services.api.answering.parameters import (
    BreachesOrder,
    BreachesParameters,
    ValueItemsParameters,
    ValuesParameters,
    WindowsOrder,
)
from services.api.answering.requests import (
    filter_hint,
    filtered_groups,
    page_place,
    query_sla_ids,
    the_groups,
)
from services.api.answering.responses import list_answer
from services.api.board.sources import From
from services.api.board.state_sources import Stored
from services.api.operations.states import find_state, no_window
from services.api.reading.kept import refuse_items_let_go, refuse_revisions_let_go
from services.api.reading.made_up import MEMBER_KEY, read_members
from services.api.reading.objectives import Filters
from services.api.reading.queries import (
    BreachQuery,
    read_breaches,
    read_revisions,
    read_values,
    whole_page,
)
from shared.domain.instant import format_instant
from shared.domain.window import Span

router: Final = APIRouter(prefix="/v1")


@router.get(
    "/values", **schemas.operation("listValues", schemas.Values, examples.VALUES, may_be_gone=True)
)
async def list_values(
    wanted: Annotated[ValuesParameters, Query()], request: Request, sources: From
) -> Response:
    """The windows of one objective's group, the latest first, each with its revisions.

    A revision is what was said of a window since it became final: 1, then one more for each
    change, with its cause (`late`, `corrected` or `documents`). With `known_at` the windows that
    were final at that instant come as they were spoken of then: `since` is when that was first
    said, `revisions` those of that time.
    """
    objectives, now = sources.objectives, sources.clock()
    scope, after = page_place(wanted, "values", (int,))
    place = None if after is None else int(after[0])
    groups = the_groups(objectives, query_sla_ids(request)[0])
    key = groups[0].served.key
    async with sources.reading([key]) as (connection, standing):
        if wanted.known_at is not None:
            await refuse_revisions_let_go(connection, wanted.known_at)
        rows = await read_values(
            connection,
            groups,
            after=place,
            limit=wanted.limit + 1,
            known_at=wanted.known_at,
            descending=wanted.sort is WindowsOrder.WINDOW_DESCENDING,
        )
        page = whole_page(rows, wanted.limit)
        revisions = await read_revisions(connection, page, known_at=wanted.known_at)
    items = [
        value_row(state_row(objectives, standing, row, now=now), revisions[row["window_start"]])
        for row in page
    ]
    last = (page[-1]["window_start"],) if len(rows) > wanted.limit else None
    as_of = standing.as_of([key])
    empty = not page and after is None and as_of is not None
    hint = _no_values(wanted) if empty else None
    return list_answer(request, items, scope, last, as_of, hint=hint)


def _no_values(wanted: ValuesParameters) -> str:
    if wanted.known_at is None:
        return f"sla_id: nothing has counted in any window of {wanted.sla_id!r}"
    return (
        f"known_at: no window of {wanted.sla_id!r} was final at {format_instant(wanted.known_at)}"
    )


@router.get(
    "/values/items",
    **schemas.operation("listValueItems", schemas.Members, examples.MEMBERS, may_be_gone=True),
)
async def list_value_items(
    wanted: Annotated[ValueItemsParameters, Query()], request: Request, sources: From
) -> Response:
    """Which items made up one window of one objective's group: each clock or event that counts.

    The order is that of the instants at which they were decided. What is still running is counted
    in the window that holds `as_of` and not listed here. An item of a cohort is `entered` and, once
    that is known, also `reached` or `lost`.
    """
    objectives = sources.objectives
    scope, after = page_place(wanted, "value-items", (int, *MEMBER_KEY))
    # A page stays in the window that the first one was of.
    window = wanted.window if after is None else int(after[0])
    groups = the_groups(objectives, query_sla_ids(request)[0])
    key = groups[0].served.key
    async with sources.reading([key]) as (connection, standing):
        as_of = standing.as_of([key])
        text = await find_state(Stored(sources, may_be_sealed=True), standing, groups, window)
        if text is None:
            raise no_window(wanted.sla_id, as_of, wanted.window)
        group = next(own for own in groups if own.stored == text.grp)
        span = Span(text.row["window_start"], text.row["window_end"])
        await refuse_items_let_go(connection, span.start)
        place = None if after is None else after[1:]
        rows = await read_members(connection, group, span, place, wanted.limit + 1)
    page = rows[: wanted.limit]
    items = [member_row(group.served, own) for own in page]
    last = (span.start, *page[-1][:5]) if len(rows) > len(page) else None
    return list_answer(request, items, scope, last, as_of)


@router.get("/breaches", **schemas.operation("listBreaches", schemas.Breaches, examples.BREACHES))
async def list_breaches(
    wanted: Annotated[BreachesParameters, Query()], request: Request, sources: From
) -> Response:
    """Breaches of items and of windows, those that opened last first.

    `since` and `until` are about the instant at which a breach opened. A breach that was
    withdrawn is not listed.
    """
    objectives = sources.objectives
    scope, after = page_place(wanted, "breaches", (int, str))
    groups = filtered_groups(objectives, request)
    filters = Filters(sla_id=groups, agreement=wanted.agreement, objective=wanted.objective)
    chosen = {choice.served.key: choice for choice in objectives.choose(filters, sources.clock())}
    if wanted.sla_id and not groups:
        chosen = {}
    keys = list(chosen)
    query = BreachQuery(
        objectives=list(chosen.values()),
        customers=objectives.customers_among(()),
        scope=None if wanted.scope is None else wanted.scope.value,
        open=wanted.open,
        since=wanted.since,
        until=wanted.until,
        groups=[(group.served.key, group.stored) for group in groups],
        items=wanted.item,
        after=None if after is None else (int(after[0]), str(after[1])),
        descending=wanted.sort is BreachesOrder.OPENED_AT_DESCENDING,
        limit=wanted.limit + 1,
    )
    async with sources.reading(keys) as (connection, standing):
        rows = await read_breaches(connection, query)
    page = rows[: wanted.limit]
    items = [breach_row(chosen[row["objective"]].served, row) for row in page]
    last = (page[-1]["opened_at"], page[-1]["breach_id"]) if len(rows) > len(page) else None
    hint = filter_hint(objectives, wanted, query_sla_ids(request))
    return list_answer(request, items, scope, last, standing.as_of(keys), hint=hint)
