"""Numbers as the contract has them written."""

from fractions import Fraction

from tests.oracle.days import SECOND


class Number:
    """A JSON number with the text it is written with."""

    def __init__(self, micros: int) -> None:
        """Microseconds as a number of seconds."""
        value = Fraction(micros, SECOND)
        digits = f"{abs(round(value * 10**6)):07d}"
        shown = f"{digits[:-6]}.{digits[-6:]}".rstrip("0").rstrip(".")
        self.text = f"-{shown}" if value < 0 else shown


def decimal(x: Fraction | None) -> str | None:
    """A plain decimal with at most twelve digits after the point, half-even."""
    if x is None:
        return None
    scaled = round(abs(x) * 10**12)
    whole, rest = divmod(scaled, 10**12)
    digits = f"{whole}.{rest:012d}".rstrip("0").rstrip(".")
    return f"-{digits}" if x < 0 and digits != "0" else digits
