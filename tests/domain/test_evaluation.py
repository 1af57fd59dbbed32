"""A whole evaluation in memory: what is listed, in which order, and that counts add up."""

import pytest

from shared.domain.agreement import MeasureKind
from shared.domain.clock import GONE, ClockState
from shared.domain.evaluation import evaluate
from shared.domain.item import Item
from shared.domain.plan import compile_plan
from shared.wire.cloudevents import decode_line
from tests.domain.building import a_catalogue, a_version, an_agreement, an_event, an_objective, at
from tests.oracle.differences import catalogue
from tests.oracle.generate import case

CATALOGUE = a_catalogue(an_agreement(a_version(an_objective(group_by=("team",)))))


def test_items_meet_in_the_windows_of_their_groups() -> None:
    plan = compile_plan(CATALOGUE)
    found = evaluate(
        CATALOGUE,
        [
            Item(plan, "ticket", name, [an_event("created", "09:00", subject=name, team=team)])
            for name, team in (("T-3", "b"), ("T-1", "b"), ("T-2", "a"))
        ],
        now=at("12:00"),
    )
    assert [(r.group, r.counts.breached_open) for r in found.objectives] == [
        (("a",), 1),
        (("b",), 2),
    ]
    assert [breach.item for breach in found.item_breaches] == [
        "ticket:T-1",
        "ticket:T-2",
        "ticket:T-3",
    ]
    assert [clock.item for clock in found.clocks] == ["ticket:T-1", "ticket:T-2", "ticket:T-3"]
    assert [breach.group for breach in found.window_breaches] == [("a",), ("b",)]


@pytest.mark.parametrize("seed", range(30))
def test_every_clock_that_was_not_superseded_is_counted_once(seed: int) -> None:
    given = case(seed)
    known = catalogue(given.yaml)
    plan = compile_plan(known)
    items: dict[str, Item] = {}
    for line in given.lines:
        event = decode_line(line.encode())
        items.setdefault(event.item, Item(plan, event.kind, event.subject)).admit(event)
    now = max(event.time for item in items.values() for event in item.events)
    found = evaluate(known, items.values(), now=now)
    counted = [c for c in found.clocks if c.state is not ClockState.SUPERSEDED]
    durations = [
        reading
        for reading in found.objectives
        if reading.judgement.objective.kpi.measure is MeasureKind.DURATION
    ]
    assert sum(reading.counts.eligible for reading in durations) == len(counted)
    missed = [c for c in counted if c.breached_at is not None]
    assert len(found.item_breaches) == len(missed)
    assert not any(c.binding for c in found.clocks if c.state in GONE)
