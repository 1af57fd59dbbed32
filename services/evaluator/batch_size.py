"""How many records a micro-batch may have: few, more while there is a backlog."""

from typing import Final

LEAST: Final = 1_000
MOST: Final = 8_000


class BatchSize:
    """Follows how full the batches are."""

    def __init__(self) -> None:
        """Small at first."""
        self.most = LEAST

    @property
    def is_raised(self) -> bool:
        """Whether there is a backlog."""
        return self.most > LEAST

    def adapt(self, count: int) -> None:
        """Take note of a batch of so many records."""
        if count >= self.most:
            self.most = min(MOST, self.most * 2)
        elif count < self.most // 4:
            self.most = max(LEAST, self.most // 2)
