"""Cycles and the clocks in them: which one begins, moves, is left or ends, and where it counts."""

from dataclasses import replace

import pytest

from shared.domain.agreement import Agreement, Kpi, Objective, OnChange, Reopen
from shared.domain.instant import HOUR
from shared.domain.matcher import Milestone
from tests.domain.building import (
    ANSWER,
    a_version,
    an_agreement,
    an_objective,
    at,
    only,
    promising,
    within,
)
from tests.domain.stories import groups, item_of, story, ticket

SOLVING = replace(ANSWER, stop=(Milestone("ticket.solved"),))
PAUSING = replace(SOLVING, pause=(only("status", "pending"),))
NOW = "12:00"
DAY_LONG = within(24 * HOUR)


def alternatives(
    first: OnChange, second: OnChange = OnChange.CARRY, kpi: Kpi = SOLVING
) -> Agreement:
    """Two alternatives, for priority p1 and for p2."""
    return promising(
        *(
            an_objective(
                name, kpi, DAY_LONG, where=only("priority", name), on_change=change, series="s"
            )
            for name, change in (("p1", first), ("p2", second))
        )
    )


def short(promises: Objective | Agreement, *told: str, now: str = NOW) -> list[tuple[object, ...]]:
    """Objective, state, start, stop and elapsed of each clock."""
    return [
        (own.objective, own.state, own.started, own.stopped, own.elapsed)
        for own in story(promises, *told, now=now)
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (OnChange.CARRY, [("p1", "superseded", 0, 20, 20), ("p2", "running", 0, None, 180)]),
        (OnChange.RESTART, [("p1", "superseded", 0, 20, 20), ("p2", "running", 20, None, 160)]),
        (OnChange.KEEP, [("p1", "running", 0, None, 180)]),
    ],
)
def test_the_objective_that_is_left_says_what_becomes_of_its_clock(
    change: OnChange, expected: list[tuple[object, ...]]
) -> None:
    for other in OnChange:
        told = ["09:00 created priority=p1", "09:20 assigned priority=p2"]
        assert short(alternatives(change, other), *told) == expected


@pytest.mark.parametrize(
    ("change", "state"),
    [(OnChange.CARRY, "cancelled"), (OnChange.RESTART, "cancelled"), (OnChange.KEEP, "running")],
)
def test_where_nothing_matches_any_more_a_clock_is_cancelled_unless_it_is_kept(
    change: OnChange, state: str
) -> None:
    told = ["09:00 created priority=p1", "09:20 assigned priority=p3"]
    (own,) = story(alternatives(change), *told, now=NOW)
    assert (own.state, own.stopped) == (state, None if state == "running" else 20)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (OnChange.CARRY, [("p1", "running", 0, None, 180)]),
        (OnChange.RESTART, [("p1", "running", 20, None, 160)]),
        (OnChange.KEEP, []),
    ],
)
def test_a_clock_that_comes_late_begins_as_its_objective_says(
    change: OnChange, expected: list[tuple[object, ...]]
) -> None:
    told = ["09:00 created", "09:20 assigned priority=p1"]
    assert short(alternatives(change), *told) == expected
    left, back = "09:10 assigned priority=p3", "09:20 assigned priority=p1"
    cancelled = ["09:00 created priority=p1", left, back]
    if change is not OnChange.KEEP:
        assert short(alternatives(change), *cancelled) == sorted(
            [("p1", "cancelled", 0, 10, 10), *expected], key=lambda own: own[3] is None
        )


def test_what_is_decided_no_change_moves() -> None:
    promises = promising(
        an_objective("p1", SOLVING, within(600_000_000), where=only("priority", "p1"), series="s"),
        an_objective("p2", SOLVING, DAY_LONG, where=only("priority", "p2"), series="s"),
    )
    told = ["09:00 created priority=p1", "09:20 assigned priority=p2", "09:30 assigned priority=p3"]
    assert short(promises, *told) == [("p1", "breached_open", 0, None, 180)]
    assert short(promises, *told, "09:40 solved") == [("p1", "breached_closed", 0, 40, 40)]


