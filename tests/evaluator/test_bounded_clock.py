"""A host's clock beside the database's."""

from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry, Gauge

from services.evaluator.bounded_clock import TOLERATED, BoundedClock
from shared.domain.instant import HOUR, SECOND, Instant

THERE = 1_800_000_000 * SECOND


@dataclass
class Host:
    """Its clock, and its steady time in seconds."""

    now: Instant = THERE
    steady: float = 50.0

    def passes(self, seconds: float) -> None:
        """Let time pass in both."""
        self.now += int(seconds * SECOND)
        self.steady += seconds


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def ahead() -> Gauge:
    return Gauge("ahead", "Seconds", registry=CollectorRegistry())


@pytest.fixture
def clock(host: Host, ahead: Gauge) -> BoundedClock:
    return BoundedClock(lambda: host.now, ahead, is_bound=True, steady=lambda: host.steady)


def test_it_is_the_hosts_clock_as_far_as_that_is_not_ahead(host: Host, clock: BoundedClock) -> None:
    assert clock() == THERE
    for there in (THERE, THERE + HOUR, THERE - TOLERATED):
        clock.answered(there, host.steady)
        host.passes(3.0)
        assert clock() == host.now
        host.passes(-3.0)


def test_an_hour_ahead_it_is_the_databases_time_that_goes_on(
    host: Host, clock: BoundedClock, ahead: Gauge, caplog: pytest.LogCaptureFixture
) -> None:
    host.now = THERE + HOUR
    for _ in range(2):
        clock.answered(THERE, host.steady)
    assert clock() == THERE
    host.passes(2.5)
    assert clock() == THERE + 2_500_000
    (metric,) = ahead.collect()
    assert metric.samples[0].value == 3600.0
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "3600 s ahead" in caplog.text


def test_a_step_of_the_hosts_clock_between_two_answers_is_none(
    host: Host, clock: BoundedClock
) -> None:
    clock.answered(THERE, host.steady)
    host.passes(1.0)
    host.now += HOUR
    assert clock() == THERE + SECOND
    host.now -= HOUR
    assert clock() == host.now


def test_a_slow_answer_does_not_make_a_right_clock_wrong(host: Host, clock: BoundedClock) -> None:
    asked = host.steady
    host.passes(20.0)
    # The database answered at once; its answer was long on its way.
    clock.answered(THERE, asked)
    assert clock() == host.now
