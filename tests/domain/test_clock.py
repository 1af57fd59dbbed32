"""One clock: its states, its target, when it is due and when it runs out."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.agreement import Duration, EndOfWorkingDay, Within, WorkingDays
from shared.domain.business_calendar import ALWAYS, HORIZON, BusinessCalendar
from shared.domain.clock import Clock, ClockState, clock_target, read_clock
from shared.domain.instant import HOUR, MINUTE
from shared.domain.window import Span
from tests.domain.building import a_calendar, a_version, an_objective, at, within

OFFICE = a_calendar({"mon-fri": "09:00-17:00"})
START = at("09:00")


def a_clock(
    micros: int = HOUR, *, calendar: BusinessCalendar = ALWAYS, came_under: int = START
) -> Clock:
    objective = an_objective(target=within(micros))
    version = a_version(objective, calendar=calendar)
    clock = Clock(version, objective, cycle=1, ordinal=0, started_at=START, came_under=came_under)
    clock.look_ahead([], None)
    return clock


def test_it_runs_out_after_the_target_and_not_at_it() -> None:
    clock = a_clock()
    assert not clock.ran_out(at("10:00"))
    assert clock.ran_out(at("10:00") + 1)
    assert clock.breach() == at("10:00")
    assert (clock.state, clock.breached_at) == (ClockState.BREACHED_OPEN, at("10:00"))


def test_it_breaks_when_it_comes_under_an_objective_that_it_has_passed() -> None:
    assert a_clock(came_under=at("11:00")).breach() == at("11:00")


@pytest.mark.parametrize(("breached", "stopped"), [(False, "met"), (True, "breached_closed")])
def test_a_stop_decides_and_going_on_takes_it_back(breached: bool, stopped: str) -> None:  # noqa: FBT001
    clock = a_clock()
    if breached:
        clock.breach()
    before = clock.state
    clock.stop(at("09:30"))
    assert (clock.state, clock.stopped_at) == (ClockState(stopped), at("09:30"))
    clock.stop(at("09:40"))
    assert clock.stopped_at == at("09:30")
    clock.go_on()
    assert clock.state is before
    assert clock.stopped_at is None


@pytest.mark.parametrize(
    ("pauses", "since", "due"),
    [
        ([], None, ("10:00", "10:00")),
        ([("09:10", "09:40")], None, ("10:30", "10:30")),
        ([("10:00", "12:00")], None, ("10:00", "12:00")),
        ([], "09:10", (None, None)),
        ([], "10:00", ("10:00", None)),
        ([], "10:30", ("10:00", "10:00")),
        ([("08:00", "09:20")], None, ("10:20", "10:20")),
    ],
)
def test_pauses_move_the_deadline(
    pauses: list[tuple[str, str]], since: str | None, due: tuple[str | None, str | None]
) -> None:
    spans = [Span(at(start), at(end)) for start, end in pauses]
    found = a_clock().due(spans, None if since is None else at(since))
    assert found == tuple(None if text is None else at(text) for text in due)


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
    objective = an_objective(target=Within(duration, Fraction(1)))
    assert clock_target(OFFICE, objective, at(start)) == target


def test_a_deadline_beyond_the_horizon_is_none() -> None:
    assert a_clock(HORIZON).due([], None) == (START + HORIZON, START + HORIZON)
    assert a_clock(HORIZON + 1).due([], None) == (None, None)


PAUSES = st.lists(st.integers(0, 40), max_size=8, unique=True).map(
    lambda edges: [
        Span(START + a * 10 * MINUTE, START + b * 10 * MINUTE)
        for a, b in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)
    ]
)


@given(PAUSES, st.integers(1, 20 * HOUR), st.sampled_from([ALWAYS, OFFICE]))
def test_the_deadline_is_where_elapsed_reaches_the_target(
    pauses: list[Span], micros: int, calendar: BusinessCalendar
) -> None:
    clock = a_clock(micros, calendar=calendar)
    due_at, due_last = clock.due(pauses, None)
    assert due_at is not None
    assert due_last is not None
    assert clock.elapsed(pauses, due_at) == micros
    assert clock.elapsed(pauses, due_at - 1) == micros - 1
    assert clock.elapsed(pauses, due_last) == micros
    assert clock.elapsed(pauses, due_last + 1) == micros + 1


@given(PAUSES, st.integers(0, 30 * HOUR), st.sampled_from([ALWAYS, OFFICE]))
def test_elapsed_and_paused_add_up_to_the_open_time(
    pauses: list[Span], age: int, calendar: BusinessCalendar
) -> None:
    clock = a_clock(calendar=calendar)
    reading = read_clock(clock, "ticket:T-1", pauses, None, binding=True, now=START + age)
    assert reading.elapsed + reading.paused == calendar.open_between(START, START + age)
    assert reading.remaining == HOUR - reading.elapsed


def test_a_cancelled_clock_shows_no_deadline() -> None:
    clock = a_clock()
    clock.leave(ClockState.CANCELLED, at("09:30"))
    reading = read_clock(clock, "ticket:T-1", [], None, binding=False, now=at("12:00"))
    assert (reading.due_at, reading.due_last, reading.at_risk) == (None, None, False)
    assert reading.elapsed == 30 * MINUTE
