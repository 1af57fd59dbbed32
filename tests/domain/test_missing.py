"""Whether a value misses its target, held against the words of the contract in exact fractions."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.agreement import Target
from shared.domain.measure import Measure
from shared.domain.missing import misses, missing_of
from tests.domain.building import (
    ANSWER,
    RATING,
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
