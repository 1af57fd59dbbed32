"""The operations on states, values and breaches: parameters in, one snapshot, the contract out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final

import asyncpg
from fastapi import APIRouter, Query, Request, Response

from services.api import examples, schemas
from services.api.answers import breach_row, explained_state, member_row, state_row, value_row
from services.api.kept import refuse_items_let_go, refuse_revisions_let_go
from services.api.made_up import MEMBER_KEY, read_measure, read_members
from services.api.objectives import Choice, Filters, Group
from services.api.parameters import (
    BreachesParameters,
    StateParameters,
    StatesParameters,
    Text,
    ValueItemsParameters,
    ValuesParameters,
)
from services.api.problems import Refusal
from services.api.queries import (
    BreachQuery,
    Standing,
    StateQuery,
    read_breaches,
    read_revisions,
    read_states,
    read_values,
)
from services.api.requests import (
    filtered_groups,
    page_place,
    path_sla_id,
    query_sla_ids,
    state_filters,
    the_groups,
)
from services.api.responses import conditional, json_answer, list_answer
from services.api.sources import From
from shared.domain.instant import Instant, format_instant
from shared.domain.window import Span
from shared.runtime.database import Connection

router: Final = APIRouter(prefix="/v1")


@router.get("/states", **schemas.operation("listStates", schemas.States, examples.STATES))
async def list_states(
    wanted: Annotated[StatesParameters, Query()], request: Request, sources: From
) -> Response:
    """The state of every objective's group in its current window.

    `window` asks for the window that starts there instead. A window is in the list when
    `accord evaluate` lists it: it has data, or it is the current one of an objective that is not
    grouped. The order is by agreement, objective and group.
    """
    objectives, now = sources.objectives, sources.clock()
    scope, after = page_place(wanted, "states", (str, str))
    groups = filtered_groups(objectives, request)
    choices = objectives.choose(state_filters(wanted, groups), now)
    if wanted.sla_id and not groups:
        choices = []
    keys = [choice.served.key for choice in choices]
    async with sources.reading(keys) as (connection, standing):
        query = _state_query(wanted, choices, groups, standing, after)
        query = replace(query, customers=objectives.customers_among(wanted.customer))
        rows = await read_states(connection, query)
    page = rows[: wanted.limit]
    items = [state_row(objectives, standing, row, now=now) for row in page]
    last = (page[-1]["objective"], page[-1]["grp"]) if len(rows) > len(page) else None
    answer = list_answer(request, items, scope, last, standing.as_of(keys))
    return conditional(request, answer, items)


def _state_query(
    wanted: StatesParameters,
    choices: Sequence[Choice],
    groups: Sequence[Group],
    standing: Standing,
    after: tuple[str | int, ...] | None,
) -> StateQuery:
    starts = [_start(standing, choice, wanted.window) for choice in choices]
    judged = [
        (choice, start) for choice, start in zip(choices, starts, strict=True) if start is not None
    ]
    return StateQuery(
        choices=[choice for choice, _ in judged],
        starts=[start for _, start in judged],
        groups=[(group.served.key, group.stored) for group in groups],
        services=wanted.service,
        states=[state.value for state in wanted.state],
        levels=[level.value for level in wanted.level],
        after=None if after is None else (str(after[0]), str(after[1])),
        limit=wanted.limit + 1,
    )


def _start(standing: Standing, choice: Choice, window: Instant | None) -> Instant | None:
    """The start of the window that is wanted; None while the objective has not been judged."""
    as_of = standing.as_of([choice.served.key])
    if window is not None or as_of is None:
        return window
    return choice.served.window.current(as_of).start


@router.get(
    "/states/{sla_id:path}",
    **schemas.operation("getState", schemas.ExplainedState, examples.EXPLAINED_STATE),
)
async def get_state(
    sla_id: Text, wanted: Annotated[StateParameters, Query()], request: Request, sources: From
) -> Response:
    """The state of one objective's group.

    The path goes on with the `sla_id` as every answer writes it, slashes included; one that was
    percent-encoded once more is understood too. `explain` has the formula with its numbers, the
    rule behind the state, and what was applied. The `ETag` changes when anything but `as_of` does.
    """
    objectives, now = sources.objectives, sources.clock()
    groups = the_groups(objectives, path_sla_id(request, "/v1/states/", sla_id))
    key = groups[0].served.key
    async with sources.reading([key]) as (connection, standing):
        row = await _read_state(connection, standing, groups, wanted.window)
        as_of = standing.as_of([key])
        if row is None or as_of is None:
            raise _no_window(sla_id, as_of, wanted.window)
        group = next(own for own in groups if own.stored == row["grp"])
        span = Span(row["window_start"], row["window_end"])
        found = await read_measure(connection, group, span)
    state = state_row(objectives, standing, row, now=now)
    answer = json_answer(explained_state(groups[0].served, state, row, found, as_of=as_of))
    return conditional(request, answer, [state])


async def _read_state(
    connection: Connection, standing: Standing, groups: Sequence[Group], window: Instant | None
) -> asyncpg.Record | None:
    for group in groups:
        choice = Choice(group.served)
        start = _start(standing, choice, window)
        if start is None:
            continue
        query = StateQuery(
            choices=[choice], starts=[start], groups=[(group.served.key, group.stored)], limit=1
        )
        rows = await read_states(connection, query)
        if rows:
            return rows[0]
    return None


def _no_window(sla_id: str, as_of: Instant | None, window: Instant | None) -> Refusal:
    if as_of is None:
        return Refusal(
            kind="not-judged-yet",
            detail=f"{sla_id}: no evaluator has judged it under the documents as loaded; ask again",
            headers={"retry-after": "1"},
        )
    if window is None:
        detail = (
            f"{sla_id} has no data in the window that holds {format_instant(as_of)}; "
            f"/v1/values?sla_id= lists the windows that it has"
        )
    else:
        detail = (
            f"{sla_id} has no data in a window that starts at {format_instant(window)}; "
            f"/v1/values?sla_id= lists the windows that it has"
        )
    return Refusal(kind="no-such-window", detail=detail)


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
    before = None if after is None else int(after[0])
    groups = the_groups(objectives, query_sla_ids(request)[0])
    key = groups[0].served.key
    async with sources.reading([key]) as (connection, standing):
        await refuse_revisions_let_go(connection, wanted.known_at)
        rows = await read_values(
            connection, groups, before=before, limit=wanted.limit + 1, known_at=wanted.known_at
        )
        page = rows[: wanted.limit]
        revisions = await read_revisions(connection, page, known_at=wanted.known_at)
    items = [
        value_row(state_row(objectives, standing, row, now=now), revisions[row["window_start"]])
        for row in page
    ]
    last = (page[-1]["window_start"],) if len(rows) > len(page) else None
    return list_answer(request, items, scope, last, standing.as_of([key]))


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
        row = await _read_state(connection, standing, groups, window)
        if row is None:
            raise _no_window(wanted.sla_id, as_of, wanted.window)
        group = next(own for own in groups if own.stored == row["grp"])
        span = Span(row["window_start"], row["window_end"])
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
    scope, before = page_place(wanted, "breaches", (int, str))
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
        before=None if before is None else (int(before[0]), str(before[1])),
        limit=wanted.limit + 1,
    )
    async with sources.reading(keys) as (connection, standing):
        rows = await read_breaches(connection, query)
    page = rows[: wanted.limit]
    items = [breach_row(chosen[row["objective"]].served, row) for row in page]
    last = (page[-1]["opened_at"], page[-1]["breach_id"]) if len(rows) > len(page) else None
    return list_answer(request, items, scope, last, standing.as_of(keys))
