"""Which two promises could both bind the same item: a configuration error (contract section 2)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby

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
    """Each claim that could tie with one of another agreement, and the first such one found.

    The claims come agreement by agreement.
    """
    seen = _Seen(claims)
    for _, own in groupby(claims, key=lambda claim: claim.version.agreement):
        together = list(own)
        for claim in together:
            rivals = (rival for rival in seen.beside(claim) if rival.could_tie_with(claim))
            if (rival := next(rivals, None)) is not None:
                yield rival, claim
        for claim in together:
            seen.add(claim)


class _Seen:
    """Claims by the values that each attribute may have for them.

    A claim is held beside those only that its most telling attribute does not tell apart: with one
    agreement for each of thousands of customers that is hardly any.
    """

    def __init__(self, claims: Iterable[_Claim]) -> None:
        names = {name for claim in claims for name, _ in claim.matcher.choices}
        self._all: list[_Claim] = []
        self._anything: dict[str, list[_Claim]] = {name: [] for name in sorted(names)}
        self._by_value: dict[tuple[str, str], list[_Claim]] = defaultdict(list)

    def add(self, claim: _Claim) -> None:
        self._all.append(claim)
        for name, anything in self._anything.items():
            values = _finite_values(claim.matcher, name)
            for value in values:
                self._by_value[name, value].append(claim)
            if not values:
                anything.append(claim)

    def beside(self, claim: _Claim) -> Iterator[_Claim]:
        """Those that may bind where the claim does, as far as one attribute tells."""
        found = [self._all]
        for name, anything in self._anything.items():
            if values := _finite_values(claim.matcher, name):
                alike = [anything, *(self._by_value[name, value] for value in sorted(values))]
                found = min(found, alike, key=lambda lists: sum(map(len, lists)))
        return chain.from_iterable(found)


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
