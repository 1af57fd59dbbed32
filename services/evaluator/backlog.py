"""How far a process is behind the log, in words: a backfill takes hours, and people wait for it."""

from collections.abc import Mapping
from typing import Final

MANY: Final = 20_000
"""Records that are no backlog: what a busy minute leaves for a moment."""
TELL_S: Final = 10.0
_MINUTE_S: Final = 60
_HOUR_S: Final = 3_600


class Backlog:
    """Knows how fast it becomes less."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        self._before: Mapping[int, int] = {}
        self._at = float("-inf")

    def told(
        self, positions: Mapping[int, int], ends: Mapping[int, int], *, at: float
    ) -> str | None:
        """A sentence, now and then while there is a backlog; else None.

        Both are offsets by partition, of those that this process owns; `at` is in seconds.
        """
        left = sum(max(0, end - positions[part]) for part, end in ends.items())
        if left < MANY:
            self._at = float("-inf")
            return None
        elapsed = at - self._at
        if elapsed < TELL_S:
            return None
        same = positions.keys() & self._before.keys()
        folded = sum(positions[part] - self._before[part] for part in same)
        pace = folded / elapsed
        self._before, self._at = dict(positions), at
        if pace <= 0:
            return f"Catching up: {left} records are to be folded."
        return (
            f"Catching up: {left} records are to be folded, {round(pace)} a second; "
            f"that takes {_shown(left / pace)}."
        )


def _shown(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{round(seconds)} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{seconds / _HOUR_S:.1f} h"
