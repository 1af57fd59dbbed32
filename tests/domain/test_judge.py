"""Windows judged: states, budgets, the walk, and when time alone changes them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.agreement import Agreement, Target
from shared.domain.instant import DAY, HOUR
from shared.domain.judge import (
    START,
    State,
    Step,
    judge,
    next_turn,
    walk,
    window_breaches,
    windows,
)
from shared.domain.measure import Counts
from shared.domain.window import CalendarWindow, Period, Span
from tests.domain.building import (
    RETURNS,
    a_calendar,
    a_version,
    an_agreement,
    an_objective,
    at,
    at_least,
    at_most,
    within,
)

MARCH = Span(at("03-01 00:00"), at("04-01 00:00"))
NOW = at("03-11 00:00")
OFFICE = a_calendar({"mon-fri": "09:00-17:00"})


def promising(target: Target, *, minimum: int = 1, pace: str | None = None) -> Agreement:
    return an_agreement(a_version(an_objective(target=target, minimum=minimum, pace=pace)))


def counts(met: int, missed: int) -> Counts:
    return Counts(met=met, breached_open=missed)


@pytest.mark.parametrize(
    ("ratio", "met", "missed", "state", "budget"),
    [
        ("0.5", 3, 1, State.OK, "1/2"),
        ("0.7", 3, 1, State.AT_RISK, "1/6"),
        ("0.75", 3, 1, State.AT_RISK, "0"),
        ("0.9", 3, 1, State.BREACHED, "-3/2"),
        ("1", 3, 1, State.BREACHED, None),
        ("1", 3, 0, State.OK, "1"),
        ("0.5", 0, 0, State.NO_DATA, None),
    ],
)
def test_a_share_of_kept_clocks(
    ratio: str, met: int, missed: int, state: State, budget: str | None
) -> None:
    found = judge(promising(within(HOUR, ratio)), "o", MARCH, counts(met, missed), now=NOW)
    assert (found.state, found.final) == (state, False)
    assert found.budget_remaining == (None if budget is None else Fraction(budget))


def test_an_ended_window_is_final_and_never_at_risk() -> None:
    found = judge(promising(within(HOUR, "0.75")), "o", MARCH, counts(3, 1), now=MARCH.end)
    assert (found.state, found.final) == (State.OK, True)


@pytest.mark.parametrize(
    ("limit", "state", "budget"),
    [
        (5, State.OK, "2/5"),
        (3, State.AT_RISK, "0"),
        (2, State.BREACHED, "-1/2"),
        (0, State.BREACHED, None),
    ],
)
def test_at_most_so_many(limit: int, state: State, budget: str | None) -> None:
    found = judge(promising(at_most(limit)), "o", MARCH, Counts(counted=3), now=NOW)
    assert found.value == 3
    assert found.state is state
    assert found.budget_remaining == (None if budget is None else Fraction(budget))


@pytest.mark.parametrize(
    ("counted", "pace", "now", "state"),
    [
        (10, "0", "03-11 00:00", State.OK),
        (9, "0", "03-11 00:00", State.AT_RISK),
        (9, "0.1", "03-11 00:00", State.OK),
        (8, "0.1", "03-11 00:00", State.AT_RISK),
        (0, None, "03-31 23:00", State.OK),
        (31, "0", "03-31 23:00", State.OK),
        (30, "0", "04-01 00:00", State.BREACHED),
        (31, "0", "04-01 00:00", State.OK),
    ],
)
def test_a_volume_keeps_pace(counted: int, pace: str | None, now: str, state: State) -> None:
    agreement = promising(at_least(31), pace=pace)
    found = judge(agreement, "o", MARCH, Counts(counted=counted), now=at(now))
    assert found.value == counted
    assert (found.state, found.budget_remaining) == (state, None)


def test_a_volume_without_open_time_is_excluded() -> None:
    day = CalendarWindow(Period.DAY, "UTC")
    objective = an_objective(kpi=RETURNS, target=at_least(1), window=day)
    agreement = an_agreement(a_version(objective, calendar=OFFICE))
    saturday = day.holding(at("03-07 12:00"))
    for now in (at("03-07 12:00"), at("03-09 00:00")):
        assert judge(agreement, "o", saturday, Counts(), now=now).state is State.EXCLUDED
    assert window_breaches(agreement, "o", saturday, START, Counts(), now=at("03-09 00:00")) == ()


STEPS = st.lists(
    st.builds(
        Step,
        st.integers(0, 30).map(lambda n: at("03-01 00:00") + n * DAY),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    max_size=12,
    unique_by=lambda step: step.at,
).map(lambda steps: sorted(steps, key=lambda step: step.at))
RATIOS = st.sampled_from(["0.5", "0.9", "1"])


@given(STEPS, st.integers(0, 12), RATIOS, st.integers(1, 3))
def test_a_walk_in_pieces_is_the_walk_at_once(
    steps: list[Step], cut: int, ratio: str, minimum: int
) -> None:
    agreement = promising(within(HOUR, ratio), minimum=minimum)
    whole = walk(agreement, "o", MARCH, START, steps, now=MARCH.end - 1)
    part = walk(agreement, "o", MARCH, START, steps[:cut], now=MARCH.end - 1)
    assert walk(agreement, "o", MARCH, part, steps[cut:], now=MARCH.end - 1) == whole


@given(STEPS, RATIOS, st.integers(1, 3))
def test_the_last_breach_is_open_exactly_when_the_window_is_breached(
    steps: list[Step], ratio: str, minimum: int
) -> None:
    agreement = promising(within(HOUR, ratio), minimum=minimum)
    walked = walk(agreement, "o", MARCH, START, steps, now=MARCH.end - 1)
    total = counts(walked.met, walked.missed)
    state = judge(agreement, "o", MARCH, total, now=MARCH.end - 1).state
    is_open = bool(walked.breaches) and walked.breaches[-1][1] is None
    assert is_open is (state is State.BREACHED)
    closed = window_breaches(agreement, "o", MARCH, walked, total, now=MARCH.end)
    assert all(end is not None and end <= MARCH.end for _, end in closed)


def test_a_walk_leaves_out_what_is_later_than_now() -> None:
    steps = [Step(at("03-02 00:00"), missed=1), Step(at("03-12 00:00"), met=9)]
    walked = walk(promising(within(HOUR, "0.5")), "o", MARCH, START, steps, now=NOW)
    assert walked.breaches == ((at("03-02 00:00"), None),)


def test_a_missed_volume_is_a_breach_of_no_length_at_the_end() -> None:
    agreement = promising(at_least(2))
    assert window_breaches(agreement, "o", MARCH, START, Counts(counted=1), now=MARCH.end - 1) == ()
    missed = window_breaches(agreement, "o", MARCH, START, Counts(counted=1), now=MARCH.end)
    assert missed == ((MARCH.end, MARCH.end),)


@given(st.integers(0, 31), st.integers(0, 31 * 24), st.sampled_from([None, "0", "0.1", "0.9"]))
def test_before_the_next_turn_time_alone_changes_nothing(
    counted: int, hours: int, pace: str | None
) -> None:
    objective = an_objective(kpi=RETURNS, target=at_least(31), pace=pace)
    agreement = an_agreement(
        a_version(objective, until="03-20 12:00", calendar=OFFICE),
        a_version(objective, start="03-20 12:00"),
    )
    now, total = MARCH.start + hours * HOUR, Counts(counted=counted)
    turn = next_turn(agreement, "o", MARCH, total, now=now)
    assert turn > now
    judged = judge(agreement, "o", MARCH, total, now=now)
    for later in {now, (now + turn) // 2, turn - 1}:
        assert judge(agreement, "o", MARCH, total, now=later).state is judged.state


def test_listed_are_windows_with_data_the_current_one_and_all_between_for_a_volume() -> None:
    day = CalendarWindow(Period.DAY, "UTC")
    data = [at("03-02 00:00"), at("03-05 00:00")]
    most = an_agreement(a_version(an_objective(kpi=RETURNS, target=at_most(1), window=day)))
    least = an_agreement(a_version(an_objective(kpi=RETURNS, target=at_least(1), window=day)))

    def days(agreement: Agreement, *, grouped: bool) -> list[int]:
        found = windows(agreement, "o", data, grouped=grouped, now=at("03-07 12:00"))
        return [(span.start - at("03-01 00:00")) // DAY + 1 for span in found]

    assert days(most, grouped=True) == [2, 5]
    assert days(most, grouped=False) == [2, 5, 7]
    assert days(least, grouped=True) == [2, 3, 4, 5, 6, 7]


def test_of_a_volume_the_last_2500_are_listed_however_long_ago_the_first_is() -> None:
    day = CalendarWindow(Period.DAY, "UTC")
    least = an_objective(kpi=RETURNS, target=at_least(1), window=day)
    agreement = an_agreement(a_version(least, start="0001-01-01T00:00:00Z"))
    long_ago = at("0002-01-01T00:00:00Z")
    found = windows(agreement, "o", [long_ago], grouped=True, now=NOW)
    assert found == [Span(NOW - n * DAY, NOW - n * DAY + DAY) for n in reversed(range(2_500))]
    last_year = CalendarWindow(Period.YEAR, "UTC")
    least = an_objective(kpi=RETURNS, target=at_least(1), window=last_year)
    agreement = an_agreement(a_version(least))
    end = at("9998-12-30T00:00:00Z")
    assert windows(agreement, "o", [], grouped=False, now=end) == [last_year.holding(end)]


def test_a_window_outside_every_effective_period_is_not_listed() -> None:
    agreement = an_agreement(a_version(an_objective(), until="03-01 00:00"))
    assert windows(agreement, "o", [], grouped=False, now=NOW) == []
    assert windows(agreement, "o", [MARCH.start], grouped=False, now=NOW) == [MARCH]
