"""The wall clock."""

from datetime import UTC, datetime

from shared.domain.instant import as_instant
from shared.runtime.wall_clock import stopped_at, system_clock, wall_clock


def test_the_system_clock_says_microseconds_of_the_present() -> None:
    lower = as_instant(datetime(2025, 1, 1, tzinfo=UTC))
    assert lower < system_clock() < 1000 * lower
    assert len(str(system_clock())) == len(str(lower))


def test_a_stopped_clock_says_the_same_for_ever() -> None:
    clock = stopped_at(42)
    assert [clock(), clock()] == [42, 42]


def test_settings_choose_the_clock() -> None:
    assert wall_clock(7)() == 7
    assert wall_clock(0)() == 0
    assert wall_clock(None) is system_clock
