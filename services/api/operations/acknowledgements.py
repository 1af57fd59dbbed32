"""Acknowledgements: somebody has seen a breach, and may say what is done about it."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from services.api.access import audit
from services.api.access.scopes import asks
from services.api.answering import schemas
from services.api.answering.answers import Acknowledgement
from services.api.answering.parameters import NoParameters, Text
from services.api.answering.shapes import Acknowledged
from services.api.board.sources import Sources, Unread
from services.api.web.bodies import Body, described, parsed, read_bytes
from services.api.web.caller import By
from services.api.web.idempotency import Answer, write_once
from services.api.web.problems import Refusal
from shared.domain.instant import Instant, format_instant
from shared.runtime.database import Connection
from shared.wire.groups import group_of

router: Final = APIRouter(prefix="/v1")
NOTE_MAX: Final = 2_000
"""Characters."""
_EXAMPLE: Final = {
    "breach_id": "5f0c1b0e-5a43-5c36-9d5e-2f3b7f6a1d10",
    "at": "2026-03-04T10:05:00Z",
    "by": "shift-lead",
    "note": "the customer knows; we answer by noon",
}


class Note(Body):
    """What is said of a breach."""

    note: Text = Field("", max_length=NOTE_MAX, description="What is done about it.")


class AcknowledgedBreach(Acknowledged):
    """Who has seen which breach, and when."""

    breach_id: str


def _operation() -> dict[str, Any]:
    found = schemas.operation("acknowledgeBreach", AcknowledgedBreach, _EXAMPLE)
    responses = found["responses"]
    responses[HTTPStatus.CREATED] = responses.pop(HTTPStatus.OK)
    return {
        **found,
        "status_code": HTTPStatus.CREATED,
        "openapi_extra": {**described(Note, {"note": _EXAMPLE["note"]}), **asks("write")},
    }


@router.post("/breaches/{breach_id}/acknowledgement", **_operation())
async def acknowledge_breach(
    breach_id: Annotated[Text, Path(max_length=64)],
    _: Annotated[NoParameters, Query()],
    request: Request,
    by: By,
    sources: Unread,
) -> Response:
    """Say that a breach has been seen; `/v1/breaches` shows by whom, when, and the note.

    A breach is acknowledged once: a second time is refused with who did. Under an
    `Idempotency-Key` the same request may be sent again and gets the same answer.
    """
    body = await read_bytes(request)
    note = parsed(body, Note).note
    now = sources.clock()

    async def write(connection: Connection) -> Answer:
        await _check_breach(connection, breach_id, await sources.at(connection))
        own = (breach_id, now, by.name, note)
        if not await connection.fetchval(_ACKNOWLEDGE, *own):
            raise await _acknowledged(connection, breach_id)
        await audit.note(connection, by.name, "breach.acknowledged", f"breach:{breach_id}", {})
        return Answer(HTTPStatus.CREATED, _answer(*own))

    return await write_once(sources.pool, request, by, body, write, now=now)


async def _check_breach(connection: Connection, breach_id: str, sources: Sources) -> None:
    """A `Refusal` where no such breach stands for the caller."""
    row = await connection.fetchrow(_BREACH, breach_id)
    if row is None or not sources.objectives.shows(row["objective"], group_of(row["grp"])):
        raise Refusal(
            kind="unknown-breach",
            detail=f"no breach {breach_id!r} stands; one that was withdrawn does not",
        )


async def _acknowledged(connection: Connection, breach_id: str) -> Refusal:
    row = await connection.fetchrow(_ACKNOWLEDGED, breach_id)
    said = "" if row is None else f" by {row[0]!r} at {format_instant(row[1])}"
    return Refusal(kind="already-acknowledged", detail=f"{breach_id} was acknowledged{said}")


def _answer(breach_id: str, at: Instant, name: str, note: str) -> bytes:
    own = Acknowledgement(at=format_instant(at), by=name, note=note)
    return msgspec.json.encode({"breach_id": breach_id, **msgspec.structs.asdict(own)})


_BREACH: Final = "SELECT objective, grp FROM breach WHERE breach_id = $1 AND withdrawn_at IS NULL"
_ACKNOWLEDGE: Final = """
INSERT INTO acknowledgement (breach_id, acknowledged_at, acknowledged_by, note)
VALUES ($1, $2, $3, $4) ON CONFLICT (breach_id) DO NOTHING RETURNING true
"""
_ACKNOWLEDGED: Final = """
SELECT acknowledged_by, acknowledged_at FROM acknowledgement WHERE breach_id = $1
"""
