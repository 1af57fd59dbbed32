"""Matchers and milestones: JSON types, absence, changes; what excludes what."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.event import Scalar
from shared.domain.matcher import (
    EVERYTHING,
    Attributes,
    Choice,
    Matcher,
    Milestone,
    as_text,
    group_values,
    same_value,
)
from tests.domain.building import an_event

VALUES: list[Scalar] = [None, "1", "a", 1, 2, Decimal("1.5"), True, False, 0, ""]
SCALARS = st.sampled_from(VALUES)
CHOICES = st.builds(Choice, st.lists(SCALARS, min_size=1, max_size=3).map(tuple), st.booleans())
MATCHERS = st.lists(st.tuples(st.sampled_from("xy"), CHOICES), max_size=3).map(
    lambda choices: Matcher(tuple(choices))
)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, Decimal("1.0"), True),
        (1, True, False),
        (0, False, False),
        (1, "1", False),
        (None, "", False),
        (None, None, True),
        ("a", "A", False),
    ],
)
def test_values_are_equal_by_type_and_number(one: Scalar, other: Scalar, equal: bool) -> None:  # noqa: FBT001
    assert same_value(one, other) is equal
    assert Choice((one,)).admits(other) is equal
    assert Choice((one,), negated=True).admits(other) is not equal


def test_all_must_hold_and_nothing_holds_always() -> None:
    matcher = Matcher((("team", Choice(("a",))), ("priority", Choice((None,)))))
    assert matcher.matches({"team": "a"})
    assert not matcher.matches({"team": "a", "priority": "p1"})
    assert EVERYTHING.matches({})
    assert matcher.names == {"team", "priority"}


@given(MATCHERS, MATCHERS)
def test_excluding_matchers_never_both_match(one: Matcher, other: Matcher) -> None:
    both = [
        (x, y)
        for x in [*VALUES, "other"]
        for y in [*VALUES, "other"]
        if one.matches({"x": x, "y": y}) and other.matches({"x": x, "y": y})
    ]
    assert one.excludes(other) == other.excludes(one)
    assert one.excludes(other) is (not both)


@given(MATCHERS, MATCHERS, SCALARS, SCALARS)
def test_joined_means_both(one: Matcher, other: Matcher, x: Scalar, y: Scalar) -> None:
    seen = {"x": x, "y": y}
    assert one.joined(other).matches(seen) is (one.matches(seen) and other.matches(seen))


def test_a_milestone_wants_event_change_and_condition_together() -> None:
    agent = Matcher((("actor", Choice(("agent",))),))
    milestone = Milestone("ticket.assigned", agent, "team")
    event = an_event("assigned", "09:00")
    before: Attributes = {"team": "a"}
    seen: Attributes = {"team": "b", "actor": "agent"}
    assert milestone.matches(event, before, seen)
    assert not milestone.matches(an_event("replied", "09:00"), before, seen)
    assert not milestone.matches(event, {"team": "b"}, seen)
    assert not milestone.matches(event, before, {"team": "b"})


@pytest.mark.parametrize(("before", "after"), [(None, "a"), ("a", None), (1, "1"), (1, True)])
def test_a_first_set_a_removal_and_another_type_are_changes(before: Scalar, after: Scalar) -> None:
    event = an_event("assigned", "09:00")
    assert Milestone(changes="x").matches(event, {"x": before}, {"x": after})


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (False, "false"), (Decimal("1.0"), "1"), (Decimal("1e2"), "100")],
)
def test_a_group_value_is_plain_text(value: Scalar, text: str) -> None:
    assert as_text(value) == text
    assert group_values(["x", "absent"], {"x": value}) == (text, "")


@pytest.mark.parametrize(("attributes", "characters"), [(1, 200), (3, 200), (4, 150), (6, 100)])
def test_however_many_attributes_a_group_has_it_is_short_enough_for_a_key(
    attributes: int, characters: int
) -> None:
    names = [f"a{number}" for number in range(attributes)]
    found = group_values(names, dict.fromkeys(names, "ä" * 1000))
    assert found == ("ä" * characters,) * attributes
