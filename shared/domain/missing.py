"""Whether a value misses its target: asked of a window's measure, and at every step of a walk."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial

from shared.domain.agreement import (
    AtLeast,
    AtMost,
    Mean,
    MeasureKind,
    Objective,
    Percentile,
    Target,
    Within,
)
from shared.domain.measure import NOTHING, UNIT, Measure, Outcome


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
    return has_enough(own, measure) and _slack(own, target, measure) < 0


def _slack(own: Objective, target: Target, measure: Measure) -> int | Fraction:
    """How far a value is on the good side of its target, times what it is divided by.

    It is linear: a change of the measure moves it by as much whatever was there before.
    """
    match target:
        case Within(ratio=ratio) | Percentile(ratio=ratio):
            return measure.met - ratio * measure.decided
        case Mean(at_most):
            return at_most * measure.decided - measure.amount
        case AtLeast(amount):
            value, of = share(own, measure)
            return value + measure.pending - amount * of
        case AtMost(amount):
            value, of = share(own, measure)
            return amount * of - value


Changes = Mapping[tuple[Outcome, int], int]
"""How many contributions of an outcome come (1) and go (-1)."""


def misses_alike(own: Objective, start: Measure, changes: Changes) -> bool:
    """Whether, for certain, `misses` says of `start` what it says after any of the changes.

    Any of them, in any order: all that make it worse are held against it at once, and all that
    make it better. Where amounts decide, nothing is certain.
    """
    if own.is_volume:
        return True
    if isinstance(own.target, Mean) or own.kpi.measure in (MeasureKind.MEAN, MeasureKind.SUM):
        return not changes
    least = most = _slack(own, own.target, start)
    fewest = largest = _held_against(own, start)
    constant = _slack(own, own.target, NOTHING)
    for (outcome, sign), times in changes.items():
        unit = UNIT[outcome]
        better = sign * times * (_slack(own, own.target, unit) - constant)
        more = sign * times * _held_against(own, unit)
        least, most = least + min(better, 0), most + max(better, 0)
        fewest, largest = fewest + min(more, 0), largest + max(more, 0)
    never = largest < _minimum(own) or least >= 0
    always = fewest >= _minimum(own) and most < 0
    return never or always


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
    return _held_against(own, measure) >= _minimum(own)


def _minimum(own: Objective) -> int:
    return 0 if own.kpi.measure in (MeasureKind.COUNT, MeasureKind.SUM) else own.minimum


def _held_against(own: Objective, measure: Measure) -> int:
    """What is held against an objective's minimum; nothing of a count or a sum."""
    match own.kpi.measure:
        case MeasureKind.DURATION:
            return measure.decided
        case MeasureKind.MEAN:
            return measure.counted
        case MeasureKind.RATIO:
            return measure.total
        case MeasureKind.COUNT | MeasureKind.SUM:
            return 0
