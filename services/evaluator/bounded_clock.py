"""A host's clock that is never ahead of the database's: what it proves is believed by everybody.

A clock that is an hour ahead would prove an hour that nobody has seen: deadlines that are still to
come would be missed, windows that are still open be final, and no event could undo what was
announced. A clock that is behind makes results late only.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from prometheus_client import Gauge

from shared.domain.instant import SECOND, Instant, Micros
from shared.runtime.database import PASSING, Pool
from shared.runtime.wall_clock import WallClock

LOOK_S: Final = 5.0
TOLERATED: Final[Micros] = SECOND
"""Hosts differ by so much; it is far less than the disorder that is allowed."""
_logger: Final = logging.getLogger(__name__)


class BoundedClock:
    """The smaller of the host's clock and the database's, which is asked now and then.

    In between it goes on from the last answer with the host's steady time, so that a step of the
    host's clock is no step here. Before `look` it is the host's clock alone.
    """

    def __init__(
        self,
        clock: WallClock,
        ahead: Gauge,
        *,
        is_bound: bool,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """One that is not `is_bound` (stopped, or a test's) is `clock` itself; `ahead` in s."""
        self._clock = clock
        self._ahead = ahead
        self._is_bound = is_bound
        self._steady = steady
        self._answer: tuple[Instant, float, float] | None = None
        self._is_ahead = False

    def __call__(self) -> Instant:
        """The present instant."""
        own = self._clock()
        if self._answer is None:
            return own
        there, asked, answered = self._answer
        steady = self._steady()
        # The answer was right at some moment between asking and having it.
        if own <= there + _micros(steady - asked) + TOLERATED:
            return own
        return there + _micros(steady - answered)

    async def look(self, pool: Pool) -> None:
        """Ask the database for its time; what is known stays when it does not answer."""
        if not self._is_bound:
            return
        asked = self._steady()
        with suppress(*PASSING):
            there: Instant = await pool.fetchval(_NOW)
            self.answered(there, asked)

    def answered(self, there: Instant, asked: float) -> None:
        """Take the database's time over, asked for when the steady time was `asked`."""
        self._answer = (there, asked, self._steady())
        own, bounded = self._clock(), self()
        is_ahead = own > bounded
        self._ahead.set(max(0, own - bounded) / SECOND)
        if is_ahead and not self._is_ahead:
            _logger.error(
                "The clock of this host is %d s ahead of the database's, which is used instead: "
                "set the clock right (NTP).",
                (own - bounded) // SECOND,
                extra={"action": "clock_ahead"},
            )
        self._is_ahead = is_ahead

    async def run(self, pool: Pool, stopping: asyncio.Event) -> None:
        """Look again and again until told to stop."""
        while self._is_bound and not stopping.is_set():
            await self.look(pool)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), LOOK_S)


def _micros(seconds: float) -> Micros:
    return int(seconds * SECOND)


_NOW: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
