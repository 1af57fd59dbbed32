"""Windows explained: every measure and target shows the numbers it is made of."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.agreement import Objective
from shared.domain.evaluation import evaluate
from shared.domain.explain_window import explain_window
from shared.domain.instant import HOUR, MINUTE
from shared.domain.judge import State, judge
from shared.domain.measure import Measure, bucket_of
from tests.domain.building import (
    COHORT,
    HOURS_SPENT,
    MARCH,
    RATING,
    RETURNS,
    SOLVED,
    a_calendar,
    an_objective,
    at,
    at_least,
    at_most,
    mean,
    percentile,
    promising,
    within,
)
from tests.domain.cases import random_case

CASES: list[tuple[Objective, Measure, str, str]] = [
    (
        an_objective(target=within(ratio="0.9")),
        Measure(met=3, breached_open=1),
        "met / (met + breached) = 3 / 4",
        "breached: met 3 < 0.9 x 4",
    ),
    (
        an_objective(target=within(ratio="0.5")),
        Measure(met=7, breached_open=3),
        "met / (met + breached) = 7 / 10",
        "ok: met 7 >= 0.5 x 10, budget consumed 3 / 5 = 0.6 < 0.8",
    ),
    (
        an_objective(target=within(ratio="0.5")),
        Measure(met=6, breached_open=4),
        "met / (met + breached) = 6 / 10",
        "at_risk: met 6 >= 0.5 x 10, but budget consumed 4 / 5 = 0.8 >= 0.8",
    ),
    (
        an_objective(target=within()),
        Measure(met=4),
        "met / (met + breached) = 4 / 4",
        "ok: met 4 >= 1 x 4, nothing may be missed",
    ),
    (
        an_objective(kpi=RETURNS, target=at_least(9), pace="0.5"),
        Measure(counted=5),
        "count = 5",
        (
            "ok: 5 < 9, which may still be reached, the pace less its tolerance is"
            " 9 x 118800 / 2678400 x 0.5 = 0.1996"
        ),
    ),
    (
        an_objective(target=within(), minimum=5),
        Measure(met=4),
        "met / (met + breached) = 4 / 4",
        "no_data: 4 decided clocks, fewer than the minimum of 5",
    ),
    (
        an_objective(target=percentile("0.9", HOUR)),
        Measure(met=9, breached_open=1),
        "ceil(0.9 x 10) = 9; number 9 of 10 times in order is 1803.55072 s, shown to 0.79 %",
        "at_risk: met 9 >= 0.9 x 10, but budget consumed 1 / 1 = 1 >= 0.8",
    ),
    (
        an_objective(target=mean(HOUR)),
        Measure(met=3, amount=4 * HOUR),
        "sum of times in seconds / decided = 14400 / 3",
        "breached: sum 14400 > 3600 x 3",
    ),
    (
        an_objective(kpi=RETURNS, target=at_most(2)),
        Measure(counted=5),
        "count = 5",
        "breached: 5 > 2",
    ),
    (
        an_objective(kpi=RETURNS, target=at_least(9)),
        Measure(counted=5),
        "count = 5",
        "ok: 5 < 9, which may still be reached",
    ),
    (
        an_objective(kpi=HOURS_SPENT, target=at_least("10.5")),
        Measure(counted=2, amount=Fraction("10.5")),
        "sum of amount = 10.5 over 2 events",
        "ok: 10.5 >= 10.5, reached",
    ),
    (
        an_objective(kpi=RATING, target=at_least(4)),
        Measure(counted=3, amount=11),
        "sum of amount / events = 11 / 3",
        "breached: sum 11 < 4 x 3",
    ),
    (
        an_objective(kpi=SOLVED, target=at_least("0.8")),
        Measure(good=3, total=4),
        "good / total = 3 / 4",
        "breached: good 3 < 0.8 x 4",
    ),
    (
        an_objective(kpi=COHORT, target=at_least("0.5")),
        Measure(good=1, total=4, pending=1),
        "good / total = 1 / 4, 1 of them pending",
        "at_risk: good 1 + pending 1 >= 0.5 x 4, but budget consumed 2 / 2 = 1 >= 0.8",
    ),
    (
        an_objective(kpi=SOLVED, target=at_most("0.5")),
        Measure(good=1, total=4),
        "good / total = 1 / 4",
        "ok: good 1 <= 0.5 x 4, budget consumed 1 / 2 = 0.5 < 0.8",
    ),
]


@pytest.mark.parametrize(("own", "measure", "formula", "rule"), CASES)
def test_the_formula_and_the_rule_have_the_numbers_they_are_made_of(
    own: Objective, measure: Measure, formula: str, rule: str
) -> None:
    agreement, now = promising(own), at("09:00")
    span = MARCH.current(now)
    buckets = {bucket_of(30 * MINUTE): 10}
    judged = judge(agreement, "o", span, measure, now=now, buckets=buckets)
    reasons = explain_window(agreement, judged, span, measure, now=now)
    assert (reasons.formula, reasons.rule) == (formula, rule)


def test_a_quantile_that_has_not_stopped_says_so() -> None:
    own, now = an_objective(target=percentile("0.9")), at("09:00")
    agreement, measure = promising(own), Measure(met=1, breached_open=1)
    span = MARCH.current(now)
    judged = judge(agreement, "o", span, measure, now=now, buckets={bucket_of(HOUR): 1})
    reasons = explain_window(agreement, judged, span, measure, now=now)
    assert reasons.formula.endswith(
        "number 2 of 2 times in order is a clock that has not stopped yet"
    )
    assert reasons.rank is not None
    assert (reasons.rank.place, reasons.rank.of) == (2, 2)


def test_a_pace_has_its_numbers_from_open_time() -> None:
    office = a_calendar({"mon-fri": "09:00-17:00"})
    own = an_objective(kpi=RETURNS, target=at_least(220), pace="0.1")
    agreement, now = promising(own, calendar=office), at("03-03 09:00")
    span, measure = MARCH.current(now), Measure(counted=8)
    judged = judge(agreement, "o", span, measure, now=now)
    reasons = explain_window(agreement, judged, span, measure, now=now)
    assert reasons.pace is not None
    assert reasons.pace.open_time == 22 * 8 * HOUR
    assert reasons.pace.elapsed == 8 * HOUR
    assert reasons.pace.expected == 10
    assert reasons.pace.at_risk_below == 9
    assert reasons.rule == (
        "at_risk: 8 < 220 x 28800 / 633600 x 0.9 = 9, the pace less its tolerance"
    )


def test_a_window_without_open_time_says_whose() -> None:
    own = an_objective(kpi=RETURNS, target=at_least(1))
    shut = a_calendar({"mon": "09:00-10:00"}, shifts={f"2026-03-{d:02}": "" for d in range(1, 32)})
    agreement, now = promising(own, calendar=shut), at("09:00")
    span, measure = MARCH.current(now), Measure()
    judged = judge(agreement, "o", span, measure, now=now)
    assert judged.state is State.EXCLUDED
    reasons = explain_window(agreement, judged, span, measure, now=now)
    assert reasons.rule.startswith("excluded: no open time of office")


def test_a_final_window_is_explained_as_final() -> None:
    own = an_objective(target=within(ratio="0.5"))
    agreement, now = promising(own), at("2026-04-01T00:00:00Z")
    span, measure = MARCH.current(at("09:00")), Measure(met=1, breached_closed=1)
    judged = judge(agreement, "o", span, measure, now=now)
    reasons = explain_window(agreement, judged, span, measure, now=now)
    assert reasons.rule == "ok: met 1 >= 0.5 x 2, final"


@settings(max_examples=60)
@given(st.integers(0, 5000))
def test_the_budget_explained_is_the_budget_judged(seed: int) -> None:
    given_case = random_case(seed)
    items = given_case.items([own for own in given_case.events if own.time <= given_case.now])
    found = evaluate(given_case.catalogue, items.values(), now=given_case.now)
    for reading in found.objectives:
        judged = reading.judgement
        agreement = given_case.catalogue.agreements[judged.version.agreement]
        reasons = explain_window(
            agreement, judged, reading.window, reading.measure, now=given_case.now
        )
        assert reasons.formula
        assert reasons.rule.startswith(judged.state.value)
        consumed = None if reasons.budget is None else reasons.budget.consumed
        remaining = None if consumed is None else 1 - consumed
        assert remaining == judged.budget_remaining
