"""The example company shows every feature of the format, where its table says."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any, Final

import yaml

from shared.documents import load
from shared.domain.agreement import (
    Agreement,
    AgreementType,
    AtLeast,
    AtMost,
    AtRisk,
    Attribution,
    Catalogue,
    EndOfWorkingDay,
    Kpi,
    Level,
    Mean,
    MeasureKind,
    Objective,
    OnChange,
    OpenTime,
    Percentile,
    Reopen,
    Version,
    Within,
    WorkingDays,
)
from shared.domain.instant import DAY, HOUR
from shared.domain.matcher import EVERYTHING, Choice, Milestone
from shared.domain.window import CalendarWindow, Period, RollingWindow, TumblingWindow
from tests.deploy.exported import ROOT

FOLDER: Final = ROOT / "deploy" / "agreements"

Spec = Mapping[str, Any]
"""A calendar as it is written."""


def _hours(spec: Spec) -> list[str]:
    return [hours for day in spec["weekly"].values() for hours in day]


def _has_break(spec: Spec) -> bool:
    """Closed for a while between a morning and an afternoon (a night is not a break)."""
    return any(
        "06:00" < morning < "12:00" <= afternoon
        for day in spec["weekly"].values()
        for morning, afternoon in pairwise(day)
    )


def _holidays(spec: Spec, kind: str) -> list[Any]:
    found: list[Any] = spec.get("holidays", {}).get(kind, [])
    return found


CALENDARS: Final[Mapping[str, Callable[[Spec], bool]]] = {
    "hours by weekday, in a time zone": lambda own: bool(own["timeZone"] and own["weekly"]),
    "a break": _has_break,
    "open until midnight, `24:00`": lambda own: any("-24:00" in hours for hours in _hours(own)),
    "public holidays of a country": lambda own: any(
        "subdivision" not in country for country in _holidays(own, "countries")
    ),
    "public holidays of a part of a country": lambda own: any(
        "subdivision" in country for country in _holidays(own, "countries")
    ),
    "a holiday on one date": lambda own: bool(_holidays(own, "dates")),
    "a holiday every year": lambda own: bool(_holidays(own, "yearly")),
    "other hours on one date": lambda own: bool(own.get("shifts")),
}


def _measures(kind: MeasureKind) -> Callable[[Kpi], bool]:
    return lambda kpi: kpi.measure is kind


def _milestone(fits: Callable[[Milestone], bool]) -> Callable[[Kpi], bool]:
    return lambda kpi: any(fits(own) for own in kpi.milestones)


def _nth(milestones: tuple[Milestone, ...]) -> bool:
    return any((own.nth or 1) > 1 for own in milestones)


def _reopens(kind: Reopen) -> Callable[[Kpi], bool]:
    return lambda kpi: (
        kpi.measure is MeasureKind.DURATION and kpi.item == "ticket" and kpi.reopen is kind
    )


KPIS: Final[Mapping[str, Callable[[Kpi], bool]]] = {
    "duration": _measures(MeasureKind.DURATION),
    "count, each item once": lambda kpi: kpi.measure is MeasureKind.COUNT and not kpi.every,
    "count, every event": lambda kpi: kpi.every,
    "count, the n-th event": lambda kpi: _nth(kpi.event),
    "sum": _measures(MeasureKind.SUM),
    "mean": _measures(MeasureKind.MEAN),
    "ratio": lambda kpi: kpi.measure is MeasureKind.RATIO and not kpi.cohort,
    "ratio of a cohort, for a time": lambda kpi: kpi.cohort and kpi.within is not None,
    "ratio of a cohort, for ever": lambda kpi: kpi.cohort and kpi.within is None,
    "n events within a time": lambda kpi: kpi.within is not None and _nth(kpi.good),
    "the n-th event stops the clock": lambda kpi: _nth(kpi.stop),
    "any of several milestones": lambda kpi: len(kpi.stop) > 1,
    "an attribute changes": _milestone(lambda own: own.changes is not None and own.event is None),
    "an event at which an attribute changes": _milestone(
        lambda own: own.changes is not None and own.event is not None
    ),
    "a milestone narrowed by attributes": _milestone(lambda own: own.where != EVERYTHING),
    "one reason to pause": lambda kpi: len(kpi.pause) == 1,
    "several reasons to pause": lambda kpi: len(kpi.pause) > 1,
    "cycle after cycle": lambda kpi: kpi.repeat,
    "reopened: the first stop stands": _reopens(Reopen.IGNORE),
    "reopened: the clock goes on": _reopens(Reopen.CONTINUE),
    "reopened: a new clock": _reopens(Reopen.NEW_CYCLE),
}


def _any_version(fits: Callable[[Version], bool]) -> Callable[[Agreement], bool]:
    return lambda agreement: any(fits(version) for version in agreement.versions)


def _applies(fits: Callable[[Choice], bool]) -> Callable[[Agreement], bool]:
    return _any_version(lambda own: any(fits(choice) for _, choice in own.applies_to.choices))


AGREEMENTS: Final[Mapping[str, Callable[[Agreement], bool]]] = {
    "level corporate": _any_version(lambda own: own.level is Level.CORPORATE),
    "level customer": _any_version(lambda own: own.level is Level.CUSTOMER),
    "level service": _any_version(lambda own: own.level is Level.SERVICE),
    "type sla": _any_version(lambda own: own.type is AgreementType.SLA),
    "type ola, between teams": _any_version(
        lambda own: own.type is AgreementType.OLA and "network" in (own.provider, own.customer)
    ),
    "type ola, between sites": _any_version(
        lambda own: own.type is AgreementType.OLA and "site" in own.applies_to.names
    ),
    "type uc, with a provider": _any_version(lambda own: own.type is AgreementType.UC),
    "appliesTo everything": _any_version(lambda own: own.applies_to == EVERYTHING),
    "appliesTo one value": _applies(lambda own: len(own.values) == 1 and not own.negated),
    "appliesTo one of several values": _applies(lambda own: len(own.values) > 1),
    "appliesTo anything else": _applies(lambda own: own.negated),
    "appliesTo nothing known, `null`": _applies(lambda own: None in own.values and not own.negated),
    "precedence": _any_version(lambda own: own.precedence > 0),
    "a calendar of its own": _any_version(lambda own: own.calendar.name != "always"),
    "the calendar `always`": _any_version(lambda own: own.calendar.name == "always"),
    "an end, `until`": _any_version(lambda own: own.until is not None),
    "several versions": lambda agreement: len(agreement.versions) > 1,
}


def _within(kind: type) -> Callable[[Version, Objective], bool]:
    return lambda _, own: isinstance(own.target, Within) and isinstance(own.target.duration, kind)


def _amount(
    kind: type, measure: MeasureKind, *, cohort: bool = False
) -> Callable[[Version, Objective], bool]:
    return lambda _, own: (
        isinstance(own.target, kind) and own.kpi.measure is measure and own.kpi.cohort is cohort
    )


def _period(period: Period) -> Callable[[Version, Objective], bool]:
    return lambda _, own: isinstance(own.window, CalendarWindow) and own.window.period is period


def _left(kind: OnChange) -> Callable[[Version, Objective], bool]:
    """It has an alternative that an item can change to, and says what happens then."""
    return lambda version, own: own.on_change is kind and _alternatives(version, own) > 1


def _alternatives(version: Version, objective: Objective) -> int:
    return sum(other.series == objective.series for other in version.objectives)


PROMISES: Final[Mapping[str, Callable[[Version, Objective], bool]]] = {
    "within a time, for a share": lambda _, own: (
        isinstance(own.target, Within) and own.target.ratio < 1
    ),
    "within a time, for all": lambda _, own: (
        isinstance(own.target, Within) and own.target.ratio == 1
    ),
    "within days of 24 hours": lambda _, own: "P1D" in own.target_text.values(),
    "within working days": _within(WorkingDays),
    "by the end of a working day": _within(EndOfWorkingDay),
    "percentile": lambda _, own: isinstance(own.target, Percentile),
    "mean of times": lambda _, own: isinstance(own.target, Mean),
    "at least, of a count": _amount(AtLeast, MeasureKind.COUNT),
    "at least, of a sum": _amount(AtLeast, MeasureKind.SUM),
    "at least, of a mean": _amount(AtLeast, MeasureKind.MEAN),
    "at least, of a ratio": _amount(AtLeast, MeasureKind.RATIO),
    "at least, of a cohort": _amount(AtLeast, MeasureKind.RATIO, cohort=True),
    "at most, of a count": _amount(AtMost, MeasureKind.COUNT),
    "at most, of a sum": _amount(AtMost, MeasureKind.SUM),
    "at most, of a mean": _amount(AtMost, MeasureKind.MEAN),
    "at most, of a ratio": _amount(AtMost, MeasureKind.RATIO),
    "at most, of a cohort": _amount(AtMost, MeasureKind.RATIO, cohort=True),
    "pace": lambda _, own: own.pace is not None and own.pace > 0,
    "by the day": _period(Period.DAY),
    "by the week": _period(Period.WEEK),
    "by the month": _period(Period.MONTH),
    "by the quarter": _period(Period.QUARTER),
    "by the year": _period(Period.YEAR),
    "rolling, days": lambda _, own: (
        isinstance(own.window, RollingWindow) and own.window.length > DAY
    ),
    "rolling, an hour": lambda _, own: (
        isinstance(own.window, RollingWindow) and own.window.length == HOUR
    ),
    "tumbling": lambda _, own: isinstance(own.window, TumblingWindow),
    "a time zone of its own": lambda version, own: (
        isinstance(own.window, CalendarWindow) and own.window.zone != version.calendar.zone
    ),
    "where": lambda _, own: own.where != EVERYTHING,
    "where an attribute is there at all": lambda _, own: any(
        choice.negated and choice.values == (None,) for _, choice in own.where.choices
    ),
    "minimum": lambda _, own: own.minimum > 1,
    "atRisk": lambda _, own: own.at_risk != AtRisk(),
    "left: the time is carried along": _left(OnChange.CARRY),
    "left: begun anew": _left(OnChange.RESTART),
    "left: kept": _left(OnChange.KEEP),
    "alternatives, the first that matches": lambda version, own: _alternatives(version, own) > 1,
    "a series of its own": lambda version, own: any(
        other.kpi is own.kpi
        and isinstance(other.target, Within)
        and isinstance(own.target, Within)
        and other.series != own.series
        for other in version.objectives
    ),
    "a judgement for each group": lambda _, own: own.group_by != (),
    "currencies kept apart by group": lambda _, own: (
        own.kpi.measure is MeasureKind.SUM and "currency" in own.group_by
    ),
    "currencies kept apart by filter": lambda _, own: (
        own.kpi.measure is MeasureKind.SUM and "currency" in own.where.names
    ),
    "counted where it started": lambda _, own: own.attribution is Attribution.STARTED,
}


@cache
def company() -> Catalogue:
    loaded = load(FOLDER)
    assert loaded.catalogue is not None, loaded.problems
    return loaded.catalogue


@cache
def calendars() -> Mapping[str, Spec]:
    text = (FOLDER / "calendars" / "offices.yaml").read_text(encoding="utf-8")
    return {own["metadata"]["name"]: own["spec"] for own in yaml.safe_load_all(text)}


def table(heading: str) -> dict[str, str]:
    """The rows of the README's table with that heading: feature and where it is shown."""
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    _, found, rest = page.partition(f"\n| {heading} | see |\n|---|---|\n")
    assert found, heading
    rows = rest.partition("\n\n")[0].splitlines()
    pairs = [re.fullmatch(r"\| (.+) \| `(.+)` \|", row) for row in rows]
    return {pair[1]: pair[2] for pair in pairs if pair is not None}


