"""The `accord_sla_…` series of one promise: which there are, and their values.

The contract fixes their names (section 6). Floats appear here only, at the edge. A series exists
while the promise has that value: what has none is absent, never NaN.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Final

from prometheus_client.core import Metric as Family

from services.api.answering.answers import StateRow
from services.api.reading.objectives import Served
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
from shared.domain.instant import SECOND, Instant, parse_instant
from shared.domain.judge import State, allowed_share, budget_of
from shared.domain.measure import Measure
from shared.runtime.kept_text import KeptFamilies, Sample
from shared.runtime.metrics import Metric
from shared.wire.results import counts_of

_ID: Final = ("sla_id",)
_WINDOW: Final = ("sla_id", "sla_window")

INFO: Final = Metric(
    "accord_sla_info",
    "1; what is behind an sla_id",
    (
        "sla_id",
        "sla_scope",
        "sla_customer",
        "sla_service",
        "sla_window",
        "sla_type",
        "sla_provider",
        "sla_method",
        "kpi",
        "agreement",
        "objective",
        "sla_group",
    ),
)
STATE: Final = Metric(
    "accord_sla_state",
    "1 for the state that the current window is in, 0 for the others",
    ("sla_id", "state"),
)
STALE: Final = Metric(
    "accord_sla_stale", "1 when the state is older than allowed or not proven", _ID
)
COVERAGE: Final = Metric(
    "accord_sla_coverage_ratio",
    "Share of the current window so far of which no record is known to be missing",
    _WINDOW,
)
VALUE_RATIO: Final = Metric(
    "accord_sla_value_ratio",
    "Value of the current window where it is a ratio, in business time, with corrections",
    _ID,
)
VALUE: Final = Metric(
    "accord_sla_value",
    "Value of the current window where it is a count, a sum, a mean or a time in seconds",
    _ID,
)
OBJECTIVE_RATIO: Final = Metric(
    "accord_sla_objective_ratio", "The ratio that the target asks for", _ID
)
OBJECTIVE_VALUE: Final = Metric(
    "accord_sla_objective_value",
    "The count, sum, mean or seconds that the target asks for (at least or at most)",
    _ID,
)
BUDGET: Final = Metric(
    "accord_sla_error_budget_ratio",
    "Share of what is decided that may miss; 0 when nothing may",
    _WINDOW,
)
BUDGET_REMAINING: Final = Metric(
    "accord_sla_error_budget_remaining_ratio",
    "Share of the error budget that is left in the current window; negative when overspent",
    _ID,
)
BURN_RATE: Final = Metric(
    "accord_sla_burn_rate_ratio",
    "Share missed of what was decided in the current window, divided by the share that may be "
    "missed; above 1 the window ends breached if it goes on so",
    _WINDOW,
)
EVENTS: Final = Metric(
    "accord_sla_events",
    "Clocks decided, events counted, and of a ratio its total, in all windows; never falls",
    _ID,
)
BREACHED_EVENTS: Final = Metric(
    "accord_sla_breached_events",
    "Clocks that missed their target, and what missed in a ratio, in all windows; never falls",
    _ID,
)
GAUGES: Final = (
    INFO,
    STATE,
    STALE,
    COVERAGE,
    VALUE_RATIO,
    VALUE,
    OBJECTIVE_RATIO,
    OBJECTIVE_VALUE,
    BUDGET,
    BUDGET_REMAINING,
    BURN_RATE,
)
COUNTERS: Final = (EVENTS, BREACHED_EVENTS)


def described() -> Iterator[Family]:
    """The families, without series."""
    yield from KeptFamilies(GAUGES, COUNTERS).describe()


OTHERS: Final = "_other"
"""The sla_id of all promises together that have no series of their own: a real one has a `/`."""

Totals = tuple[int, int]
"""All that was ever decided or counted, and what of it was missed."""

Gaps = Iterable[tuple[Instant, Instant | None]]


def promise_samples(
    served: Served, state: StateRow, totals: Totals | None, gaps: Gaps = ()
) -> Iterator[Sample]:
    """The series of one group of an objective; `gaps` are where records may be missing."""
    as_of = parse_instant(state.as_of or state.window.start)
    version, objective = served.judged_by(as_of)
    own, window = (state.sla_id,), (state.sla_id, served.window_label)
    yield Sample(INFO, _labels(served, version, objective, state), 1)
    yield from _state(state.sla_id, state.state)
    yield Sample(STALE, own, int(state.freshness == "stale"))
    start, end = parse_instant(state.window.start), parse_instant(state.window.end)
    yield Sample(COVERAGE, window, float(coverage(gaps, start, min(as_of, end))))
    is_ratio = unit_of(objective) is Unit.RATIO
    if state.value is not None:
        yield Sample(VALUE_RATIO if is_ratio else VALUE, own, float(state.value))
    asked = _asked(objective)
    if asked is not None:
        yield Sample(OBJECTIVE_RATIO if is_ratio else OBJECTIVE_VALUE, own, float(asked))
    allowed = allowed_share(objective)
    if allowed is not None:
        yield Sample(BUDGET, window, float(allowed))
    if state.budget_remaining is not None:
        yield Sample(BUDGET_REMAINING, own, float(state.budget_remaining))
    burn = _burn_rate(objective, state)
    if burn is not None:
        yield Sample(BURN_RATE, window, float(burn))
    yield from _totals(state.sla_id, totals or (0, 0))


def other_samples(states: Sequence[str], totals: Totals) -> Iterator[Sample]:
    """The series of all promises together that have none of their own, in these states.

    Their state is the worst among them.
    """
    unnamed = {name: OTHERS if name.startswith("sla_") else "" for name in INFO.labels}
    yield Sample(INFO, tuple(unnamed.values()), 1)
    yield from _state(OTHERS, next(own.value for own in _WORST_FIRST if own.value in states))
    yield from _totals(OTHERS, totals)


_WORST_FIRST: Final = (State.BREACHED, State.AT_RISK, State.OK, State.NO_DATA, State.EXCLUDED)


def coverage(gaps: Gaps, start: Instant, until: Instant) -> Fraction:
    """The share of [start, until) that lies in no gap; an end of None is not known yet."""
    if until <= start:
        return Fraction(1)
    missing, reached = 0, start
    ends = sorted((begins, until if end is None else end) for begins, end in gaps)
    for begins, end in ends:
        begins, end = max(begins, reached), min(end, until)  # noqa: PLW2901 - cut to the window
        if begins < end:
            missing, reached = missing + end - begins, end
    return 1 - Fraction(missing, until - start)


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


def _state(sla_id: str, state: str) -> Iterator[Sample]:
    for name in State:
        yield Sample(STATE, (sla_id, name.value), int(name.value == state))


def _totals(sla_id: str, totals: Totals) -> Iterator[Sample]:
    events, breached = totals
    yield Sample(EVENTS, (sla_id,), events)
    yield Sample(BREACHED_EVENTS, (sla_id,), breached)


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
    if not allowed_share(own) or state.state == State.NO_DATA.value:
        return None
    missed, allowed = budget_of(own, counts_of(state.counts))
    return missed / allowed if allowed else None


_METHODS: Final = {
    Within: "within",
    Percentile: "percentile",
    Mean: "mean",
    AtLeast: "at_least",
    AtMost: "at_most",
}


def _labels(
    served: Served, version: Version, objective: Objective, state: StateRow
) -> tuple[str, ...]:
    group = ",".join(f"{name}={value}" for name, value in state.group.items())
    return (
        state.sla_id,
        state.level,
        served.concerning("customer", state.group, version),
        served.concerning("service", state.group, version),
        served.window_label,
        version.type.value,
        version.provider,
        _METHODS[type(objective.target)],
        served.kpi.name,
        served.agreement.name,
        served.name,
        group,
    )
