"""The JSON of the api's answers: the contract's rows and what the api adds to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import asyncpg
import msgspec
from msgspec import UNSET, UnsetType

from services.api.answering.sealed import AdjustedForm, SealedForm, seal_members
from services.api.reading.objectives import Objectives, Served
from services.api.reading.standing import Standing
from shared.domain.agreement import Agreement, Mean, MeasureKind, Objective, Version, sla_id
from shared.domain.explain_item import ExplainedItem
from shared.domain.explain_window import explain_window
from shared.domain.instant import SECOND, Instant, format_instant
from shared.domain.item import Item
from shared.domain.judge import State, judge
from shared.domain.measure import Measure
from shared.domain.window import Span
from shared.domain.window_words import window_words
from shared.wire.explained import (
    ContestForm,
    MemberForm,
    WindowExplanation,
    contest_form,
    explained_clock_row,
    member_form,
    members_of,
    window_explanation,
)
from shared.wire.groups import group_of
from shared.wire.results import (
    ClockRow,
    ItemBreachRow,
    ObjectiveRow,
    WindowBreachRow,
    counts_form,
    counts_of,
    group_form,
    instant_text,
    item_breach_row,
    window_breach_row,
    window_form,
    window_text,
)

_stored_object: Final = msgspec.json.Decoder(dict[str, object], float_hook=Decimal)
_stored_counts: Final = msgspec.json.Decoder(dict[str, int])


class StateRow(ObjectiveRow, frozen=True, kw_only=True):
    """A window's judgement: the members of `objectives[]` and the api's."""

    since: str
    breach_id: str | None
    freshness: str
    complete: bool
    revision: int
    provisional: bool
    as_of: str | None
    sealed: SealedForm | UnsetType = UNSET
    adjusted: AdjustedForm | UnsetType | None = UNSET


class RevisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a final window from `known_at` on."""

    revision: int
    cause: str
    known_at: str
    state: str
    value: str | None
    budget_remaining: str | None
    counts: Mapping[str, int]


class ValueRow(StateRow, frozen=True, kw_only=True):
    """A window with all its revisions."""

    revisions: list[RevisionRow]


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """Who has seen a breach, when, and what they said of it."""

    at: str
    by: str
    note: str


class StoredItemBreach(ItemBreachRow, frozen=True, kw_only=True):
    """An item breach and what the pipeline knows of it."""

    breach_id: str
    confirmed: bool
    detected_at: str
    acknowledged: Acknowledgement | None


class StoredWindowBreach(WindowBreachRow, frozen=True, kw_only=True):
    """A window breach and what the pipeline knows of it."""

    breach_id: str
    confirmed: bool
    detected_at: str
    acknowledged: Acknowledgement | None


class ItemRow(msgspec.Struct, frozen=True, kw_only=True):
    """One lead or ticket with its clocks."""

    item: str
    kind: str
    subject: str
    as_of: str
    freshness: str
    clocks: Sequence[ClockRow]


class ExplainedItemRow(ItemRow, frozen=True, kw_only=True):
    """The same with all that is promised about it, side by side."""

    levels: Sequence[ContestForm]


class ObjectiveForm(msgspec.Struct, frozen=True, kw_only=True):
    """One objective of an agreement; `sla_id` without its group values."""

    sla_id: str
    objective: str
    kpi: str
    measure: str
    target: Mapping[str, object]
    window: Mapping[str, str]
    group_by: list[str]