def objective(place: str) -> tuple[Version, Objective]:
    """The last version that has the objective, and it."""
    agreement, _, name = place.partition("/")
    having = [
        (version, own)
        for version in company().agreements[agreement].versions
        if (own := version.objective(name)) is not None
    ]
    return having[-1]


def test_every_feature_of_a_calendar_is_shown_where_the_table_says() -> None:
    told = table("in a calendar")
    assert told.keys() == CALENDARS.keys()
    assert [name for name, at in told.items() if not CALENDARS[name](calendars()[at])] == []


def test_every_feature_of_a_kpi_is_shown_where_the_table_says() -> None:
    told = table("in a KPI")
    assert told.keys() == KPIS.keys()
    assert [name for name, at in told.items() if not KPIS[name](company().kpis[at])] == []


def test_every_feature_of_an_agreement_is_shown_where_the_table_says() -> None:
    told = table("in an agreement")
    assert told.keys() == AGREEMENTS.keys()
    found = company().agreements
    assert [name for name, at in told.items() if not AGREEMENTS[name](found[at])] == []


def test_every_feature_of_a_promise_is_shown_where_the_table_says() -> None:
    told = table("in a promise")
    assert told.keys() == PROMISES.keys()
    assert [name for name, at in told.items() if not PROMISES[name](*objective(at))] == []


