"""Items: order, batching, repetition and settling in between never change the result."""

from itertools import pairwise
from random import Random

import pytest

from shared.domain.business_calendar import ALWAYS
from shared.domain.event import Event
from shared.domain.instant import MINUTE
from shared.domain.item import Item, Outcomes
from shared.domain.measure import Outcome
from shared.domain.plan import compile_plan
from tests.domain.building import a_catalogue, a_version, an_agreement, an_event, at
from tests.domain.cases import RandomCase, fresh, random_case

SIMPLE = compile_plan(a_catalogue(an_agreement(a_version())))
SEEDS = range(50)


def dice_of(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a test's dice


def same(given: RandomCase, one: Item, other: Item, now: int) -> None:
    """Both say the same as of an instant."""
    assert one.settle(now=now) == other.settle(now=now), given.now
    assert one.clocks(now=now) == other.clocks(now=now), given.now


@pytest.mark.parametrize("seed", SEEDS)
def test_order_batching_repetition_and_settling_never_change_the_result(seed: int) -> None:
    given, dice = random_case(seed), dice_of(seed)
    for events in given.timelines().values():
        once = fresh(given.plan, events)
        pieces = Item(given.plan, once.kind, once.subject)
        pending = [*events, *dice.sample(events, len(events) // 2)]
        late = dice.choice((0, 1, 90, 10**6)) * MINUTE
        pending.sort(key=lambda event: event.time + dice.randint(0, late))
        for event in pending:
            pieces.admit(event)
            if dice.random() < 0.6:
                soon = event.time + dice.randint(0, 300) * MINUTE
                pieces.settle(now=dice.choice((soon, soon, dice.choice(given.instants))))
        for now in (dice.choice(given.instants), given.instants[-1]):
            same(given, pieces, once, now)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_item_woken_whenever_it_is_due_always_is_what_it_would_be_from_scratch(
    seed: int,
) -> None:
    given, dice = random_case(seed), dice_of(seed)
    early, late = dice.choice((0, 5, 90)) * MINUTE, dice.choice((0, 0, 45, 10**4)) * MINUTE
    for events in given.timelines().values():
        item = Item(given.plan, events[0].kind, events[0].subject)
        arrivals = sorted(
            (event.time + dice.randint(-early, late), n) for n, event in enumerate(events)
        )
        known: list[Event] = []
        for (now, n), (upto, _) in pairwise([*arrivals, (arrivals[-1][0] + 10**11, 0)]):
            known.append(events[n])
            item.admit(events[n])
            due: int | None = now
            while due is not None and due < upto:
                same(given, item, fresh(given.plan, known), due)
                due = item.settle(now=due).next_due
            if upto - 1 > now:
                same(given, item, fresh(given.plan, known), upto - 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_next_due_is_the_first_instant_at_which_time_alone_changes_the_item(seed: int) -> None:
    given, dice = random_case(seed), dice_of(seed)
    for events in given.timelines().values():
        now = dice.choice(given.instants)
        known = [event for event in events if event.time <= now] or events[:1]
        now = max(now, known[0].time)
        settled = fresh(given.plan, known).settle(now=now)
        due = settled.next_due
        upto = now + 10**13 if due is None else due
        for later in (now, dice.randrange(now, upto), upto - 1):
            found = fresh(given.plan, known).settle(now=later)
            assert found.contributions == settled.contributions
        if due is not None:
            assert due > now
            assert fresh(given.plan, known).settle(now=due).contributions != settled.contributions


@pytest.mark.parametrize("seed", SEEDS)
def test_of_several_contents_the_same_stands_in_whatever_order_they_come(seed: int) -> None:
    given, dice = random_case(seed), dice_of(seed)
    shuffled = [*given.events]
    dice.shuffle(shuffled)
    once = given.items()
    pieces: dict[str, Item] = {}
    for event in shuffled:
        item = pieces.setdefault(event.item, Item(given.plan, event.kind, event.subject))
        item.admit(event)
        if dice.random() < 0.5:
            item.settle(now=given.now)
    assert once.keys() == pieces.keys()
    for key, item in once.items():
        assert item.events == pieces[key].events
        same(given, item, pieces[key], given.now)


def test_another_content_takes_back_what_the_first_did() -> None:
    created = an_event("created", "09:00")
    late = an_event("replied", "09:40", event_id="r")
    early = an_event("replied", "09:10", event_id="r")
    item = Item(SIMPLE, "ticket", "T-1", [created, late])
    assert item.settle(now=at("11:00")).contributions[0].at == at("09:40")
    item.admit(early)
    assert item.settle(now=at("11:00")).contributions[0].at == at("09:10")
    (reading,) = item.clocks(now=at("11:00"))
    assert reading.stopped_at == at("09:10")


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
