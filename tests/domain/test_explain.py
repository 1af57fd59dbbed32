"""Explanations: the intervals of a clock add up to its numbers, whatever happened to it."""

import pytest

from shared.domain.agreement import Target
from shared.domain.explain import Activity, explain_clock, explain_window
from shared.domain.item import Item
from shared.domain.judge import judge
from shared.domain.measure import Counts
from shared.domain.plan import compile_plan
from shared.wire.cloudevents import decode_line
from tests.domain.building import (
    MARCH,
    a_version,
    an_agreement,
    an_objective,
    at,
    at_least,
    at_most,
    within,
)
from tests.oracle.differences import catalogue
from tests.oracle.generate import case


@pytest.mark.parametrize("seed", range(40))
def test_intervals_leave_nothing_out_and_add_up(seed: int) -> None:
    given = case(seed)
    known = catalogue(given.yaml)
    plan = compile_plan(known)
    items: dict[str, Item] = {}
    for line in given.lines:
        event = decode_line(line.encode())
        items.setdefault(event.item, Item(plan, event.kind, event.subject)).admit(event)
    now = max(event.time for item in items.values() for event in item.events)
    for reading in [clock for item in items.values() for clock in item.clocks(now=now)]:
        intervals = explain_clock(reading, known.calendars[reading.calendar], now=now)
        cursor = reading.started_at
        for interval in intervals:
            assert interval.span.start == cursor < interval.span.end
            cursor = interval.span.end
        assert cursor == (now if reading.stopped_at is None else reading.stopped_at)
        sums = {
            activity: sum(own.length for own in intervals if own.activity is activity)
            for activity in Activity
        }
        assert sums[Activity.RUNNING] == reading.elapsed
        assert sums[Activity.PAUSED] == reading.paused


@pytest.mark.parametrize(
    ("target", "counts", "numbers"),
    [
        (within(ratio="0.9"), Counts(met=3, breached_open=1), ["3", "4", "0.9"]),
        (at_most(2), Counts(counted=5), ["5", "2"]),
        (at_least(9), Counts(counted=5), ["5", "9"]),
    ],
)
def test_a_formula_shows_the_numbers_it_is_made_of(
    target: Target, counts: Counts, numbers: list[str]
) -> None:
    agreement = an_agreement(a_version(an_objective(target=target)))
    now = at("09:00")
    judgement = judge(agreement, "o", MARCH.holding(now), counts, now=now)
    formula = explain_window(judgement, counts)
    assert all(number in formula for number in numbers)
