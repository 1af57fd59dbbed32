"""`GET /v1/stream`: the changes of breaches and states as they happen, by server-sent events."""

import json
import re
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from services.api.answering import schemas
from services.api.answering.parameters import CUSTOMER_MEANS, Parameters, Text
from services.api.answering.requests import query_sla_ids
from services.api.stream.change_feed import ChangeFeed
from services.api.stream.changes import ChangeType, Wanted
from services.api.stream.event_stream import STREAMS_MAX, EventStream, Place, StreamFigures
from services.api.web.caller import By, Caller
from services.api.web.middleware import IS_STREAM
from services.api.web.problems import Refusal, invalid_parameter
from shared.domain.agreement import Level

router: Final = APIRouter(prefix="/v1")
RETRY_AFTER_S: Final = 5
_ID: Final = re.compile(r"[0-9]{1,18}")
_A_DAY_S: Final = 86_400
_HEADER: Final = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "Go on after this event.",
    "schema": {"type": "string", "pattern": f"^{_ID.pattern}$"},
}
_EVENT: Final = {
    "specversion": "1.0",
    "id": "0b8e0f5e-5d0c-4c8e-9d53-0a8f7a3c5b11",
    "source": "/accord/evaluator",
    "type": "accord.state.changed",
    "subject": "acme-support/first-response-p1",
    "time": "2026-03-04T10:00:00.300000Z",
    "datacontenttype": "application/json",
    "data": {"sla_id": "acme-support/first-response-p1", "state": "breached", "previous": "ok"},
}
_EXAMPLE: Final = f"""retry: 2000
id: 41

id: 42
event: state.changed
data: {json.dumps(_EVENT)}

"""


class StreamParameters(Parameters):
    """Which changes; a filter may be given several times, any of its values then fits."""

    last_event_id: str | None = Field(
        None,
        pattern=f"^{_ID.pattern}$",
        description="Go on after this event; the header `Last-Event-ID` comes first.",
    )
    type: list[ChangeType] = Field([], description="The event's name.")
    agreement: list[Text] = Field([], description="The agreement's name.")
    objective: list[Text] = Field([], description="The objective's name inside its agreement.")
    sla_id: list[Text] = Field([], description="Exactly these groups of objectives.")
    customer: list[Text] = Field([], description=CUSTOMER_MEANS)
    level: list[Level] = Field([], description="The level of the version that judged.")
    seconds: int | None = Field(
        None, ge=1, le=_A_DAY_S, description="End the stream after so many seconds."
    )


def _operation() -> dict[str, Any]:
    found = schemas.operation("streamChanges", None, {})
    found["responses"][HTTPStatus.OK] = {
        "description": "Events until the reader leaves",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
    del found["responses"][HTTPStatus.NOT_FOUND]
    return {**found, "response_class": Response, "openapi_extra": {"parameters": [_HEADER]}}


@router.get("/stream", **_operation())
async def stream_changes(
    wanted: Annotated[StreamParameters, Query()], request: Request, by: By
) -> Response:
    """Breaches and states as they change, each change once and in order.

    An event's `id` is its number in the change log. A reader that comes again with the last `id`
    it has (the header `Last-Event-ID`, as browsers send it by themselves, or `last_event_id`) gets
    what it has missed; without one the stream begins now. The log goes back seven days: who comes
    with an older `id` gets an event `reset`, reads states and breaches anew, and stays. While
    nothing changes a comment comes every 15 seconds. A reader that takes nothing for 30 seconds is
    let go of.
    """
    feed, figures = request.app.state.feed, request.app.state.stream_figures
    assert isinstance(feed, ChangeFeed)  # noqa: S101 - as the app was made
    assert isinstance(figures, StreamFigures)  # noqa: S101 - as the app was made
    place = Place(_last_event_id(request, wanted), wanted.seconds)
    if figures.count >= STREAMS_MAX:
        raise _full()
    await feed.ready()
    request.scope[IS_STREAM] = True
    return EventStream(feed, _wanted(wanted, request, by), place, figures)


def _wanted(wanted: StreamParameters, request: Request, by: Caller) -> Wanted:
    readings = [reading for several in query_sla_ids(request) for reading in several]
    return Wanted(
        types=frozenset(wanted.type),
        agreements=frozenset(wanted.agreement),
        objectives=frozenset(wanted.objective),
        sla_ids=frozenset(readings),
        customers=frozenset(wanted.customer),
        levels=frozenset(wanted.level),
        visible_to=by.customers,
    )


def _last_event_id(request: Request, wanted: StreamParameters) -> int | None:
    given = request.headers.get("last-event-id") or wanted.last_event_id
    if given is None:
        return None
    if not _ID.fullmatch(given):
        name, detail = "Last-Event-ID", "it is to be the id of an event, a whole number"
        raise invalid_parameter(name, detail)
    return int(given)


def _full() -> Refusal:
    return Refusal(
        kind="too-many-streams",
        detail=f"this process holds {STREAMS_MAX} streams open; come again in a moment",
        headers={"retry-after": str(RETRY_AFTER_S)},
    )