def test_a_carried_clock_keeps_its_pauses_and_a_restarted_one_begins_paused() -> None:
    told = ["09:00 created priority=p1", "09:10 assigned status=pending"]
    change, on = "09:20 assigned priority=p2", "09:30 assigned status=open"
    assert short(alternatives(OnChange.CARRY, kpi=PAUSING), *told, change, on) == [
        ("p1", "superseded", 0, 20, 10),
        ("p2", "running", 0, None, 160),
    ]
    assert short(alternatives(OnChange.RESTART, kpi=PAUSING), *told, change, on) == [
        ("p1", "superseded", 0, 20, 10),
        ("p2", "running", 20, None, 150),
    ]


def test_with_repeat_the_event_that_stops_may_begin_the_next() -> None:
    hop = replace(
        ANSWER,
        start=(Milestone(changes="team"),),
        stop=(Milestone(changes="team"), Milestone("ticket.solved")),
        repeat=True,
    )
    told = ["09:00 created team=a", "09:10 assigned team=b", "09:20 solved"]
    own = an_objective(kpi=hop, group_by=("team",))
    assert [(c.cycle, c.started, c.stopped) for c in story(own, *told, now=NOW)] == [
        (1, 0, 10),
        (2, 10, 20),
    ]
    assert groups(own, *told, now=NOW) == [("met", "a"), ("met", "b")]
    once = replace(own, kpi=replace(hop, repeat=False))
    assert groups(once, *told, "09:30 assigned team=c", now=NOW) == [("met", "a")]


def test_while_a_cycle_is_open_further_starts_change_nothing() -> None:
    own = an_objective(kpi=replace(SOLVING, repeat=True))
    told = ["09:00 created", "09:10 created", "09:20 solved", "09:30 created"]
    assert [(c.started, c.stopped) for c in story(own, *told, now=NOW)] == [(0, 20), (30, None)]


@pytest.mark.parametrize(
    ("reopen", "repeat", "expected"),
    [
        (Reopen.IGNORE, False, [("met", 0, 10, 10)]),
        (Reopen.NEW_CYCLE, False, [("met", 0, 10, 10), ("running", 20, None, 10)]),
        (Reopen.CONTINUE, False, [("running", 0, None, 20)]),
    ],
)
def test_a_reopening_after_a_stop(
    reopen: Reopen, expected: list[tuple[object, ...]], *, repeat: bool
) -> None:
    own = an_objective(kpi=replace(SOLVING, reopen=reopen, repeat=repeat))
    told = ["09:00 created", "09:10 solved", "09:20 reopened"]
    found = story(own, *told, now="09:30")
    assert [(c.state, c.started, c.stopped, c.elapsed) for c in found] == expected


def test_a_breach_that_goes_on_stays_one_and_a_cancelled_clock_does_not_come_back() -> None:
    kpi = replace(SOLVING, reopen=Reopen.CONTINUE)
    own = an_objective(kpi=kpi, target=within(HOUR), where=only("team", None, "a"))
    told = ["09:00 created", "10:30 solved"]
    assert short(own, *told) == [("o", "breached_closed", 0, 90, 90)]
    assert short(own, *told, "11:00 reopened") == [("o", "breached_open", 0, None, 150)]
    left = ["09:00 created", "09:10 assigned team=b", "09:20 solved", "09:30 reopened"]
    assert short(own, *left) == [("o", "cancelled", 0, 10, 10)]


@pytest.mark.parametrize("reopen", Reopen)
def test_a_merge_ends_everything(reopen: Reopen) -> None:
    own = an_objective(kpi=replace(SOLVING, repeat=True, reopen=reopen), target=within(HOUR))
    after = ["11:00 reopened", "11:10 created"]
    assert short(own, "09:00 created", "09:30 merged", *after) == [("o", "cancelled", 0, 30, 30)]
    assert short(own, "09:00 created", "10:30 merged", *after) == [
        ("o", "breached_closed", 0, 90, 90)
    ]
    assert short(own, "09:00 merged", "09:10 created") == []


GROUPED = an_objective(kpi=SOLVING, target=within(HOUR), group_by=("team",))
STARTED = replace(GROUPED, attribution=an_objective(started=True).attribution)


