"""Levels side by side: which promise about an item binds, and the reason for each."""

from dataclasses import replace

from shared.domain.agreement import Agreement, AgreementType, Kpi, Level
from shared.domain.contest import Contest
from shared.domain.event import Event
from shared.domain.explain_item import explain_item
from shared.domain.instant import HOUR
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
    only,
    within,
)
from tests.domain.cases import fresh

CREATED = an_event("created", "09:00", customer="acme")


def an_offer(
    name: str,
    level: Level,
    *,
    kpi: Kpi = ANSWER,
    type_: AgreementType = AgreementType.SLA,
    precedence: int = 0,
) -> Agreement:
    target = at_most(9) if kpi is RETURNS else None
    version = a_version(an_objective(kpi=kpi, target=target), name=name)
    return an_agreement(replace(version, level=level, type=type_, precedence=precedence))


def reasons(*agreements: Agreement, events: tuple[Event, ...] = (CREATED,)) -> dict[str, str]:
    (contest,) = fought(*agreements, events=events)
    return {own.agreement: own.why for own in contest.contenders}


def fought(*agreements: Agreement, events: tuple[Event, ...]) -> tuple[Contest, ...]:
    catalogue = a_catalogue(*agreements)
    plan = compile_plan(catalogue)
    return explain_item(fresh(plan, events), plan, catalogue, now=at("18:00")).contests


def test_the_more_specific_level_binds() -> None:
    assert reasons(
        an_offer("all", Level.CORPORATE),
        an_offer("acme", Level.CUSTOMER),
        an_offer("email", Level.SERVICE),
    ) == {
        "email": "binds: service is more specific than customer and corporate",
        "acme": "customer is less specific than service (email binds)",
        "all": "corporate is less specific than service (email binds)",
    }


def test_at_one_level_the_higher_precedence_binds() -> None:
    assert reasons(
        an_offer("new", Level.CUSTOMER, precedence=5), an_offer("old", Level.CUSTOMER)
    ) == {
        "new": "binds: precedence 5 is higher than 0 of old",
        "old": "precedence 0 is lower than 5 (new binds)",
    }


def test_what_is_between_teams_or_from_outside_never_binds() -> None:
    assert reasons(
        an_offer("desk", Level.SERVICE, type_=AgreementType.OLA),
        an_offer("vendor", Level.SERVICE, type_=AgreementType.UC),
        an_offer("all", Level.CORPORATE),
    ) == {
        "all": "binds: no other agreement of type sla has a claim here",
        "desk": "of type ola, which never binds",
        "vendor": "of type uc, which never binds",
    }


def test_a_superseded_and_a_cancelled_clock_never_bind() -> None:
    long = within(9 * HOUR)
    p1 = an_objective("p1", target=long, where=only("priority", "p1"), series="s")
    p2 = an_objective("p2", target=long, where=only("priority", "p2"), series="s")
    events = (
        an_event("created", "09:00", priority="p1"),
        an_event("priority_changed", "10:00", priority="p2"),
        an_event("priority_changed", "11:00", priority="p3"),
    )
    (contest,) = fought(an_agreement(a_version(p1, p2)), events=events)
    assert {own.objective: (own.binding, own.why) for own in contest.contenders} == {
        "p1": (False, "superseded, and what is superseded never binds"),
        "p2": (False, "cancelled, and what is cancelled never binds"),
    }


def test_counted_events_contend_too() -> None:
    (contest,) = fought(
        an_offer("all", Level.CORPORATE, kpi=RETURNS),
        an_offer("acme", Level.CUSTOMER, kpi=RETURNS),
        events=(an_event("reopened", "09:00"),),
    )
    assert (contest.kpi, contest.cycle) == ("returns", 1)
    assert [(own.agreement, own.state, own.binding) for own in contest.contenders] == [
        ("acme", "counted", True),
        ("all", "counted", False),
    ]


def test_of_the_clocks_that_are_gone_the_last_of_each_objective_is_shown() -> None:
    long = within(9 * HOUR)
    p1 = an_objective("p1", target=long, where=only("priority", "p1"), series="s")
    p2 = an_objective("p2", target=long, where=only("priority", "p2"), series="s")
    turns = [
        an_event("priority_changed", f"09:{n:02}", priority=f"p{n % 2 + 1}") for n in range(1, 8)
    ]
    events = (an_event("created", "09:00", priority="p1"), *turns)
    (contest,) = fought(an_agreement(a_version(p1, p2)), events=events)
    assert len(contest.contenders) == 8
    assert [(own.objective, own.state, own.ordinal) for own in contest.standing] == [
        ("p2", "running", 7),
        ("p1", "superseded", 6),
        ("p2", "superseded", 5),
    ]