class AgreementRow(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement by the version effective now, or the one that judges in its place."""

    agreement: str
    level: str
    type: str
    parties: Mapping[str, str]
    precedence: int
    calendar: str
    effective: Mapping[str, str]
    objectives: list[ObjectiveForm]


class VersionRow(AgreementRow, frozen=True, kw_only=True):
    """One version, with the document as it was written."""

    document: Mapping[str, object]


class AgreementAnswer(AgreementRow, frozen=True, kw_only=True):
    """An agreement with all its versions."""

    versions: list[VersionRow]


class ListAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What every list looks like."""

    items: Sequence[msgspec.Struct | msgspec.Raw]
    next: str | None
    as_of: str | None
    hint: str | UnsetType = UNSET


def state_row(
    objectives: Objectives, standing: Standing, row: asyncpg.Record, *, now: Instant
) -> StateRow:
    """A row of `value` as the api shows it."""
    as_of = standing.as_of([row["objective"]])
    return StateRow(
        **window_members(objectives, standing, row),
        since=format_instant(row["since"]),
        breach_id=row["breach_id"],
        freshness=standing.freshness(as_of, now=now),
        as_of=instant_text(as_of),
    )


def group_members(objectives: Objectives, row: asyncpg.Record) -> dict[str, Any]:
    """Which promise a row is of, by the names that its group had for the documents of then."""
    agreement, _, name = row["objective"].partition("/")
    group, before = group_of(row["grp"]), row.get("grouped_by")  # by former documents
    names = objectives[row["objective"]].group_by if before is None else group_of(before)
    return {"sla_id": sla_id(agreement, name, group), "group": group_form(names, group)}


def window_members(
    objectives: Objectives, standing: Standing, row: asyncpg.Record
) -> dict[str, Any]:
    """What is said of a window wherever it is shown: its judgement, and what is known of that."""
    agreement, _, name = row["objective"].partition("/")
    whose = group_members(objectives, row)
    seal = seal_members(row, names=objectives.customers is None)
    return {
        "sla_id": whose["sla_id"],
        "agreement": agreement,
        "objective": name,
        "level": row["level"],
        "group": whose["group"],
        "window": window_form(Span(row["window_start"], row["window_end"])),
        "final": row["final"],
        "value": row["value"],
        "target": _stored_object.decode(row["target"]),
        "state": row["state"],
        "budget_remaining": row["budget_remaining"],
        "counts": _stored_counts.decode(row["counts"]),
        "complete": standing.is_complete(row["window_start"], row["window_end"]),
        "revision": row["revision"],
        "provisional": row["provisional"],
        "sealed": seal.sealed,
        "adjusted": seal.adjusted,
    }


def explanation(
    served: Served, row: asyncpg.Record, found: Measure, *, as_of: Instant
) -> WindowExplanation:
    """The formula behind a row of `value`; `found` is what the panes of its window hold."""
    span = Span(row["window_start"], row["window_end"])
    value = None if row["value"] is None else Fraction(row["value"])
    agreement, name = served.agreement, served.name
    own = served.judged_by(min(as_of, span.end - 1))[1]
    judged_counts = _stored_counts.decode(row["counts"])
    counts = counts_of(judged_counts)
    measure = found._replace(running=counts.running)
    if counts_form(own.kpi, measure) != judged_counts:
        # The panes are ahead of the judge: explain what was judged.
        measure = _judged_measure(own, counts, value)
    judged = replace(
        judge(agreement, name, span, measure, now=as_of),
        value=value,
        state=State(row["state"]),
        final=row["final"],
    )
    reasons = explain_window(agreement, judged, span, measure, now=as_of)
    text = window_words(judged, span, measure, reasons)
    return window_explanation(judged, reasons, text)


def _judged_measure(own: Objective, counts: Measure, value: Fraction | None) -> Measure:
    """The counts that were judged with the sum that the value came of."""
    if value is None or own.kpi.measure is MeasureKind.RATIO:
        return counts
    match own.target:
        case Mean():
            return counts._replace(amount=round(value * SECOND * counts.decided))
        case _ if own.kpi.measure is MeasureKind.SUM:
            return counts._replace(amount=value)
        case _ if own.kpi.measure is MeasureKind.MEAN:
            return counts._replace(amount=value * counts.counted)
        case _:
            return counts


def member_row(served: Served, row: asyncpg.Record) -> MemberForm:
    """A row of the ledger as an item that a window is made up of."""
    measure = served.kpi.measure
    return member_form(row["item"], row["cycle"], row["outcome"], row["at"], row["amount"], measure)


def value_row(state: StateRow, revisions: Iterable[asyncpg.Record]) -> ValueRow:
    """A state with the revisions of its window."""
    return ValueRow(
        **msgspec.structs.asdict(state), revisions=[revision_row(row) for row in revisions]
    )


def revision_row(row: asyncpg.Record) -> RevisionRow:
    """A row of `value_revision` as the api shows it."""
    return RevisionRow(
        revision=row["revision"],
        cause=row["cause"],
        known_at=format_instant(row["known_at"]),
        state=row["state"],
        value=row["value"],
        budget_remaining=row["budget_remaining"],
        counts=_stored_counts.decode(row["counts"]),
    )


def breach_row(served: Served, row: asyncpg.Record) -> StoredItemBreach | StoredWindowBreach:
    """A row of `breach` as the api shows it."""
    objective = (served.agreement.name, served.name)
    episode = (row["opened_at"], row["closed_at"])
    known = {
        "breach_id": row["breach_id"],
        "confirmed": row["confirmed"],
        "detected_at": format_instant(row["detected_at"]),
        "acknowledged": _acknowledgement(row),
    }
    if row["scope"] == "item":
        of_item = item_breach_row(objective, row["item"], row["cycle"], episode)
        return StoredItemBreach(**msgspec.structs.asdict(of_item), **known)
    group = group_form(served.group_by, group_of(row["grp"]))
    span = Span(row["window_start"], row["window_end"])
    of_window = window_breach_row(objective, group, span, episode)
    return StoredWindowBreach(**msgspec.structs.asdict(of_window), **known)


def _acknowledgement(row: asyncpg.Record) -> Acknowledgement | None:
    if row["acknowledged_at"] is None:
        return None
    at, name = format_instant(row["acknowledged_at"]), row["acknowledged_by"]
    return Acknowledgement(at=at, by=name, note=row["note"])


def item_row(item: Item, clocks: Sequence[ClockRow], freshness: str, *, now: Instant) -> ItemRow:
    """An item with its clocks as of `now`."""
    return ItemRow(
        item=item.key,
        kind=item.kind,
        subject=item.subject,
        as_of=format_instant(now),
        freshness=freshness,
        clocks=clocks,
    )


def explained_item_row(
    item: Item, explained: ExplainedItem, freshness: str, *, now: Instant
) -> ExplainedItemRow:
    """An item with its clocks explained, and every promise about it side by side."""
    clocks = [explained_clock_row(own) for own in explained.clocks]
    row = item_row(item, clocks, freshness, now=now)
    levels = [contest_form(own) for own in explained.contests]
    return ExplainedItemRow(**members_of(row), levels=levels)


def agreement_row(agreement: Agreement, *, now: Instant) -> AgreementRow:
    """An agreement as of an instant."""
    return _version_row(agreement.version_nearest(now))


def agreement_answer(agreement: Agreement, *, now: Instant) -> AgreementAnswer:
    """An agreement as of an instant, with all versions."""
    versions = [
        VersionRow(**msgspec.structs.asdict(_version_row(version)), document=version.document)
        for version in agreement.versions
    ]
    row = agreement_row(agreement, now=now)
    return AgreementAnswer(**msgspec.structs.asdict(row), versions=versions)


def effective_form(version: Version) -> dict[str, str]:
    """From when a version is effective, and until when if it ends."""
    effective = {"from": format_instant(version.start)}
    if version.until is not None:
        effective["until"] = format_instant(version.until)
    return effective


def _version_row(version: Version) -> AgreementRow:
    return AgreementRow(
        agreement=version.agreement,
        level=version.level.value,
        type=version.type.value,
        parties={"provider": version.provider, "customer": version.customer},
        precedence=version.precedence,
        calendar=version.calendar.name,
        effective=effective_form(version),
        objectives=[_objective_form(version, own) for own in version.objectives],
    )


def _objective_form(version: Version, own: Objective) -> ObjectiveForm:
    return ObjectiveForm(
        sla_id=sla_id(version.agreement, own.name),
        objective=own.name,
        kpi=own.kpi.name,
        measure=own.kpi.measure.value,
        target=own.target_text,
        window=window_text(own.window),
        group_by=list(own.group_by),
    )
