"""The operation that reads the audit log; keys are made by `accord keys`, never over HTTP."""

import json
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.api.access import audit
from services.api.access.scopes import asks
from services.api.access.shapes import AUDIT_EXAMPLE, AuditLog
from services.api.answering import schemas
from services.api.answering.parameters import Page
from services.api.answering.requests import page_place
from services.api.answering.responses import list_answer
from services.api.board.sources import From
from shared.domain.instant import format_instant

router: Final = APIRouter(prefix="/v1")


class EntryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the log."""

    seq: int
    at: str
    actor: str
    action: str
    target: str
    detail: dict[str, object]
    digest: str


@router.get(
    "/audit",
    **schemas.operation("listAudit", AuditLog, AUDIT_EXAMPLE),
    openapi_extra=asks("admin"),
)
async def list_audit(wanted: Annotated[Page, Query()], request: Request, sources: From) -> Response:
    """Who did what, the latest first: keys made and ended, writes, credentials refused.

    Each entry's `digest` is made of its content and the digest of the entry before;
    `accord audit verify` proves all of them.
    """
    scope, after = page_place(wanted, "audit", (int,))
    before = None if after is None else int(after[0])
    async with sources.reading([]) as (connection, standing):
        rows = await audit.entries(connection, before=before, limit=wanted.limit + 1)
    page = rows[: wanted.limit]
    items = [
        EntryRow(
            seq=row["seq"],
            at=format_instant(row["at"]),
            actor=row["actor"],
            action=row["action"],
            target=row["target"],
            detail=json.loads(row["detail"]),
            digest=row["digest"].hex(),
        )
        for row in page
    ]
    last = (page[-1]["seq"],) if len(rows) > len(page) else None
    return list_answer(request, items, scope, last, standing.evaluated)
