"""Whom a promise is about: the customers by whose name it is filtered, and may be seen."""

from collections.abc import Collection

from shared.domain.agreement import Objective, Version
from shared.domain.matcher import Matcher, as_text

CUSTOMER = "customer"
Concern = tuple[str, ...]
"""Customers: the group's own, or first the agreement's and then those that are asked for."""


def concern_of(version: Version, own: Objective, group: tuple[str, ...]) -> Concern:
    """The customers that one group of an objective is about, by a version that has it.

    The group's `customer` where it is grouped by that, else the agreement's customer and those
    that `appliesTo` or `where` ask for.
    """
    if CUSTOMER in own.group_by:
        return (group[own.group_by.index(CUSTOMER)],)
    matchers = (version.applies_to, own.where)
    return (version.customer, *sorted(frozenset().union(*map(_asked_for, matchers))))


def may_see(concern: Concern, customers: Collection[str]) -> bool:
    """Whether somebody may see it who may see these customers alone.

    The agreement is with one of them, or all that it asks for are: where others count in the same
    number it is nobody's who may not see those.
    """
    party, *asked = concern or ("",)
    return party in customers or (bool(asked) and all(own in customers for own in asked))


def _asked_for(matcher: Matcher) -> frozenset[str]:
    return frozenset(
        as_text(value)
        for name, choice in matcher.choices
        if name == CUSTOMER and not choice.negated
        for value in choice.values
    )
