"""Whom a promise is about: the customers by whose name it is filtered, and may be seen."""

from shared.domain.agreement import Objective, Version
from shared.domain.matcher import Matcher, as_text

CUSTOMER = "customer"


def customers_of(version: Version, own: Objective, group: tuple[str, ...]) -> frozenset[str]:
    """The customers that one group of an objective is about, by a version that has it.

    The group's `customer` where it is grouped by that, else the agreement's customer and those
    that `appliesTo` or `where` ask for.
    """
    if CUSTOMER in own.group_by:
        return frozenset({group[own.group_by.index(CUSTOMER)]})
    matchers = (version.applies_to, own.where)
    return frozenset({version.customer}.union(*map(_asked_for, matchers)))


def _asked_for(matcher: Matcher) -> frozenset[str]:
    return frozenset(
        as_text(value)
        for name, choice in matcher.choices
        if name == CUSTOMER and not choice.negated
        for value in choice.values
    )
