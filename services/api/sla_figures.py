"""The `accord_sla_…` families of one scrape, filled state by state.

The contract fixes their names (section 6). Floats appear here only, at the edge.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from services.api.answers import StateRow
from services.api.objectives import Objectives, Served
from shared.domain.agreement import (
    AtLeast,
    AtMost,
    Kpi,
    Mean,
    MeasureKind,
    Objective,
    OpenTime,
    Percentile,
    Target,
    Version,
    Within,
)
from shared.domain.comparison import Unit, unit_of
from shared.domain.instant import SECOND, parse_instant
from shared.domain.judge import State, budget_of
from shared.domain.measure import Measure
from shared.wire.results import counts_of

_ID: Final = ("sla_id",)
_INFO: Final = (
    "sla_id",
    "sla_scope",
    "sla_customer",
    "sla_service",
    "sla_window",
    "sla_type",
    "kpi",
    "agreement",
    "objective",
    "sla_group",
)


class SlaFamilies:
    """Collects samples, then gives the families."""

    def __init__(self, objectives: Objectives) -> None:
        """All families begin empty."""
        self._objectives = objectives
        self._info = _gauge("accord_sla_info", "1; what is behind an sla_id", _INFO)
        self._state = _gauge(
            "accord_sla_state",
            "1 for the state that the current window is in, 0 for the others",
            ("sla_id", "state"),
        )
        self._ratio = _gauge(
            "accord_sla_value_ratio", "Value of the current window where it is a ratio"
        )
        self._value = _gauge(
            "accord_sla_value",
            "Value of the current window where it is a count, a sum, a mean or a time in seconds",
        )
        self._objective_ratio = _gauge(
            "accord_sla_objective_ratio", "The ratio that the target asks for"
        )
        self._objective_value = _gauge(
            "accord_sla_objective_value",
            "The count, sum, mean or seconds that the target asks for (at least or at most)",
        )
        self._budget = _gauge(
            "accord_sla_error_budget_remaining_ratio",
            "Share of the error budget that is left in the current window; negative when overspent",
        )
        self._burn = _gauge(
            "accord_sla_burn_rate_ratio",
            "Share missed of what was decided in the window, divided by the share that may be "
            "missed; above 1 the window ends breached if it goes on so",
            ("sla_id", "sla_window"),
        )
        self._stale = _gauge(
            "accord_sla_stale", "1 when the state is older than allowed or not proven"
        )
        self._events = CounterMetricFamily(
            "accord_sla_events",
            "Clocks decided, events counted, and of a ratio its total, in all windows",
            labels=_ID,
        )
        self._breached = CounterMetricFamily(
            "accord_sla_breached_events",
            "Clocks that missed their target, and what missed in a ratio, in all windows",
            labels=_ID,
        )

    def add(self, state: StateRow, totals: tuple[int, int] | None) -> None:
        """Add the samples of one objective's group."""
        served = self._objectives[f"{state.agreement}/{state.objective}"]
        version, objective = served.judged_by(parse_instant(state.as_of or state.window.start))
        own = (state.sla_id,)
        self._info.add_metric(_labels(served, version, state), 1)
        for name in State:
            self._state.add_metric((*own, name.value), int(name.value == state.state))
        self._stale.add_metric(own, int(state.freshness == "stale"))
        is_ratio = unit_of(objective) is Unit.RATIO
        asked = _asked(objective)
        if asked is not None:
            family = self._objective_ratio if is_ratio else self._objective_value
            family.add_metric(own, float(asked))
        if state.value is not None:
            family = self._ratio if is_ratio else self._value
            family.add_metric(own, float(state.value))
        burn = _burn_rate(objective, state)
        if burn is not None:
            self._burn.add_metric((state.sla_id, served.window_label), float(burn))
        if state.budget_remaining is not None:
            self._budget.add_metric(own, float(state.budget_remaining))
        events, breached = totals or (0, 0)
        self._events.add_metric(own, events)
        self._breached.add_metric(own, breached)

    def all(self) -> Iterator[Metric]:
        """The families, each with its samples."""
        yield from (self._info, self._state, self._stale, self._ratio, self._value)
        yield from (self._objective_ratio, self._objective_value, self._budget, self._burn)
        yield from (self._events, self._breached)


def missed_events(kpi: Kpi, target: Target, measure: Measure) -> int:
    """What of all that was decided or counted missed: clocks, or the misses of a ratio."""
    if kpi.measure is MeasureKind.DURATION:
        return measure.missed
    if kpi.measure is not MeasureKind.RATIO:
        return 0
    if isinstance(target, AtMost):
        return measure.good
    return max(0, measure.total - measure.good - measure.pending)


def all_events(measure: Measure) -> int:
    """All that was decided or counted; a measure has one kind of these."""
    return measure.decided + measure.counted + measure.total


def _asked(own: Objective) -> Fraction | None:
    """What the target asks of the value; None for a quantile by working days."""
    match own.target:
        case Within(ratio=ratio):
            return ratio
        case Percentile(duration=OpenTime(micros)) | Mean(micros):
            return Fraction(micros, SECOND)
        case AtLeast(amount) | AtMost(amount):
            return amount
        case _:
            return None


def _burn_rate(own: Objective, state: StateRow) -> Fraction | None:
    """The share missed divided by the share that may be; None where there are no such shares."""
    measure = counts_of(state.counts)
    shares = isinstance(own.target, Within | Percentile) or unit_of(own) is Unit.RATIO
    if not shares or state.state == State.NO_DATA.value:
        return None
    missed, allowed = budget_of(own, measure)
    return missed / allowed if allowed else None


def _gauge(name: str, text: str, labels: tuple[str, ...] = _ID) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


def _labels(served: Served, version: Version, state: StateRow) -> tuple[str, ...]:
    group = ",".join(f"{name}={value}" for name, value in state.group.items())
    return (
        state.sla_id,
        state.level,
        served.concerning("customer", state.group, version),
        served.concerning("service", state.group, version),
        served.window_label,
        version.type.value,
        served.kpi.name,
        served.agreement.name,
        served.name,
        group,
    )
