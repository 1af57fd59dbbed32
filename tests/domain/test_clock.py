"""One clock: its states, its target, when it is due and when it runs out."""

from dataclasses import replace
from fractions import Fraction

import pytest

from shared.domain.agreement import Duration, EndOfWorkingDay, Within, WorkingDays
from shared.domain.business_calendar import HORIZON
from shared.domain.clock import Clock, clock_target
from shared.domain.instant import HOUR, MINUTE
from shared.domain.item import Item
from tests.domain.building import (
    a_calendar,
    a_version,
    an_agreement,
    an_event,
    an_objective,
    at,
    mean,
    only,
    percentile,
    promising,
    within,
)
from tests.domain.stories import clocks, item_of, ticket
from tests.domain.ticking import KPI, OFFICE, START, an_item, reading, told


@pytest.mark.parametrize(
    ("events", "now", "state", "breached"),
    [
        ([], "10:00", "running", None),
        ([], "10:01", "breached_open", "10:00"),
        (["10:00 solved"], "10:01", "met", None),
        (["10:01 solved"], "10:01", "breached_closed", "10:00"),
        (["09:30 assigned status=pending"], "18:00", "paused", None),
        (["09:30 assigned status=pending", "09:40 solved"], "18:00", "met", None),
        (["09:10 solved", "09:20 reopened"], "09:30", "running", None),
        (["09:10 solved", "09:20 reopened"], "10:10", "running", None),
        (["09:10 solved", "09:20 reopened"], "10:11", "breached_open", "10:10"),
        (["10:01 solved", "11:00 reopened"], "11:30", "breached_open", "10:00"),
        (["10:01 solved", "11:00 reopened", "12:00 solved"], "13:00", "breached_closed", "10:00"),
        (["09:10 solved", "09:20 solved"], "10:10", "met", None),
    ],
)
def test_a_clock_is_breached_after_its_target_and_not_at_it(
    events: list[str], now: str, state: str, breached: str | None
) -> None:
    found = told("09:00 created", *events, now=now)
    assert found.state == state
    assert found.breached_at == (None if breached is None else at(breached))


def test_one_microsecond_decides() -> None:
    item = an_item(ticket("09:00 created"))
    assert reading(item, at("10:00")).state == "running"
    assert reading(item, at("10:00") + 1).state == "breached_open"
    for late, state in ((0, "met"), (1, "breached_closed")):
        solved = replace(an_event("solved", "10:00"), time=at("10:00") + late)
        item = an_item([*ticket("09:00 created"), solved])
        assert reading(item, at("11:00")).state == state


def test_it_breaks_when_it_comes_under_an_objective_that_it_has_passed() -> None:
    several = (
        an_objective(name, KPI, within(micros), where=only("priority", name), series="s")
        for name, micros in (("p1", HOUR), ("p2", 3 * HOUR))
    )
    events = ["09:00 created priority=p2", "11:00 assigned priority=p1"]
    own, left = clocks(promising(*several), *events, now="11:01")
    assert (left.state, left.stopped_at) == ("superseded", at("11:00"))
    assert (own.state, own.breached_at, own.due_last) == ("breached_open", at("11:00"), at("10:00"))


def test_a_clock_that_begins_late_has_the_cycle_s_time_less_its_pauses() -> None:
    late = an_objective("p1", KPI, within(HOUR), where=only("priority", "p1"))
    events = [
        "09:00 created",
        "09:10 assigned status=pending",
        "09:30 assigned status=open",
        "09:50 assigned status=pending",
        "10:00 assigned priority=p1",
        "10:30 assigned status=open",
    ]
    (own,) = clocks(promising(late), *events, now="10:40")
    # Ten minutes, twenty, and ten more since half past.
    assert (own.state, own.elapsed, own.paused) == ("running", 40 * MINUTE, HOUR)
    assert (own.due_at, own.due_last) == (at("11:00"), at("11:00"))
    (own,) = clocks(promising(late), *events, "11:00 solved", now="12:00")
    assert (own.state, own.elapsed) == ("met", HOUR)
    (own,) = clocks(promising(late), *events, now="11:01")
    assert (own.state, own.breached_at) == ("breached_open", at("11:00"))


