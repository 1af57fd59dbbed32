"""RFC 8785: the vectors of its text and appendix B, and the exact form beside it."""

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.canonical import canonical_json, plain_decimal

# Appendix B: the bits of a double and how it is written.
NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "text"), NUMBERS)
def test_numbers_are_written_as_in_appendix_b(bits: str, text: str) -> None:
    (double,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(Decimal(double)) == text


def test_the_example_of_the_text_has_its_one_form() -> None:
    value = {
        "numbers": [
            Decimal(text)
            for text in (
                "333333333.33333329",
                "1E30",
                "4.50",
                "2e-3",
                "0.000000000000000000000000001",
            )
        ],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical_json(value) == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_members_are_sorted_by_utf16_code_units() -> None:
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    written = canonical_json(dict.fromkeys(names, 0))
    order = ["\\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert written == "{" + ",".join(f'"{name}":0' for name in order) + "}"


def test_the_exact_form_keeps_what_a_double_loses() -> None:
    one, other = Decimal("1.00000000000000000001"), 1
    assert canonical_json(one) == canonical_json(other)
    assert canonical_json(one, exact=True) != canonical_json(other, exact=True)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1.0", "1"),
        ("1e2", "100"),
        ("-0.0", "0"),
        ("0.50", "0.5"),
        ("-1.20", "-1.2"),
        ("100", "100"),
    ],
)
def test_a_plain_decimal_has_neither_exponent_nor_trailing_zeros(number: str, text: str) -> None:
    assert plain_decimal(Decimal(number)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.integers(0, 5))
def test_equal_numbers_print_alike_however_they_are_written(number: Decimal, zeros: int) -> None:
    longer = Decimal(f"{number:f}" + "0" * zeros)
    assert plain_decimal(longer) == plain_decimal(number)


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        canonical_json(1.5)
