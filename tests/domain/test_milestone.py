"""Milestones: which events hit them, how they count, and what they see change."""

from dataclasses import replace

import pytest

from shared.domain.agreement import Kpi, Objective, Reopen
from shared.domain.matcher import Milestone
from tests.domain.building import ANSWER, RETURNS, an_objective, at, at_least, only
from tests.domain.stories import item_of, minute, story, ticket

REPLIED, SOLVED = "ticket.replied", "ticket.solved"
UNTIL = "12:00"


def counting(*milestones: Milestone) -> Objective:
    return an_objective(kpi=replace(RETURNS, event=milestones), target=at_least(1))


def hits(objective: Objective, *told: str) -> list[int]:
    """Minutes after nine o'clock of the events that counted."""
    settled = item_of(objective, ticket(*told)).settle(now=at(UNTIL))
    return [minute(own.at) for own in settled.contributions if own.at is not None]


def measuring(**changes: object) -> Objective:
    kpi: Kpi = replace(ANSWER, **changes)  # type: ignore[arg-type]
    return an_objective(kpi=kpi)


def spans(objective: Objective, *told: str) -> list[tuple[int, int | None]]:
    """Start and stop of each clock."""
    return [(own.started, own.stopped) for own in story(objective, *told, now=UNTIL)]


@pytest.mark.parametrize(
    ("told", "stopped"),
    [
        (["09:10 replied", "09:20 replied"], 20),
        (["09:10 replied", "09:20 solved"], 20),
        (["09:10 solved", "09:20 replied"], 10),
        (["09:10 replied"], None),
    ],
)
def test_each_milestone_of_a_list_counts_its_own_matches(
    told: list[str], stopped: int | None
) -> None:
    own = measuring(stop=(Milestone(REPLIED, nth=2), Milestone(SOLVED)))
    assert spans(own, "09:00 created", *told) == [(0, stopped)]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (["09:00 created team=a"], [0]),
        (["09:00 created"], []),
        (["09:00 created team=a", "09:10 assigned team=a"], [0]),
        (["09:00 created team=a", "09:10 assigned team=b", "09:20 assigned team="], [0, 10, 20]),
        (["09:00 created team=", "09:10 assigned team="], []),
        (["09:00 created team=1", "09:10 assigned team=true"], [0, 10]),
        (["09:00 created team=a", "09:10 replied", "09:20 assigned team=b"], [0, 20]),
    ],
)
def test_a_change_is_another_value_also_a_first_one_and_a_removal(
    told: list[str], expected: list[int]
) -> None:
    assert hits(counting(Milestone(changes="team")), *told) == expected


def test_a_type_and_a_change_must_both_hold() -> None:
    own = counting(Milestone("ticket.assigned", changes="team"))
    told = ["09:00 created team=a", "09:10 assigned", "09:20 assigned team=b"]
    assert hits(own, *told) == [20]


def test_the_actor_is_seen_with_its_event_only() -> None:
    own = counting(Milestone(REPLIED, where=only("actor", "agent")))
    told = ["09:00 replied actor=agent", "09:10 replied", "09:20 replied actor=customer"]
    assert hits(own, *told) == [0]
    other = counting(Milestone(REPLIED, where=only("actor", None)))
    assert hits(other, *told) == [10]
    changing = counting(Milestone(changes="actor"))
    assert hits(changing, *told) == [0, 20]


def test_a_condition_sees_what_its_own_event_sets() -> None:
    own = counting(Milestone(REPLIED, where=only("priority", "p1")))
    told = ["09:00 replied priority=p1", "09:10 replied", "09:20 replied priority=p2"]
    assert hits(own, *told) == [0, 10]


def test_any_type_and_one_type_are_counted_apart() -> None:
    own = counting(Milestone(changes="team", nth=2), Milestone("ticket.assigned", nth=3))
    told = [
        "09:00 assigned team=a",
        "09:10 assigned",
        "09:20 replied team=b",
        "09:30 assigned team=c",
        "09:40 assigned",
    ]
    assert hits(own, *told) == [20, 30]


def test_a_stop_counts_from_the_start_of_its_cycle() -> None:
    own = measuring(stop=(Milestone(REPLIED, nth=2),), repeat=True)
    told = ["08:50 replied", "09:00 created", "09:10 replied", "09:20 replied"]
    again = ["09:30 created", "09:40 replied", "09:50 replied"]
    assert spans(own, *told, *again) == [(0, 20), (30, 50)]


def test_a_start_counts_from_the_previous_stop_on_that_event_included() -> None:
    second = Milestone(REPLIED, nth=2)
    own = measuring(start=(second,), stop=(Milestone(SOLVED),), repeat=True)
    told = ["09:00 replied", "09:10 replied", "09:20 replied", "09:30 solved"]
    assert spans(own, *told, "09:40 replied", "09:50 replied") == [(10, 30), (50, None)]
    turning = measuring(start=(second,), stop=(Milestone(REPLIED),), repeat=True)
    told = ["09:00 replied", "09:10 replied", "09:20 replied", "09:30 replied"]
    assert spans(turning, *told) == [(10, 20), (30, None)]


def test_after_a_reopening_that_continues_a_stop_counts_anew() -> None:
    own = measuring(stop=(Milestone(REPLIED, nth=2),), reopen=Reopen.CONTINUE)
    told = ["09:00 created", "09:10 replied", "09:20 replied", "09:30 reopened"]
    assert spans(own, *told, "09:40 replied") == [(0, None)]
    assert spans(own, *told, "09:40 replied", "09:50 replied") == [(0, 50)]


@pytest.mark.parametrize(
    ("told", "reopens"),
    [
        ("reopened", True),
        ("assigned status=open", True),
        ("assigned status=", True),
        ("closed", False),
        ("assigned status=closed", False),
        ("assigned team=a", False),
    ],
)
def test_a_reopening_comes_or_the_status_leaves_solved_and_closed(
    told: str, *, reopens: bool
) -> None:
    own = measuring(stop=(Milestone(SOLVED),), reopen=Reopen.NEW_CYCLE)
    found = spans(own, "09:00 created", "09:10 solved", f"09:20 {told}")
    assert found == [(0, 10), *([(20, None)] if reopens else [])]


def test_a_status_that_was_never_solved_reopens_nothing() -> None:
    own = measuring(reopen=Reopen.NEW_CYCLE)
    told = ["09:00 created status=new", "09:10 replied", "09:20 assigned status=open"]
    assert spans(own, *told) == [(0, 10)]
    assert spans(own, *told, "09:30 reopened") == [(0, 10), (30, None)]
