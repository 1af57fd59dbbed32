"""Measures are a commutative group, exactly: order and batching cannot matter; ranks by bucket."""

from decimal import Decimal, localcontext
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.instant import DAY, HOUR, MINUTE, SECOND
from shared.domain.measure import (
    NOTHING,
    UNIT,
    Measure,
    Outcome,
    bucket_middle,
    bucket_of,
    measure_of,
    measure_of_all,
    ranked,
    total_of,
)

NUMBERS = st.integers(-50, 50)
AMOUNTS = st.one_of(st.integers(-(10**30), 10**30), st.fractions())
MEASURES = st.builds(Measure, *[NUMBERS] * 9, AMOUNTS)
OUTCOMES = st.sampled_from(list(Outcome))
ENTRIES = st.tuples(OUTCOMES, st.none() | st.integers(-(10**9), 10**9) | st.decimals(-99, 99))
TIMES = st.one_of(st.integers(0, 300), st.integers(0, 40 * DAY), st.sampled_from([HOUR, DAY]))


@given(MEASURES, MEASURES, MEASURES)
def test_measures_are_a_commutative_group(a: Measure, b: Measure, c: Measure) -> None:
    assert a.plus(b) == b.plus(a)
    assert a.plus(b).plus(c) == a.plus(b.plus(c))
    assert a.plus(NOTHING) == a == a.minus(NOTHING)
    assert a.minus(a) == NOTHING
    assert a.plus(b).minus(b) == a
    assert a.minus(b.plus(c)) == a.minus(b).minus(c)


@given(st.lists(ENTRIES, max_size=20), st.randoms(use_true_random=False), st.integers(0, 20))
def test_any_order_and_any_partition_add_up_to_the_same(
    entries: list[tuple[Outcome, int | Decimal | None]], dice: Random, cut: int
) -> None:
    whole = total_of(measure_of(*entry) for entry in entries)
    shuffled = [*entries]
    dice.shuffle(shuffled)
    parts = (shuffled[:cut], shuffled[cut:])
    assert total_of(total_of(measure_of(*one) for one in part) for part in parts) == whole
    assert measure_of_all(shuffled) == whole


@given(MEASURES)
def test_eligible_is_the_sum_of_its_disjoint_parts(own: Measure) -> None:
    parts = (own.excluded, own.running, own.met, own.breached_open, own.breached_closed)
    assert own.eligible == sum(parts)
    assert own.missed == own.breached_open + own.breached_closed
    assert own.decided == own.met + own.missed


def test_each_outcome_counts_where_its_name_says() -> None:
    for outcome in (*list(Outcome)[:6], Outcome.GOOD, Outcome.TOTAL):
        assert UNIT[outcome] == Measure(**{outcome.value: 1}), outcome
    assert set(UNIT) == set(Outcome)


def test_an_item_of_a_cohort_is_in_the_total_once_and_waits_until_it_is_reached_or_lost() -> None:
    entered, reached, lost = (
        UNIT[outcome] for outcome in (Outcome.ENTERED, Outcome.REACHED, Outcome.LOST)
    )
    assert entered == Measure(total=1, pending=1)
    assert entered.plus(reached) == Measure(total=1, good=1)
    assert entered.plus(lost) == Measure(total=1)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_count_is_data_and_an_amount_alone_is_none(outcome: Outcome) -> None:
    assert UNIT[outcome].has_data
    assert Measure(excluded=1).has_data
    assert not NOTHING.has_data
    assert not Measure(amount=5).has_data


def test_sums_of_decimals_never_round() -> None:
    long = Decimal("1" * 400 + ".5")
    with localcontext() as context:
        context.prec = 5
        total = total_of(measure_of(Outcome.COUNTED, own) for own in (long, Decimal("0.1"), -3))
    assert total == Measure(counted=3, amount=Fraction(int("1" * 400)) + Fraction(6, 10) - 3)
    assert measure_of(Outcome.MET, 7) == Measure(met=1, amount=7)
    assert measure_of(Outcome.RUNNING, None) == Measure(running=1)
    assert total_of([]) == measure_of_all([]) == NOTHING


@given(TIMES)
def test_a_bucket_holds_what_shares_its_top_seven_bits_and_is_near_all_of_it(micros: int) -> None:
    edge, middle = bucket_of(micros), bucket_middle(bucket_of(micros))
    assert bucket_of(edge) == edge <= micros
    assert bucket_of(middle) == edge
    if micros < 128:
        assert middle == edge == micros
    else:
        assert bin(edge)[:9] == bin(micros)[:9]
        assert set(bin(edge)[9:]) <= {"0"}
        assert 128 * abs(middle - micros) <= micros


@pytest.mark.parametrize(
    ("micros", "edge", "middle"),
    [
        (0, 0, 0),
        (127, 127, 127),
        (128, 128, 129),
        (129, 128, 129),
        (255, 254, 255),
        (256, 256, 258),
        (1023, 1016, 1020),
        (30 * MINUTE, 1795162112, 1803550720),
    ],
)
def test_the_middle_of_a_bucket_stands_for_it(micros: int, edge: int, middle: int) -> None:
    assert (bucket_of(micros), bucket_middle(bucket_of(micros))) == (edge, middle)


@given(st.lists(TIMES, max_size=30), st.integers(1, 32))
def test_a_rank_is_found_by_counting_through_the_buckets(times: list[int], rank: int) -> None:
    buckets: dict[int, int] = {}
    for own in times:
        buckets[bucket_of(own)] = buckets.get(bucket_of(own), 0) + 1
    found = ranked(buckets, rank)
    if rank > len(times):
        assert found is None
    else:
        exact = sorted(times)[rank - 1]
        assert found == bucket_middle(bucket_of(exact))


def test_buckets_that_have_become_empty_hold_no_rank() -> None:
    buckets = {SECOND: 0, 5: 1, 9: 1}
    assert [ranked(buckets, rank) for rank in (1, 2, 3)] == [5, 9, None]
    assert ranked({3: 0, 5: 1}, 1) == 5
