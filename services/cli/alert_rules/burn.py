"""The arithmetic of burn rates, exact.

The burn rate over a range is the share missed in it, divided by the share that may be missed: at 1
the budget of a period lasts just that period. A pair of ranges alerts when the rate over both, the
long one and a twelfth of it, is above a factor.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from shared.domain.instant import DAY, HOUR, MINUTE, SECOND, Micros

SHORT: Final = 12
"""The short range is so many times shorter: an alert ends soon after what burned has ended."""
REFERENCE: Final[Micros] = 30 * DAY
"""The period that the usual pairs are meant for; other periods have others in proportion."""
GRACE: Final[Micros] = 2 * MINUTE
SCRAPES_LEAST: Final = 4
"""A range with fewer scrapes says nothing."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Alert when this share of a period's budget would be spent within the long range."""

    share: Fraction
    long: Micros
    severity: str

    @property
    def short(self) -> Micros:
        """The range that the rate has to be high over too."""
        return self.long // SHORT

    def factor(self, period: Micros) -> Fraction:
        """The burn rate that spends the share within the long range."""
        return self.share * period / self.long

    def scaled(self, period: Micros) -> "Pair":
        """The same for another period than `REFERENCE`, to the second."""
        short = round(Fraction(self.long, SECOND * SHORT) * period / REFERENCE)
        return Pair(self.share, max(1, short) * SECOND * SHORT, self.severity)


USUAL: Final = (
    Pair(Fraction(2, 100), HOUR, "critical"),
    Pair(Fraction(5, 100), 6 * HOUR, "critical"),
    Pair(Fraction(10, 100), DAY, "warning"),
    Pair(Fraction(10, 100), 3 * DAY, "warning"),
)


def exhausted_after(factor: Fraction, period: Micros) -> Micros:
    """How long a full budget lasts at this burn rate."""
    return round(period / factor)


def absent_after(factor: Fraction, long: Micros, budget: Fraction) -> Micros:
    """How long a promise may be unmeasured: an outage would alert by then, and two minutes."""
    return round(factor * budget * long) + GRACE


def why_not(
    pair: Pair, period: Micros, budgets: tuple[Fraction, ...], *, scrape: Micros, storage: Micros
) -> str | None:
    """Why a pair is no use for promises with these budgets (shares that may miss); or None."""
    factor = pair.factor(period)
    if pair.short < SCRAPES_LEAST * scrape:
        return "its short range holds fewer than four scrapes"
    if pair.long > storage:
        return "its long range is longer than what Prometheus keeps"
    if factor < 1:
        return "it would fire although the budget lasts"
    if not any(can_fire(factor, budget) for budget in budgets):
        return "it cannot fire: all missing would burn no faster"
    return None


def can_fire(factor: Fraction, budget: Fraction) -> bool:
    """Whether a burn rate can be above the factor: at most everything is missed."""
    return budget > 0 and factor * budget < 1
