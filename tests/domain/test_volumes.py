"""Volumes: what is to be reached, with pace and at the end, and what is not to be passed."""

from fractions import Fraction

import pytest

from shared.domain.agreement import Kpi, Objective
from shared.domain.judge import START, Judgement, State, judge, window_breaches
from shared.domain.measure import Measure
from shared.domain.missing import misses
from shared.domain.window import (
    CalendarWindow,
    Period,
    Span,
)
from tests.domain.building import (
    HOURS_SPENT,
    RETURNS,
    a_calendar,
    a_version,
    an_agreement,
    an_objective,
    at,
    at_least,
    at_most,
    promising,
)

MARCH = Span(at("03-01 00:00"), at("04-01 00:00"))
NOW = at("03-11 00:00")
DAILY = CalendarWindow(Period.DAY, "UTC")
OFFICE = a_calendar({"mon-fri": "09:00-17:00"})
OK, RISK, BROKEN = State.OK, State.AT_RISK, State.BREACHED
VOLUMES = [(RETURNS, Measure(counted=3)), (HOURS_SPENT, Measure(counted=9, amount=3))]


def judged(objective: Objective, measure: Measure, now: int = NOW) -> Judgement:
    return judge(promising(objective), "o", MARCH, measure, now=now)


def exact(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


@pytest.mark.parametrize(("kpi", "measure"), VOLUMES)
@pytest.mark.parametrize(
    ("limit", "state", "budget"),
    [
        ("5", OK, "2/5"),
        ("3", RISK, "0"),
        ("3.75", RISK, "1/5"),
        ("2", BROKEN, "-1/2"),
        ("0", BROKEN, None),
    ],
)
def test_at_most_so_much(
    kpi: Kpi, measure: Measure, limit: str, state: State, budget: str | None
) -> None:
    found = judged(an_objective(kpi=kpi, target=at_most(limit)), measure)
    assert (found.value, found.state) == (Fraction(3), state)
    assert found.budget_remaining == exact(budget)


@pytest.mark.parametrize(("amount", "state", "budget"), [("-4", OK, "1"), ("0.5", BROKEN, None)])
def test_a_sum_below_nothing_consumes_nothing(
    amount: str, state: State, budget: str | None
) -> None:
    own = an_objective(kpi=HOURS_SPENT, target=at_most(0))
    found = judged(own, Measure(counted=2, amount=Fraction(amount)))
    assert (found.value, found.state) == (Fraction(amount), state)
    assert found.budget_remaining == exact(budget)


def test_a_limit_below_nothing_leaves_no_budget_and_is_held_by_less() -> None:
    own = an_objective(kpi=HOURS_SPENT, target=at_most(-2))
    for amount, state in ((-3, OK), (-2, OK), (-1, BROKEN)):
        found = judged(own, Measure(counted=1, amount=amount))
        assert (found.state, found.budget_remaining) == (state, Fraction(1))


def test_a_count_or_a_sum_of_nothing_is_a_value_whatever_the_minimum() -> None:
    for kpi in (RETURNS, HOURS_SPENT):
        most = judged(an_objective(kpi=kpi, target=at_most(1), minimum=5), Measure())
        assert (most.value, most.state) == (Fraction(0), OK)
        least = judged(an_objective(kpi=kpi, target=at_least(1), minimum=5), Measure(), MARCH.end)
        assert (least.value, least.state) == (Fraction(0), BROKEN)


@pytest.mark.parametrize(
    ("counted", "pace", "now", "state"),
    [
        (10, "0", "03-11 00:00", OK),
        (9, "0", "03-11 00:00", RISK),
        (9, "0.1", "03-11 00:00", OK),
        (8, "0.1", "03-11 00:00", RISK),
        (0, None, "03-31 23:00", OK),
        (31, "0", "03-31 23:00", OK),
        (30, "0", "04-01 00:00", BROKEN),
        (31, "0", "04-01 00:00", OK),
    ],
)
def test_a_volume_keeps_pace(counted: int, pace: str | None, now: str, state: State) -> None:
    for kpi, measure in (
        (RETURNS, Measure(counted=counted)),
        (HOURS_SPENT, Measure(counted=1, amount=counted)),
    ):
        found = judged(an_objective(kpi=kpi, target=at_least(31), pace=pace), measure, at(now))
        assert found.value == counted
        assert (found.state, found.budget_remaining) == (state, None)
        assert not misses(found.objective, measure)


def test_a_volume_without_open_time_is_excluded_also_when_it_is_reached() -> None:
    objective = an_objective(kpi=RETURNS, target=at_least(1), window=DAILY)
    agreement = an_agreement(a_version(objective, calendar=OFFICE))
    saturday = DAILY.pane(at("03-07 12:00"))
    for now in (at("03-07 12:00"), at("03-09 00:00")):
        for measure in (Measure(), Measure(counted=3)):
            found = judge(agreement, "o", saturday, measure, now=now)
            assert found.state is State.EXCLUDED


def test_a_missed_volume_is_a_breach_of_no_length_at_the_end() -> None:
    for kpi, measure in VOLUMES:
        agreement = promising(an_objective(kpi=kpi, target=at_least(4)))
        for now, found in ((MARCH.end - 1, ()), (MARCH.end, ((MARCH.end, MARCH.end),))):
            assert window_breaches(agreement, "o", MARCH, START, measure, now=now) == found
        enough = measure.plus(measure)
        assert window_breaches(agreement, "o", MARCH, START, enough, now=MARCH.end) == ()


def test_an_excluded_window_has_no_breach() -> None:
    objective = an_objective(kpi=RETURNS, target=at_least(1), window=DAILY)
    agreement = promising(objective, calendar=OFFICE)
    saturday, monday = DAILY.pane(at("03-07 12:00")), at("03-09 00:00")
    assert window_breaches(agreement, "o", saturday, START, Measure(), now=monday) == ()
