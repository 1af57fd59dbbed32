"""The catalogue compiled for folding: which KPIs watch an item, which promises match it.

Which promises match depends on the values of a few attributes and on the instant at which a cycle
began. Items are many, such combinations few (what no document names counts as one value), so each
is looked for once, and no event can make them more. Looking is quick too:
agreements are found by an attribute whose values `appliesTo` lists (the customer, if it does), so
that an item meets only those that can concern it and not every customer's.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.domain.agreement import (
    Agreement,
    Catalogue,
    Kpi,
    MeasureKind,
    Objective,
    Reopen,
    Version,
)
from shared.domain.event import Scalar
from shared.domain.instant import Instant
from shared.domain.matcher import Attributes, Matcher
from shared.domain.milestone import Milestones

_PREFERRED: Final = ("customer", "service", "team", "site", "provider")
_ValueKey = Scalar | tuple[bool]
_NO_ATTRIBUTES: Final[Attributes] = {}

MERGED: Final = "ticket.merged"
"""The type that ends every cycle of an item for good (contract section 3)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An objective of one version, with everything that decides whether it matches an item.

    `series` numbers the alternatives that it belongs to, within its KPI.
    """

    version: Version
    objective: Objective
    matcher: Matcher
    series: int


Matches = Mapping[int, Candidate]
"""The first objective of each series that matches, by the series' number."""


@dataclass(frozen=True, slots=True)
class Party:
    """One agreement's interest in one KPI: the series of each version, by its beginning."""

    agreement: Agreement
    series: Mapping[Instant, tuple[tuple[Candidate, ...], ...]]

    def at(self, instant: Instant) -> tuple[tuple[Candidate, ...], ...]:
        """The series of the version effective at the instant."""
        version = self.agreement.version_at(instant)
        return () if version is None else self.series[version.start]


class KpiPlan:
    """One KPI and the agreements that promise something of it.

    `types` and `changing` are the events and the attributes' changes that its milestones look for;
    `attributes` are those whose change may matter to a clock that runs: what pauses it, what a
    promise looks at.
    """

    __slots__ = (
        "_edges",
        "_indexes",
        "_kept",
        "_known",
        "_listed",
        "_open",
        "attributes",
        "changing",
        "event",
        "good",
        "kpi",
        "start",
        "stop",
        "total",
        "types",
    )

    def __init__(self, kpi: Kpi, parties: Sequence[Party]) -> None:
        """Index the parties by an attribute that their `appliesTo` pins in every version."""
        self.kpi = kpi
        self.start = Milestones(kpi.start)
        self.stop = Milestones(kpi.stop)
        self.event = Milestones(kpi.event)
        self.good = Milestones(kpi.good)
        self.total = Milestones(kpi.total)
        self.types = frozenset(own.event for own in kpi.milestones if own.event is not None)
        self.changing = frozenset(own.changes for own in kpi.milestones if own.changes is not None)
        pausing = {name for matcher in kpi.pause for name in matcher.names}
        self._listed = _listed(parties)
        self.attributes = frozenset({name for name, _ in self._listed} | pausing)
        self._kept = frozenset(_kept(parties))
        self._edges = sorted({*_edges(parties)})
        self._known: dict[tuple[int, ...], Matches] = {}
        self._open: list[Party] = []
        self._indexes: dict[str, dict[_ValueKey, list[Party]]] = {}
        for party in parties:
            self._place(party)

    def watches(self, type_: str, changed: Iterable[str]) -> bool:
        """Whether one of its milestones may match an event of this type that changes these."""
        return type_ in self.types or not self.changing.isdisjoint(changed)

    def kept(self, attributes: Attributes) -> Attributes:
        """Of some attributes those that clocks may be grouped by after they have changed."""
        if not self._kept:
            return _NO_ATTRIBUTES
        return {name: attributes.get(name) for name in self._kept}

    def matches(self, attributes: Attributes, instant: Instant) -> Matches:
        """What matches of the versions effective at the instant; the same value for the same."""
        key = [bisect_right(self._edges, instant)]
        for name, listed in self._listed:
            value = attributes.get(name)
            # `_value_key`, written out: this is asked at every change.
            key.append(listed.get((value,) if isinstance(value, bool) else value, 0))
        looked_up = tuple(key)
        known = self._known.get(looked_up)
        if known is None:
            known = self._known[looked_up] = dict(self._search(attributes, instant))
        return known

    def _search(self, attributes: Attributes, instant: Instant) -> Iterator[tuple[int, Candidate]]:
        for party in self._parties(attributes):
            for series in party.at(instant):
                for candidate in series:
                    if candidate.matcher.matches(attributes):
                        yield candidate.series, candidate
                        break

    def _parties(self, attributes: Attributes) -> Iterator[Party]:
        """The agreements that may apply to an item with these attributes."""
        yield from self._open
        for name, index in self._indexes.items():
            yield from index.get(_value_key(attributes.get(name)), ())

    def _place(self, party: Party) -> None:
        pinned = _pinned(party.agreement)
        if pinned is None:
            self._open.append(party)
            return
        name, values = pinned
        index = self._indexes.setdefault(name, {})
        for value in values:
            index.setdefault(value, []).append(party)


class Concerned(NamedTuple):
    """What an event of some sort may matter to, by the places in a `KindPlan`.

    `durations` whatever their state, `running` only while a cycle is open, `events`.
    """

    durations: tuple[int, ...]
    running: tuple[int, ...]
    events: tuple[int, ...]


