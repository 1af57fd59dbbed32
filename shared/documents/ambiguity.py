"""Which two promises could both bind the same item: a configuration error (contract section 2)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from shared.documents.agreement_fields import AgreementSpec
from shared.documents.problems import Place, Problem
from shared.domain.agreement import AgreementType, Objective, Version
from shared.domain.canonical import canonical_json
from shared.domain.matcher import Matcher


@dataclass(frozen=True, slots=True)
class _Claim:
    """An objective of an `sla` that binds whatever its matcher matches."""

    version: Version
    objective: Objective
    matcher: Matcher
    place: Place

    def could_tie_with(self, other: "_Claim") -> bool:
        if self.version.agreement == other.version.agreement:
            return False
        return _overlap(self.version, other.version) and not self.matcher.excludes(other.matcher)


def ambiguities(written: Iterable[tuple[Version, AgreementSpec]]) -> Iterator[Problem]:
    """One problem for each objective of an `sla` that could bind where an earlier one does too.

    Each names one such rival: of a hundred alike all but the first are wrong, not each two of them.
    """
    rivals: dict[tuple[object, ...], list[_Claim]] = defaultdict(list)
    for version, spec in written:
        if version.type is not AgreementType.SLA:
            continue
        places = {own.name: own.node.place for own in spec.objectives}
        for objective in version.objectives:
            matcher = version.applies_to.joined(objective.where)
            rank = (objective.kpi.name, version.level, version.precedence)
            rivals[rank].append(_Claim(version, objective, matcher, places[objective.name]))
    for claims in rivals.values():
        for one, other in _rivals(claims):
            yield _tie(*sorted((one, other), key=lambda claim: claim.place))


def _rivals(claims: list[_Claim]) -> Iterator[tuple[_Claim, _Claim]]:
    """Each claim that could tie with one before it, and the first such one that is found.

    A claim is held beside those only that its most telling attribute does not tell apart: with one
    agreement for each of thousands of customers that is hardly any.
    """
    names = {name for claim in claims for name, choice in claim.matcher.choices}
    indices = {name: _Index() for name in sorted(names)}
    before: list[_Claim] = []
    for claim in claims:
        values = {name: _finite_values(claim.matcher, name) for name in indices}
        candidates = min(
            (indices[name].alike(own) for name, own in values.items() if own),
            key=lambda lists: sum(map(len, lists)),
            default=[before],
        )
        for rival in chain.from_iterable(candidates):
            if rival.could_tie_with(claim):
                yield rival, claim
                break
        before.append(claim)
        for name, index in indices.items():
            index.add(claim, values[name])


class _Index:
    """Claims by the values that one attribute may have for them."""

    def __init__(self) -> None:
        self._anything: list[_Claim] = []
        self._by_value: dict[str, list[_Claim]] = defaultdict(list)

    def add(self, claim: _Claim, values: set[str]) -> None:
        for value in values:
            self._by_value[value].append(claim)
        if not values:
            self._anything.append(claim)

    def alike(self, values: set[str]) -> list[list[_Claim]]:
        """Those that may have one of these values."""
        return [self._anything, *(self._by_value[value] for value in sorted(values))]


def _finite_values(matcher: Matcher, attribute: str) -> set[str]:
    """The values that the attribute may have, in canonical form; empty when it may have any."""
    for name, choice in matcher.choices:
        if name == attribute and not choice.negated and choice.values:
            return {canonical_json(value, exact=True) for value in choice.values}
    return set()


def _overlap(one: Version, other: Version) -> bool:
    one_first = one.until is None or other.start < one.until
    return one_first and (other.until is None or one.start < other.until)


def _tie(one: _Claim, other: _Claim) -> Problem:
    mine, theirs = (f"{c.version.agreement}/{c.objective.name}" for c in (other, one))
    level, kpi = other.version.level, other.objective.kpi.name
    where = f"{one.place.file}:{one.place.line}"
    message = (
        f'"{mine}" and "{theirs}" ({where}) could both bind one item: same KPI "{kpi}",'
        f" level {level} and precedence {other.version.precedence}; give one another precedence,"
        " or an attribute on which they exclude each other"
    )
    return Problem(other.place, message)
