"""One clock: its states, its target, when it is due and when it runs out."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.agreement import Duration, EndOfWorkingDay, Reopen, Target, Within, WorkingDays
from shared.domain.business_calendar import ALWAYS, HORIZON, BusinessCalendar
from shared.domain.clock import Clock, ClockReading, clock_target
from shared.domain.event import Event
from shared.domain.instant import DAY, HOUR, MINUTE
from shared.domain.item import Item
from shared.domain.matcher import Milestone
from tests.domain.building import (
    ANSWER,
    a_calendar,
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

OFFICE = a_calendar({"mon-fri": "09:00-17:00"})
START = at("09:00")
KPI = replace(
    ANSWER,
    stop=(Milestone("ticket.solved"),),
    pause=(only("status", "pending"),),
    reopen=Reopen.CONTINUE,
)


def an_item(
    events: Iterable[Event], target: Target | None = None, calendar: BusinessCalendar = ALWAYS
) -> Item:
    return item_of(promising(an_objective(kpi=KPI, target=target), calendar=calendar), events)


def reading(item: Item, now: int) -> ClockReading:
    (found,) = item.clocks(now=now)
    return found


def told(*events: str, now: str, target: Target | None = None) -> ClockReading:
    return reading(an_item(ticket(*events), target), at(now))


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


@pytest.mark.parametrize(
    ("events", "now", "at_risk"),
    [
        ([], "09:47", False),
        ([], "09:48", True),
        ([], "10:00", True),
        ([], "10:01", False),
        (["09:49 solved"], "10:00", False),
        (["09:48 assigned status=pending"], "12:00", True),
        (["09:47 assigned status=pending"], "12:00", False),
    ],
)
def test_it_is_at_risk_from_four_fifths_of_its_target_on(
    events: list[str], now: str, *, at_risk: bool
) -> None:
    assert told("09:00 created", *events, now=now).at_risk is at_risk


PAUSES = st.lists(st.integers(0, 40), max_size=8, unique=True).map(sorted)
CALENDARS = st.sampled_from([ALWAYS, OFFICE])


def pausing(edges: list[int]) -> list[Event]:
    """A ticket that comes and is pending from the first to the second of these, and so on."""
    turns = [
        replace(
            an_event("assigned", "09:00", event_id=f"e-{n}"),
            time=START + edge * 10 * MINUTE,
            data={"status": "open" if n % 2 else "pending"},
        )
        for n, edge in enumerate(edges[: len(edges) // 2 * 2])
    ]
    return [an_event("created", "09:00"), *turns]


@given(PAUSES, st.integers(1, 20 * HOUR), CALENDARS)
def test_the_deadline_is_where_elapsed_reaches_the_target(
    edges: list[int], micros: int, calendar: BusinessCalendar
) -> None:
    item = an_item(pausing(edges), within(micros), calendar)
    found = reading(item, START + 30 * DAY)
    due_at, due_last = found.due_at, found.due_last
    assert due_at is not None
    assert due_last is not None
    assert found.breached_at == due_last
    for now, elapsed in (
        (due_at, micros),
        (due_at - 1, micros - 1),
        (due_last, micros),
        (due_last + 1, micros + 1),
    ):
        own = reading(item, now)
        assert own.elapsed == elapsed
        assert own.remaining == micros - elapsed
        assert (own.breached_at is None) is (now <= due_last)


@given(PAUSES, st.integers(0, 30 * HOUR), CALENDARS)
def test_elapsed_and_paused_add_up_to_the_open_time(
    edges: list[int], age: int, calendar: BusinessCalendar
) -> None:
    events, now = pausing(edges), START + age
    found = reading(an_item(events, within(90 * HOUR), calendar), now)
    assert found.elapsed + found.paused == calendar.open_between(START, now)
    turns = [event.time for event in events[1:]]
    spans = zip(turns[::2], turns[1::2], strict=True)
    paused = (calendar.open_between(min(a, now), min(b, now)) for a, b in spans)
    assert found.paused == sum(paused)
