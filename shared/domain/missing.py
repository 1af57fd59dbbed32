"""Whether a value misses its target: asked of a window's measure, and at every step of a walk."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

from shared.domain.agreement import (
    AtLeast,
    AtMost,
    Mean,
    MeasureKind,
    Objective,
    Percentile,
    Within,
)
from shared.domain.measure import Measure


def misses(own: Objective, measure: Measure) -> bool:
    """Whether a value misses its target; one below the minimum misses nothing.

    The p-quantile of some times is at most D exactly when the share p of them is. Of a cohort all
    that is pending is taken to turn out well. A volume is not missed before its window's end.
    """
    return missing_of(own)(measure)


Numbers = Sequence[int | Fraction]
"""The numbers of a measure, in its order."""


def missing_of(own: Objective) -> Callable[[Numbers], bool]:
    """`misses` of one objective, for who asks it of many measures: walks do."""
    if own.is_volume:
        return _never
    match own.target:
        case Within(ratio=ratio) | Percentile(ratio=ratio):
            return _clocks_missing(ratio, own.minimum)
        case target:
            return partial(_number_missing, own, target)


def _never(_numbers: Numbers) -> bool:
    return False


def _clocks_missing(ratio: Fraction, minimum: int) -> Callable[[Numbers], bool]:
    above, below = ratio.numerator, ratio.denominator

    def missing(numbers: Numbers) -> bool:
        met = numbers[_MET]
        decided = met + numbers[_OPEN] + numbers[_CLOSED]
        # met / decided < ratio, in whole numbers.
        return decided >= minimum and met * below < above * decided

    return missing


_MET, _OPEN, _CLOSED = map(Measure._fields.index, ("met", "breached_open", "breached_closed"))


def _number_missing(own: Objective, target: Mean | AtLeast | AtMost, numbers: Numbers) -> bool:
    measure = Measure._make(numbers)
    if not has_enough(own, measure):
        return False
    match target:
        case Mean(at_most):
            return measure.amount > at_most * measure.decided
        case AtLeast(amount):
            value, of = share(own, measure)
            return value + measure.pending < amount * of
        case AtMost(amount):
            value, of = share(own, measure)
            return value > amount * of


def share(own: Objective, measure: Measure) -> tuple[int | Fraction, int]:
    """What is held against `n x of`: a value's numerator and denominator."""
    match own.kpi.measure:
        case MeasureKind.RATIO:
            return measure.good, measure.total
        case MeasureKind.MEAN:
            return measure.amount, measure.counted
        case _:
            return volume(own, measure), 1


def volume(own: Objective, measure: Measure) -> Fraction:
    """A count or a sum."""
    is_sum = own.kpi.measure is MeasureKind.SUM
    return Fraction(measure.amount if is_sum else measure.counted)


def has_enough(own: Objective, measure: Measure) -> bool:
    """Whether there is enough to judge: a count or a sum of nothing is 0, which is a value."""
    match own.kpi.measure:
        case MeasureKind.DURATION:
            return measure.decided >= own.minimum
        case MeasureKind.MEAN:
            return measure.counted >= own.minimum
        case MeasureKind.RATIO:
            return measure.total >= own.minimum
        case MeasureKind.COUNT | MeasureKind.SUM:
            return True
