"""Amounts pass through decimals without losing a digit."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.wire.amounts import amount_of_decimal, amount_to_decimal

DIGITS = st.integers(-(10**60), 10**60)


@given(DIGITS, st.integers(0, 400))
def test_what_goes_in_comes_out(digits: int, places: int) -> None:
    amount = Fraction(digits, 10**places)
    decimal = amount_to_decimal(amount)
    assert Fraction(decimal) == amount
    assert amount_of_decimal(decimal) == amount


def test_whole_numbers_are_integers_again() -> None:
    assert type(amount_of_decimal(Decimal("12.00"))) is int
    assert amount_to_decimal(10**5000) == Decimal(10) ** 5000


def test_what_no_decimal_is_cannot_be_written_as_one() -> None:
    with pytest.raises(ValueError, match="no decimal"):
        amount_to_decimal(Fraction(1, 3))
