"""The wall clock: the only file that reads the time of day.

Everything else is handed an instant, or a `WallClock` where it asks more than once.
"""

import time
from collections.abc import Callable

from shared.domain.instant import Instant

WallClock = Callable[[], Instant]
"""Says the present instant (microseconds since the epoch, UTC)."""


def system_clock() -> Instant:
    """The machine's clock, in microseconds since the epoch."""
    return time.time_ns() // 1000


def stopped_at(instant: Instant) -> WallClock:
    """A clock that says `instant` for ever."""
    return lambda: instant


def wall_clock(stopped: Instant | None) -> WallClock:
    """The clock that the settings ask for: stopped at an instant, or the machine's."""
    return system_clock if stopped is None else stopped_at(stopped)
