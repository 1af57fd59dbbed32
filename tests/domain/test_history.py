"""What happened to a clock and why its objective applied, event by event."""

from dataclasses import replace

import pytest

from shared.domain.agreement import Objective, OnChange, Reopen
from shared.domain.event import Event
from shared.domain.history import History, histories
from shared.domain.instant import HOUR
from shared.domain.plan import compile_plan
from tests.domain.building import (
    ANSWER,
    a_catalogue,
    an_event,
    an_objective,
    at,
    only,
    promising,
    within,
)

P1 = an_objective("p1", target=within(9 * HOUR), where=only("priority", "p1"), series="s")
P2 = an_objective("p2", target=within(9 * HOUR), where=only("priority", "p2"), series="s")
OTHERS = an_objective("others", series="s")


def told(
    *events: Event, own: tuple[Objective, ...] = (P1, P2), now: str = "18:00"
) -> list[History]:
    plan = compile_plan(a_catalogue(promising(*own)))
    return list(histories(plan, "ticket", events, now=at(now)).values())


def happened(history: History) -> list[tuple[str, str]]:
    return [(own.what.value, own.text) for own in history.happened]


def test_alternatives_say_what_matched_and_what_missed() -> None:
    (found,) = told(an_event("created", "09:00", priority="p2"), own=(P1, P2, OTHERS))
    assert [(own.objective, own.chosen, own.text) for own in found.alternatives] == [
        ("p1", False, "does not match: priority is p2, asked for: p1"),
        ("p2", True, "the first that matches: priority is p2"),
        ("others", False, "matches too, but p2 comes first in the document"),
    ]


@pytest.mark.parametrize(
    ("on_change", "how"),
    [(OnChange.CARRY, "with its start and pauses"), (OnChange.RESTART, "and begins from zero")],
)
def test_a_change_of_objective_tells_both_clocks(on_change: OnChange, how: str) -> None:
    old, new = told(
        an_event("created", "09:00", priority="p2"),
        an_event("priority_changed", "10:00", priority="p1"),
        an_event("replied", "10:30"),
        own=(replace(P1, on_change=on_change), replace(P2, on_change=on_change)),
    )
    change = "priority became p1 (was p2)"
    assert happened(old) == [
        ("started", "ticket.created began cycle 1"),
        ("superseded", f"{change}: superseded by p1"),
    ]
    assert happened(new) == [
        ("took_over", f"{change}: takes over from p2 {how}"),
        ("stopped", "ticket.replied stopped it"),
    ]


def test_a_clock_that_keeps_its_objective_says_what_matches_instead() -> None:
    keeping = replace(P2, on_change=OnChange.KEEP)
    (found,) = told(
        an_event("created", "09:00", priority="p2"),
        an_event("priority_changed", "10:00", priority="p1"),
        an_event("commented", "10:10", owner="ann"),
        an_event("priority_changed", "10:20", priority=None),
        an_event("priority_changed", "10:30", priority="p2"),
        own=(P1, keeping),
    )
    kept = "and the clock keeps its objective"
    assert happened(found)[1:] == [
        ("kept", f"priority became p1 (was p2): p1 matches now, {kept}"),
        ("kept", f"priority became absent (was p1): nothing matches now, {kept}"),
        ("kept", f"priority became p2 (was absent): p2 matches again, {kept}"),
    ]


def test_a_cancelled_clock_says_what_matches_no_more_or_that_it_was_merged() -> None:
    (left,) = told(
        an_event("created", "09:00", priority="p1"),
        an_event("priority_changed", "10:00", priority="p3"),
        own=(P1,),
    )
    assert happened(left)[-1] == (
        "cancelled",
        "priority became p3 (was p1): it matches no more (priority is p3, asked for: p1)",
    )
    (merged,) = told(an_event("created", "09:00", priority="p1"), an_event("merged", "10:00"))
    assert happened(merged)[-1] == (
        "cancelled",
        "ticket.merged: the item was merged into another",
    )


def test_a_clock_that_begins_late_says_from_where_it_counts() -> None:
    for on_change, start in (
        (OnChange.CARRY, "the start of the cycle"),
        (OnChange.RESTART, "here"),
    ):
        (late,) = told(
            an_event("created", "09:00"),
            an_event("priority_changed", "10:00", priority="p1"),
            own=(replace(P1, on_change=on_change),),
        )
        assert happened(late) == [
            (
                "began_late",
                "priority became p1 (was absent): p1 matches, and no clock ran; it counts from "
                + start,
            )
        ]


def test_a_reopening_and_each_cycle_are_told() -> None:
    on = an_objective("p1", replace(ANSWER, reopen=Reopen.CONTINUE))
    (same,) = told(
        an_event("created", "09:00"),
        an_event("replied", "10:00"),
        an_event("reopened", "11:00"),
        own=(on,),
    )
    assert [own.what.value for own in same.happened] == ["started", "stopped", "continued"]
    again = an_objective("p1", replace(ANSWER, reopen=Reopen.NEW_CYCLE))
    first, second = told(
        an_event("created", "09:00"),
        an_event("replied", "10:00"),
        an_event("reopened", "11:00"),
        own=(again,),
    )
    assert (first.cycle, second.cycle) == (1, 2)
    assert happened(second) == [("started", "ticket.reopened began cycle 2")]


def test_events_after_now_and_corrected_ones_have_not_happened() -> None:
    (found,) = told(
        an_event("created", "09:00", priority="p1"),
        an_event("replied", "10:00", event_id="wrong"),
        an_event("replied", "11:00", event_id="right", replaces="wrong"),
        an_event("reopened", "12:00"),
        now="11:30",
    )
    assert [(own.what.value, own.event.id) for own in found.happened if own.event is not None] == [
        ("started", "created@09:00"),
        ("stopped", "right"),
    ]
