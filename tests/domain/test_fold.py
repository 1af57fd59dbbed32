"""One event acts in the contract's order; time acts before it and after all of its instant."""

from dataclasses import replace

import pytest

from shared.domain.agreement import AgreementType, Kpi, Level, OnChange, Reopen
from shared.domain.instant import HOUR
from shared.domain.item import Item
from shared.domain.matcher import Milestone
from shared.domain.plan import compile_plan
from tests.domain.building import (
    ANSWER,
    a_catalogue,
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


def one(kpi: Kpi, *told: str, now: str = "12:00", **more: object) -> tuple[object, ...]:
    """State, start, stop and elapsed of the last clock."""
    own = replace(an_objective(kpi=kpi), **more)  # type: ignore[arg-type]
    return story(own, *told, now=now)[-1][2:]


def test_a_clock_that_begins_at_an_event_is_not_stopped_by_it() -> None:
    kpi = replace(ANSWER, stop=(Milestone("ticket.created"),))
    assert one(kpi, "09:00 created", now="09:30") == ("running", 0, None, 30)
    assert one(kpi, "09:00 created", "09:00 created") == ("met", 0, 0, 0)


def test_a_stop_comes_before_the_change_of_objective() -> None:
    where = only("priority", "p1")
    told = ["09:00 created priority=p1", "09:10 solved priority=p2"]
    assert one(SOLVING, *told, where=where) == ("met", 0, 10, 10)


def test_a_stop_comes_before_a_merge_and_a_merge_before_a_reopening() -> None:
    kpi = replace(ANSWER, stop=(Milestone("ticket.merged"),), reopen=Reopen.NEW_CYCLE)
    told = ["09:00 created status=solved", "09:10 merged status=open"]
    own = an_objective(kpi=kpi)
    assert [(c.state, c.stopped) for c in story(own, *told, now="12:00")] == [("met", 10)]
    assert one(SOLVING, *told) == ("cancelled", 0, 10, 10)


def test_a_reopening_at_the_event_that_stopped_takes_effect() -> None:
    kpi = replace(SOLVING, stop=(Milestone("ticket.solved"), Milestone("ticket.reopened", nth=1)))
    told = ["09:00 created", "09:10 reopened"]
    for reopen, expected in (
        (Reopen.IGNORE, ("met", 0, 10, 10)),
        (Reopen.CONTINUE, ("running", 0, None, 20)),
        (Reopen.NEW_CYCLE, ("running", 10, None, 10)),
    ):
        assert one(replace(kpi, reopen=reopen), *told, now="09:20") == expected


def test_a_reopening_may_pause_at_once() -> None:
    kpi = replace(PAUSING, reopen=Reopen.CONTINUE)
    told = ["09:00 created", "09:10 solved", "09:20 reopened status=pending"]
    assert one(kpi, *told, now="09:30") == ("paused", 0, None, 10)
    told = ["09:00 created status=pending", "09:10 solved"]
    assert one(PAUSING, *told) == ("met", 0, 10, 0)


def test_a_pause_comes_before_the_change_of_objective() -> None:
    where, told = only("priority", "p1"), "09:00 created status=new"
    late = "09:10 assigned priority=p1 status=pending"
    for change, expected in (
        (OnChange.CARRY, ("paused", 0, None, 10)),
        (OnChange.RESTART, ("paused", 10, None, 0)),
    ):
        assert one(PAUSING, told, late, where=where, on_change=change) == expected


def test_a_change_of_objective_comes_before_the_start() -> None:
    kpi = replace(
        SOLVING,
        start=(Milestone("ticket.assigned"),),
        repeat=True,
        stop=(Milestone(changes="team"),),
    )
    own = an_objective(kpi=kpi, where=only("team", "a", "b"))
    told = ["09:00 assigned team=a", "09:10 assigned team=b", "09:20 assigned team=c"]
    assert [(c.cycle, c.state, c.started, c.stopped) for c in story(own, *told, now="12:00")] == [
        (1, "met", 0, 10),
        (2, "met", 10, 20),
    ]


def test_what_has_run_out_is_breached_before_an_event_changes_it() -> None:
    where = only("priority", "p1")
    for time, state in (("10:00", "cancelled"), ("10:01", "breached_open")):
        told = ["09:00 created priority=p1", f"{time} assigned priority=p2"]
        assert one(SOLVING, *told, where=where)[0] == state
    for time, state in (("10:00", "cancelled"), ("10:01", "breached_closed")):
        assert one(SOLVING, "09:00 created", f"{time} merged")[0] == state


def test_an_event_sets_its_status_unless_it_says_another() -> None:
    kpi = replace(PAUSING, pause=(only("status", "solved", "closed"),), stop=ANSWER.stop)
    for told, state in (
        ("09:10 solved", "paused"),
        ("09:10 closed", "paused"),
        ("09:10 solved status=open", "running"),
        ("09:10 solved status=", "running"),
        ("09:10 assigned", "running"),
    ):
        assert one(kpi, "09:00 created", told)[0] == (
            state if state == "paused" else "breached_open"
        )
    assert one(kpi, "09:00 created", "09:10 solved", "09:20 reopened", now="09:30")[0] == "running"


def test_a_null_removes_a_value_and_a_list_leaves_it() -> None:
    own = an_objective(kpi=SOLVING, group_by=("team",))
    created = ticket("09:00 created team=a")
    for value, group in ((None, ""), (["b"], "a"), ({"x": 1}, "a"), (1, "1"), ("b", "b")):
        changed = replace(ticket("09:10 assigned")[0], id="e-9", data={"team": value})
        settled = item_of(own, [*created, changed]).settle(now=at("09:20"))
        assert [entry.group for entry in settled.contributions] == [(group,)]


@pytest.mark.parametrize(
    ("told", "group"),
    [
        (["10:00 assigned team=b"], "b"),
        (["10:00 assigned team=b", "10:00 commented team=c"], "c"),
        (["10:00 assigned team=b", "10:01 assigned team=c"], "b"),
        (["10:01 assigned team=c"], "a"),
        ([], "a"),
    ],
)
def test_a_breach_is_in_the_group_after_all_events_of_its_instant(
    told: list[str], group: str
) -> None:
    own = an_objective(kpi=SOLVING, target=within(HOUR), group_by=("team",))
    assert groups(own, "09:00 created team=a", *told, now="12:00") == [("breached_open", group)]


@pytest.mark.parametrize(
    ("told", "group"),
    [
        (["11:30 assigned team=c"], "a"),
        (["11:00 commented team=b", "11:30 assigned team=c"], "b"),
        (["11:00 commented", "11:00 commented team=b", "11:30 assigned team=c"], "b"),
    ],
)
def test_so_is_one_at_the_instant_at_which_a_clock_came_under_an_objective(
    told: list[str], group: str
) -> None:
    own = an_objective("p1", SOLVING, within(HOUR), group_by=("team",), series="s")
    several = [
        replace(own, where=only("priority", "p1")),
        replace(own, name="p2", target=within(3 * HOUR)),
    ]
    events = ["09:00 created team=a", "11:00 assigned priority=p1", *told]
    assert groups(promising(*several), *events, now="12:00") == [("breached_open", group)]


def test_the_actor_is_no_attribute() -> None:
    own = an_objective(kpi=SOLVING, group_by=("actor",), where=only("actor", None))
    assert groups(own, "09:00 created actor=agent", now="09:30") == [("running", "")]


CUSTOMER = a_version(an_objective(kpi=SOLVING))


@pytest.mark.parametrize(
    ("others", "binding"),
    [
        ([], ["a"]),
        ([{"level": Level.SERVICE}], ["b"]),
        ([{"level": Level.CORPORATE}], ["a"]),
        ([{"precedence": 1}], ["b"]),
        ([{"precedence": -1}], ["a"]),
        ([{"precedence": 9, "level": Level.CORPORATE}], ["a"]),
        ([{"level": Level.SERVICE, "type": AgreementType.OLA}], ["a"]),
        ([{"level": Level.SERVICE, "type": AgreementType.UC}], ["a"]),
        ([{"level": Level.SERVICE}, {"level": Level.SERVICE, "precedence": 1}], ["c"]),
        ([{"applies_to": only("team", "x"), "level": Level.SERVICE}], ["a"]),
        ([{"start": at("09:05"), "level": Level.SERVICE}], ["a"]),
    ],
)
def test_of_type_sla_the_most_specific_and_then_the_highest_precedence_binds(
    others: list[dict[str, object]], binding: list[str]
) -> None:
    several = [CUSTOMER]
    for name, changes in zip("bc", others, strict=False):
        several.append(replace(CUSTOMER, agreement=name, **changes))  # type: ignore[arg-type]
    plan = compile_plan(a_catalogue(*[an_agreement(version) for version in several]))
    item = Item(plan, "ticket", "T-1", ticket("09:00 created"))
    found = item.clocks(now=at("09:30"))
    assert [own.agreement for own in found if own.binding] == binding


def test_a_cancelled_clock_never_binds_and_the_next_one_does() -> None:
    left = replace(CUSTOMER.objectives[0], where=only("team", None))
    service = replace(CUSTOMER, agreement="b", level=Level.SERVICE, objectives=(left,))
    plan = compile_plan(a_catalogue(an_agreement(CUSTOMER), an_agreement(service)))
    events = ticket("09:00 created", "09:10 assigned team=x")
    for now, binding in (("09:09", {"a": False, "b": True}), ("09:10", {"a": True, "b": False})):
        found = Item(plan, "ticket", "T-1", events).clocks(now=at(now))
        assert {own.agreement: own.binding for own in found} == binding
