"""The catalogue compiled for folding: which KPIs watch an item, which agreements may apply to it.

Agreements are found by an attribute whose values `appliesTo` lists (the customer, if it does), so
that an item meets only those that can concern it and not every customer's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.agreement import Agreement, Catalogue, Kpi, MeasureKind, Objective, Version
from shared.domain.event import Scalar
from shared.domain.instant import Instant
from shared.domain.matcher import Attributes, Matcher

_PREFERRED: Final = ("customer", "service", "team", "site", "provider")
_ValueKey = tuple[bool, Scalar]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An objective with everything that decides whether it matches an item."""

    objective: Objective
    matcher: Matcher


Series = tuple[Candidate, ...]
"""Alternatives, the first match in document order."""


@dataclass(frozen=True, slots=True)
class Party:
    """One agreement's interest in one KPI: its series in each version."""

    agreement: Agreement
    series: Mapping[Instant, tuple[Series, ...]]

    def at(self, instant: Instant) -> tuple[Version, tuple[Series, ...]] | None:
        """The version effective at the instant with its series; None if there is none."""
        version = self.agreement.version_at(instant)
        return None if version is None else (version, self.series[version.start])


class KpiPlan:
    """One KPI and the agreements that promise something of it.

    `attributes` are those whose change may matter to one of its clocks: what pauses it, what a
    promise looks at, what a milestone sees change.
    """

    __slots__ = ("_indexes", "_open", "_types", "attributes", "kpi")

    def __init__(self, kpi: Kpi, parties: Sequence[Party]) -> None:
        """Index the parties by an attribute that their `appliesTo` pins in every version."""
        self.kpi = kpi
        self._types = frozenset(milestone.event for milestone in kpi.milestones)
        self.attributes = frozenset(_attributes(kpi, parties))
        self._open: list[Party] = []
        self._indexes: dict[str, dict[_ValueKey, list[Party]]] = {}
        for party in parties:
            self._place(party)

    def parties(self, attributes: Attributes) -> Iterator[Party]:
        """The agreements that may apply to an item with these attributes."""
        yield from self._open
        for name, index in self._indexes.items():
            yield from index.get(_value_key(attributes.get(name)), ())

    def watches(self, type_: str) -> bool:
        """Whether one of its milestones may match an event of this type, whatever it changes."""
        return type_ in self._types

    def _place(self, party: Party) -> None:
        pinned = _pinned(party.agreement)
        if pinned is None:
            self._open.append(party)
            return
        name, values = pinned
        index = self._indexes.setdefault(name, {})
        for value in values:
            index.setdefault(value, []).append(party)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to fold for items of each kind: the KPIs measured by clocks, and those over events."""

    durations: Mapping[str, tuple[KpiPlan, ...]]
    events: Mapping[str, tuple[KpiPlan, ...]]


def compile_plan(catalogue: Catalogue) -> Plan:
    """Compile the catalogue; KPIs that no agreement uses are left out."""
    durations: dict[str, list[KpiPlan]] = {}
    events: dict[str, list[KpiPlan]] = {}
    for name in sorted(catalogue.kpis):
        kpi = catalogue.kpis[name]
        parties = [
            party
            for agreement in catalogue.agreements.values()
            if (party := _party(agreement, kpi)) is not None
        ]
        if parties:
            plans = durations if kpi.measure is MeasureKind.DURATION else events
            plans.setdefault(kpi.item, []).append(KpiPlan(kpi, parties))
    return Plan(
        {kind: tuple(plans) for kind, plans in durations.items()},
        {kind: tuple(plans) for kind, plans in events.items()},
    )


def _party(agreement: Agreement, kpi: Kpi) -> Party | None:
    series = {version.start: _series(version, kpi) for version in agreement.versions}
    return Party(agreement, series) if any(series.values()) else None


def _series(version: Version, kpi: Kpi) -> tuple[Series, ...]:
    found: dict[str, list[Candidate]] = {}
    for objective in version.objectives:
        if objective.kpi.name == kpi.name:
            matcher = version.applies_to.joined(objective.where)
            found.setdefault(objective.series, []).append(Candidate(objective, matcher))
    return tuple(tuple(candidates) for candidates in found.values())


def _attributes(kpi: Kpi, parties: Iterable[Party]) -> Iterator[str]:
    yield from (own.changes for own in kpi.milestones if own.changes is not None)
    for matcher in kpi.pause:
        yield from matcher.names
    for party in parties:
        for series in (one for several in party.series.values() for one in several):
            for candidate in series:
                yield from candidate.matcher.names


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
    return (isinstance(value, bool), value)
