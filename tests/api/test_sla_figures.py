"""The figures of every measure and target: what has no value has no series."""

import math
from fractions import Fraction

import pytest

from services.api.answering.answers import StateRow
from services.api.figures.sla_figures import (
    COUNTERS,
    GAUGES,
    STATE,
    all_events,
    coverage,
    missed_events,
    promise_samples,
)
from services.api.reading.objectives import Objectives
from shared.domain.agreement import Catalogue
from shared.domain.evaluation import WindowReading, evaluate
from shared.domain.instant import format_instant
from shared.domain.item import Item
from shared.domain.measure import Measure
from shared.domain.plan import compile_plan
from shared.wire.explained import members_of
from shared.wire.results import objective_row
from tests.api.measured import DOCUMENTS, EVENTS, NOW
from tests.api.stored import a_catalogue


def as_state(reading: WindowReading) -> StateRow:
    row = objective_row(reading.judgement, reading.group, reading.window, reading.measure)
    return StateRow(
        **members_of(row),
        since=format_instant(NOW),
        breach_id=None,
        freshness="live",
        complete=True,
        revision=0,
        provisional=False,
        as_of=format_instant(NOW),
    )


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return a_catalogue(tmp_path_factory.mktemp("documents"), DOCUMENTS)


@pytest.fixture(scope="module")
def figures(catalogue: Catalogue) -> dict[str, dict[str, float]]:
    """By family, the value of each sla_id."""
    plan = compile_plan(catalogue)
    items: dict[str, Item] = {}
    for event in EVENTS:
        items.setdefault(event.item, Item(plan, event.kind, event.subject)).admit(event)
    objectives = Objectives(catalogue)
    found: dict[str, dict[str, float]] = {own.name: {} for own in (*GAUGES, *COUNTERS)}
    for reading in evaluate(catalogue, items.values(), now=NOW).objectives:
        start, end = reading.window
        if not start <= NOW < end:
            continue
        state = as_state(reading)
        served = objectives[f"{state.agreement}/{state.objective}"]
        for sample in promise_samples(served, state, (3, 1)):
            assert not math.isnan(sample.value)
            assert len(sample.labels) == len(sample.metric.labels)
            own = found[sample.metric.name]
            sla_id = sample.labels[0]
            assert sample.metric is STATE or sla_id not in own
            own[sla_id] = sample.value
    return found


def test_ratios_and_other_values_have_families_of_their_own(
    figures: dict[str, dict[str, float]],
) -> None:
    assert figures["accord_sla_value_ratio"] == {
        "figures/conversion": 0.333333333333,
        "figures/reopened": 0.5,
        "own-repair/repair": 1,
        "vendor-repair/repair": 0.5,
    }
    values = figures["accord_sla_value"]
    assert values["figures/revenue"] == 70.25
    assert values["figures/rating"] == 2.5
    assert values["figures/qualified"] == 3
    assert values["own-repair/mean/x"] == 3600
    assert values["vendor-repair/mean/x"] == 75 * 60
    assert "figures/p90" not in values  # its quantile is a clock that still runs


def test_a_target_is_a_ratio_or_a_value_or_neither(figures: dict[str, dict[str, float]]) -> None:
    assert figures["accord_sla_objective_ratio"] == {
        "figures/conversion": 0.5,
        "figures/reopened": 0.5,
        "own-repair/repair": 0.5,
        "vendor-repair/repair": 0.5,
    }
    asked = figures["accord_sla_objective_value"]
    assert asked["figures/revenue"] == 100.5
    assert asked["figures/p90"] == 7200
    assert asked["vendor-repair/mean/x"] == 7200
    assert "figures/days" not in asked


def test_budget_and_burn_rate_exist_where_something_may_be_missed(
    figures: dict[str, dict[str, float]],
) -> None:
    budget, burn = (
        figures["accord_sla_error_budget_remaining_ratio"],
        figures["accord_sla_burn_rate_ratio"],
    )
    assert burn["vendor-repair/repair"] == 1
    assert burn["figures/p90"] == pytest.approx(1 / 0.3)
    assert burn["figures/reopened"] == 1
    assert burn["figures/conversion"] == pytest.approx(2 / 3)
    assert budget["figures/p90"] == pytest.approx(1 - 1 / 0.3)
    assert budget["figures/refunds"] == pytest.approx(1 - 70.25 / 1000)
    for without in ("figures/revenue", "figures/rating", "own-repair/mean/x", "figures/refunds"):
        assert without not in burn
    for without in ("figures/revenue", "figures/rating", "own-repair/mean/x"):
        assert without not in budget


def test_the_budget_is_what_may_be_missed_of_everything(
    figures: dict[str, dict[str, float]],
) -> None:
    allowed = figures["accord_sla_error_budget_ratio"]
    assert allowed["figures/p90"] == 0.1
    assert allowed["figures/reopened"] == 0.5
    assert allowed["vendor-repair/repair"] == 0.5
    for without in ("figures/revenue", "figures/refunds", "figures/rating", "own-repair/mean/x"):
        assert without not in allowed


@pytest.mark.parametrize(
    ("gaps", "share"),
    [
        ([], 1),
        ([(0, 100)], 1),
        ([(200, None)], 1),
        ([(110, 120)], "9/10"),
        ([(110, 120), (115, 130), (190, None)], "7/10"),
        ([(150, None)], "1/2"),
        ([(0, 1000)], 0),
    ],
)
def test_coverage_is_the_share_of_the_window_without_a_gap(
    gaps: list[tuple[int, int | None]], share: int | str
) -> None:
    assert coverage(gaps, 100, 200) == Fraction(share)


def test_a_window_that_has_just_begun_is_covered() -> None:
    assert coverage([(0, None)], 100, 100) == 1


def test_the_window_is_named_by_its_period_or_length(catalogue: Catalogue) -> None:
    labels = {served.key: served.window_label for served in Objectives(catalogue)}
    assert labels["figures/revenue"] == "month"
    assert labels["figures/rating"] == "P1D"
    assert labels["figures/p90"] == "P7D"


def test_totals_are_of_what_the_measure_counts(catalogue: Catalogue) -> None:
    objectives = Objectives(catalogue)

    def missed(key: str, measure: Measure) -> int:
        served = objectives[key]
        return missed_events(served.kpi, served.judged_by(NOW)[1].target, measure)

    clocks = Measure(met=3, breached_open=1, breached_closed=2, running=4, excluded=5)
    assert (all_events(clocks), missed("figures/p90", clocks)) == (6, 3)
    events = Measure(counted=7)
    assert (all_events(events), missed("figures/rating", events)) == (7, 0)
    ratio = Measure(good=2, total=9, pending=3)
    assert (all_events(ratio), missed("figures/conversion", ratio)) == (9, 4)
    assert missed("figures/reopened", ratio) == 2
    assert missed("figures/conversion", Measure(good=3, total=1)) == 0
