"""Compiled documents: series in document order, and an index that leaves no agreement out."""

import pytest

from shared.domain.event import Scalar
from shared.domain.matcher import Choice, Matcher
from shared.domain.plan import compile_plan
from tests.domain.building import (
    ANSWER,
    RETURNS,
    a_catalogue,
    a_version,
    an_agreement,
    an_event,
    an_objective,
    at,
    at_most,
)


def only(name: str, *values: Scalar, negated: bool = False) -> Matcher:
    return Matcher(((name, Choice(values, negated)),))


AGREEMENTS = [
    an_agreement(a_version(name="everyone")),
    an_agreement(a_version(name="acme", applies_to=only("customer", "acme"))),
    an_agreement(a_version(name="two", applies_to=only("customer", "acme", 1))),
    an_agreement(a_version(name="none", applies_to=only("customer", None))),
    an_agreement(a_version(name="others", applies_to=only("customer", "acme", negated=True))),
    an_agreement(
        a_version(name="moved", applies_to=only("customer", "acme"), until="03-01 00:00"),
        a_version(name="moved", applies_to=only("customer", "b"), start="03-01 00:00"),
    ),
]


@pytest.mark.parametrize("customer", [None, "acme", "b", 1, True, "1"])
def test_no_agreement_that_may_apply_is_left_out(customer: Scalar) -> None:
    (plan,) = compile_plan(a_catalogue(*AGREEMENTS)).durations["ticket"]
    attributes = {} if customer is None else {"customer": customer}
    found = {party.agreement.name for party in plan.parties(attributes)}
    applying = {
        agreement.name
        for agreement in AGREEMENTS
        if any(version.applies_to.matches(attributes) for version in agreement.versions)
    }
    assert applying <= found


def test_alternatives_keep_the_order_of_the_document() -> None:
    names = ["z", "a", "m"]
    objectives = [an_objective(name) for name in names]
    series = [type(o)(o.name, o.kpi, o.target, {}, o.window, "one") for o in objectives]
    plan = compile_plan(a_catalogue(an_agreement(a_version(*series))))
    (party,) = plan.durations["ticket"][0].parties({})
    placed = party.at(at("09:00"))
    assert placed is not None
    assert [[c.objective.name for c in own] for own in placed[1]] == [names]
    assert party.at(at("2025-01-01T00:00:00Z")) is None


def test_kpis_are_kept_by_what_they_measure_and_unused_ones_left_out() -> None:
    counting = an_objective("n", RETURNS, at_most(1))
    catalogue = a_catalogue(an_agreement(a_version(counting)))
    plan = compile_plan(
        type(catalogue)(catalogue.agreements, {"returns": RETURNS, "answer": ANSWER}, {}, "")
    )
    assert [own.kpi.name for own in plan.counts["ticket"]] == ["returns"]
    assert plan.durations == {}


def test_a_kpi_watches_the_events_of_its_milestones() -> None:
    (plan,) = compile_plan(a_catalogue(an_agreement(a_version()))).durations["ticket"]
    assert plan.watches(an_event("replied", "09:00"))
    assert not plan.watches(an_event("rated", "09:00"))
