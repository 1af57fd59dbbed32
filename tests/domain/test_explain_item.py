"""An item explained: whatever happened, the reasons fit the numbers."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.agreement import OnChange, Reopen
from shared.domain.business_calendar import ALWAYS
from shared.domain.clock import ClockState
from shared.domain.explain_clock import Activity
from shared.domain.explain_item import ExplainedClock, explain_item
from shared.domain.history import What
from shared.domain.hours_explained import Reason
from shared.domain.instant import HOUR, MINUTE, Instant
from shared.domain.matcher import Milestone
from shared.domain.plan import compile_plan
from tests.domain.building import (
    ANSWER,
    a_calendar,
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


OFFICE = a_calendar(
    {"mon-fri": "09:00-12:00 13:00-17:00"},
    "Europe/Berlin",
    dates=("2026-03-30",),
    shifts={"2026-03-28": "10:00-11:00", "2026-04-01": ""},
)
HAPPENS: list[tuple[str, dict[str, object]]] = [
    ("created", {}),
    ("status_changed", {"status": "pending"}),
    ("status_changed", {"status": "open"}),
    ("commented", {"flag": "held"}),
    ("commented", {"flag": None}),
    ("priority_changed", {"priority": "p1"}),
    ("priority_changed", {"priority": "p2"}),
    ("priority_changed", {"priority": None}),
    ("replied", {}),
    ("solved", {}),
    ("reopened", {}),
    ("reopened", {}),
    ("merged", {}),
]


@st.composite
def restless(draw: st.DrawFn) -> tuple[tuple[ExplainedClock, ...], Instant]:
    """Clocks as of an instant, of a ticket whose priority, status and stops come and go."""
    kpi = replace(
        ANSWER,
        stop=(Milestone("ticket.replied"), Milestone("ticket.solved")),
        pause=draw(st.sampled_from([(), (only("status", "pending"), only("flag", "held"))])),
        repeat=draw(st.booleans()),
        reopen=draw(st.sampled_from([Reopen.CONTINUE, *Reopen])),
    )
    own = [
        an_objective(
            f"p{number}",
            kpi,
            within(draw(st.sampled_from([0, 4, 30, 90])) * HOUR),
            where=only("priority", f"p{number}"),
            on_change=draw(st.sampled_from(list(OnChange))),
            series="s",
        )
        for number in (1, 2)
    ]
    calendar = draw(st.sampled_from([ALWAYS, OFFICE]))
    catalogue = a_catalogue(promising(*own, calendar=calendar))
    plan = compile_plan(catalogue)
    start = at("03-26 08:00")
    quarters = st.integers(0, 6 * 96)
    happened = draw(
        st.lists(st.tuples(quarters, st.sampled_from(HAPPENS)), min_size=5, max_size=18)
    )
    first = an_event("created", "03-26 08:00", event_id="first", priority="p1")
    events = [
        replace(
            an_event(what, "03-26 08:00", event_id=f"e-{number}"),
            time=start + quarter * 15 * MINUTE,
            data=data,
        )
        for number, (quarter, (what, data)) in enumerate(happened)
    ]
    now = start + (2 + draw(quarters)) * 30 * MINUTE
    return explain_item(fresh(plan, [first, *events]), plan, catalogue, now=now).clocks, now


@settings(max_examples=300)
@given(restless())
def test_whatever_comes_and_goes_the_life_of_a_clock_adds_up(
    found: tuple[tuple[ExplainedClock, ...], Instant],
) -> None:
    clocks, now = found
    for own in clocks:
        reading = own.reading
        until = now if reading.stopped_at is None else reading.stopped_at
        ends = [*zip(own.intervals, own.intervals[1:], strict=False)]
        assert all(one.span.end == other.span.start for one, other in ends)
        assert all(one.reason and one.length > 0 for one in own.intervals)
        assert bool(own.intervals) is (reading.started_at < until)
        if own.intervals:
            assert own.intervals[0].span.start == reading.started_at
            assert own.intervals[-1].span.end == until
        for activity, total in (
            (Activity.RUNNING, reading.elapsed),
            (Activity.PAUSED, reading.paused),
        ):
            assert total == sum(one.length for one in own.intervals if one.activity is activity)
        ends_with_a_story(own)


def ends_with_a_story(own: ExplainedClock) -> None:
    instants = [one.at for one in own.happened]
    assert instants == sorted(instants)
    breached = [one.at for one in own.happened if one.what is What.BREACHED]
    assert breached == ([] if own.reading.breached_at is None else [own.reading.breached_at])
    told = [one.what for one in own.history.happened if one.what is not What.KEPT]
    assert told[0] in BEGINNINGS
    assert BEGINNINGS.isdisjoint(told[1:])
    expected = LAST.get(own.reading.state)
    if expected is None:
        assert told[-1] in {*BEGINNINGS, What.CONTINUED}
    else:
        assert told[-1] is expected
    chosen = [one.objective for one in own.history.alternatives if one.chosen]
    assert chosen == [own.reading.objective]


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
def test_the_story_of_a_clock_ends_where_the_clock_is(seed: int) -> None:
    clocks, _ = explained(seed)
    for own in clocks:
        ends_with_a_story(own)
        assert own.happened[0].at == own.reading.came_under
        last = own.happened[-1].what
        assert (last is What.BREACHED) <= (own.reading.state is ClockState.BREACHED_OPEN)


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
