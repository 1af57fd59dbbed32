"""Words: exact numbers, lengths without days, what a matcher asks for and what misses it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.instant import DAY, HOUR, MINUTE, SECOND
from shared.domain.matcher import Choice, Matcher
from shared.domain.wording import (
    count_words,
    length_words,
    listed_words,
    matcher_words,
    mismatch_words,
    number_words,
    rounded_words,
    value_words,
)

URGENT = Matcher(
    (("priority", Choice(("p1", "p2"))), ("status", Choice(("new", None), negated=True)))
)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9)))
def test_a_decimal_is_written_with_exactly_its_digits(number: object) -> None:
    written = number_words(Fraction(str(number)))
    assert Fraction(written) == Fraction(str(number))
    assert "/" not in written


def test_what_is_no_decimal_stays_a_fraction_unless_it_is_rounded() -> None:
    assert number_words(Fraction(2, 3)) == "2/3"
    assert rounded_words(Fraction(2, 3)) == "0.6667"
    assert rounded_words(Fraction(-1, 8), 2) == "-0.12"


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0 s"),
        (2 * DAY + 90 * MINUTE, "49 h 30 min"),
        (HOUR + 5 * SECOND + 250_000, "1 h 5.25 s"),
        (-MINUTE, "-1 min"),
    ],
)
def test_a_length_has_hours_and_never_days(micros: int, text: str) -> None:
    assert length_words(micros) == text


def test_values_that_print_as_nothing_are_named() -> None:
    assert [value_words(value) for value in (None, "", True, "p1")] == [
        "absent",
        "empty",
        "true",
        "p1",
    ]


def test_a_matcher_says_what_it_asks_for() -> None:
    assert matcher_words(URGENT) == "priority is p1 or p2 and status is neither new nor absent"
    assert matcher_words(Matcher((("team", Choice(("a",), negated=True)),))) == "team is not a"
    assert matcher_words(Matcher()) == "anything"


def test_a_mismatch_names_the_values_that_missed_and_is_empty_where_all_match() -> None:
    assert mismatch_words(URGENT, {"priority": "p3", "status": "open"}) == (
        "priority is p3, asked for: p1 or p2"
    )
    missed = mismatch_words(URGENT, {"priority": "p1"})
    assert missed == "status is absent, asked for: neither new nor absent"
    assert mismatch_words(URGENT, {"priority": "p2", "status": "open"}) == ""


def test_one_is_not_several() -> None:
    assert [count_words(n, "event") for n in (0, 1, 2)] == ["0 events", "1 event", "2 events"]


def test_a_list_ends_with_and() -> None:
    assert [listed_words("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