def test_what_is_used_up_runs_out_also_if_the_calendar_opens_again_only_after_the_horizon() -> None:
    rare = a_calendar({}, shifts={"2000-01-03": "09:00-17:00", "2110-01-03": "09:00-17:00"})
    start, opening = at("2000-01-03T09:00:00Z"), at("2110-01-03T09:00:00Z")
    created = replace(an_event("created", "09:00"), time=start)

    def ticket_due_in(target: int) -> Item:
        own = an_objective(kpi=KPI, target=within(target))
        since = a_version(own, start="1999-01-01T00:00:00Z", calendar=rare)
        return item_of(an_agreement(since), [created])

    item = ticket_due_in(8 * HOUR)
    own = reading(item, opening)
    assert (own.state, own.due_at, own.due_last) == ("running", start + 8 * HOUR, opening)
    own = reading(item, opening + 1)
    assert (own.state, own.breached_at) == ("breached_open", opening)
    assert reading(ticket_due_in(8 * HOUR + 1), opening + HOUR).state == "running"


def test_only_an_undecided_clock_that_is_not_paused_runs_out_and_not_at_its_last_instant() -> None:
    (version,) = promising(an_objective(kpi=KPI)).versions
    whole = {"cycle": 1, "ordinal": 0, "started_at": START, "came_under": START}
    clock = Clock(version, version.objectives[0], **whole, begun={})
    assert not clock.ran_out(at("12:00"))
    with pytest.raises(AssertionError, match=r"^a clock without a last instant cannot run out$"):
        clock.breach()
    clock.take_up(START, 0, (), None)
    assert [clock.ran_out(at("10:00") + late) for late in (-1, 0, 1)] == [False, False, True]
    clock.pause(at("09:30"))
    assert not clock.ran_out(at("12:00"))
    clock.resume(at("09:35"))
    assert [clock.ran_out(at("10:05") + late) for late in (0, 1)] == [False, True]
    clock.stop(at("09:40"))
    assert not clock.ran_out(at("12:00"))
    assert clock.used == at("09:40") - START - (at("09:35") - at("09:30"))


@pytest.mark.parametrize(
    ("events", "due"),
    [
        ([], ("10:00", "10:00")),
        (["09:10 assigned status=pending", "09:40 assigned status=open"], ("10:30", "10:30")),
        (["10:00 assigned status=pending", "12:00 assigned status=open"], ("10:00", "12:00")),
        (["09:10 assigned status=pending"], (None, None)),
        (["10:00 assigned status=pending"], ("10:00", None)),
        (["10:01 assigned status=pending"], ("10:00", "10:00")),
        (["08:00 assigned status=pending", "09:20 assigned status=open"], ("10:20", "10:20")),
        (["09:10 solved"], ("10:00", "10:00")),
        (["09:10 assigned status=pending", "09:40 solved"], ("10:30", "10:30")),
        (["09:10 solved", "09:40 reopened"], ("10:30", "10:30")),
        (["09:10 merged"], (None, None)),
    ],
)
def test_pauses_move_the_deadline(events: list[str], due: tuple[str | None, str | None]) -> None:
    found = told("09:00 created", *events, now="13:00")
    assert (found.due_at, found.due_last) == tuple(None if t is None else at(t) for t in due)


@pytest.mark.parametrize(
    ("duration", "start", "target"),
    [
        (WorkingDays(1), "10:00", 8 * HOUR),
        (WorkingDays(1), "03-07 12:00", 8 * HOUR),
        (WorkingDays(2), "03-06 16:00", 16 * HOUR),
        (EndOfWorkingDay(0), "10:00", 7 * HOUR),
        (EndOfWorkingDay(1), "17:00", 16 * HOUR),
    ],
)
def test_a_working_day_target_is_open_time(duration: Duration, start: str, target: int) -> None:
    for promise in (Within(duration, Fraction(1)), replace(percentile("0.5"), duration=duration)):
        assert clock_target(OFFICE, an_objective(target=promise), at(start)) == target
        events = [an_event("created", start)]
        found = reading(an_item(events, promise, OFFICE), at(start))
        assert (found.target, found.remaining, found.working_target) == (None, None, target)


def test_under_a_percentile_the_limit_is_the_clock_s_and_under_a_mean_it_has_none() -> None:
    found = told("09:00 created", now="10:30", target=percentile("0.5"))
    assert (found.state, found.due_at, found.target) == ("breached_open", at("10:00"), HOUR)
    for events, state in (([], "running"), (["10:10 solved"], "met")):
        found = told("09:00 created", *events, now="10:30", target=mean(HOUR))
        assert (found.state, found.at_risk) == (state, False)
        assert (found.due_at, found.due_last, found.target, found.remaining) == (None,) * 4


def test_a_deadline_beyond_the_horizon_is_none() -> None:
    for more, due in ((0, START + HORIZON), (1, None)):
        found = told("09:00 created", now="09:00", target=within(HORIZON + more))
        assert (found.due_at, found.due_last) == (due, due)
