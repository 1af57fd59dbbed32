"""The JSON form of a comparison: agreements side by side on one KPI, window and group."""

from collections.abc import Mapping

import msgspec

from shared.domain.comparison import Comparison, Difference, Side, comparison_words, unit_of
from shared.wire.results import WindowForm, counts_form, decimal_text, window_form


class SideForm(msgspec.Struct, frozen=True, kw_only=True):
    """How one agreement stands; `unit` says what its `value` is given in."""

    sla_id: str
    agreement: str
    objective: str
    type: str
    level: str
    provider: str
    customer: str
    value: str | None
    unit: str
    state: str
    target: Mapping[str, object]
    counts: Mapping[str, int]


class DifferenceForm(msgspec.Struct, frozen=True, kw_only=True):
    """The value of an outside provider less that of a unit inside, by their `sla_id`s."""

    provider: str
    internal: str
    value: str | None
    unit: str
    better: str | None


class ComparisonRow(msgspec.Struct, frozen=True, kw_only=True):
    """All that is said of one KPI in one window of one group."""

    kpi: str
    window: WindowForm
    group: Mapping[str, str]
    sides: list[SideForm]
    differences: list[DifferenceForm]
    text: list[str]


class ComparisonsForm(msgspec.Struct, frozen=True, kw_only=True):
    """The one JSON object that `accord compare` prints."""

    as_of: str
    kpi: str
    comparisons: list[ComparisonRow]


def comparison_row(own: Comparison) -> ComparisonRow:
    """The row of one comparison."""
    return ComparisonRow(
        kpi=own.kpi,
        window=window_form(own.window),
        group=dict(own.group),
        sides=[_side(side) for side in own.sides],
        differences=[_difference(one) for one in own.differences],
        text=comparison_words(own),
    )


def _side(own: Side) -> SideForm:
    return SideForm(
        sla_id=own.sla_id,
        agreement=own.version.agreement,
        objective=own.objective.name,
        type=own.version.type.value,
        level=own.version.level.value,
        provider=own.version.provider,
        customer=own.version.customer,
        value=decimal_text(own.value),
        unit=unit_of(own.objective).value,
        state=own.state.value,
        target=own.objective.target_text,
        counts=counts_form(own.objective.kpi, own.measure),
    )


def _difference(own: Difference) -> DifferenceForm:
    return DifferenceForm(
        provider=own.provider.sla_id,
        internal=own.internal.sla_id,
        value=decimal_text(own.value),
        unit=unit_of(own.provider.objective).value,
        better=None if own.better is None else own.better.value,
    )
