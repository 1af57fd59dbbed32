"""A page that shows what is not said is seen."""

import pytest

from tests.docs.answers import misfit, missing_lines


@pytest.mark.parametrize(
    ("shown", "said", "exact", "wrong"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True, None),
        ({"a": 1}, {"a": 2}, True, "$.a is 2, not 1"),
        ({"a": 1}, {"a": 2}, False, None),
        ({"a": "x"}, {"a": 2}, False, "$.a is 2, which is not like 'x'"),
        ({"a": "x"}, {"a": None}, False, None),
        ({"a": "x …"}, {"a": "y"}, True, None),
        ({"a": 1}, {"b": 1}, False, "$ has no member 'a'"),
        ([{"n": 2}], [{"n": 1}, {"n": 2}], True, None),
        ([{"n": 3}], [{"n": 1}, {"n": 2}], True, "$ has nothing like its 1. entry"),
        ([{"n": 3}], [], False, "$ has nothing like its 1. entry"),
        ([], [1], True, None),
        ({"a": []}, {"a": 1}, True, "$.a is 1 and no list"),
    ],
)
def test_members_shown_are_members_said(
    shown: object,
    said: object,
    exact: bool,  # noqa: FBT001 - a case
    wrong: str | None,
) -> None:
    assert misfit(shown, said, exact=exact) == wrong


def test_lines_shown_are_lines_said() -> None:
    assert missing_lines("a  b\nc\n", "x\n a b\n c d\n") == []
    assert missing_lines("a c\n", "a b c") == ["a c"]
