"""The JSON shapes of answers for the OpenAPI document, each with an example.

Answers are written by `answers.py`; a test holds the two against each other, member by member.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.agreement import AgreementType, Level
from shared.domain.clock import ClockState
from shared.domain.judge import State as WindowState

At = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Ratio = Annotated[
    str, Field(pattern=r"^-?[0-9]+(\.[0-9]{1,12})?$", description="A plain decimal, exact text.")
]
Seconds = Annotated[
    int | float | Decimal, Field(json_schema_extra={"type": "number"}, description="Seconds.")
]
Freshness = Annotated[
    Literal["live", "stale"],
    Field(
        description="`stale` when `as_of` is more than a minute behind the wall clock, or not "
        "everything that had been produced by then has been read."
    ),
]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Window(_Shape):
    """Half-open: `start` is in it, `end` is not."""

    start: At
    end: At


class DurationCounts(_Shape):
    """Six numbers that add up."""

    eligible: int
    excluded: int
    running: int
    met: int
    breached_open: int
    breached_closed: int


class CountCounts(_Shape):
    """The events that count."""

    count: int


class State(_Shape):
    """One window of one objective's group, and how it stands."""

    sla_id: str
    agreement: str
    objective: str
    level: Level
    group: dict[str, str] = Field(description="Values of the attributes that `groupBy` names.")
    window: Window
    final: bool = Field(description="The window has ended, and what may come late has had time.")
    value: Ratio | None
    target: dict[str, Any] = Field(description="As written in the document.")
    state: WindowState
    budget_remaining: Ratio | None
    counts: DurationCounts | CountCounts
    since: At = Field(description="Since when it has been in this state.")
    breach_id: str | None = Field(description="The open breach of the window.")
    freshness: Freshness
    revision: int = Field(description="0 until the window is final; each change after adds one.")
    provisional: bool = Field(description="Events in time may still change what this says.")
    as_of: At | None = Field(description="The instant at which this holds.")


class Revision(_Shape):
    """What was said of a final window from `known_at` on."""

    revision: int
    cause: str
    known_at: At
    state: WindowState
    value: Ratio | None
    budget_remaining: Ratio | None
    counts: DurationCounts | CountCounts


class Value(State):
    """A window with all its revisions."""

    revisions: list[Revision]


class _Breach(_Shape):
    agreement: str
    objective: str
    opened_at: At
    closed_at: At | None
    breach_id: str
    confirmed: bool = Field(description="No event in time can take it back any more.")
    detected_at: At


class ItemBreach(_Breach):
    """An item's clock ran out."""

    scope: Literal["item"]
    item: str
    cycle: int


class WindowBreach(_Breach):
    """A window missed its target."""

    scope: Literal["window"]
    sla_id: str
    group: dict[str, str]
    window: Window


class Explanation(_Shape):
    """Why a clock reads as it does."""

    level: Level
    version_from: At = Field(description="From when the applied version is effective.")
    calendar: str
    working_target_s: Seconds | None = Field(
        description="The open time that a target in working days came to."
    )
    pauses: list[Window] = Field(description="Their open time adds up to `paused_s`.")


class Clock(_Shape):
    """One running of a duration KPI on an item."""

    agreement: str
    objective: str
    item: str
    cycle: int
    state: ClockState
    at_risk: bool
    binding: bool
    started_at: At
    stopped_at: At | None
    due_at: At | None
    due_last: At | None
    breached_at: At | None
    elapsed_s: Seconds
    paused_s: Seconds
    remaining_s: Seconds | None
    target_s: Seconds | None
    explain: Explanation


class Item(_Shape):
    """One lead or ticket with its clocks."""

    item: str
    kind: str
    subject: str
    as_of: At
    freshness: Freshness
    clocks: list[Clock]


class Parties(_Shape):
    """Who promises, and to whom."""

    provider: str
    customer: str


class Objective(_Shape):
    """One objective; its `sla_id` goes on with the group values where it is grouped."""

    sla_id: str
    objective: str
    kpi: str
    target: dict[str, Any]
    window: dict[str, str]
    group_by: list[str]


class AgreementSummary(_Shape):
    """An agreement as its version effective now says."""

    agreement: str
    level: Level
    type: AgreementType
    parties: Parties
    precedence: int
    calendar: str
    effective: dict[str, str]
    objectives: list[Objective]


class Version(AgreementSummary):
    """One version, with the document as written."""

    document: dict[str, Any]


class Agreement(AgreementSummary):
    """An agreement with all its versions."""

    versions: list[Version]


class _List(_Shape):
    next: str | None = Field(description="The cursor of the next page.")
    as_of: At | None = Field(description="The instant at which all of this holds.")


class States(_List):
    """A page of states."""

    items: list[State]


class Values(_List):
    """A page of windows."""

    items: list[Value]


class Breaches(_List):
    """A page of breaches."""

    items: list[ItemBreach | WindowBreach]


class Items(_List):
    """A page of items."""

    items: list[Item]


class Agreements(_List):
    """A page of agreements."""

    items: list[AgreementSummary]


