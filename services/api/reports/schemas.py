"""The JSON shapes of reports for the OpenAPI document; `forms.py` writes them."""

from typing import Any, Final, Literal

from pydantic import Field

from services.api.answering.reviews import Review
from services.api.answering.schemas import (
    Parties,
    Revision,
    operation,
)
from services.api.answering.shapes import (
    ADJUSTED,
    SEALED,
    Adjusted,
    Amount,
    At,
    Counts,
    Freshness,
    Ratio,
    Sealed,
    Seconds,
    Shape,
    Window,
)
from services.api.reports import examples
from shared.domain.agreement import AgreementType, Level, MeasureKind
from shared.domain.comparison import Unit
from shared.domain.judge import State


class Period(Shape):
    """Half-open."""

    name: str | None = Field(description="As asked; null for a span between two instants.")
    start: At
    end: At
    time_zone: str = Field(description="The zone of the agreement's calendar.")


class Documents(Shape):
    """Which documents the numbers come of."""

    digest: str = Field(description="SHA-256 of all documents in use, resolved.")
    content: str = Field(description="The same of what this agreement uses of them.")


class ReportVersion(Shape):
    """A version of the agreement that was in force in the period."""

    effective: dict[str, str]
    level: Level
    type: AgreementType
    parties: Parties
    calendar: str
    time_zone: str


class ReportedWindow(Shape):
    """A window, as `/v1/values` has it."""

    sla_id: str
    agreement: str
    objective: str
    level: Level
    group: dict[str, str]
    window: Window
    final: bool
    value: Amount | None
    target: dict[str, Any]
    state: State
    budget_remaining: Ratio | None
    counts: Counts
    complete: bool
    revision: int
    provisional: bool
    sealed: Sealed | None = Field(default=None, description=SEALED)
    adjusted: Adjusted | None = Field(default=None, description=ADJUSTED)
    revisions: list[Revision]


class ReportedBreach(Shape):
    """A breach of a window (`sla_id`, `group`, `window`) or of an item (`item`, `cycle`)."""

    scope: Literal["item", "window"]
    sla_id: str | None
    group: dict[str, str] | None
    window: Window | None
    item: str | None
    cycle: int | None
    opened_at: At
    closed_at: At | None
    lasted_s: Seconds = Field(description="From opening to closing; of an open one until `as_of`.")
    breach_id: str | None
    confirmed: bool | None
    detected_at: At | None


class AdjustedBreach(ReportedBreach):
    """A breach in which a sealed period differs from what is known now."""

    objective: str
    change: Literal["found", "withdrawn", "closed", "reopened"] = Field(
        description="`found`: it is not in what was sealed; `withdrawn`: it is, and did not happen "
        "after all; `closed`: it is, and ended at another time than was known (`closed_at`); "
        "`reopened`: it is, and has not ended after all. One of an item that counts for another "
        "group now is `withdrawn` from the one (`sla_id`, `group`) and `found` in the other."
    )


class AdjustedWindow(Shape):
    """A window in which a sealed period differs from what is known now."""

    sla_id: str
    window: Window
    cause: str = Field(description="As in the window's `adjusted`.")
    known_at: At | None = Field(description="Since when a revision says so; null while none does.")
    state: State
    value: Amount | None
    adjusted_state: State
    adjusted_value: Amount | None


class Adjustments(Shape):
    """What is known now of sealed periods beside what was signed off."""

    windows: list[AdjustedWindow]
    breaches: list[AdjustedBreach]


class BreachTotals(Shape):
    """How many breaches are listed."""

    windows: int
    items: int
    open: int
    unconfirmed: int


class Totals(Shape):
    """What the listed windows add up to."""

    windows: int
    states: dict[State, int]
    final: int
    provisional: int
    restated: int = Field(description="Windows that changed after they had been final.")
    counts: Counts | None = Field(description="Their sums; null where windows overlap or differ.")
    value: Ratio | None = Field(
        description="met / (met + breached) over all of them, where the target is such a share."
    )
    breaches: BreachTotals


class ReportedObjective(Shape):
    """One objective and its windows that end in the period, by group and time."""

    sla_id: str
    objective: str
    kpi: str
    measure: MeasureKind
    unit: Unit
    promise: str = Field(description="The target in words.")
    target: dict[str, Any]
    window: dict[str, str]
    group_by: list[str]
    period: Window = Field(description="The period in the zone of its windows.")
    totals: Totals
    windows: list[ReportedWindow]
    breaches: list[ReportedBreach]


class ExcludedItem(Shape):
    """A clock that counts as excluded."""

    sla_id: str
    item: str
    cycle: int
    at: At
    why: str


class MarkedWindow(Shape):
    """A window about which there is something to say."""

    sla_id: str
    window: Window
    why: str


class MissingRecords(Shape):
    """Times for which records are missing."""

    start: At
    until: At | None
    reason: str
    accepted_by: str | None
    why: str | None


class Exclusions(Shape):
    """What does not count in the numbers, and why."""

    items_total: int
    items: list[ExcludedItem] | None = Field(
        description="The first of them; null when what they were is no longer kept."
    )
    windows: list[MarkedWindow]
    missing: list[MissingRecords]


class Report(Shape):
    """How an agreement stood over a period."""

    agreement: str
    level: Level
    type: AgreementType
    parties: Parties
    calendar: str
    period: Period
    as_of: At
    freshness: Freshness | None
    documents: Documents
    versions: list[ReportVersion]
    totals: Totals
    objectives: list[ReportedObjective]
    exclusions: Exclusions
    provisional: list[MarkedWindow] = Field(description="What may still change, and why.")
    reviews: list[Review] | None = Field(
        default=None, description="Only where some of the period was signed off: by whom, when."
    )
    adjustments: Adjustments | None = Field(
        default=None,
        description="Only beside `reviews`: in what the sealed numbers differ from those of now.",
    )


class AvailableReports(Shape):
    """An agreement, and the months that have windows of it, the latest first."""

    agreement: str
    level: Level
    type: AgreementType
    parties: Parties
    time_zone: str
    months: list[str]


class Reports(Shape):
    """A page of agreements that reports can be had of."""

    items: list[AvailableReports]
    next: str | None = Field(description="The cursor of the next page.")
    as_of: At | None = Field(description="The instant at which all of this holds.")


def _in_three_forms() -> dict[str, Any]:
    found = operation("getReport", Report, examples.REPORT)
    content = found["responses"][200]["content"]
    content["text/csv"] = {"schema": {"type": "string"}, "example": examples.REPORT_CSV}
    content["text/html"] = {"schema": {"type": "string"}, "example": examples.REPORT_HTML}
    return found


LIST: Final = operation("listReports", Reports, examples.REPORTS)
REPORT: Final = _in_three_forms()
