"""Putting a report together from what was found of an agreement; pure, for api and command alike.

Whoever finds it (the api in its tables, the command by evaluating events) gives the same rows, so
that both make the same report.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from msgspec import UNSET, UnsetType

from services.api.answering.answers import effective_form
from services.api.answering.promised import Promised, promised_by
from services.api.answering.reviews import ReviewForm
from services.api.answering.sealed import AdjustedForm
from services.api.reading.objectives import Choice, Served
from services.api.reports.forms import (
    AdjustedBreach,
    AdjustedWindow,
    AdjustmentsForm,
    BreachTotals,
    DocumentsForm,
    ExcludedItem,
    ExclusionsForm,
    MarkedWindow,
    MissingRecords,
    PeriodForm,
    Report,
    ReportedBreach,
    ReportedObjective,
    ReportedWindow,
    TotalsForm,
    VersionForm,
)
from shared.domain.agreement import Agreement, Catalogue, Version
from shared.domain.instant import Instant, format_instant, parse_instant
from shared.domain.judge import State
from shared.domain.period import NamedPeriod
from shared.domain.window import CalendarWindow, Span
from shared.wire.results import counts_of, decimal_text, window_form

MOST_EXCLUDED: Final = 500
"""So many excluded clocks are listed with their reasons; all of them are counted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked for: the agreement, its objectives, and the period.

    A period with a name is that of the zone in which the windows of an objective lie, so that a
    month in UTC belongs to the month of that name; else it is the span.
    """

    catalogue: Catalogue
    agreement: Agreement
    choices: Sequence[Choice]
    name: NamedPeriod | None
    span: Span
    zone: str
    all_windows: bool = False

    def period_of(self, served: Served) -> Span:
        """The period for the windows of an objective."""
        window = served.window
        if self.name is not None and isinstance(window, CalendarWindow):
            return self.name.within(window.zone)
        return self.span


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of an objective above its windows."""

    key: str
    group_by: tuple[str, ...]
    promised: Promised
    period: Span


@dataclass(slots=True)
class Found:
    """What there is to report, by the keys of objectives; rows in any order.

    `gone` are objectives that the documents no longer have, but sealed windows.
    """

    as_of: Instant
    freshness: str | None = None
    windows: Mapping[str, Sequence[ReportedWindow]] = field(default_factory=dict)
    breaches: Mapping[str, Sequence[ReportedBreach]] = field(default_factory=dict)
    excluded: Sequence[ExcludedItem] | None = ()
    missing: Sequence[MissingRecords] = ()
    reviews: Sequence[ReviewForm] = ()
    adjusted: Sequence[AdjustedBreach] = ()
    gone: Sequence[Told] = ()


def compose(asked: Asked, found: Found) -> Report:
    """The report of what was found."""
    agreement = asked.agreement
    last = min(found.as_of, asked.span.end - 1)
    shown = _version_form(agreement.version_nearest(last))
    told = [*(_told(asked, choice.served, last) for choice in asked.choices), *found.gone]
    objectives = [_objective(own, found) for own in sorted(told, key=lambda own: own.key)]
    windows = [own for objective in objectives for own in objective.windows]
    breaches = [own for objective in objectives for own in objective.breaches]
    adjustments = _adjustments(windows, found)
    return Report(
        agreement=agreement.name,
        level=shown.level,
        type=shown.type,
        parties=shown.parties,
        calendar=shown.calendar,
        period=PeriodForm(
            name=None if asked.name is None else asked.name.name,
            start=format_instant(asked.span.start),
            end=format_instant(asked.span.end),
            time_zone=asked.zone,
        ),
        as_of=format_instant(found.as_of),
        freshness=found.freshness,
        documents=DocumentsForm(
            digest=asked.catalogue.digest,
            content=asked.catalogue.contents.get(agreement.name, ""),
        ),
        versions=[*_versions(agreement, asked.span)],
        totals=_totals(windows, breaches, counts=None, value=None),
        objectives=objectives,
        exclusions=_exclusions(windows, found),
        provisional=[*_provisional(windows, found.as_of)],
        reviews=UNSET if adjustments is UNSET else found.reviews,
        adjustments=adjustments,
    )


def _adjustments(windows: Sequence[ReportedWindow], found: Found) -> AdjustmentsForm | UnsetType:
    """In what sealed numbers differ from those of now; left out where nothing is sealed."""
    if not (found.reviews or found.adjusted) and all(own.sealed is UNSET for own in windows):
        return UNSET
    return AdjustmentsForm(
        windows=[*_adjusted_windows(windows)], breaches=sorted(found.adjusted, key=_by_time)
    )


def _adjusted_windows(windows: Iterable[ReportedWindow]) -> Iterator[AdjustedWindow]:
    for own in windows:
        now = own.adjusted
        if not isinstance(now, AdjustedForm):
            continue
        said = own.revisions[-1] if now.revision > own.revision else None
        yield AdjustedWindow(
            sla_id=own.sla_id,
            window=own.window,
            cause=now.cause,
            known_at=None if said is None or now.provisional else said.known_at,
            state=own.state,
            value=own.value,
            adjusted_state=now.state,
            adjusted_value=now.value,
        )


