"""Documents beside each other: names become what they name, versions and ambiguities are checked.

What comes in has been read field by field (`schema.py`); what comes out is the catalogue.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice, pairwise

from shared.documents.agreement_fields import ALWAYS, AgreementSpec, ObjectiveSpec
from shared.documents.ambiguity import ambiguities
from shared.documents.built_in import built_in_kpis
from shared.documents.calendar_fields import WEEKDAYS, CalendarSpec
from shared.documents.digest import contents, digest
from shared.documents.fitting import misfits
from shared.documents.kpi_fields import KpiSpec
from shared.documents.loader import ListNode, MapNode, ScalarNode, plain
from shared.documents.problems import MAX_PROBLEMS, Place, Problem, did_you_mean
from shared.documents.public_holidays import holidays_of
from shared.documents.schema import Kind, Spec
from shared.documents.window_fields import window_of
from shared.domain import business_calendar
from shared.domain.agreement import Agreement, Catalogue, Kpi, Objective, Version, Within
from shared.domain.business_calendar import BusinessCalendar, CalendarRules
from shared.domain.instant import format_instant


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its kind, its name and where that stands; no spec where that is refused."""

    kind: Kind
    name: str
    place: Place
    written: MapNode
    spec: Spec | None


@dataclass(frozen=True, slots=True)
class Written:
    """A version of an agreement and the document that says so."""

    version: Version
    spec: AgreementSpec


@dataclass(frozen=True, slots=True)
class Resolved:
    """The catalogue that documents make, incomplete where there are problems.

    `documents`, `versions` and `calendars` are what it was made of; `built_in` names the KPIs
    that agreements use and no document defines.
    """

    catalogue: Catalogue
    problems: tuple[Problem, ...]
    documents: tuple[Document, ...]
    versions: tuple[Written, ...]
    calendars: Mapping[str, CalendarSpec]
    built_in: tuple[str, ...]


def resolve(documents: Iterable[Document]) -> Resolved:
    """The catalogue that the documents make, and what is wrong with it."""
    documents = tuple(documents)
    names = _Names(documents)
    problems = list(names.problems)
    written: dict[str, list[Written]] = defaultdict(list)
    for document in names.agreements:
        if len(problems) <= MAX_PROBLEMS:
            problems.extend(islice(_missing(document.written, names), MAX_PROBLEMS + 1))
        if isinstance(document.spec, AgreementSpec):
            found, version = _version(document.name, document.spec, names)
            problems.extend(found)
            if version is not None:
                written[document.name].append(Written(version, document.spec))
    for versions in written.values():
        versions.sort(key=lambda one: one.version.start)
        problems.extend(_version_problems(versions))
    every = [one for versions in written.values() for one in versions]
    problems.extend(ambiguities((one.version, one.spec) for one in every))
    agreements = {
        name: Agreement(name, tuple(one.version for one in written[name]))
        for name in sorted(written)
    }
    content = digest(agreements.values(), names.kpis.values(), names.calendar_specs)
    each = contents(agreements.values(), names.kpis, names.calendar_specs)
    catalogue = Catalogue(agreements, names.kpis, names.calendars, content, each)
    built_in = tuple(sorted(names.built_in))
    return Resolved(
        catalogue, tuple(problems), documents, tuple(every), names.calendar_specs, built_in
    )


