"""The operation that reads many states at once, for who would otherwise ask one by one."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import Field

from services.api.access.scopes import asks
from services.api.answering import examples, schemas
from services.api.answering.requests import the_groups
from services.api.answering.responses import json_answer
from services.api.answering.shapes import At, Shape
from services.api.board.sources import Unread
from services.api.board.state_questions import judged_choices
from services.api.board.state_sources import States, states_at
from services.api.board.state_text import StateText
from services.api.operations.states import no_window
from services.api.reading.objectives import Choice, Group, Objectives
from services.api.reading.queries import StateQuery
from services.api.reading.standing import Standing
from services.api.web.bodies import Body, described, parsed, read_bytes
from services.api.web.problem_kinds import KINDS
from services.api.web.problems import Refusal
from shared.domain.instant import Instant
from shared.wire.results import instant_text

router: Final = APIRouter(prefix="/v1")
IDS_MAX: Final = 500


class _Entry(msgspec.Struct, frozen=True):
    sla_id: str
    state: msgspec.Raw | None
    problem: dict[str, object] | None


class _Answer(msgspec.Struct, frozen=True):
    items: list[_Entry]
    as_of: str | None


class WantedStates(Body):
    """Whose states are wanted."""

    sla_ids: list[Annotated[str, Field(min_length=1, max_length=2_000)]] = Field(
        min_length=1, max_length=IDS_MAX, description="As every answer writes them."
    )


class EntryProblem(Shape):
    """Why there is no state."""

    type: str
    title: str
    status: int
    detail: str


class StateEntry(Shape):
    """One of the states that were asked for, or why there is none."""

    sla_id: str = Field(description="As it was asked for.")
    state: schemas.ObjectiveState | None
    problem: EntryProblem | None


class StateBatch(Shape):
    """The states in the order in which they were asked for."""

    items: list[StateEntry]
    as_of: At | None = Field(description="The instant at which all of this holds.")


_EXAMPLE: Final = {
    "items": [
        {"sla_id": examples.STATE["sla_id"], "state": examples.STATE, "problem": None},
        {
            "sla_id": "everyone/leeds",
            "state": None,
            "problem": {
                "type": KINDS["unknown-sla-id"].type,
                "title": KINDS["unknown-sla-id"].title,
                "status": 404,
                "detail": "no agreement has the objective 'everyone/leeds'; "
                "did you mean 'everyone/leads'?",
            },
        },
    ],
    "as_of": examples.STATE["as_of"],
}
_DESCRIBED: Final = described(
    WantedStates, {"sla_ids": [examples.STATE["sla_id"], "everyone/leeds"]}
)
# It writes nothing: an `Idempotency-Key` would be for nothing.
_BODY: Final = {name: own for name, own in _DESCRIBED.items() if name != "parameters"}


@router.post(
    "/states:batchGet",
    openapi_extra={**_BODY, **asks("read")},
    **schemas.operation("batchGetStates", StateBatch, _EXAMPLE),
)
async def batch_get_states(request: Request, sources: Unread) -> Response:
    """The states of up to 500 sla_ids in their current windows, all at one moment.

    An entry that cannot be answered says why in `problem`; the others are not touched by it.
    """
    wanted = parsed(await read_bytes(request), WantedStates)
    now = sources.clock()
    async with states_at(sources) as states:
        meant = [_meant(states.objectives, sla_id) for sla_id in wanted.sla_ids]
        groups = [own for some in meant if not isinstance(some, Refusal) for own in some]
        served = {group.served.key: group.served for group in groups}
        standing = await states.standing([*served])
        found = await _found(states, standing, groups)
    entries = [
        _entry(sla_id, some, found, standing, now)
        for sla_id, some in zip(wanted.sla_ids, meant, strict=True)
    ]
    return json_answer(_Answer(entries, instant_text(standing.as_of([*served]))))


def _meant(objectives: Objectives, sla_id: str) -> list[Group] | Refusal:
    try:
        return the_groups(objectives, [sla_id])
    except Refusal as refusal:
        return refusal


async def _found(states: States, standing: Standing, groups: list[Group]) -> dict[Group, StateText]:
    """The states of the groups that have one."""
    named = [Choice(served) for served in dict.fromkeys(group.served for group in groups)]
    choices, starts = judged_choices(standing, named, None)
    query = StateQuery(
        choices=choices,
        starts=starts,
        groups=[(group.served.key, group.stored) for group in dict.fromkeys(groups)],
        limit=len(groups),
    )
    texts = await states.page(query, standing) if choices else []
    by_place = {(text.key, text.grp): text for text in texts}
    places = {group: (group.served.key, group.stored) for group in groups}
    return {group: by_place[place] for group, place in places.items() if place in by_place}


def _entry(
    sla_id: str,
    meant: list[Group] | Refusal,
    found: dict[Group, StateText],
    standing: Standing,
    now: Instant,
) -> _Entry:
    if isinstance(meant, Refusal):
        return _Entry(sla_id, None, _problem(meant))
    as_of = standing.as_of([meant[0].served.key])
    text = next((found[group] for group in meant if group in found), None)
    if text is None or as_of is None:
        return _Entry(sla_id, None, _problem(no_window(sla_id, as_of, None)))
    state = text.text(standing.freshness(as_of, now=now), as_of)
    return _Entry(sla_id, msgspec.Raw(state), None)


def _problem(refusal: Refusal) -> dict[str, object]:
    kind = KINDS[refusal.kind]
    return {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status.value,
        "detail": refusal.detail,
    }
