"""Lag: how far a reader is behind, in records and seconds, of the partitions that it has."""

import pytest
from prometheus_client import CollectorRegistry

from shared.runtime import lag
from shared.runtime.lag import ConsumerLag, LagSeconds


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


RECORDS, SECONDS = "accord_kafka_consumer_lag", "accord_kafka_consumer_lag_seconds"


def shown(registry: CollectorRegistry, name: str) -> dict[str | None, float]:
    """The samples of a metric by partition."""
    return {
        sample.labels.get("partition"): sample.value
        for family in registry.collect()
        if family.name == name
        for sample in family.samples
    }


def test_a_partition_that_another_has_now_is_shown_no_more() -> None:
    registry = CollectorRegistry()
    lag = ConsumerLag(registry)
    lag.show("events", "g", {0: (5, 9), 1: (7, 7)}, at=0)
    assert shown(registry, RECORDS) == {"0": 4, "1": 0}
    lag.show("events", "g", {1: (7, 8)}, at=10)
    assert shown(registry, RECORDS) == {"1": 1}
    lag.show("events", "g", {}, at=20)
    assert shown(registry, RECORDS) == {}
    assert shown(registry, SECONDS) == {None: 0}


def test_who_is_in_no_group_shows_nothing_and_begins_anew() -> None:
    registry = CollectorRegistry()
    lag = ConsumerLag(registry)
    lag.show("events", "g", {0: (5, 5)}, at=0)
    lag.show("events", "g", {0: (5, 9)}, at=10)
    assert shown(registry, SECONDS) == {None: 10}
    lag.clear()
    assert shown(registry, RECORDS) == shown(registry, SECONDS) == {}
    lag.show("events", "g", {0: (5, 9)}, at=100)
    assert shown(registry, SECONDS) == {None: 0}
