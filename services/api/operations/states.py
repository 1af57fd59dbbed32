"""The operations on states: the current window of every objective's group, or another one."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from services.api.answering import examples, schemas
from services.api.answering.parameters import StateParameters, StatesParameters, Text
from services.api.answering.requests import (
    page_place,
    path_sla_id,
    query_sla_ids,
    the_groups,
)
from services.api.answering.responses import address_of, respond
from services.api.board.questions import Question
from services.api.board.sources import Sources, Unread
from services.api.board.state_questions import (
    OneState,
    StateList,
    explained_answer,
    start_of,
)
from services.api.board.state_sources import Remembered, States, states_at
from services.api.board.state_text import StateText
from services.api.reading.objectives import Choice, Group
from services.api.reading.queries import StateQuery
from services.api.reading.standing import Standing
from services.api.web.problems import Refusal
from shared.domain.instant import Instant, format_instant

router: Final = APIRouter(prefix="/v1")


@router.get("/states", **schemas.operation("listStates", schemas.States, examples.STATES))
async def list_states(
    wanted: Annotated[StatesParameters, Query()], request: Request, sources: Unread
) -> Response:
    """The state of every objective's group in its current window.

    `window` asks for the window that starts there instead. A window is in the list when
    `accord evaluate` lists it: it has data, or it is the current one of an objective that is not
    grouped. The order is by agreement, objective and group.
    """
    scope, after = page_place(wanted, "states", (str, str))
    place = None if after is None else (str(after[0]), str(after[1]))
    question = StateList(wanted, query_sla_ids(request), scope, place, address_of(request))
    now = sources.clock()
    async with states_at(sources, stored=wanted.window is not None) as states:
        if isinstance(states, Remembered):
            answer = question.answer(states.objectives, states.picture, now)
            if answer is not None:
                _keep(request, sources, question)
                return respond(request, answer)
        chosen = question.chosen(states.objectives, now)
        standing = await states.standing(chosen.keys)
        texts = await states.page(question.query(chosen, standing), standing)
    return respond(request, question.page(texts, chosen, standing, now)[0])


@router.get(
    "/states/{sla_id:path}",
    **schemas.operation("getState", schemas.ExplainedState, examples.EXPLAINED_STATE),
)
async def get_state(
    sla_id: Text, wanted: Annotated[StateParameters, Query()], request: Request, sources: Unread
) -> Response:
    """The state of one objective's group.

    The path goes on with the `sla_id` as every answer writes it, slashes included; one that was
    percent-encoded once more is understood too. `explain` has the formula with its numbers, the
    rule behind the state, and what was applied. The `ETag` changes when anything but `as_of` does.
    """
    now = sources.clock()
    readings = path_sla_id(request, "/v1/states/", sla_id)
    async with states_at(sources, stored=wanted.window is not None) as states:
        groups = the_groups(states.objectives, readings)
        key = groups[0].served.key
        standing = await states.standing([key])
        as_of = standing.as_of([key])
        text = await find_state(states, standing, groups, wanted.window)
        if text is None or as_of is None:
            raise no_window(sla_id, as_of, wanted.window)
        explain = await states.explained(text, as_of)
        if isinstance(states, Remembered):
            _keep(request, sources, OneState(readings, (states.objectives, groups)))
    return respond(request, explained_answer(text, standing, as_of, explain, now))


def _keep(request: Request, sources: Sources, question: Question) -> None:
    """Remember what was meant, for who asks in the same words again."""
    path, query = request.scope.get("raw_path", b""), request.scope["query_string"]
    sources.questions.keep((sources.customers, path, query), question)


async def find_state(
    states: States, standing: Standing, groups: Sequence[Group], window: Instant | None
) -> StateText | None:
    """The state of the first of the groups that has one in the window that is wanted."""
    for group in groups:
        choice = Choice(group.served)
        start = start_of(standing, choice, window)
        if start is None:
            continue
        query = StateQuery(
            choices=[choice], starts=[start], groups=[(group.served.key, group.stored)], limit=1
        )
        texts = await states.page(query, standing)
        if texts:
            return texts[0]
    return None


def no_window(sla_id: str, as_of: Instant | None, window: Instant | None) -> Refusal:
    """What is said where there is no such window."""
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
