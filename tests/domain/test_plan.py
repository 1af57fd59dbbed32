"""Compiled documents: no promise is left out, alternatives in document order, versions apart."""

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from shared.domain.agreement import Kpi
from shared.domain.event import Event, Scalar
from shared.domain.item import Item, Settled
from shared.domain.matcher import Matcher
from shared.domain.plan import Plan, compile_plan
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
    only,
    within,
)

YES: Scalar = True
AGREEMENTS = [
    an_agreement(a_version(name="everyone")),
    an_agreement(a_version(name="acme", applies_to=only("customer", "acme"))),
    an_agreement(a_version(name="two", applies_to=only("customer", "acme", 1))),
    an_agreement(a_version(name="none", applies_to=only("customer", None))),
    an_agreement(a_version(name="others", applies_to=only("customer", "acme", negated=True))),
    an_agreement(a_version(name="yes", applies_to=only("customer", YES))),
    an_agreement(
        a_version(
            name="both",
            applies_to=only("customer", "acme", "b").joined(only("team", "x", None)),
        )
    ),
    an_agreement(
        a_version(name="moved", applies_to=only("customer", "acme"), until="03-02 09:30"),
        a_version(name="moved", applies_to=only("customer", "b"), start="03-02 09:30"),
    ),
    an_agreement(
        a_version(name="paused", until="03-02 09:00"), a_version(name="paused", start="03-02 10:00")
    ),
]
CUSTOMERS: list[Scalar] = [None, "acme", "b", 1, True, "1", Decimal("1.0"), False, 0, "true"]


def created(time: str, **data: Scalar) -> Event:
    known = {name: value for name, value in data.items() if value is not None}
    return replace(an_event("created", time), data=known)


def promised(plan: Plan, event: Event) -> Settled:
    return Item(plan, "ticket", "T-1", [event]).settle(now=event.time)


@pytest.mark.parametrize("time", ["08:59", "09:00", "09:29", "09:30", "10:00"])
@pytest.mark.parametrize("customer", CUSTOMERS)
def test_exactly_the_agreements_that_apply_have_a_clock(customer: Scalar, time: str) -> None:
    plan = compile_plan(a_catalogue(*AGREEMENTS))
    for team in (None, "x", "y"):
        event = created(time, customer=customer, team=team)
        applying = {
            agreement.name
            for agreement in AGREEMENTS
            if (version := agreement.version_at(event.time)) is not None
            and version.applies_to.matches(event.data)  # type: ignore[arg-type]
        }
        found = [own.agreement for own in promised(plan, event).contributions]
        assert sorted(found) == sorted(applying)


def test_what_was_found_for_one_item_is_never_taken_for_a_different_one() -> None:
    dice = Random(1)  # noqa: S311 - a test's dice
    shared = compile_plan(a_catalogue(*AGREEMENTS))
    times = ("08:59", "09:00", "09:29", "09:30", "10:00")
    for _ in range(400):
        event = created(
            dice.choice(times),
            customer=dice.choice(CUSTOMERS),
            team=dice.choice((None, "x", "y", True, 1)),
        )
        alone = compile_plan(a_catalogue(*AGREEMENTS))
        assert promised(shared, event) == promised(alone, event)


def test_of_alternatives_the_first_in_the_document_that_matches_has_the_clock() -> None:
    conditions = {"z": only("team", "x"), "a": only("team", "x", "y"), "m": Matcher()}
    several = [an_objective(name, where=where, series="one") for name, where in conditions.items()]
    plan = compile_plan(a_catalogue(an_agreement(a_version(*several))))
    for team, name in (("x", "z"), ("y", "a"), ("q", "m"), (None, "m")):
        found = promised(plan, created("09:00", team=team)).contributions
        assert [own.objective for own in found] == [name]
    apart = [replace(own, series=own.name) for own in several]
    plan = compile_plan(a_catalogue(an_agreement(a_version(*apart))))
    found = promised(plan, created("09:00", team="y")).contributions
    assert sorted(own.objective for own in found) == ["a", "m"]


def test_a_cycle_keeps_the_version_of_its_start() -> None:
    early, late = an_objective(target=within(60)), an_objective("late", target=within(60))
    agreement = an_agreement(
        a_version(early, until="03-02 10:00"), a_version(late, start="03-02 10:00")
    )
    plan = compile_plan(a_catalogue(agreement))
    changed = an_event("assigned", "11:00", team="x")
    for start, name in (("09:59", "o"), ("10:00", "late")):
        item = Item(plan, "ticket", "T-1", [created(start), changed])
        assert [own.objective for own in item.settle(now=at("12:00")).contributions] == [name]


def test_kpis_that_nobody_promises_are_left_out() -> None:
    counting = an_objective("n", RETURNS, at_most(1))
    catalogue = a_catalogue(an_agreement(a_version(counting)))
    kpis: dict[str, Kpi] = {"returns": RETURNS, "answer": ANSWER}
    plan = compile_plan(replace(catalogue, kpis=kpis))
    item = Item(plan, "ticket", "T-1", [created("09:00"), an_event("reopened", "09:10")])
    assert [own.objective for own in item.settle(now=at("12:00")).contributions] == ["n"]
    assert item.clocks(now=at("12:00")) == []


def test_items_of_a_kind_that_nothing_measures_add_nothing() -> None:
    plan = compile_plan(a_catalogue(*AGREEMENTS))
    item = Item(plan, "lead", "L-1", [replace(created("09:00"), kind="lead", type="lead.created")])
    assert item.settle(now=at("12:00")) == Settled((), None)
    assert item.clocks(now=at("12:00")) == []
