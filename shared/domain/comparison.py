"""Agreements compared on one KPI: how an outside provider does beside the unit inside.

Compared is what is about the same: equal KPI, window and group. Values are subtracted only where
they measure alike; a share kept within a limit and a quantile in seconds do not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from shared.domain.agreement import (
    AgreementType,
    AtLeast,
    MeasureKind,
    Objective,
    Percentile,
    Version,
    Within,
    sla_id,
)
from shared.domain.judge import State
from shared.domain.measure import Measure
from shared.domain.window import Span
from shared.domain.window_words import target_words, value_words
from shared.domain.wording import rounded_words


class Unit(StrEnum):
    """What a value is given in."""

    RATIO = "ratio"
    SECONDS = "seconds"
    COUNT = "count"
    AMOUNT = "amount"


class Better(StrEnum):
    """Who does better."""

    PROVIDER = "provider"
    INTERNAL = "internal"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Side:
    """How one agreement stands in one window of one group; `version` is the one that judged it."""

    version: Version
    objective: Objective
    group: tuple[str, ...]
    window: Span
    value: Fraction | None
    state: State
    measure: Measure

    @property
    def sla_id(self) -> str:
        """The identity of the objective's group."""
        return sla_id(self.version.agreement, self.objective.name, self.group)

    @property
    def is_external(self) -> bool:
        """Whether an outside provider promises it."""
        return self.version.type is AgreementType.UC


@dataclass(frozen=True, slots=True)
class Difference:
    """The value of an outside provider less that of a unit inside.

    `better` is None where the two promise opposite things of the value.
    """

    provider: Side
    internal: Side
    value: Fraction
    better: Better | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All sides of one window and group: those inside first, then the outside providers."""

    kpi: str
    window: Span
    group: tuple[tuple[str, str], ...]
    sides: tuple[Side, ...]
    differences: tuple[Difference, ...]


def compare(sides: Iterable[Side], kpi: str) -> list[Comparison]:
    """The comparisons by window, then group; what only one agreement speaks of is none."""
    places: dict[tuple[Span, tuple[tuple[str, str], ...]], list[Side]] = {}
    for side in sides:
        if side.objective.kpi.name == kpi:
            group = tuple(sorted(zip(side.objective.group_by, side.group, strict=True)))
            places.setdefault((side.window, group), []).append(side)
    return [
        _comparison(kpi, window, group, several)
        for (window, group), several in sorted(places.items(), key=lambda place: place[0])
        if len({side.version.agreement for side in several}) > 1
    ]


def comparison_words(own: Comparison) -> list[str]:
    """A sentence for each side, and one for each difference."""
    found = [
        f"{side.version.provider} ({side.version.type.value}, {side.sla_id}):"
        f" {_standing(side)}; promised is {target_words(side.objective)}."
        for side in own.sides
    ]
    found.extend(_difference_words(one) for one in own.differences)
    return found


def _standing(side: Side) -> str:
    if side.value is None:
        return side.state.value
    return f"{value_words(side.objective, side.value)}, {side.state.value}"


def _difference_words(own: Difference) -> str:
    provider, internal = own.provider.version.provider, own.internal.version.provider
    match own.better:
        case Better.NEITHER:
            return f"{provider} and {internal} do equally well."
        case Better.PROVIDER | Better.INTERNAL:
            better, other = provider, internal
            if own.better is Better.INTERNAL:
                better, other = internal, provider
            return f"{better} does better than {other} by {_size(own)}."
        case _:
            return f"{provider} and {internal} differ by {_size(own)}."


def _size(own: Difference) -> str:
    size = abs(own.value)
    match unit_of(own.provider.objective):
        case Unit.RATIO:
            return f"{rounded_words(size * 100, 2)} percentage points"
        case Unit.SECONDS:
            return value_words(own.provider.objective, size)
        case _:
            return rounded_words(size)


def unit_of(own: Objective) -> Unit:
    """What the values of an objective are given in."""
    match own.kpi.measure:
        case MeasureKind.RATIO:
            return Unit.RATIO
        case MeasureKind.COUNT:
            return Unit.COUNT
        case MeasureKind.DURATION:
            return Unit.RATIO if isinstance(own.target, Within) else Unit.SECONDS
        case _:
            return Unit.AMOUNT


def _comparison(
    kpi: str, window: Span, group: tuple[tuple[str, str], ...], several: list[Side]
) -> Comparison:
    sides = tuple(sorted(several, key=_place))
    differences = (
        _difference(provider, internal)
        for provider in sides
        for internal in sides
        if provider.is_external and not internal.is_external
    )
    found = tuple(own for own in differences if own is not None)
    return Comparison(kpi, window, group, sides, found)


def _place(side: Side) -> tuple[bool, str, str]:
    return (side.is_external, side.version.agreement, side.objective.name)


def _difference(provider: Side, internal: Side) -> Difference | None:
    if provider.value is None or internal.value is None:
        return None
    if _basis(provider.objective) != _basis(internal.objective):
        return None
    value = provider.value - internal.value
    return Difference(provider, internal, value, _better(provider, internal, value))


def _basis(own: Objective) -> tuple[Unit, Fraction | None]:
    """What two values have to share to be comparable: the unit, and of quantiles the share."""
    share = own.target.ratio if isinstance(own.target, Percentile) else None
    return unit_of(own), share


def _better(provider: Side, internal: Side, value: Fraction) -> Better | None:
    if value == 0:
        return Better.NEITHER
    high = _more_is_better(provider.objective)
    if high is not _more_is_better(internal.objective):
        return None
    return Better.PROVIDER if (value > 0) is high else Better.INTERNAL


def _more_is_better(own: Objective) -> bool:
    return isinstance(own.target, Within | AtLeast)
