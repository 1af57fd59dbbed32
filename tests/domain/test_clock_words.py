"""A clock in sentences."""

from dataclasses import replace

from shared.domain.event import Event
from shared.domain.explain_item import explain_item
from shared.domain.instant import HOUR
from shared.domain.plan import compile_plan
from tests.domain.building import (
    ANSWER,
    a_calendar,
    a_catalogue,
    an_event,
    an_objective,
    at,
    mean,
    only,
    promising,
    within,
)
from tests.domain.cases import fresh

OFFICE = a_calendar({"mon-fri": "09:00-17:00"})
KPI = replace(ANSWER, pause=(only("status", "pending"),))
P1 = an_objective("p1", KPI, within(2 * HOUR), where=only("priority", "p1"), series="s")
P2 = an_objective("p2", KPI, within(4 * HOUR), where=only("priority", "p2"), series="s")


def words(*events: Event, now: str = "18:00", means: bool = False) -> list[list[str]]:
    own = (an_objective("m", KPI, mean()),) if means else (P1, P2)
    catalogue = a_catalogue(promising(*own, calendar=OFFICE))
    plan = compile_plan(catalogue)
    found = explain_item(fresh(plan, events), plan, catalogue, now=at(now))
    return [clock.text for clock in found.clocks]


def test_a_met_clock_tells_promise_course_outcome_and_choice() -> None:
    (found,) = words(
        an_event("created", "08:00", priority="p1"),
        an_event("status_changed", "10:00", status="pending"),
        an_event("status_changed", "11:00", status="open"),
        an_event("replied", "11:30"),
    )
    assert found == [
        (
            "support promises acme for answer: within 2 h, in the hours of calendar office"
            " (agreement a, objective p1, customer level, version from 2026-01-01T00:00:00Z)."
        ),
        (
            "Cycle 1 runs from 2026-03-02T08:00:00Z to 2026-03-02T11:30:00Z: 1 h 30 min counted;"
            " paused were 1 h (status is pending); closed were 1 h (outside the hours)."
        ),
        "Met: stopped 2026-03-02T11:30:00Z by ticket.replied, 30 min to spare.",
        "Not p2: it does not match: priority is p1, asked for: p2.",
        "Binds: no other agreement of type sla has a claim here.",
    ]


def test_every_state_is_told() -> None:
    created = an_event("created", "09:00", priority="p1")
    pending = an_event("status_changed", "10:00", status="pending")
    ((*_, running, _, _),) = words(created, now="10:40")
    assert running == "Running, 20 min left, due 2026-03-02T11:00:00Z, at risk."
    ((*_, paused, _, _),) = words(created, pending, now="12:00")
    assert paused == "Paused, 1 h left."
    ((*_, open_, _, _),) = words(created, now="12:00")
    assert open_ == "Breached at 2026-03-02T11:00:00Z and still open, 1 h over."
    ((*_, closed, _, _),) = words(created, an_event("replied", "12:00"))
    assert closed == (
        "Breached at 2026-03-02T11:00:00Z, stopped 2026-03-02T12:00:00Z by ticket.replied,"
        " 1 h over."
    )
    old, new = words(created, an_event("priority_changed", "09:30", priority="p2"), now="10:00")
    change = "priority became p2 (was p1)"
    assert old[2] == f"Superseded at 2026-03-02T09:30:00Z: {change}: superseded by p2."
    assert (
        new[3] == f"2026-03-02T09:30:00Z: {change}: takes over from p1 with its start and pauses."
    )
    ((_, _, cancelled, *_),) = words(created, an_event("merged", "09:30"))
    assert cancelled == (
        "Cancelled at 2026-03-02T09:30:00Z: ticket.merged: the item was merged into another."
    )


def test_a_clock_under_a_mean_has_no_limit_of_its_own() -> None:
    ((promise, _, outcome, *_),) = words(
        an_event("created", "09:00"), an_event("replied", "12:00"), means=True
    )
    assert "answer: a mean of at most 1 h, over all clocks, in the hours" in promise
    assert outcome == "Met: stopped 2026-03-02T12:00:00Z by ticket.replied."
