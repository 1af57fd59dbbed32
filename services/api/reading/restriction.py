"""What is about a customer, for callers who may see certain customers alone.

An objective is about the customer of its agreement's parties, about those that `appliesTo` and
`where` ask for by name, or, grouped by customer, each of its groups about its own. Where several
customers count in one number it is seen only by who may see all of them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from shared.domain.agreement import Agreement, Objective, Version
from shared.domain.concern import CUSTOMER, concern_of, may_see
from shared.domain.matcher import as_text


def is_about(agreement: Agreement, name: str, customers: Collection[str]) -> bool:
    """Whether an objective is about none but these customers, in each version that has it."""
    return all(
        _is_about(version, own, customers)
        for version in agreement.versions
        if (own := version.objective(name)) is not None
    )


def _is_about(version: Version, own: Objective, customers: Collection[str]) -> bool:
    return CUSTOMER in own.group_by or may_see(concern_of(version, own, ()), customers)


def names_others(version: Version, own: Objective, customers: Collection[str]) -> bool:
    """Whether an objective's matchers name a customer that is none of these."""
    return any(
        as_text(value) not in customers
        for name, choice in version.applies_to.joined(own.where).choices
        if name == CUSTOMER
        for value in choice.values
    )


def shown_agreement(agreement: Agreement, customers: Collection[str]) -> Agreement:
    """An agreement without its objectives that are about others, nor the names of these."""
    versions = [_shown_version(agreement, version, customers) for version in agreement.versions]
    return replace(agreement, versions=tuple(own for own in versions if own.objectives))


def _shown_version(agreement: Agreement, version: Version, customers: Collection[str]) -> Version:
    seen = {own.name for own in version.objectives if is_about(agreement, own.name, customers)}
    return replace(
        version,
        objectives=tuple(own for own in version.objectives if own.name in seen),
        document=_shown_document(version.document, seen, customers),
    )


def _shown_document(
    document: Mapping[str, object], seen: Collection[str], customers: Collection[str]
) -> Mapping[str, object]:
    """The members of `spec` as written, as far as they are not about others."""
    shown = {**document}
    if isinstance(applies := document.get("appliesTo"), Mapping):
        shown["appliesTo"] = _shown_matcher(applies, customers)
    if isinstance(objectives := document.get("objectives"), Sequence):
        shown["objectives"] = [
            _shown_objective(own, customers)
            for own in objectives
            if isinstance(own, Mapping) and own.get("name") in seen
        ]
    return shown


def _shown_objective(own: Mapping[str, object], customers: Collection[str]) -> object:
    where = own.get("where")
    return {**own, "where": _shown_matcher(where, customers)} if isinstance(where, Mapping) else own


def _shown_matcher(matcher: Mapping[str, object], customers: Collection[str]) -> object:
    """A matcher as written, less the names of other customers."""
    if CUSTOMER not in matcher:
        return matcher
    asked = matcher[CUSTOMER]
    negated = isinstance(asked, Mapping)
    values = asked.get("not") if isinstance(asked, Mapping) else asked
    several = values if isinstance(values, list) else [values]
    kept = [value for value in several if isinstance(value, str) and value in customers]
    rest = {name: value for name, value in matcher.items() if name != CUSTOMER}
    if not kept:
        return rest
    only: object = kept if isinstance(values, list) else kept[0]
    return {**rest, CUSTOMER: {"not": only} if negated else only}
