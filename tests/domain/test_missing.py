"""Whether a value misses its target, held against the words of the contract in exact fractions."""

from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.agreement import Kpi, Objective, Target
from shared.domain.measure import NOTHING, UNIT, Measure, Outcome
from shared.domain.missing import misses, misses_alike, missing_of
from tests.domain.building import (
    ANSWER,
    RATING,
    RETURNS,
    SOLVED,
    an_objective,
    at_least,
    at_most,
    mean,
    percentile,
    within,
)

NUMBERS = st.integers(0, 12)
SHARES = st.fractions(0, 1, max_denominator=12)


@given(NUMBERS, NUMBERS, NUMBERS, SHARES, st.integers(1, 5))
def test_clocks_miss_when_the_share_of_those_that_were_met_is_smaller(
    met: int, still: int, closed: int, share: Fraction, minimum: int
) -> None:
    measure = Measure(met=met, breached_open=still, breached_closed=closed, running=7, excluded=7)
    decided = met + still + closed
    expected = decided >= minimum and Fraction(met, decided) < share
    targets: list[Target] = [percentile(str(share)), within(ratio=str(share))]
    for target in targets:
        assert misses(an_objective(target=target, minimum=minimum), measure) is expected


@given(NUMBERS, st.integers(0, 40), st.integers(1, 5), st.integers(1, 4))
def test_a_mean_of_times_misses_above_its_target(
    met: int, amount: int, at_most_micros: int, minimum: int
) -> None:
    own = an_objective(target=mean(at_most_micros), minimum=minimum)
    expected = met >= minimum and Fraction(amount, met) > at_most_micros
    assert misses(own, Measure(met=met, amount=amount)) is expected


@given(NUMBERS, NUMBERS, NUMBERS, SHARES)
def test_a_ratio_misses_when_what_is_pending_would_not_mend_it(
    good: int, pending: int, bad: int, share: Fraction
) -> None:
    total = good + pending + bad
    measure = Measure(good=good, pending=pending, total=total)
    few, many = (an_objective(kpi=SOLVED, target=t(str(share))) for t in (at_least, at_most))
    assert misses(few, measure) is (total > 0 and Fraction(good + pending, total) < share)
    assert misses(many, measure) is (total > 0 and Fraction(good, total) > share)


@given(st.integers(1, 12), st.integers(-20, 20), st.integers(-5, 5))
def test_a_mean_of_a_field_misses_on_the_wrong_side_of_its_target(
    counted: int, amount: int, target: int
) -> None:
    measure = Measure(counted=counted, amount=amount)
    value = Fraction(amount, counted)
    assert misses(an_objective(kpi=RATING, target=at_least(target)), measure) is (value < target)
    assert misses(an_objective(kpi=RATING, target=at_most(target)), measure) is (value > target)


def test_it_is_asked_of_plain_numbers_too() -> None:
    missing = missing_of(an_objective(kpi=ANSWER, target=within(ratio="0.9")))
    assert missing([*Measure(met=8, breached_closed=1)])
    assert not missing([*Measure(met=9, breached_closed=1)])


OF_CLOCKS = [Outcome.MET, Outcome.BREACHED_OPEN, Outcome.BREACHED_CLOSED, Outcome.RUNNING]
OF_EVENTS = [Outcome.COUNTED]
OF_RATIOS = [Outcome.GOOD, Outcome.TOTAL, Outcome.ENTERED, Outcome.REACHED, Outcome.LOST]


@st.composite
def objectives(draw: st.DrawFn) -> tuple[Objective, list[Outcome]]:
    share, minimum = str(draw(SHARES)), draw(st.integers(1, 5))
    targets: list[tuple[Kpi, Target, list[Outcome]]] = [
        (ANSWER, within(ratio=share), OF_CLOCKS),
        (ANSWER, percentile(share), OF_CLOCKS),
        (ANSWER, mean(3), OF_CLOCKS),
        (SOLVED, at_least(share), OF_RATIOS),
        (SOLVED, at_most(share), OF_RATIOS),
        (RETURNS, at_most(7), OF_EVENTS),
        (RATING, at_least(3), OF_EVENTS),
    ]
    kpi, target, outcomes = draw(st.sampled_from(targets))
    return an_objective(kpi=kpi, target=target, minimum=minimum), outcomes


@given(st.data())
def test_what_is_certain_holds_after_each_change_in_any_order(data: st.DataObject) -> None:
    own, outcomes = data.draw(objectives())
    start = NOTHING
    for outcome in data.draw(st.lists(st.sampled_from(outcomes), max_size=40)):
        start = start.plus(UNIT[outcome])
    changes = data.draw(
        st.lists(st.tuples(st.sampled_from(outcomes), st.sampled_from((1, -1))), max_size=12)
    )
    if not misses_alike(own, start, Counter(changes)):
        return
    measure = start
    for outcome, sign in changes:
        measure = Measure._make(a + sign * b for a, b in zip(measure, UNIT[outcome], strict=True))
        assert misses(own, measure) is misses(own, start)


def test_far_from_its_target_it_is_certain_and_near_it_is_not() -> None:
    own = an_objective(kpi=ANSWER, target=within(ratio="0.9"), minimum=1)
    changes = {(Outcome.BREACHED_OPEN, 1): 10, (Outcome.MET, 1): 5}
    assert misses_alike(own, Measure(met=90), changes)
    assert not misses_alike(own, Measure(met=89), changes)
    assert misses_alike(own, Measure(met=80, breached_closed=20), changes)
    assert not misses_alike(own, Measure(met=899, breached_closed=100), changes)


def test_below_the_minimum_it_is_certain_while_it_stays_below() -> None:
    own = an_objective(kpi=ANSWER, target=within(ratio="0.9"), minimum=20)
    assert misses_alike(own, Measure(met=9), {(Outcome.BREACHED_OPEN, 1): 10})
    assert not misses_alike(own, Measure(met=9), {(Outcome.BREACHED_OPEN, 1): 11})
    # Those that go may take it below the minimum.
    missed = Measure(breached_closed=25)
    assert misses_alike(own, missed, {(Outcome.BREACHED_CLOSED, -1): 5})
    assert not misses_alike(own, missed, {(Outcome.BREACHED_CLOSED, -1): 6})


def test_of_a_count_it_is_certain_up_to_what_it_may_be() -> None:
    own = an_objective(kpi=RETURNS, target=at_most(7))
    assert misses_alike(own, Measure(counted=5), {(Outcome.COUNTED, 1): 2})
    assert not misses_alike(own, Measure(counted=5), {(Outcome.COUNTED, 1): 3})
    assert misses_alike(own, Measure(counted=9), {(Outcome.COUNTED, -1): 1})
    assert not misses_alike(own, Measure(counted=9), {(Outcome.COUNTED, -1): 2})
