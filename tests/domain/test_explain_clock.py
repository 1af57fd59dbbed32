"""A clock's life in intervals: what pauses it by name, what closes it by name."""

from dataclasses import replace

from shared.domain.agreement import Kpi, Reopen
from shared.domain.business_calendar import ALWAYS, BusinessCalendar
from shared.domain.event import Event
from shared.domain.explain_clock import PAUSE, Activity
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
    only,
    promising,
)
from tests.domain.cases import fresh

PAUSING = replace(ANSWER, pause=(only("status", "pending"), only("flag", "held")))


def life(
    *events: Event, kpi: Kpi = PAUSING, calendar: BusinessCalendar = ALWAYS, now: str = "18:00"
) -> list[tuple[str, int, str]]:
    catalogue = a_catalogue(promising(an_objective(kpi=kpi), calendar=calendar))
    plan = compile_plan(catalogue)
    (clock,) = explain_item(fresh(plan, events), plan, catalogue, now=at(now)).clocks
    return [(own.activity.value, own.length // (HOUR // 60), own.reason) for own in clock.intervals]


def test_each_pause_has_the_matchers_that_hold_and_is_cut_where_they_change() -> None:
    found = life(
        an_event("created", "09:00"),
        an_event("status_changed", "10:00", status="pending"),
        an_event("commented", "10:30", flag="held"),
        an_event("status_changed", "11:00", status="open"),
        an_event("commented", "11:30", flag=None),
        an_event("replied", "12:00"),
    )
    running = "within the hours of Monday"
    assert found == [
        ("running", 60, running),
        ("paused", 30, "status is pending"),
        ("paused", 30, "status is pending or flag is held"),
        ("paused", 30, "flag is held"),
        ("running", 30, running),
    ]


def test_the_last_event_of_an_instant_gives_the_reason() -> None:
    found = life(
        an_event("created", "09:00"),
        an_event("status_changed", "10:00", status="pending", sequence="1"),
        an_event("status_changed", "10:00", status="open", flag="held", event_id="z", sequence="2"),
        now="11:00",
    )
    assert found[1:] == [("paused", 60, "flag is held")]


def test_the_time_between_a_stop_and_its_reopening_says_so() -> None:
    kpi = replace(PAUSING, reopen=Reopen.CONTINUE)
    found = life(
        an_event("created", "09:00", flag="held"),
        an_event("commented", "10:00", flag=None),
        an_event("replied", "11:00", flag="held"),
        an_event("reopened", "12:00"),
        an_event("commented", "13:00", flag=None),
        kpi=kpi,
        now="14:00",
    )
    running = "within the hours of Monday"
    assert found == [
        ("paused", 60, "flag is held"),
        ("running", 60, running),
        ("paused", 60, "stopped from 2026-03-02T11:00:00Z until reopened"),
        ("paused", 60, "flag is held"),
        ("running", 60, running),
    ]


def test_closed_time_is_closed_also_inside_a_pause() -> None:
    office = a_calendar({"mon-fri": "09:00-17:00"}, dates=("2026-03-03",))
    found = life(
        an_event("created", "16:00"),
        an_event("status_changed", "16:30", status="pending"),
        calendar=office,
        now="03-04 10:00",
    )
    assert found == [
        ("running", 30, "within the hours of Monday"),
        ("paused", 30, "status is pending"),
        ("closed", 7 * 60, "outside the hours of Monday"),
        ("closed", 24 * 60, "holiday on 2026-03-03"),
        ("closed", 9 * 60, "outside the hours of Wednesday"),
        ("paused", 60, "status is pending"),
    ]


def test_a_clock_that_stops_as_it_starts_has_no_interval() -> None:
    assert life(an_event("created", "09:00"), an_event("replied", "09:00")) == []


def test_paused_intervals_have_one_cause() -> None:
    catalogue = a_catalogue(promising(an_objective(kpi=PAUSING)))
    plan = compile_plan(catalogue)
    item = fresh(plan, [an_event("created", "09:00", status="pending")])
    (clock,) = explain_item(item, plan, catalogue, now=at("10:00")).clocks
    assert [(own.activity, own.cause) for own in clock.intervals] == [(Activity.PAUSED, PAUSE)]
