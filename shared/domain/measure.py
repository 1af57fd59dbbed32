"""What contributions add up to: a commutative group, so order and batching never matter.

measure of a window = sum of UNIT[outcome] (and amount) of the contributions in it
a change            = - what was, + what is
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from operator import add, sub
from typing import Final, NamedTuple

Amount = int | Decimal
"""What a contribution amounts to: microseconds of a clock, or the number in a field."""


class Outcome(StrEnum):
    """How a contribution counts; a superseded clock has none.

    The first five are a clock's. `counted` is an event of a count, a sum or a mean. `good` and
    `total` are the events of a ratio. A cohort's item is `entered` at its total event and then
    `reached` (the good event) or `lost` (its time is over).
    """

    EXCLUDED = "excluded"
    RUNNING = "running"
    MET = "met"
    BREACHED_OPEN = "breached_open"
    BREACHED_CLOSED = "breached_closed"
    COUNTED = "counted"
    GOOD = "good"
    TOTAL = "total"
    ENTERED = "entered"
    REACHED = "reached"
    LOST = "lost"

    # That of Enum is Python code, and outcomes are looked up for every contribution.
    __hash__ = str.__hash__


class Measure(NamedTuple):
    """The numbers of a window: disjoint counts of clocks, of events, of a ratio, and a sum.

    `amount` is the sum of the times of stopped clocks (microseconds) or of a field, exact.
    `pending` are the items of a cohort that may still turn out good; they are in `total` too.
    """

    excluded: int = 0
    running: int = 0
    met: int = 0
    breached_open: int = 0
    breached_closed: int = 0
    counted: int = 0
    good: int = 0
    total: int = 0
    pending: int = 0
    amount: int | Fraction = 0

    def plus(self, other: "Measure") -> "Measure":
        """Both together."""
        return Measure._make(map(add, self, other))

    def minus(self, other: "Measure") -> "Measure":
        """What is left without the other."""
        return Measure._make(map(sub, self, other))

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
        return any(self[:-1])


NOTHING: Final = Measure()

UNIT: Final[Mapping[Outcome, Measure]] = {
    Outcome.EXCLUDED: Measure(excluded=1),
    Outcome.RUNNING: Measure(running=1),
    Outcome.MET: Measure(met=1),
    Outcome.BREACHED_OPEN: Measure(breached_open=1),
    Outcome.BREACHED_CLOSED: Measure(breached_closed=1),
    Outcome.COUNTED: Measure(counted=1),
    Outcome.GOOD: Measure(good=1),
    Outcome.TOTAL: Measure(total=1),
    Outcome.ENTERED: Measure(total=1, pending=1),
    Outcome.REACHED: Measure(good=1, pending=-1),
    Outcome.LOST: Measure(pending=-1),
}
"""What one contribution of an outcome adds, its amount aside."""


def measure_of(outcome: Outcome, amount: Amount | None) -> Measure:
    """What one contribution adds."""
    unit = UNIT[outcome]
    if amount is None:
        return unit
    return unit._replace(amount=exact(amount))


def total_of(measures: Iterable[Measure]) -> Measure:
    """The sum of measures."""
    columns = [*zip(*measures, strict=True)]
    return Measure._make(map(sum, columns)) if columns else NOTHING


def measure_of_all(entries: Iterable[tuple[Outcome, Amount | None]]) -> Measure:
    """What several contributions add, by outcome and amount."""
    times: dict[Outcome, int] = {}
    amount: int | Fraction = 0
    for outcome, own in entries:
        times[outcome] = times.get(outcome, 0) + 1
        if own is not None:
            amount += exact(own)
    total = NOTHING
    for outcome, number in times.items():
        total = total.plus(Measure._make(number * count for count in UNIT[outcome]))
    return total._replace(amount=amount) if amount else total


def exact(amount: Amount) -> int | Fraction:
    """The number itself: sums of `Decimal` would round to the precision of a context."""
    return amount if isinstance(amount, int) else Fraction(amount)


Buckets = Mapping[int, int]
"""How many stopped clocks took how long: lower edges of buckets in microseconds -> clocks."""

_EXACT_BELOW: Final = 128
_TOP_BITS: Final = 7


def bucket_of(micros: int) -> int:
    """The lower edge of the bucket that holds a time: its top 7 bits (contract section 4)."""
    shift = max(micros.bit_length() - _TOP_BITS, 0)
    return micros >> shift << shift


def bucket_middle(edge: int) -> int:
    """The time that stands for a bucket in microseconds: itself below 128, else its midpoint."""
    if edge < _EXACT_BELOW:
        return edge
    return edge + (1 << (edge.bit_length() - _TOP_BITS - 1))


def ranked(buckets: Buckets, rank: int) -> int | None:
    """The `rank`-th smallest time as its bucket shows it, None where there are not so many."""
    passed = 0
    for edge in sorted(buckets):
        passed += buckets[edge]
        if passed >= rank:
            return bucket_middle(edge)
    return None
