"""Timelines: which contents stand, their order, corrections; arrival never matters."""

from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.event import Event, Timeline, content, effective, order_key
from tests.domain.building import an_event

EVENTS = st.builds(
    an_event,
    st.sampled_from(["created", "replied", "solved", "retracted", "merged"]),
    st.sampled_from(["09:00", "09:10", "09:20"]),
    event_id=st.sampled_from("abcd"),
    source=st.sampled_from(["/x", "/y"]),
    sequence=st.sampled_from([None, "1", "02", "10", "z"]),
    replaces=st.sampled_from([None, None, "a", "b", "c", "nowhere"]),
    team=st.sampled_from([None, "t", 1]),
)
MANY = st.lists(EVENTS, max_size=12)


def standing(events: Sequence[Event]) -> list[Event]:
    timeline = Timeline()
    for event in events:
        if not timeline.is_duplicate(event):
            timeline.admit(event)
    return timeline.events


@given(MANY, st.randoms(use_true_random=False))
def test_what_stands_depends_on_neither_order_nor_repetition(
    events: list[Event], dice: Random
) -> None:
    again = [*events, *events]
    dice.shuffle(again)
    assert [content(e) for e in standing(again)] == [content(e) for e in standing(events)]


@given(MANY, st.randoms(use_true_random=False))
def test_what_counts_depends_on_no_order(events: list[Event], dice: Random) -> None:
    known = standing(events)
    mixed = list(known)
    dice.shuffle(mixed)
    assert effective(mixed) == effective(known)


@given(MANY)
def test_one_content_stands_for_each_identity_and_it_is_the_smallest(events: list[Event]) -> None:
    known = standing(events)
    assert len({e.identity for e in known}) == len(known)
    for event in known:
        same = [e for e in events if e.identity == event.identity]
        assert content(event) == min(content(e) for e in same)


@given(MANY)
def test_nobody_who_is_named_counts(events: list[Event]) -> None:
    known = standing(events)
    counting = {e.identity for e in effective(known)}
    for event in known:
        if event.replaces not in (None, event.id):
            assert (event.source, event.replaces) not in counting


def test_the_loser_of_a_conflict_comes_back_also_when_it_was_first() -> None:
    later = an_event("replied", "09:20", event_id="r")
    earlier = an_event("replied", "09:10", event_id="r")
    timeline = Timeline()
    assert timeline.admit(later) is None
    assert timeline.admit(earlier) is later
    assert timeline.admit(later) is later
    assert timeline.events == [earlier]


def test_equal_numbers_are_equal_content() -> None:
    from decimal import Decimal  # noqa: PLC0415 - for this test alone

    timeline = Timeline([an_event("rated", "09:00", event_id="r", score=Decimal("1.0"))])
    assert timeline.is_duplicate(an_event("rated", "09:00", event_id="r", score=1))
    assert not timeline.is_duplicate(an_event("rated", "09:00", event_id="r", score="1"))


def test_the_order_is_time_rank_source_sequence_id() -> None:
    in_order = [
        an_event("solved", "08:59"),
        an_event("created", "09:00", source="/z"),
        an_event("replied", "09:00", source="/a", event_id="2"),
        an_event("replied", "09:00", source="/a", event_id="9", sequence="9"),
        an_event("replied", "09:00", source="/a", event_id="1", sequence="10"),
        an_event("replied", "09:00", source="/a", event_id="0", sequence="x"),
        an_event("replied", "09:00", source="/b", event_id="10"),
        an_event("replied", "09:00", source="/b", event_id="9"),
        an_event("solved", "09:00", source="/a"),
        an_event("created", "09:01"),
    ]
    mixed = in_order[::-1]
    assert sorted(mixed, key=order_key) == in_order


def test_what_happened_is_all_after_the_first_dot() -> None:
    event = an_event("escalated.twice", "09:00")
    assert (event.kind, event.what, event.item) == ("ticket", "escalated.twice", "ticket:T-1")
