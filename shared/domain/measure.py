"""What contributions add up to: a commutative group, so order and batching never matter."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a contribution counts; a superseded clock has none."""

    EXCLUDED = "excluded"
    RUNNING = "running"
    MET = "met"
    BREACHED_OPEN = "breached_open"
    BREACHED_CLOSED = "breached_closed"
    COUNTED = "counted"


@dataclass(frozen=True, slots=True)
class Counts:
    """Disjoint counts of a window: the five outcomes of clocks, and counted events."""

    excluded: int = 0
    running: int = 0
    met: int = 0
    breached_open: int = 0
    breached_closed: int = 0
    counted: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.excluded + other.excluded,
            self.running + other.running,
            self.met + other.met,
            self.breached_open + other.breached_open,
            self.breached_closed + other.breached_closed,
            self.counted + other.counted,
        )

    def __neg__(self) -> "Counts":
        return Counts(
            -self.excluded,
            -self.running,
            -self.met,
            -self.breached_open,
            -self.breached_closed,
            -self.counted,
        )

    def __sub__(self, other: "Counts") -> "Counts":
        return self + -other

    @property
    def missed(self) -> int:
        """Clocks that ran out, stopped since or not."""
        return self.breached_open + self.breached_closed

    @property
    def decided(self) -> int:
        """Clocks that are met or missed."""
        return self.met + self.missed

    @property
    def eligible(self) -> int:
        """All clocks that count."""
        return self.excluded + self.running + self.decided

    @property
    def has_data(self) -> bool:
        """Whether any count is not 0, excluded included."""
        return self != NOTHING


NOTHING = Counts()

ONE = {
    Outcome.EXCLUDED: Counts(excluded=1),
    Outcome.RUNNING: Counts(running=1),
    Outcome.MET: Counts(met=1),
    Outcome.BREACHED_OPEN: Counts(breached_open=1),
    Outcome.BREACHED_CLOSED: Counts(breached_closed=1),
    Outcome.COUNTED: Counts(counted=1),
}
"""What one contribution of an outcome adds."""