def test_all_values_that_the_format_names_are_used() -> None:
    versions = [v for own in company().agreements.values() for v in own.versions]
    objectives = [own for version in versions for own in version.objectives]
    kpis = [own.kpi for own in objectives]
    assert {version.level for version in versions} == set(Level)
    assert {version.type for version in versions} == set(AgreementType)
    assert {kpi.measure for kpi in kpis} == set(MeasureKind)
    assert {kpi.reopen for kpi in kpis} == set(Reopen)
    assert {own.on_change for own in objectives} == set(OnChange)
    assert {own.attribution for own in objectives} == set(Attribution)
    assert {type(own.target) for own in objectives} == {Within, Percentile, Mean, AtLeast, AtMost}
    assert {
        type(own.target.duration)
        for own in objectives
        if isinstance(own.target, Within | Percentile)
    } == {OpenTime, WorkingDays, EndOfWorkingDay}
    windows = [own.window for own in objectives]
    assert {own.period for own in windows if isinstance(own, CalendarWindow)} == set(Period)


def test_a_provider_is_held_to_the_kpi_and_the_target_of_the_own_team() -> None:
    for name in ("first-response", "satisfaction"):
        (inside, own), (outside, theirs) = (
            objective(f"{agreement}/{name}") for agreement in ("desks-by-day", "nightline")
        )
        assert (inside.type, outside.type) == (AgreementType.OLA, AgreementType.UC)
        assert (own.kpi, own.target) == (theirs.kpi, theirs.target)
    (inside, own), (outside, theirs) = map(
        objective, ("second-line/time-in-team", "nordlink/time-in-team")
    )
    assert (inside.type, outside.type) == (AgreementType.OLA, AgreementType.UC)
    assert own.kpi == theirs.kpi
