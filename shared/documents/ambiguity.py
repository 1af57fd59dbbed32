"""Which two promises could both bind the same item: a configuration error (contract section 2)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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
    """One problem for each two objectives of `sla` agreements that could both bind."""
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
        for one, other in _pairs(claims):
            if one.could_tie_with(other):
                yield _tie(*sorted((one, other), key=lambda claim: claim.place))


def _pairs(claims: list[_Claim]) -> Iterator[tuple[_Claim, _Claim]]:
    """Every two claims but those that the attribute used most tells apart at once.

    With one agreement for each of thousands of customers nearly all are told apart.
    """
    attribute = _most_used(claims)
    anything: list[_Claim] = []
    by_value: dict[str, list[_Claim]] = defaultdict(list)
    for claim in claims:
        values = _finite_values(claim.matcher, attribute)
        alike = (rival for value in values or by_value for rival in by_value.get(value, ()))
        # By identity: one rival may share several values with the claim.
        rivals = {id(rival): rival for rival in (*anything, *alike)}
        yield from ((rival, claim) for rival in rivals.values())
        for value in values:
            by_value[value].append(claim)
        if not values:
            anything.append(claim)


def _most_used(claims: list[_Claim]) -> str:
    uses: dict[str, int] = defaultdict(int)
    for claim in claims:
        for name, choice in claim.matcher.choices:
            uses[name] += not choice.negated
    return max(sorted(uses), key=lambda name: uses[name], default="")


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
