"""An outside provider beside the unit inside: same KPI, window and group, and alike measured."""

from dataclasses import replace
from fractions import Fraction

import pytest

from shared.domain.agreement import AgreementType, Objective, Target
from shared.domain.comparison import (
    Better,
    Comparison,
    Side,
    Unit,
    compare,
    comparison_words,
    unit_of,
)
from shared.domain.instant import HOUR
from shared.domain.judge import State
from shared.domain.measure import Measure
from shared.domain.window import Span
from tests.domain.building import (
    ANSWER,
    HOURS_SPENT,
    MARCH,
    RATING,
    RETURNS,
    SOLVED,
    a_version,
    an_objective,
    at,
    at_least,
    at_most,
    mean,
    percentile,
    within,
)

SPAN = MARCH.current(at("09:00"))


def a_side(
    name: str,
    value: str | None,
    *,
    type_: AgreementType = AgreementType.OLA,
    own: Objective | None = None,
    group: tuple[str, ...] = (),
    window: Span = SPAN,
) -> Side:
    objective = own or an_objective(target=within(ratio="0.9"))
    version = replace(a_version(objective, name=name), type=type_, provider=name)
    number = None if value is None else Fraction(value)
    state = State.NO_DATA if value is None else State.OK
    return Side(version, objective, group, window, number, state, Measure(met=1))


def vendor(value: str | None, own: Objective | None = None) -> Side:
    return a_side("vendor", value, type_=AgreementType.UC, own=own)


def compared(*sides: Side) -> Comparison:
    (found,) = compare(sides, sides[0].objective.kpi.name)
    return found


def test_the_provider_stands_last_and_its_value_is_less_that_of_the_unit() -> None:
    found = compared(vendor("0.85"), a_side("unit", "0.9"))
    assert [side.version.agreement for side in found.sides] == ["unit", "vendor"]
    (difference,) = found.differences
    assert difference.value == Fraction("-0.05")
    assert difference.better is Better.INTERNAL
    assert comparison_words(found) == [
        "unit (ola, unit/o): 90 %, ok; promised is at least 90 % within 1 h.",
        "vendor (uc, vendor/o): 85 %, ok; promised is at least 90 % within 1 h.",
        "unit does better than vendor by 5 percentage points.",
    ]


@pytest.mark.parametrize(
    ("target", "better"),
    [
        (within(), Better.PROVIDER),
        (percentile("0.9"), Better.INTERNAL),
        (mean(), Better.INTERNAL),
    ],
)
def test_more_is_better_or_worse_by_the_target(target: Target, better: Better) -> None:
    own = an_objective(target=target)
    (difference,) = compared(vendor("2", own), a_side("unit", "1", own=own)).differences
    assert difference.better is better


def test_equal_values_and_opposite_promises_have_no_better_side() -> None:
    most, least = (an_objective(kpi=RETURNS, target=t) for t in (at_most(9), at_least(1)))
    (equal,) = compared(vendor("1", most), a_side("unit", "1", own=most)).differences
    assert equal.better is Better.NEITHER
    found = compared(vendor("3", most), a_side("unit", "1", own=least))
    assert found.differences[0].better is None
    assert comparison_words(found)[-1] == "vendor and unit differ by 2."


@pytest.mark.parametrize(
    "other",
    [
        an_objective(target=mean()),
        an_objective(target=percentile("0.95")),
        an_objective(target=within()),
    ],
)
def test_what_measures_otherwise_is_shown_and_not_subtracted(other: Objective) -> None:
    own = an_objective(target=percentile("0.9"))
    found = compared(vendor("60", own), a_side("unit", "50", own=other))
    assert len(found.sides) == 2
    assert found.differences == ()


def test_a_side_without_a_value_stands_by_its_state() -> None:
    found = compared(vendor(None), a_side("unit", "1"))
    assert found.differences == ()
    assert comparison_words(found)[1].startswith("vendor (uc, vendor/o): no_data;")


def test_only_one_kpi_window_and_group_are_compared_with_each_other() -> None:
    by_team = an_objective(group_by=("team", "site"))
    turned = an_objective(group_by=("site", "team"))
    april = MARCH.current(at("2026-04-02T09:00:00Z"))
    sides = [
        a_side("unit", "1", own=by_team, group=("a", "x")),
        a_side("vendor", "1", own=turned, group=("x", "a"), type_=AgreementType.UC),
        a_side("vendor", "1", own=turned, group=("a", "x"), type_=AgreementType.UC),
        a_side("unit", "1", own=by_team, group=("a", "x"), window=april),
        a_side("other", "1", own=an_objective(kpi=replace(ANSWER, name="else"))),
    ]
    found = compare(sides, "answer")
    assert [(own.window, own.group) for own in found] == [(SPAN, (("site", "x"), ("team", "a")))]


def test_units_follow_measure_and_target() -> None:
    assert [
        unit_of(own)
        for own in (
            an_objective(),
            an_objective(target=mean(HOUR)),
            an_objective(target=percentile("0.5")),
            an_objective(kpi=RETURNS, target=at_most(1)),
            an_objective(kpi=HOURS_SPENT, target=at_most(1)),
            an_objective(kpi=RATING, target=at_most(1)),
            an_objective(kpi=SOLVED, target=at_most(1)),
        )
    ] == [
        Unit.RATIO,
        Unit.SECONDS,
        Unit.SECONDS,
        Unit.COUNT,
        Unit.AMOUNT,
        Unit.AMOUNT,
        Unit.RATIO,
    ]
