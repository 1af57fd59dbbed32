"""An item explained: whatever happened, the reasons fit the numbers."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.clock import ClockState
from shared.domain.explain_clock import Activity
from shared.domain.explain_item import ExplainedClock, explain_item
from shared.domain.history import What
from shared.domain.hours_explained import Reason
from shared.domain.instant import Instant
from tests.domain.building import (
    ANSWER,
    a_catalogue,
    an_event,
    an_objective,
    at,
    promising,
)
from tests.domain.cases import fresh, random_case

SEEDS = st.integers(0, 5000)
LAST = {
    ClockState.SUPERSEDED: What.SUPERSEDED,
    ClockState.CANCELLED: What.CANCELLED,
    ClockState.MET: What.STOPPED,
    ClockState.BREACHED_CLOSED: What.STOPPED,
}
BEGINNINGS = {What.STARTED, What.BEGAN_LATE, What.TOOK_OVER}
CLOSED = {reason.value for reason in Reason if not reason.value.startswith("open")}


def explained(seed: int) -> tuple[list[ExplainedClock], Instant]:
    case = random_case(seed)
    items = case.items([own for own in case.events if own.time <= case.now])
    clocks = [
        clock
        for item in items.values()
        for clock in explain_item(item, case.plan, case.catalogue, now=case.now).clocks
    ]
    return clocks, case.now


@settings(max_examples=80)
@given(SEEDS)
def test_intervals_leave_nothing_out_and_add_up(seed: int) -> None:
    clocks, now = explained(seed)
    for own in clocks:
        reading, cursor = own.reading, own.reading.started_at
        for interval in own.intervals:
            assert interval.span.start == cursor < interval.span.end
            assert interval.reason
            cursor = interval.span.end
        assert cursor == (now if reading.stopped_at is None else reading.stopped_at)
        sums = {
            activity: sum(one.length for one in own.intervals if one.activity is activity)
            for activity in Activity
        }
        assert sums[Activity.RUNNING] == reading.elapsed
        assert sums[Activity.PAUSED] == reading.paused
        closed = [one.cause for one in own.intervals if one.activity is Activity.CLOSED]
        assert set(closed) <= CLOSED


@settings(max_examples=80)
@given(SEEDS)
def test_what_happened_ends_where_the_clock_is(seed: int) -> None:
    clocks, _ = explained(seed)
    for own in clocks:
        happened = [one.what for one in own.history.happened if one.what is not What.KEPT]
        assert happened[0] in BEGINNINGS
        assert BEGINNINGS.isdisjoint(happened[1:])
        expected = LAST.get(own.reading.state)
        if expected is None:
            assert happened[-1] in {*BEGINNINGS, What.CONTINUED}
        else:
            assert happened[-1] is expected
            assert own.history.happened[-1].event.time == own.reading.stopped_at
        assert own.history.happened[0].event.time == own.reading.came_under


@settings(max_examples=80)
@given(SEEDS)
def test_the_objective_that_applied_was_the_first_to_match(seed: int) -> None:
    clocks, _ = explained(seed)
    for own in clocks:
        chosen = [one.objective for one in own.history.alternatives if one.chosen]
        assert chosen == [own.reading.objective]


@settings(max_examples=80)
@given(SEEDS)
def test_a_contest_says_binding_of_those_that_bind(seed: int) -> None:
    clocks, _ = explained(seed)
    for own in clocks:
        (mine,) = (
            one
            for one in own.contest.contenders
            if (one.agreement, one.objective, one.ordinal)
            == (own.reading.agreement, own.reading.objective, own.reading.ordinal)
        )
        assert mine.binding is own.reading.binding
        assert mine.why.startswith("binds: ") is mine.binding
        assert own.text[-1].lower() == f"{mine.why}.".lower()


def test_an_item_that_nothing_is_promised_of_has_no_clocks_and_no_contests() -> None:
    catalogue = a_catalogue(promising(an_objective(kpi=ANSWER)))
    item = fresh({}, [an_event("created", "09:00")])
    found = explain_item(item, {}, catalogue, now=at("10:00"))
    assert (found.clocks, found.contests) == ((), ())
