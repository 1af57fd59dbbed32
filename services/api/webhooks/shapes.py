"""The JSON of webhooks: what is sent, and what is answered."""

from typing import Any, Final, Literal

import asyncpg
import msgspec
from pydantic import Field

from services.api.answering.parameters import Text
from services.api.answering.shapes import At, Shape
from services.api.stream.changes import ChangeType
from services.api.web.bodies import Body
from services.api.webhooks.addresses import URL_MAX
from services.api.webhooks.store import Filters
from shared.domain.agreement import Level
from shared.domain.instant import SECOND, format_instant
from shared.wire.results import instant_text

Name = Text
_MANY: Final = 100


class WebhookBody(Body):
    """A webhook to be made: where to, and which changes; without filters all of them."""

    url: Text = Field(max_length=URL_MAX, description="https; an address that is public.")
    description: Text = Field("", max_length=500)
    type: list[Literal[tuple(own.value for own in ChangeType)]] = Field([], max_length=_MANY)  # type: ignore[valid-type]
    agreement: list[Name] = Field([], max_length=_MANY)
    objective: list[Name] = Field([], max_length=_MANY)
    sla_id: list[Name] = Field([], max_length=_MANY)
    customer: list[Name] = Field([], max_length=_MANY)
    level: list[Literal[tuple(own.value for own in Level)]] = Field([], max_length=_MANY)  # type: ignore[valid-type]

    @property
    def filters(self) -> Filters:
        """Which changes it is to get."""
        return msgspec.convert(self.model_dump(exclude={"url", "description"}), Filters)


class Webhook(Shape):
    """A receiver of changes, and how it does."""

    id: str
    owner: str
    url: str
    description: str
    type: list[str]
    agreement: list[str]
    objective: list[str]
    sla_id: list[str]
    customer: list[str]
    level: list[str]
    created_at: At
    state: Literal["delivering", "failing"]
    position: int = Field(description="The number of the last change that it has, or did not want.")
    attempts: int = Field(description="Attempts at the next change that it did not take.")
    failing_since: At | None
    next_attempt_at: At | None
    last_error: str | None
    dead: int = Field(description="Changes on its dead list.")
    former_secret_until: At | None = Field(
        description="Until when the secret that was exchanged signs along."
    )


class WebhookWithSecret(Webhook):
    """The same with its secret: shown when it is made or exchanged, and never again."""

    secret: str


class Webhooks(Shape):
    """A page of webhooks."""

    items: list[Webhook]
    next: str | None


class Delivery(Shape):
    """An attempt to deliver."""

    seq: int
    event_id: str
    attempt: int
    at: At
    seconds: float
    status: int | None
    error: str | None


class Deliveries(Shape):
    """A page of attempts, the latest first."""

    items: list[Delivery]
    next: str | None


class Dead(Shape):
    """A change that was not taken in time."""

    seq: int
    event_id: str
    type: str
    event: dict[str, Any]
    dead_at: At
    error: str
    redriven: bool = Field(description="It is to be sent again.")


class DeadList(Shape):
    """A page of the dead list, in the order of the log."""

    items: list[Dead]
    next: str | None


class Redriven(Shape):
    """How many are sent again."""

    redriven: int


def webhook_form(row: asyncpg.Record) -> dict[str, Any]:
    """A row as `Webhook` has it."""
    filters = msgspec.json.decode(row["filters"], type=Filters)
    failing = row["failing_since"]
    return {
        **{name: row[name] for name in ("id", "owner", "url", "description")},
        **{name: list(values) for name, values in msgspec.structs.asdict(filters).items()},
        "created_at": format_instant(row["created_at"]),
        "state": "delivering" if failing is None else "failing",
        "position": row["position"],
        "attempts": row["attempts"],
        "failing_since": instant_text(failing),
        "next_attempt_at": None if failing is None else format_instant(row["next_attempt_at"]),
        "last_error": row["last_error"],
        "dead": row["dead"],
        "former_secret_until": instant_text(row["former_until"]),
    }


def delivery_form(row: asyncpg.Record) -> dict[str, Any]:
    """A row as `Delivery` has it."""
    same = ("seq", "event_id", "attempt", "status", "error")
    return {
        **{name: row[name] for name in same},
        "at": format_instant(row["at"]),
        "seconds": row["took"] / SECOND,
    }


def dead_form(row: asyncpg.Record) -> dict[str, Any]:
    """A row as `Dead` has it."""
    return {
        **{name: row[name] for name in ("seq", "event_id", "type", "error", "redriven")},
        "event": msgspec.Raw(row["body"].encode()),
        "dead_at": format_instant(row["dead_at"]),
    }


_FILTERS: Final[dict[str, Any]] = {
    "type": ["breach.opened", "breach.withdrawn"],
    "agreement": [],
    "objective": [],
    "sla_id": [],
    "customer": ["acme"],
    "level": [],
}
BODY: Final = {
    "url": "https://hooks.example.com/accord",
    "description": "the shift's pager",
    "type": _FILTERS["type"],
    "customer": ["acme"],
}
WEBHOOK: Final[dict[str, Any]] = {
    "id": "wh_5c1f0ad4b1f84a1f9d6f6c1c8a0f4c2e",
    "owner": "shift-lead",
    "url": BODY["url"],
    "description": BODY["description"],
    **_FILTERS,
    "created_at": "2026-03-04T09:00:00Z",
    "state": "delivering",
    "position": 41,
    "attempts": 0,
    "failing_since": None,
    "next_attempt_at": None,
    "last_error": None,
    "dead": 0,
    "former_secret_until": None,
}
WITH_SECRET: Final = {**WEBHOOK, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
DELIVERIES: Final = {
    "items": [
        {
            "seq": 41,
            "event_id": "5f0c1b0e-5a43-5c36-9d5e-2f3b7f6a1d10:1",
            "attempt": 1,
            "at": "2026-03-04T10:00:00.4Z",
            "seconds": 0.08,
            "status": 204,
            "error": None,
        }
    ],
    "next": None,
}
DEAD: Final = {
    "items": [
        {
            "seq": 40,
            "event_id": "5f0c1b0e-5a43-5c36-9d5e-2f3b7f6a1d10:1",
            "type": "breach.opened",
            "event": {"specversion": "1.0", "type": "accord.breach.opened"},
            "dead_at": "2026-03-05T10:00:00Z",
            "error": "HTTP 503",
            "redriven": False,
        }
    ],
    "next": None,
}