ItemOrItems = Item | Items


class Problem(BaseModel):
    """RFC 9457."""

    type: str = Field(examples=["urn:accord:problem:unknown-sla-id"])
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, str]] | None = None
    request_id: str | None = None


_PROBLEM: Final = {
    "type": "urn:accord:problem:unknown-parameter",
    "title": "A parameter is not known",
    "status": 422,
    "detail": "'agrement' is no parameter here; did you mean 'agreement'?",
    "instance": "/v1/states",
}
_STATUSES: Final = {
    404: "There is no such thing",
    422: "A parameter is not known or cannot be read",
    503: "The database does not answer, or nothing has been judged yet",
}


def operation(name: str, model: object, example: Mapping[str, object]) -> dict[str, Any]:
    """What the OpenAPI document says of an operation: its id, answer, example and problems."""
    problems: dict[int, dict[str, Any]] = {
        status: {
            "model": Problem,
            "description": text,
            "content": {"application/problem+json": {"example": _PROBLEM | {"status": status}}},
        }
        for status, text in _STATUSES.items()
    }
    found = {200: {"content": {"application/json": {"example": example}}}}
    return {"operation_id": name, "response_model": model, "responses": {**found, **problems}}


_AS_OF: Final = "2026-03-31T22:00:00Z"
STATE: Final[Mapping[str, object]] = {
    "sla_id": "acme-support/first-response-p1",
    "agreement": "acme-support",
    "objective": "first-response-p1",
    "level": "customer",
    "group": {},
    "window": {"start": "2026-02-28T23:00:00Z", "end": _AS_OF},
    "final": True,
    "value": "0.975",
    "target": {"within": "PT1H", "ratio": "0.95"},
    "state": "ok",
    "budget_remaining": "0.5",
    "counts": {
        "eligible": 40,
        "excluded": 0,
        "running": 0,
        "met": 39,
        "breached_open": 0,
        "breached_closed": 1,
    },
    "since": "2026-03-02T09:45:00Z",
    "breach_id": None,
    "freshness": "live",
    "revision": 1,
    "provisional": False,
    "as_of": _AS_OF,
}
VALUE: Final = {
    **STATE,
    "revisions": [
        {
            "revision": 1,
            "cause": "final",
            "known_at": "2026-03-31T22:05:00Z",
            **{name: STATE[name] for name in ("state", "value", "budget_remaining", "counts")},
        }
    ],
}
BREACH: Final = {
    "scope": "item",
    "agreement": "acme-support",
    "objective": "first-response-p1",
    "item": "ticket:T-9",
    "cycle": 1,
    "opened_at": "2026-03-04T10:00:00Z",
    "closed_at": None,
    "breach_id": "5f0c1b0e-5a43-5c36-9d5e-2f3b7f6a1d10",
    "confirmed": True,
    "detected_at": "2026-03-04T10:00:00.2Z",
}
ITEM: Final = {
    "item": "ticket:T-1",
    "kind": "ticket",
    "subject": "T-1",
    "as_of": _AS_OF,
    "freshness": "live",
    "clocks": [
        {
            "agreement": "acme-support",
            "objective": "first-response-p1",
            "item": "ticket:T-1",
            "cycle": 1,
            "state": "met",
            "at_risk": False,
            "binding": True,
            "started_at": "2026-03-02T09:00:00Z",
            "stopped_at": "2026-03-02T09:45:00Z",
            "due_at": "2026-03-02T10:00:00Z",
            "due_last": "2026-03-02T10:00:00Z",
            "breached_at": None,
            "elapsed_s": 2700,
            "paused_s": 0,
            "remaining_s": 900,
            "target_s": 3600,
            "explain": {
                "level": "customer",
                "version_from": "2026-01-01T00:00:00Z",
                "calendar": "always",
                "working_target_s": None,
                "pauses": [],
            },
        }
    ],
}
_SUMMARY: Final = {
    "agreement": "acme-support",
    "level": "customer",
    "type": "sla",
    "parties": {"provider": "support", "customer": "acme"},
    "precedence": 0,
    "calendar": "berlin-office",
    "effective": {"from": "2026-01-01T00:00:00Z"},
    "objectives": [
        {
            "sla_id": "acme-support/first-response-p1",
            "objective": "first-response-p1",
            "kpi": "ticket-first-response",
            "target": {"within": "PT1H", "ratio": "0.95"},
            "window": {"calendar": "month", "timeZone": "Europe/Berlin"},
            "group_by": [],
        }
    ],
}
AGREEMENT: Final = {
    **_SUMMARY,
    "versions": [{**_SUMMARY, "document": {"level": "customer", "calendar": "berlin-office"}}],
}


def _page(item: Mapping[str, object]) -> dict[str, object]:
    return {"items": [item], "next": None, "as_of": _AS_OF}


STATES: Final = _page(STATE)
VALUES: Final = _page(VALUE)
BREACHES: Final = _page(BREACH)
AGREEMENTS: Final = _page(_SUMMARY)