def _told(asked: Asked, served: Served, last: Instant) -> Told:
    return Told(served.key, served.group_by, promised_by(served, last), asked.period_of(served))


def _objective(told: Told, found: Found) -> ReportedObjective:
    promised = told.promised
    windows = sorted(found.windows.get(told.key, ()), key=_by_group_and_time)
    breaches = sorted(found.breaches.get(told.key, ()), key=_by_time)
    overlap = "rolling" in promised.window
    counts = _sums(windows) if windows and not overlap else None
    value = None
    if counts is not None and "within" in promised.target:
        measure = counts_of(counts)
        value = Fraction(measure.met, measure.decided) if measure.decided else None
    return ReportedObjective(
        sla_id=told.key,
        objective=told.key.partition("/")[2],
        kpi=promised.kpi,
        measure=promised.measure,
        unit=promised.unit,
        promise=promised.promise,
        target=promised.target,
        window=promised.window,
        group_by=list(told.group_by),
        period=window_form(told.period),
        totals=_totals(windows, breaches, counts=counts, value=decimal_text(value)),
        windows=windows,
        breaches=breaches,
    )


def _by_group_and_time(own: ReportedWindow) -> tuple[tuple[str, ...], Instant]:
    return tuple(own.group.values()), parse_instant(own.window.start)


def _by_time(own: ReportedBreach) -> tuple[Instant, str, Instant, str, int]:
    start = 0 if own.window is None else parse_instant(own.window.start)
    return parse_instant(own.opened_at), own.sla_id or "", start, own.item or "", own.cycle or 0


def _sums(windows: Iterable[ReportedWindow]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for own in windows:
        for name, count in own.counts.items():
            sums[name] += count
    return dict(sums)


def _totals(
    windows: Sequence[ReportedWindow],
    breaches: Sequence[ReportedBreach],
    *,
    counts: Mapping[str, int] | None,
    value: str | None,
) -> TotalsForm:
    states = Counter(own.state for own in windows)
    of_windows = sum(1 for own in breaches if own.scope == "window")
    return TotalsForm(
        windows=len(windows),
        states={state.value: states[state.value] for state in State},
        final=sum(own.final for own in windows),
        provisional=sum(_is_provisional(own) for own in windows),
        restated=sum(own.revision > 1 for own in windows),
        counts=counts,
        value=value,
        breaches=BreachTotals(
            windows=of_windows,
            items=len(breaches) - of_windows,
            open=sum(own.closed_at is None for own in breaches),
            unconfirmed=sum(own.confirmed is False for own in breaches),
        ),
    )


def _is_provisional(own: ReportedWindow) -> bool:
    return own.provisional or not own.final


def _provisional(windows: Iterable[ReportedWindow], as_of: Instant) -> Iterator[MarkedWindow]:
    for own in windows:
        if _is_provisional(own):
            why = _why_provisional(own, as_of)
            yield MarkedWindow(sla_id=own.sla_id, window=own.window, why=why)


def _why_provisional(own: ReportedWindow, as_of: Instant) -> str:
    running = own.counts.get("running", 0)
    if parse_instant(own.window.end) > as_of:
        return "it has not ended"
    if running:
        return f"{running} of its clocks still run"
    if own.counts.get("pending"):
        return f"{own.counts['pending']} of its items may still turn out good"
    if own.revision:
        return "what came late has not settled"
    return "what is on its way may still come"


def _exclusions(windows: Iterable[ReportedWindow], found: Found) -> ExclusionsForm:
    marked = []
    total = 0
    for own in windows:
        total += own.counts.get("excluded", 0)
        if own.state == State.EXCLUDED:
            why = "the calendar of the agreement has no open time in it"
            marked.append(MarkedWindow(sla_id=own.sla_id, window=own.window, why=why))
        if not own.complete:
            why = "records that may have counted in it are missing"
            marked.append(MarkedWindow(sla_id=own.sla_id, window=own.window, why=why))
    items = None if found.excluded is None else sorted(found.excluded, key=_by_item)[:MOST_EXCLUDED]
    if found.excluded is not None and len(found.excluded) <= MOST_EXCLUDED:
        # Windows that overlap count the same clock several times.
        total = len(found.excluded)
    return ExclusionsForm(
        items_total=total, items=items, windows=marked, missing=list(found.missing)
    )


def _by_item(own: ExcludedItem) -> tuple[Instant, str, str, int]:
    return parse_instant(own.at), own.item, own.sla_id, own.cycle


def _versions(agreement: Agreement, span: Span) -> Iterator[VersionForm]:
    for version in agreement.versions:
        if version.start < span.end and (version.until is None or span.start < version.until):
            yield _version_form(version)


def _version_form(version: Version) -> VersionForm:
    return VersionForm(
        effective=effective_form(version),
        level=version.level.value,
        type=version.type.value,
        parties={"provider": version.provider, "customer": version.customer},
        calendar=version.calendar.name,
        time_zone=version.calendar.zone,
    )