class KindPlan:
    """What is measured on items of one kind: by clocks (`durations`) and over events (`events`)."""

    __slots__ = ("_attributes", "_known", "_types", "durations", "events")

    def __init__(self, durations: Sequence[KpiPlan], events: Sequence[KpiPlan]) -> None:
        """Nothing has been asked."""
        self.durations = tuple(durations)
        self.events = tuple(events)
        both = (*durations, *events)
        self._types = {MERGED, *(type_ for own in both for type_ in own.types)}
        self._attributes = {name for own in both for name in (*own.attributes, *own.changing)}
        self._known: dict[tuple[str, bool, tuple[str, ...]], Concerned] = {}

    def concerned(self, type_: str, changed: tuple[str, ...], *, reopens: bool) -> Concerned:
        """What an event of this type that changes these attributes may matter to."""
        # What no document names is left out, so that no event can make the combinations more.
        own = tuple([name for name in changed if name in self._attributes])
        key = (type_ if type_ in self._types else "", reopens, own)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._search(type_, own, reopens=reopens)
        return known

    def _search(self, type_: str, changed: tuple[str, ...], *, reopens: bool) -> Concerned:
        always: list[int] = []
        running: list[int] = []
        for place, own in enumerate(self.durations):
            reopened = reopens and own.kpi.reopen is not Reopen.IGNORE
            if reopened or own.watches(type_, changed):
                always.append(place)
            elif type_ == MERGED or not own.attributes.isdisjoint(changed):
                running.append(place)
        events = (n for n, own in enumerate(self.events) if own.watches(type_, changed))
        return Concerned(tuple(always), tuple(running), tuple(events))


Plan = Mapping[str, KindPlan]
"""What is measured, by the kind of item."""

NOTHING_MEASURED: Final = KindPlan((), ())


def compile_plan(catalogue: Catalogue, names: Collection[str] | None = None) -> Plan:
    """Compile the catalogue, or the agreements of these names; KPIs that none uses are left out.

    What is measured for an agreement is the same with others beside it or without.
    """
    agreements = [
        own for name, own in catalogue.agreements.items() if names is None or name in names
    ]
    kinds: dict[str, tuple[list[KpiPlan], list[KpiPlan]]] = {}
    for name in sorted(catalogue.kpis):
        kpi = catalogue.kpis[name]
        parties = _interested(agreements, kpi)
        if parties:
            durations, events = kinds.setdefault(kpi.item, ([], []))
            plans = durations if kpi.measure is MeasureKind.DURATION else events
            plans.append(KpiPlan(kpi, parties))
    return {kind: KindPlan(*plans) for kind, plans in kinds.items()}


def _interested(agreements: Iterable[Agreement], kpi: Kpi) -> list[Party]:
    """The agreements that promise something of the KPI, their series numbered through."""
    found: list[Party] = []
    number = 0
    for agreement in agreements:
        # A series keeps its number over the versions of its agreement, if it has the same name.
        numbers: dict[str, int] = {}
        by_version: dict[Instant, tuple[tuple[Candidate, ...], ...]] = {}
        for version in agreement.versions:
            several: dict[str, list[Candidate]] = {}
            for own in version.objectives:
                if own.kpi.name != kpi.name:
                    continue
                if own.series not in numbers:
                    numbers[own.series] = number
                    number += 1
                matcher = version.applies_to.joined(own.where)
                candidate = Candidate(version, own, matcher, numbers[own.series])
                several.setdefault(own.series, []).append(candidate)
            by_version[version.start] = tuple(map(tuple, several.values()))
        if any(by_version.values()):
            found.append(Party(agreement, by_version))
    return found


def _listed(parties: Iterable[Party]) -> tuple[tuple[str, dict[_ValueKey, int]], ...]:
    """The attributes that the parties' promises look at, and a number for each value they name.

    All other values are alike to them, however many there are.
    """
    found: dict[str, dict[_ValueKey, int]] = {}
    for party in parties:
        for several in party.series.values():
            for candidate in (one for series in several for one in series):
                for name, choice in candidate.matcher.choices:
                    numbers = found.setdefault(name, {})
                    for value in choice.values:
                        numbers.setdefault(_value_key(value), len(numbers) + 1)
    return tuple(sorted(found.items()))


def _kept(parties: Iterable[Party]) -> Iterator[str]:
    """What clocks that count at their start are grouped by: its values then."""
    for party in parties:
        for several in party.series.values():
            for candidate in (one for series in several for one in series):
                if candidate.objective.started:
                    yield from candidate.objective.group_by


def _edges(parties: Iterable[Party]) -> Iterator[Instant]:
    """Where a version begins or ends; between two of these the same ones are effective."""
    for party in parties:
        for version in party.agreement.versions:
            yield version.start
            if version.until is not None:
                yield version.until


def _pinned(agreement: Agreement) -> tuple[str, frozenset[_ValueKey]] | None:
    """An attribute that has to have one of some values in every version, and those values."""
    for name in _PREFERRED:
        values: set[_ValueKey] = set()
        for version in agreement.versions:
            pins = [c for own, c in version.applies_to.choices if own == name and not c.negated]
            if not pins:
                break
            values.update(_value_key(value) for value in pins[0].values)
        else:
            return name, frozenset(values)
    return None


def _value_key(value: Scalar) -> _ValueKey:
    # True == 1 in Python, not in JSON.
    return (value,) if isinstance(value, bool) else value
