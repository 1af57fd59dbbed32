"""The JSON shapes of answers for the OpenAPI document.

Answers are written by `answers.py`; a test holds the two against each other, member by member.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from services.api.answering.shapes import (
    ADJUSTED,
    SEALED,
    Acknowledged,
    Adjusted,
    Amount,
    At,
    ClockExplanation,
    Contest,
    Counts,
    Freshness,
    Member,
    Ratio,
    Sealed,
    Seconds,
    Shape,
    Window,
    WindowExplanation,
)
from services.api.web.problem_kinds import KINDS
from shared.domain.agreement import AgreementType, Level, MeasureKind
from shared.domain.clock import ClockState
from shared.domain.comparison import Better, Unit
from shared.domain.judge import State as WindowState


class ObjectiveState(Shape):
    """One window of one objective's group, and how it stands."""

    sla_id: str
    agreement: str
    objective: str
    level: Level
    group: dict[str, str] = Field(description="Values of the attributes that `groupBy` names.")
    window: Window
    final: bool = Field(description="The window has ended, and what may come late has had time.")
    value: Amount | None
    target: dict[str, Any] = Field(description="As written in the document.")
    state: WindowState
    budget_remaining: Ratio | None
    counts: Counts
    since: At = Field(description="Since when it has been in this state.")
    breach_id: str | None = Field(description="The open breach of the window.")
    freshness: Freshness
    complete: bool = Field(
        description="False when records that may have counted in the window are lost or missing."
    )
    revision: int = Field(description="0 until the window is final; each change after adds one.")
    provisional: bool = Field(
        description="Events in time may still change what this says, or late ones have and no "
        "revision says so yet."
    )
    as_of: At | None = Field(description="The instant at which this holds.")
    sealed: Sealed | None = Field(default=None, description=SEALED)
    adjusted: Adjusted | None = Field(default=None, description=ADJUSTED)


class ExplainedState(ObjectiveState):
    """A state with the formula behind it."""

    explain: WindowExplanation


class Revision(Shape):
    """What was said of a final window from `known_at` on."""

    revision: int
    cause: str
    known_at: At
    state: WindowState
    value: Amount | None
    budget_remaining: Ratio | None
    counts: Counts


class Value(ObjectiveState):
    """A window with all its revisions."""

    revisions: list[Revision]


class _Breach(Shape):
    agreement: str
    objective: str
    opened_at: At
    closed_at: At | None
    breach_id: str
    confirmed: bool = Field(description="No event in time can take it back any more.")
    detected_at: At
    acknowledged: Acknowledged | None


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


class Clock(Shape):
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


class ExplainedClock(Clock):
    """A clock with the reasons for what it reads."""

    explain: ClockExplanation


class _Item(Shape):
    item: str
    kind: str
    subject: str
    as_of: At
    freshness: Freshness


class Item(_Item):
    """One lead or ticket with its clocks, each explained."""

    clocks: list[ExplainedClock]
    levels: list[Contest] = Field(
        description="Every promise about the item by KPI and cycle; the binding ones come first."
    )


class ListedItem(_Item):
    """One lead or ticket of a list with its clocks."""

    clocks: list[Clock]


class Parties(Shape):
    """Who promises, and to whom."""

    provider: str
    customer: str


class Objective(Shape):
    """One objective; its `sla_id` goes on with the group values where it is grouped."""

    sla_id: str
    objective: str
    kpi: str
    measure: MeasureKind
    target: dict[str, Any]
    window: dict[str, str] = Field(description="As in a document, defaults filled in.")
    group_by: list[str]


class AgreementSummary(Shape):
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


class _List(Shape):
    next: str | None = Field(description="The cursor of the next page.")
    as_of: At | None = Field(description="The instant at which all of this holds.")
    hint: str | None = Field(
        default=None,
        description="What is named that is not there, or why the list is empty; else left out.",
    )


class States(_List):
    """A page of states."""

    items: list[ObjectiveState]


class Values(_List):
    """A page of windows."""

    items: list[Value]


class Breaches(_List):
    """A page of breaches."""

    items: list[ItemBreach | WindowBreach]


class Items(_List):
    """A page of items."""

    items: list[ListedItem]


class Members(_List):
    """A page of the clocks or events that a window is made up of."""

    items: list[Member]


class Side(Shape):
    """How one agreement stands in a window of a group."""

    sla_id: str
    agreement: str
    objective: str
    type: AgreementType
    level: Level
    provider: str
    customer: str
    value: Amount | None
    unit: Unit
    state: WindowState
    target: dict[str, Any]
    counts: Counts


class Difference(Shape):
    """The value of an outside provider less that of a unit inside."""

    provider: str = Field(description="`sla_id` of the outside provider's side.")
    internal: str = Field(description="`sla_id` of the side inside.")
    value: Amount
    unit: Unit
    better: Better | None = Field(description="Null where the two promise opposite things.")


class Comparison(Shape):
    """All that is said of one KPI in one window of one group."""

    kpi: str
    window: Window
    group: dict[str, str]
    sides: list[Side]
    differences: list[Difference]
    text: list[str]


class Comparisons(_List):
    """A page of comparisons."""

    items: list[Comparison]


class Agreements(_List):
    """A page of agreements."""

    items: list[AgreementSummary]


ItemOrItems = Item | Items


class Problem(BaseModel):
    """RFC 9457."""

    type: str = Field(examples=["/problems/unknown-sla-id"])
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, str]] | None = None
    request_id: str | None = None


_PROBLEMS: Final = {
    404: {
        "type": KINDS["unknown-sla-id"].type,
        "title": KINDS["unknown-sla-id"].title,
        "detail": "no agreement has the objective 'everyone/leeds'; did you mean 'everyone/leads'?",
        "instance": "/v1/states/everyone/leeds",
    },
    410: {
        "type": KINDS["no-longer-kept"].type,
        "title": KINDS["no-longer-kept"].title,
        "detail": "what was said at 2024-01-01T00:00:00Z is not kept any more: "
        "records go back to 2025-10-01T00:00:00Z here (ACCORD_RETENTION)",
        "instance": "/v1/values",
    },
    422: {
        "type": KINDS["unknown-parameter"].type,
        "title": KINDS["unknown-parameter"].title,
        "detail": "'levle' is no parameter here; did you mean 'level'?",
        "instance": "/v1/states",
    },
    503: {
        "type": KINDS["unavailable"].type,
        "title": KINDS["unavailable"].title,
        "detail": "nothing can be read at the moment; ask again",
        "instance": "/v1/states",
    },
}
_STATUSES: Final = {
    404: "There is no such thing",
    410: "What is asked for is older than what is kept",
    422: "A parameter is not known or cannot be read",
    503: "The database does not answer, or nothing has been judged yet",
}


def operation(
    name: str, model: object, example: Mapping[str, object], *, may_be_gone: bool = False
) -> dict[str, Any]:
    """What the OpenAPI document says of an operation: its id, answer, example and problems."""
    problems: dict[int, dict[str, Any]] = {
        status: {
            "description": text,
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": {**_PROBLEMS[status], "status": status},
                }
            },
        }
        for status, text in _STATUSES.items()
        if may_be_gone or status != HTTPStatus.GONE
    }
    # As text: the framework takes every null out of the document; `described` reads it again.
    text = json.dumps(example)
    found = {200: {"content": {"application/json": {"example": text}}}}
    return {"operation_id": name, "response_model": model, "responses": {**found, **problems}}
