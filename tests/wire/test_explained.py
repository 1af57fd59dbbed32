"""The JSON of contributions: a clock's time in seconds, a field's number as text."""

from decimal import Decimal

import pytest

from shared.domain.agreement import MeasureKind
from shared.domain.measure import Amount
from shared.wire.explained import MemberForm, member_form
from shared.wire.results import encode


@pytest.mark.parametrize(
    ("measure", "amount", "written"),
    [
        (MeasureKind.DURATION, 1_500_000, (None, Decimal("1.5"))),
        (MeasureKind.DURATION, Decimal(2_000_000), (None, 2)),
        (MeasureKind.DURATION, None, (None, None)),
        (MeasureKind.SUM, Decimal("12.50"), ("12.5", None)),
        (MeasureKind.MEAN, 3, ("3", None)),
        (MeasureKind.SUM, Decimal("1E+3"), ("1000", None)),
        (MeasureKind.COUNT, None, (None, None)),
    ],
)
def test_an_amount_is_time_or_a_number(
    measure: MeasureKind, amount: Amount | None, written: tuple[str | None, Decimal | int | None]
) -> None:
    form = member_form("ticket:T-1", 2, "met", 0, amount, measure)
    assert (form.amount, form.elapsed_s) == written


def test_what_is_undecided_has_no_instant() -> None:
    form = member_form("ticket:T-1", 1, "running", None, None, MeasureKind.DURATION)
    assert isinstance(form, MemberForm)
    assert encode(form) == (
        b'{"item":"ticket:T-1","cycle":1,"outcome":"running","at":null,"amount":null,'
        b'"elapsed_s":null}'
    )