@pytest.mark.parametrize(
    ("told", "now", "decided", "started"),
    [
        (["09:00 created team=a", "09:10 assigned team=b"], "09:20", "b", "a"),
        (["09:00 created team=a", "09:10 assigned team=b"], "11:00", "b", "a"),
        (["09:00 created team=a", "09:10 solved team=b"], "11:00", "b", "a"),
        (["09:00 created team=a", "10:00 assigned team=b"], "11:00", "b", "a"),
        (["09:00 created team=a", "10:01 assigned team=b"], "11:00", "a", "a"),
        (["09:00 created team=a", "09:10 merged team=b"], "11:00", "a", "a"),
        (["09:00 created team=a", "09:10 assigned team=b", "09:20 merged team=c"], NOW, "b", "a"),
        (["09:00 created", "09:10 assigned team=b"], "09:20", "b", ""),
    ],
)
def test_the_group_is_that_of_the_decision_or_of_the_start(
    told: list[str], now: str, decided: str, started: str
) -> None:
    assert [group for _, group in groups(GROUPED, *told, now=now)] == [decided]
    assert [group for _, group in groups(STARTED, *told, now=now)] == [started]


@pytest.mark.parametrize("what", ["assigned", "merged"])
def test_a_cancelled_clock_is_in_the_group_from_before_its_event(what: str) -> None:
    own = replace(GROUPED, where=only("priority", "p1"))
    told = ["09:00 created team=a priority=p1", f"09:10 {what} team=b priority=p2"]
    for promise in (own, replace(own, attribution=STARTED.attribution)):
        assert groups(promise, *told, "09:20 assigned team=c", now=NOW) == [("excluded", "a")]
    left = ["09:00 created team=a priority=p1", "09:05 assigned team=d", *told[1:]]
    assert groups(own, *left, now=NOW) == [("excluded", "d")]


def test_a_carried_clock_started_where_the_cycle_did_and_a_restarted_one_where_it_changed() -> None:
    for change, group in ((OnChange.CARRY, "a"), (OnChange.RESTART, "b")):
        own = replace(STARTED, where=only("priority", "p1"), on_change=change)
        told = ["09:00 created team=a", "09:10 assigned priority=p1 team=b", "09:20 solved team=c"]
        assert groups(own, *told, now=NOW) == [("met", group)]
        (entry,) = item_of(own, ticket(*told)).settle(now=at(NOW)).contributions
        assert entry.counts_at == at("09:00" if change is OnChange.CARRY else "09:10")
        assert entry.at == at("09:20")


def test_a_clock_that_takes_over_has_the_start_of_the_one_that_is_left_or_its_own() -> None:
    told = ["09:00 created team=a priority=p1", "09:10 assigned team=b priority=p2"]
    for change, group, start in ((OnChange.CARRY, "a", "09:00"), (OnChange.RESTART, "b", "09:10")):
        several = [
            replace(STARTED, name=name, series="s", where=only("priority", name), on_change=change)
            for name in ("p1", "p2")
        ]
        item = item_of(promising(*several), ticket(*told, "09:20 solved team=c"))
        (entry,) = item.settle(now=at(NOW)).contributions
        assert (entry.objective, entry.group, entry.counts_at) == ("p2", (group,), at(start))


def test_after_it_goes_on_a_clock_is_in_the_group_of_its_new_decision() -> None:
    kpi = replace(SOLVING, reopen=Reopen.CONTINUE)
    told = ["09:00 created team=a", "09:10 solved team=b"]
    told += ["09:20 reopened", "09:30 assigned team=c"]
    for own, running, stopped in ((GROUPED, "c", "d"), (STARTED, "a", "a")):
        again = replace(own, kpi=kpi)
        assert groups(again, *told, now="09:40") == [("running", running)]
        assert groups(again, *told, "09:50 solved team=d", now=NOW) == [("met", stopped)]


def test_each_agreement_has_its_own_clock_in_a_shared_cycle() -> None:
    late = a_version(an_objective(kpi=SOLVING), start="03-02 09:15")
    kpi = replace(SOLVING, repeat=True)
    own = an_objective(kpi=kpi)
    told = ["09:00 created", "09:10 solved", "09:20 created"]
    found = story(an_agreement(replace(late, objectives=(own,))), *told, now=NOW)
    assert [(c.cycle, c.started) for c in found] == [(2, 20)]
