"""Counting milestones, and what a count KPI counts."""

import pytest

from shared.domain.cycle import Counter, Moment, Tally
from shared.domain.event import Scalar
from shared.domain.matcher import Milestone
from tests.domain.building import an_event

REPLIED, SOLVED = "ticket.replied", "ticket.solved"


def moment(what: str, before: Scalar = None, after: Scalar = None) -> Moment:
    event = an_event(what, "09:00")
    return Moment(event, {"status": before}, {"status": after}, {"status": after}, before != after)


def test_each_milestone_of_a_list_counts_its_own_matches() -> None:
    second, first = Milestone(REPLIED, nth=2), Milestone(SOLVED)
    counter = Counter((second, first))
    reached = [
        counter.reached(moment(what)) for what in ("replied", "solved", "replied", "replied")
    ]
    assert reached == [[], [first], [second], []]


def test_an_event_may_reach_several_milestones() -> None:
    any_change, solved = Milestone(changes="status"), Milestone(SOLVED)
    assert Counter((any_change, solved)).reached(moment("solved", None, "solved")) == [
        any_change,
        solved,
    ]


@pytest.mark.parametrize(
    ("every", "nth", "counted"),
    [
        (True, None, [True, True, True]),
        (False, None, [True, False, False]),
        (True, 2, [False, True, False]),
        (False, 2, [False, True, False]),
    ],
)
def test_a_count_takes_the_first_every_one_or_the_nth(
    *,
    every: bool,
    nth: int | None,
    counted: list[bool],
) -> None:
    tally = Tally((Milestone(REPLIED, nth=nth),), every=every)
    assert [tally.counts(moment("replied")) for _ in range(3)] == counted


def test_an_event_counts_once_though_two_milestones_match() -> None:
    tally = Tally((Milestone(SOLVED), Milestone(changes="status")), every=True)
    assert tally.counts(moment("solved", None, "solved"))
    assert tally.counted == 1


@pytest.mark.parametrize(
    ("what", "before", "after", "reopens"),
    [
        ("reopened", "open", "open", True),
        ("assigned", "solved", "open", True),
        ("assigned", "closed", None, True),
        ("closed", "solved", "closed", False),
        ("assigned", "open", "pending", False),
        ("solved", None, "solved", False),
    ],
)
def test_a_reopening_comes_or_the_status_leaves_solved_and_closed(
    what: str, before: Scalar, after: Scalar, *, reopens: bool
) -> None:
    assert moment(what, before, after).reopens is reopens
