"""Counts are a commutative group: order and batching cannot matter."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.measure import NOTHING, ONE, Counts, Outcome

NUMBERS = st.integers(-50, 50)
COUNTS = st.builds(Counts, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)


@given(COUNTS, COUNTS, COUNTS)
def test_counts_are_a_commutative_group(a: Counts, b: Counts, c: Counts) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + NOTHING == a
    assert a + -a == NOTHING
    assert a - b == a + -b


@given(st.lists(st.sampled_from(list(Outcome)), max_size=30), st.integers(0, 30))
def test_parts_add_up_to_the_whole(outcomes: list[Outcome], cut: int) -> None:
    def total(part: list[Outcome]) -> Counts:
        return sum((ONE[outcome] for outcome in part), NOTHING)

    assert total(outcomes[:cut]) + total(outcomes[cut:]) == total(outcomes[::-1])


@given(COUNTS)
def test_eligible_is_the_sum_of_the_five_outcomes(counts: Counts) -> None:
    outcomes = (counts.excluded, counts.running, counts.met)
    assert counts.eligible == sum(outcomes) + counts.breached_open + counts.breached_closed
    assert counts.decided == counts.met + counts.missed


def test_every_outcome_counts_once_and_an_excluded_clock_is_data() -> None:
    assert all(one.has_data for one in ONE.values())
    assert not NOTHING.has_data
    assert ONE[Outcome.COUNTED].eligible == 0
