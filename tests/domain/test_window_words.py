"""A window in sentences."""

from fractions import Fraction

import pytest

from shared.domain.agreement import EndOfWorkingDay, Objective, OpenTime, WorkingDays
from shared.domain.explain_window import explain_window
from shared.domain.instant import DAY, HOUR
from shared.domain.judge import judge
from shared.domain.measure import Measure, bucket_of
from shared.domain.window_words import (
    duration_words,
    target_words,
    value_words,
    window_words,
    within_words,
)
from tests.domain.building import (
    COHORT,
    HOURS_SPENT,
    MARCH,
    RATING,
    RETURNS,
    SOLVED,
    an_objective,
    at,
    at_least,
    at_most,
    mean,
    percentile,
    promising,
    within,
)


def words(own: Objective, measure: Measure, now: str = "09:00") -> list[str]:
    agreement, span = promising(own), MARCH.current(at("09:00"))
    buckets = {bucket_of(HOUR): measure.met + measure.breached_closed}
    judged = judge(agreement, "o", span, measure, now=at(now), buckets=buckets)
    reasons = explain_window(agreement, judged, span, measure, now=at(now))
    return window_words(judged, span, measure, reasons)


def test_a_window_tells_promise_figures_verdict_and_budget() -> None:
    measure = Measure(met=38, breached_open=1, breached_closed=1, running=3, excluded=2)
    assert words(an_objective(target=within(HOUR, "0.9")), measure) == [
        (
            "support promises acme for answer: at least 90 % within 1 h (agreement a, customer"
            " level, version from 2026-01-01T00:00:00Z, calendar always)."
        ),
        (
            "From 2026-03-01T00:00:00Z to 2026-04-01T00:00:00Z: 38 of 40 decided were in time,"
            " 1 too late and still open, 3 still undecided, 2 excluded."
        ),
        "The promise is kept (so far): 95 %.",
        "Of a budget of 4, 2 is used: 50 %.",
    ]


@pytest.mark.parametrize(
    ("own", "measure", "seen", "verdict"),
    [
        (
            an_objective(target=percentile("0.9")),
            Measure(met=8, breached_closed=2),
            "8 of 10 decided were in time",
            "The promise is broken (so far): about 1 h 7 s.",
        ),
        (
            an_objective(target=percentile("0.9")),
            Measure(met=8, breached_open=2),
            "8 of 10 decided were in time, 2 too late and still open",
            "The promise is broken (so far): the quantile is a clock that has not stopped yet.",
        ),
        (
            an_objective(target=mean()),
            Measure(met=2, amount=HOUR),
            "2 stopped",
            "The promise is kept (so far): 30 min.",
        ),
        (
            an_objective(kpi=RETURNS, target=at_least(9), pace="0"),
            Measure(counted=0),
            "0 counted",
            "The promise is behind its pace (so far): 0.",
        ),
        (
            an_objective(kpi=RETURNS, target=at_least(9)),
            Measure(counted=2),
            "2 counted",
            "The promise is on its way (so far): 2.",
        ),
        (
            an_objective(kpi=HOURS_SPENT, target=at_most(9)),
            Measure(counted=2, amount=Fraction("9.5")),
            "2 events with amount 9.5",
            "The promise is broken (so far): 9.5.",
        ),
        (
            an_objective(kpi=RATING, target=at_least(4), minimum=2),
            Measure(counted=1, amount=5),
            "1 event with amount 5",
            "That is too little to judge: 2 is the minimum.",
        ),
        (
            an_objective(kpi=SOLVED, target=at_least("0.5")),
            Measure(good=3, total=4),
            "3 good of 4",
            "The promise is kept (so far): 75 %.",
        ),
        (
            an_objective(kpi=COHORT, target=at_least("0.9"), budget_consumed="0.1"),
            Measure(good=17, total=20, pending=2),
            "17 good of 20, 2 may still become so",
            "The promise is kept (so far) but at risk: 85 %.",
        ),
    ],
)
def test_every_measure_and_state_is_told(
    own: Objective, measure: Measure, seen: str, verdict: str
) -> None:
    found = words(own, measure)
    assert found[1].endswith(f": {seen}.")
    assert found[2] == verdict


def test_where_nothing_may_be_missed_no_budget_is_told() -> None:
    for measure in (Measure(met=1), Measure(met=1, breached_open=1)):
        assert words(an_objective(target=within()), measure)[-1] == "Nothing may be missed."


def test_an_ended_window_is_told_as_final() -> None:
    found = words(an_objective(kpi=RETURNS, target=at_least(9)), Measure(counted=2), "04-01 00:00")
    assert found[2] == "The promise is broken (final): 2."


def test_targets_and_durations_are_told_as_promised() -> None:
    assert [
        duration_words(own)
        for own in (
            OpenTime(2 * DAY),
            WorkingDays(1),
            WorkingDays(3),
            EndOfWorkingDay(0),
            EndOfWorkingDay(1),
            EndOfWorkingDay(2),
            EndOfWorkingDay(12),
        )
    ] == [
        "48 h",
        "1 working day",
        "3 working days",
        "the end of the same working day",
        "the end of the next working day",
        "the end of the 2nd working day after",
        "the end of the 12th working day after",
    ]
    assert within_words(EndOfWorkingDay(0)) == "by the end of the same working day"
    assert within_words(WorkingDays(1)) == "within 1 working day"
    assert target_words(an_objective(target=percentile("0.95"))) == "the 95 % quantile at most 1 h"
    assert target_words(an_objective(kpi=RATING, target=at_most("2.5"))) == "at most 2.5"


def test_values_are_told_in_their_unit() -> None:
    assert value_words(an_objective(), Fraction(2, 3)) == "66.67 %"
    assert value_words(an_objective(target=mean()), Fraction(5, 2)) == "2.5 s"
    assert value_words(an_objective(target=percentile("0.5")), Fraction("1.25")) == "about 1.25 s"
    assert value_words(an_objective(kpi=RATING, target=at_least(1)), Fraction(2, 3)) == "0.6667"
