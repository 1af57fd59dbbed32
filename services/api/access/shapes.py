"""The JSON shape of the audit log for the OpenAPI document."""

from typing import Any, Final

from pydantic import Field

from services.api.answering.shapes import At, Shape


class AuditEntry(Shape):
    """Who did what, when, to what."""

    seq: int = Field(description="1, 2, 3 and so on without a gap.")
    at: At
    actor: str = Field(description="A key, the subject of a token, or who ran a command.")
    action: str
    target: str
    detail: dict[str, Any]
    digest: str = Field(description="SHA-256 of this entry and the digest before it.")


class AuditLog(Shape):
    """A page of the log."""

    items: list[AuditEntry]
    next: str | None = Field(description="The cursor of the next page.")
    as_of: At | None = Field(description="The instant up to which everything is evaluated.")


AUDIT_EXAMPLE: Final = {
    "items": [
        {
            "seq": 2,
            "at": "2026-03-02T09:00:00.000001Z",
            "actor": "mira",
            "action": "key.created",
            "target": "key:mfrggzdfmztwq2lk",
            "detail": {"customers": ["acme"], "name": "acme's dashboard", "scopes": ["read"]},
            "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        }
    ],
    "next": None,
    "as_of": "2026-03-02T12:00:00Z",
}
