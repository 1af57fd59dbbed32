"""Cursors: what goes in comes out, and nothing else is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.web.cursors import InvalidCursor, decode_cursor, encode_cursor

SCOPE = ["states", {"level": ["customer"]}]
KEYS = st.tuples(
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)


@given(KEYS)
def test_a_cursor_gives_its_key_back(key: tuple[int, str]) -> None:
    cursor = encode_cursor(SCOPE, key)
    assert decode_cursor(SCOPE, cursor, (int, str)) == key
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(KEYS)
def test_a_cursor_belongs_to_its_filters(key: tuple[int, str]) -> None:
    with pytest.raises(InvalidCursor, match="other filters"):
        decode_cursor(["states", {}], encode_cursor(SCOPE, key), (int, str))


@given(st.text())
def test_any_other_text_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(InvalidCursor, match="begin without one"):
        decode_cursor(SCOPE, text, (int, str))


@pytest.mark.parametrize("key", [(2**63, "a"), (1, "a\0")])
def test_a_key_that_no_row_can_have_is_refused(key: tuple[int, str]) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(SCOPE, encode_cursor(SCOPE, key), (int, str))


def test_a_key_of_another_shape_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(SCOPE, encode_cursor(SCOPE, ("a",)), (int,))
