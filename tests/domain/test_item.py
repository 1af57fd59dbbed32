"""Items: order, batching, repetition and settling in between never change the result."""

from random import Random

import pytest

from shared.domain.business_calendar import ALWAYS
from shared.domain.event import Event
from shared.domain.instant import MINUTE
from shared.domain.item import Item, Outcomes
from shared.domain.measure import Outcome
from shared.domain.plan import Plan, compile_plan
from shared.wire.cloudevents import decode_line
from tests.domain.building import a_catalogue, a_version, an_agreement, an_event, at
from tests.oracle.differences import catalogue
from tests.oracle.generate import case

SIMPLE = compile_plan(a_catalogue(an_agreement(a_version())))
SEEDS = range(40)


def items(seed: int) -> tuple[Plan, dict[str, Item], list[int]]:
    """Random items under random documents, and the instants of their events."""
    given = case(seed)
    plan = compile_plan(catalogue(given.yaml))
    found: dict[str, Item] = {}
    for line in given.lines:
        event = decode_line(line.encode())
        found.setdefault(event.item, Item(plan, event.kind, event.subject)).admit(event)
    times = sorted({event.time for item in found.values() for event in item.events})
    return plan, found, times


def anew(plan: Plan, item: Item, events: list[Event]) -> Item:
    """The item of these events, without a memo."""
    return Item(plan, item.kind, item.subject, events)


@pytest.mark.parametrize("seed", SEEDS)
def test_order_batching_repetition_and_settling_never_change_the_result(seed: int) -> None:
    plan, found, times = items(seed)
    dice = Random(seed)  # noqa: S311 - a test's dice
    for item in found.values():
        once = Item(plan, item.kind, item.subject, item.events)
        pieces = Item(plan, item.kind, item.subject)
        pending = [*item.events, *dice.sample(item.events, len(item.events) // 2)]
        late = dice.choice((0, 1, 90, 10**6)) * MINUTE
        pending.sort(key=lambda event: event.time + dice.randint(0, late))
        for event in pending:
            pieces.admit(event)
            if dice.random() < 0.6:
                soon = event.time + dice.randint(0, 300) * MINUTE
                pieces.settle(now=dice.choice((soon, soon, dice.choice(times))))
        for now in (dice.choice(times), times[-1]):
            assert pieces.settle(now=now) == once.settle(now=now)
            assert pieces.clocks(now=now) == once.clocks(now=now)


@pytest.mark.parametrize("seed", SEEDS)
def test_next_due_is_the_first_instant_at_which_time_alone_changes_the_item(seed: int) -> None:
    plan, found, times = items(seed)
    dice = Random(seed)  # noqa: S311 - a test's dice
    for item in found.values():
        now = dice.choice(times)

        known = [event for event in item.events if event.time <= now]
        settled = anew(plan, item, known).settle(now=now)
        due = settled.next_due
        upto = now + 10**13 if due is None else due
        for later in (now, dice.randrange(now, upto), upto - 1):
            assert anew(plan, item, known).settle(now=later).contributions == settled.contributions
        if due is not None:
            assert due > now
            assert anew(plan, item, known).settle(now=due).contributions != settled.contributions


def test_a_conflict_names_the_content_that_has_to_go() -> None:
    item = Item(SIMPLE, "ticket", "T-1")
    later = an_event("replied", "09:20", event_id="r")
    earlier = an_event("replied", "09:10", event_id="r")
    assert item.admit(later).outcome is Outcomes.NEW
    assert item.admit(later).outcome is Outcomes.DUPLICATE
    admission = item.admit(earlier)
    assert (admission.outcome, admission.loser) == (Outcomes.CONFLICT, later)
    admission = item.admit(later)
    assert (admission.outcome, admission.loser) == (Outcomes.CONFLICT, later)
    assert item.events == [earlier]


def test_an_event_of_the_future_waits_and_says_when_it_is_due() -> None:
    item = Item(
        SIMPLE, "ticket", "T-1", [an_event("created", "09:00"), an_event("replied", "09:30")]
    )
    settled = item.settle(now=at("09:10"))
    assert settled.contributions[0].outcome is Outcome.RUNNING
    assert settled.next_due == at("09:30")
    assert item.settle(now=at("09:30")).contributions[0].outcome is Outcome.MET


def test_a_deadline_passes_with_no_event() -> None:
    item = Item(SIMPLE, "ticket", "T-1", [an_event("created", "09:00")])
    assert item.settle(now=at("09:00")).next_due == at("10:00") + 1
    (missed,) = item.settle(now=at("10:00") + 1).contributions
    assert (missed.outcome, missed.at, missed.breaches) == (
        Outcome.BREACHED_OPEN,
        at("10:00"),
        True,
    )
    assert item.settle(now=at("10:00") + 1).next_due is None


def test_it_may_be_settled_at_an_earlier_instant_again() -> None:
    item = Item(SIMPLE, "ticket", "T-1", [an_event("created", "09:00")])
    before = item.settle(now=at("09:30"))
    item.settle(now=at("12:00"))
    assert item.settle(now=at("09:30")) == before


def test_a_reading_names_the_calendar_it_was_measured_in() -> None:
    (reading,) = Item(SIMPLE, "ticket", "T-1", [an_event("created", "09:00")]).clocks(
        now=at("09:30")
    )
    assert (reading.item, reading.calendar) == ("ticket:T-1", ALWAYS.name)
