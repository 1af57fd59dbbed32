"""Whether an event loop turns: seen from another thread.

A loop that is stuck (a call that never returns, a lock that is never free) serves nobody, and the
process does not notice by itself.
"""

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

BEAT_S: Final = 0.5
STUCK_S: Final = 30.0
"""Far longer than any batch takes; by then Kafka has given a member's partitions to others."""
_logger: Final = logging.getLogger(__name__)


class Pulse:
    """Beats in a loop, and says for how long it has not."""

    def __init__(
        self, *, stuck_s: float = STUCK_S, steady: Callable[[], float] = time.monotonic
    ) -> None:
        """It beats from `begin` on; `steady` is a clock in seconds that is never set."""
        self._stuck_s = stuck_s
        self._steady = steady
        self._beat_at = steady()
        self._next: asyncio.TimerHandle | None = None
        self._thread = 0
        self._is_told = False

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Beat in this loop, which runs in the present thread."""
        self._thread = threading.get_ident()
        self._beat(loop)

    def end(self) -> None:
        """Beat no more."""
        if self._next is not None:
            self._next.cancel()

    def problem(self) -> str | None:
        """Why the loop is taken for stuck, or None; the log is told once where it stands."""
        silent_s = self._steady() - self._beat_at
        if silent_s <= self._stuck_s:
            self._is_told = False
            return None
        if not self._is_told:
            self._is_told = True
            self._tell(silent_s)
        return f"it has not turned for {silent_s:.0f} s"

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beat_at = self._steady()
        self._next = loop.call_later(BEAT_S, self._beat, loop)

    def _tell(self, silent_s: float) -> None:
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - the only way to see it
        stands = "".join(traceback.format_stack(frame)) if frame is not None else "nowhere"
        _logger.error(
            "The event loop has not turned for %.0f s; it stands at:\n%s",
            silent_s,
            stands,
            extra={"action": "stuck"},
        )
