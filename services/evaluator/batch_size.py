"""How many records a micro-batch may have, and how many objectives are judged at once."""

from typing import Final

LEAST: Final = 1_000
MOST: Final = 16_000
"""Of a backlog: the more events of an item come at once, the fewer times it is settled (ADR 11)."""
OBJECTIVES_MAX: Final = 64


class BatchSize:
    """Follows how full the batches are."""

    def __init__(self) -> None:
        """Small at first."""
        self.most = LEAST

    def adapt(self, count: int) -> None:
        """Take note of a batch of so many records."""
        if count >= self.most:
            self.most = min(MOST, self.most * 2)
        elif count < self.most // 4:
            self.most = max(LEAST, self.most // 2)


class JudgingSize:
    """Follows how judging goes: all at once, fewer objectives after one that was given up.

    Whatever a first judging of years takes, one that is too long for its transaction is not
    begun again as it was.
    """

    def __init__(self) -> None:
        """All at first."""
        self.most = OBJECTIVES_MAX

    def given_up(self) -> None:
        """Take note of a judging that has to be done again."""
        self.most = max(1, self.most // 4)

    def done(self) -> None:
        """Take note of a judging that is stored."""
        self.most = min(OBJECTIVES_MAX, self.most * 2)
