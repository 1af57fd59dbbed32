"""Lag in seconds: how long ago a log ended where its reader stands."""

import pytest

from shared.runtime import lag
from shared.runtime.lag import LagSeconds


def test_who_has_read_everything_is_not_behind() -> None:
    measured = LagSeconds[int]()
    assert measured.measure({0: (0, 0)}, at=10) == 0
    assert measured.measure({0: (5, 5)}, at=20) == 0


def test_it_is_interpolated_between_two_looks_at_the_end() -> None:
    measured = LagSeconds[int]()
    assert measured.measure({0: (0, 0)}, at=0) == 0
    assert measured.measure({0: (0, 100)}, at=10) == 10
    assert measured.measure({0: (50, 100)}, at=12) == pytest.approx(7)
    assert measured.measure({0: (50, 300)}, at=20) == pytest.approx(15)
    assert measured.measure({0: (200, 300)}, at=20) == pytest.approx(5)
    assert measured.measure({0: (300, 300)}, at=30) == 0


def test_what_waited_before_the_first_look_is_as_old_as_that_at_least() -> None:
    measured = LagSeconds[int]()
    assert measured.measure({0: (0, 1000)}, at=5) == 0
    assert measured.measure({0: (10, 1000)}, at=65) == 60


def test_the_partition_furthest_behind_counts_and_those_gone_do_not() -> None:
    measured = LagSeconds[int]()
    measured.measure({0: (0, 0), 1: (0, 0)}, at=0)
    assert measured.measure({0: (10, 10), 1: (0, 10)}, at=8) == 8
    assert measured.measure({0: (10, 10)}, at=9) == 0
    assert measured.measure({0: (10, 10), 1: (0, 10)}, at=10) == 0


def test_a_log_that_is_shorter_is_another_one() -> None:
    measured = LagSeconds[int]()
    measured.measure({0: (0, 0)}, at=0)
    measured.measure({0: (90, 100)}, at=10)
    assert measured.measure({0: (5, 20)}, at=100) == 0
    assert measured.measure({0: (5, 20)}, at=130) == 30


def test_looks_of_hours_take_little_memory_and_stay_exact_enough() -> None:
    measured = LagSeconds[int]()
    behind = 0.0
    for second in range(20_000):
        behind = measured.measure({0: (0, second * 10)}, at=second)
    assert behind == 19_999
    assert measured.measure({0: (100_000, 199_990)}, at=19_999) == pytest.approx(9_999, rel=0.01)
    [ends] = measured._ends.values()  # noqa: SLF001 - what it keeps
    assert len(ends.points) <= lag.POINTS