class _Names:
    """What the documents name. A refused document's name is known, so nobody misses it twice."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.problems: list[Problem] = []
        self.kpis: dict[str, Kpi] = {}
        self.calendars: dict[str, BusinessCalendar] = {ALWAYS: business_calendar.ALWAYS}
        self.calendar_specs: dict[str, CalendarSpec] = {}
        self.agreements: list[Document] = []
        self.built_in: set[str] = set()
        self._places: dict[tuple[Kind, str], Place] = {}
        for document in sorted(documents, key=lambda one: one.name):
            self._take(document)
        self.own_kpis = self._known(Kind.KPI)
        self.known_kpis = self.own_kpis | built_in_kpis().keys()
        self.known_calendars = self._known(Kind.CALENDAR) | {ALWAYS}
        for document in self.agreements:
            self._take_built_in(document.written)

    def _known(self, kind: Kind) -> set[str]:
        """The names of a kind, those of refused documents included."""
        return {name for of_kind, name in self._places if of_kind is kind}

    def _take_built_in(self, agreement: MapNode) -> None:
        for named in _kpis_named(agreement):
            kpi = built_in_kpis().get(str(named.value))
            if kpi is not None and kpi.name not in self.own_kpis:
                self.kpis[kpi.name] = kpi
                self.built_in.add(kpi.name)

    def _take(self, document: Document) -> None:
        if document.kind is Kind.AGREEMENT:
            self.agreements.append(document)
            return
        what = f'{document.kind} "{document.name}"'
        first = self._places.setdefault((document.kind, document.name), document.place)
        if first is not document.place:
            message = f"there is already a {what} in {first.file}:{first.line}"
            self.problems.append(Problem(document.place, message))
        elif document.kind is Kind.CALENDAR and document.name == ALWAYS:
            message = f'the calendar "{ALWAYS}" is built in; choose another name'
            self.problems.append(Problem(document.place, message))
        elif isinstance(document.spec, KpiSpec):
            self.kpis[document.name] = document.spec.named(document.name)
        elif isinstance(document.spec, CalendarSpec):
            self.calendar_specs[document.name] = document.spec
            self.calendars[document.name] = BusinessCalendar(_rules(document.name, document.spec))


def _kpis_named(agreement: MapNode) -> Iterator[ScalarNode]:
    """The names of the KPIs that an agreement says, also one that is refused for other reasons."""
    objectives = agreement.members.get("objectives")
    for objective in objectives.items if isinstance(objectives, ListNode) else ():
        named = objective.members.get("kpi") if isinstance(objective, MapNode) else None
        if isinstance(named, ScalarNode) and isinstance(named.value, str):
            yield named


def _rules(name: str, spec: CalendarSpec) -> CalendarRules:
    holidays = spec.holidays
    return CalendarRules(
        name=name,
        zone=spec.time_zone,
        weekly=tuple(spec.weekly.get(day, ()) for day in WEEKDAYS),
        dates=holidays.dates,
        yearly=holidays.yearly,
        shifts={date.fromisoformat(day): intervals for day, intervals in spec.shifts.items()},
        country_holidays=holidays_of(holidays.countries),
    )


def _version(name: str, spec: AgreementSpec, names: _Names) -> tuple[list[Problem], Version | None]:
    problems = list(misfits(spec, names.kpis))
    calendar = names.calendars.get(spec.calendar.value if spec.calendar else ALWAYS)
    if calendar is None:
        return problems, None
    zone = calendar.rules.zone
    objectives = tuple(
        _objective(objective, names.kpis[objective.kpi.value], zone)
        for objective in spec.objectives
        if objective.kpi.value in names.kpis
    )
    return problems, Version(
        agreement=name,
        level=spec.level,
        type=spec.type,
        provider=spec.parties.provider,
        customer=spec.parties.customer,
        applies_to=spec.applies_to,
        precedence=spec.precedence,
        calendar=calendar,
        start=spec.effective.value.start,
        until=spec.effective.value.until,
        objectives=objectives,
        document=_mapping(plain(spec.node)),
    )


def _objective(spec: ObjectiveSpec, kpi: Kpi, calendar_zone: str) -> Objective:
    target = spec.target.value.target
    # A slash is in no name, so none of these can be taken for another.
    own = f"objective/{spec.name}"
    shared = f"kpi/{kpi.name}/{spec.series or ''}"
    return Objective(
        name=spec.name,
        kpi=kpi,
        target=target,
        target_text=_mapping(spec.target_text),
        window=window_of(spec.window.value, calendar_zone),
        series=shared if isinstance(target, Within) else own,
        where=spec.where,
        group_by=spec.group_by,
        minimum=spec.minimum,
        at_risk=spec.at_risk,
        on_change=spec.on_change,
        pace=spec.pace,
        attribution=spec.attribution,
    )


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        message = f"{type(value).__name__} is no mapping"
        raise TypeError(message)
    return value


def _missing(agreement: MapNode, names: _Names) -> Iterator[Problem]:
    """Names that no document has, also in an agreement that is refused for other reasons."""
    calendar = agreement.members.get("calendar")
    if isinstance(calendar, ScalarNode) and isinstance(calendar.value, str):
        yield from _unknown("calendar", calendar, names.known_calendars, names.known_calendars)
    for named in _kpis_named(agreement):
        yield from _unknown("KPI", named, names.known_kpis, names.own_kpis)


def _unknown(what: str, node: ScalarNode, known: set[str], listed: set[str]) -> Iterator[Problem]:
    name = str(node.value)
    if name not in known:
        hint = did_you_mean(name, known) or _there_are(listed, beyond=len(known) > len(listed))
        yield Problem(node.place, f'no {what} is named "{name}"{hint}')


def _there_are(names: set[str], *, beyond: bool) -> str:
    some = [*sorted(names)[:8], *(["those built in"] if beyond else [])]
    return f"; there are {', '.join(some)}"


def _version_problems(versions: list[Written]) -> Iterator[Problem]:
    """Versions in the order of their start: no overlaps, and objectives stay what they are."""
    for one, other in pairwise(versions):
        until = one.version.until
        if until is None or other.version.start < until:
            place, first = other.spec.effective.place, one.spec.effective.place
            since = format_instant(one.version.start)
            message = (
                f'effective: this version of "{one.version.agreement}" overlaps the one from'
                f" {since} ({first.file}:{first.line}); end that one with until, or begin later"
            )
            yield Problem(place, message)
    first_seen: dict[str, tuple[Objective, ObjectiveSpec]] = {}
    for one in versions:
        specs = {spec.name: spec for spec in one.spec.objectives}
        for objective in one.version.objectives:
            spec = specs[objective.name]
            earlier, _ = first_seen.setdefault(objective.name, (objective, spec))
            yield from _changes(earlier, objective, spec)


_LASTING: Mapping[str, Callable[[Objective], object]] = {
    "kpi": lambda objective: objective.kpi.name,
    "window": lambda objective: objective.window,
    "groupBy": lambda objective: objective.group_by,
    "target": lambda objective: type(objective.target),
}


def _changes(earlier: Objective, later: Objective, spec: ObjectiveSpec) -> Iterator[Problem]:
    for field, of in _LASTING.items():
        if of(earlier) != of(later):
            place = spec.node.keys.get(field, spec.node.place)
            what = "kind of target" if field == "target" else field
            message = f'the objective "{spec.name}" keeps its {what} in all versions'
            yield Problem(place, f"{field}: {message}; give the new promise another name")
