"""The JSON form of a period report; its rows have the members and texts of /v1/values."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from services.api.answering.answers import RevisionRow
from services.api.answering.reviews import ReviewForm
from services.api.answering.sealed import AdjustedForm, SealedForm
from shared.wire.results import ObjectiveRow, Seconds, WindowForm


class PeriodForm(msgspec.Struct, frozen=True, kw_only=True):
    """Half-open; `name` as asked (`2026-03`), None for a span between two instants."""

    name: str | None
    start: str
    end: str
    time_zone: str


class DocumentsForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which documents the numbers come of: digests of all, and of what this agreement uses."""

    digest: str
    content: str


class VersionForm(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the agreement that was in force in the period."""

    effective: Mapping[str, str]
    level: str
    type: str
    parties: Mapping[str, str]
    calendar: str
    time_zone: str


class ReportedWindow(ObjectiveRow, frozen=True, kw_only=True):
    """A window as `evaluate` prints it, and what is known of how it came about."""

    complete: bool
    revision: int
    provisional: bool
    sealed: SealedForm | UnsetType = UNSET
    adjusted: AdjustedForm | UnsetType | None = UNSET
    revisions: Sequence[RevisionRow]


class ReportedBreach(msgspec.Struct, frozen=True, kw_only=True):
    """A breach of a window (`sla_id`, `group`, `window`) or of an item (`item`, `cycle`).

    `lasted_s` is the time from opening to closing, of an open one until `as_of`.
    """

    scope: str
    sla_id: str | None
    group: Mapping[str, str] | None
    window: WindowForm | None
    item: str | None
    cycle: int | None
    opened_at: str
    closed_at: str | None
    lasted_s: Seconds
    breach_id: str | None
    confirmed: bool | None
    detected_at: str | None


class AdjustedBreach(ReportedBreach, frozen=True, kw_only=True):
    """A breach in which a sealed period differs from what is known now.

    `change` is `found`: it is no part of what was sealed; `withdrawn`: it is, and did not happen
    after all; `closed` or `reopened`: it is, and ended then, or has not. One of an item that counts
    for another group now is withdrawn from one (`sla_id`, `group`) and found in the other.
    """

    objective: str
    change: str


class AdjustedWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A window in which a sealed period differs from what is known now.

    `known_at` is when that was first said as a revision, None while no revision says so.
    """

    sla_id: str
    window: WindowForm
    cause: str
    known_at: str | None
    state: str
    value: str | None
    adjusted_state: str
    adjusted_value: str | None


class AdjustmentsForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is known now of sealed periods beside what was signed off."""

    windows: Sequence[AdjustedWindow]
    breaches: Sequence[AdjustedBreach]


class BreachTotals(msgspec.Struct, frozen=True, kw_only=True):
    """How many breaches are listed, of windows and of items, and how many of them are open."""

    windows: int
    items: int
    open: int
    unconfirmed: int


class TotalsForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the listed windows add up to.

    `counts` are their sums, None where they overlap or differ in kind; `value` is met / (met +
    breached) over all of them, None where the target is no such share.
    """

    windows: int
    states: Mapping[str, int]
    final: int
    provisional: int
    restated: int
    counts: Mapping[str, int] | None
    value: str | None
    breaches: BreachTotals


class ReportedObjective(msgspec.Struct, frozen=True, kw_only=True):
    """One objective: its windows that end in the period, in order of group and time.

    `promise` is the target in words, `unit` what the values of its windows are given in.
    """

    sla_id: str
    objective: str
    kpi: str
    measure: str
    unit: str
    promise: str
    target: Mapping[str, object]
    window: Mapping[str, str]
    group_by: Sequence[str]
    period: WindowForm
    totals: TotalsForm
    windows: Sequence[ReportedWindow]
    breaches: Sequence[ReportedBreach]


class ExcludedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A clock that counts as excluded, when it was taken out, and what did so."""

    sla_id: str
    item: str
    cycle: int
    at: str
    why: str


class MarkedWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A window about which there is something to say."""

    sla_id: str
    window: WindowForm
    why: str


class MissingRecords(msgspec.Struct, frozen=True, kw_only=True):
    """Times for which records are missing; `until` None: it is not known yet until when."""

    start: str
    until: str | None
    reason: str
    accepted_by: str | None
    why: str | None


class ExclusionsForm(msgspec.Struct, frozen=True, kw_only=True):
    """What does not count in the numbers, and why.

    `items_total` counts all excluded clocks of the listed windows; `items` are the first of them,
    None when what they were is no longer kept.
    """

    items_total: int
    items: Sequence[ExcludedItem] | None
    windows: Sequence[MarkedWindow]
    missing: Sequence[MissingRecords]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A period report, read at one moment.

    `reviews` have signed off some of the period, `adjustments` stand beside what they sealed; where
    nothing is sealed, both are left out.
    """

    agreement: str
    level: str
    type: str
    parties: Mapping[str, str]
    calendar: str
    period: PeriodForm
    as_of: str
    freshness: str | None
    documents: DocumentsForm
    versions: Sequence[VersionForm]
    totals: TotalsForm
    objectives: Sequence[ReportedObjective]
    exclusions: ExclusionsForm
    provisional: Sequence[MarkedWindow]
    reviews: Sequence[ReviewForm] | UnsetType = UNSET
    adjustments: AdjustmentsForm | UnsetType = UNSET


class AvailableReports(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement, and the months that have windows of it, the latest first."""

    agreement: str
    level: str
    type: str
    parties: Mapping[str, str]
    time_zone: str
    months: Sequence[str]
