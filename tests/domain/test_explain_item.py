"""An item explained: whatever happened, the reasons fit the numbers."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.clock import ClockState
from shared.domain.explain_clock import Activity
from shared.domain.explain_item import ExplainedClock, explain_item
from shared.domain.history import What
from shared.domain.hours_explained import Reason
from shared.domain.instant import HOUR, Instant
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
            assert own.history.happened[-1].at == own.reading.stopped_at
        assert own.history.happened[0].at == own.reading.came_under


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


@settings(max_examples=80)
@given(SEEDS)
def test_the_story_of_a_clock_is_in_order_and_has_its_breach(seed: int) -> None:
    clocks, _ = explained(seed)
    for own in clocks:
        instants = [one.at for one in own.happened]
        assert instants == sorted(instants)
        breached = [one for one in own.happened if one.what is What.BREACHED]
        assert [one.at for one in breached] == (
            [] if own.reading.breached_at is None else [own.reading.breached_at]
        )
        assert own.happened[0].what in BEGINNINGS
        last = own.happened[-1].what
        assert (last is What.BREACHED) <= (own.reading.state is ClockState.BREACHED_OPEN)


def test_a_clock_that_comes_under_a_target_it_has_passed_breaches_before_it_stops() -> None:
    long, short = (
        an_objective(n, target=within(h * HOUR), where=only("priority", n), series="s")
        for n, h in (("p2", 8), ("p1", 1))
    )
    catalogue = a_catalogue(promising(long, short))
    plan = compile_plan(catalogue)
    item = fresh(
        plan,
        [
            an_event("created", "09:00", priority="p2"),
            an_event("priority_changed", "12:00", priority="p1"),
            an_event("replied", "12:00"),
        ],
    )
    (_, moved) = sorted(
        explain_item(item, plan, catalogue, now=at("18:00")).clocks,
        key=lambda own: own.reading.ordinal,
    )
    assert [(one.what.value, one.event is None) for one in moved.happened] == [
        ("took_over", False),
        ("breached", True),
        ("stopped", False),
    ]
    assert "past its target already" in moved.happened[1].text
