"""Exact amounts at the edge of the database: a sum of decimals is a decimal, never rounded.

int | Fraction   in the domain, where sums are exact
Decimal          for numeric columns and as text
"""

from decimal import Decimal
from fractions import Fraction


def amount_to_decimal(amount: int | Fraction) -> Decimal:
    """The decimal that an amount is; `ValueError` for a fraction that no decimal is."""
    if isinstance(amount, int):
        return Decimal(amount)
    places = _places(amount.denominator)
    sign, digits, _ = Decimal(amount.numerator * (10**places // amount.denominator)).as_tuple()
    return Decimal((sign, digits, -places))


def amount_of_decimal(decimal: Decimal) -> int | Fraction:
    """The amount that a decimal is, an int where it is whole."""
    whole = int(decimal)
    return whole if whole == decimal else Fraction(decimal)


def _places(denominator: int) -> int:
    """How many digits after the point a fraction with this denominator has."""
    twos = (denominator & -denominator).bit_length() - 1
    rest, fives = denominator >> twos, 0
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        message = f"a fraction with the denominator {denominator} is no decimal"
        raise ValueError(message)
    return max(twos, fives)
