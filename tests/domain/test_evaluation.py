"""A whole evaluation in memory: what is listed, in which order, and that counts add up."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from shared.domain.agreement import Objective
from shared.domain.evaluation import Evaluation, evaluate
from shared.domain.event import Event
from shared.domain.instant import DAY, HOUR, MINUTE
from shared.domain.item import Item
from shared.domain.judge import State
from shared.domain.measure import Measure
from shared.domain.plan import compile_plan
from shared.domain.window import RollingWindow, Span, TumblingWindow
from tests.domain.building import (
    COHORT,
    HOURS_SPENT,
    RATING,
    RETURNS,
    SOLVED,
    a_catalogue,
    a_version,
    an_agreement,
    an_event,
    an_objective,
    at,
    at_least,
    at_most,
    mean,
    percentile,
    promising,
    within,
)

FEBRUARY = Span(at("02-01 00:00"), at("03-01 00:00"))
MARCH = Span(at("03-01 00:00"), at("04-01 00:00"))
HOURLY = RollingWindow(3 * HOUR, HOUR)


def evaluated(
    objective: Objective, events: Iterable[Event], now: str, *, all_windows: bool = False
) -> Evaluation:
    """The evaluation of an objective over some events, whatever their items."""
    catalogue = a_catalogue(promising(objective))
    plan = compile_plan(catalogue)
    items: dict[str, Item] = {}
    for event in events:
        items.setdefault(event.item, Item(plan, event.kind, event.subject)).admit(event)
    return evaluate(catalogue, items.values(), now=at(now), all_windows=all_windows)


def answered(subject: str, start: str, stop: str | None = None, **data: object) -> list[Event]:
    """A ticket that comes and is answered."""
    created = replace(an_event("created", start, subject=subject), data=data)
    return [created] if stop is None else [created, an_event("replied", stop, subject=subject)]


def breaches(found: Evaluation) -> list[tuple[int, int | None]]:
    """Of windows: minutes after nine o'clock at which they open and close."""
    return [
        (
            (own.opened_at - at("09:00")) // MINUTE,
            None if own.closed_at is None else (own.closed_at - at("09:00")) // MINUTE,
        )
        for own in found.window_breaches
    ]


def test_items_meet_in_the_windows_of_their_groups() -> None:
    found = evaluated(
        an_objective(group_by=("team",)),
        [
            an_event("created", "09:00", subject=name, team=team)
            for name, team in (("T-3", "b"), ("T-1", "b"), ("T-2", "a"))
        ],
        "12:00",
    )
    assert [(r.group, r.measure.breached_open) for r in found.objectives] == [
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


def test_an_objective_without_data_is_listed_where_it_is_not_grouped() -> None:
    whole = evaluated(an_objective(), [], "12:00")
    assert [(r.window, r.judgement.state) for r in whole.objectives] == [(MARCH, State.NO_DATA)]
    assert evaluated(an_objective(group_by=("team",)), [], "12:00").objectives == ()


def test_clocks_count_where_they_were_decided_or_where_they_started() -> None:
    events = answered("T-1", "02-28 23:30", "03-01 00:10")
    for now, decided, started in (
        ("02-28 23:45", [(FEBRUARY, "running", False)], [(FEBRUARY, "running", False)]),
        (
            "03-01 00:05",
            [(MARCH, "running", False)],
            [(FEBRUARY, "running", False), (MARCH, None, False)],
        ),
        (
            "03-01 00:10",
            [(MARCH, "met", False)],
            [(FEBRUARY, "met", True), (MARCH, None, False)],
        ),
    ):
        for is_started, expected in ((False, decided), (True, started)):
            found = evaluated(an_objective(started=is_started), events, now)
            assert [(r.window, name(r.measure), r.judgement.final) for r in found.objectives] == (
                expected
            )


def name(measure: Measure) -> str | None:
    """The one count of a measure that is not 0."""
    return next((field for field, n in measure._asdict().items() if n and field != "amount"), None)


def test_what_is_decided_at_one_instant_is_seen_together() -> None:
    own = an_objective(target=within(HOUR, "0.5"))
    missed = answered("T-1", "09:00")
    for stop, expected in (("10:00", []), ("10:01", [(60, 61)])):
        met = answered("T-2", "09:30", stop)
        assert breaches(evaluated(own, [*missed, *met], "12:00")) == expected
        assert breaches(evaluated(own, [*met, *missed], "12:00")) == expected


def test_what_is_decided_late_breaks_an_ended_window_of_starts_for_no_time() -> None:
    early = answered("T-1", "02-28 22:30")
    late = answered("T-2", "02-28 23:30")
    own = an_objective(started=True)
    found = evaluated(own, [*early, *late], "03-02 09:00")
    (only,) = found.window_breaches
    assert (only.window, only.opened_at, only.closed_at) == (
        FEBRUARY,
        at("02-28 23:30"),
        at("03-01 00:00"),
    )
    found = evaluated(own, late, "03-02 09:00")
    (only,) = found.window_breaches
    assert (only.opened_at, only.closed_at) == (at("03-01 00:30"), at("03-01 00:30"))


def test_a_cancelled_clock_of_a_start_is_excluded_there() -> None:
    events = [*answered("T-1", "02-28 23:30"), an_event("merged", "03-01 00:10")]
    for is_started, window in ((False, MARCH), (True, FEBRUARY)):
        found = evaluated(an_objective(started=is_started), events, "03-01 00:10")
        assert [r.window for r in found.objectives if r.measure.excluded] == [window]


def test_rolling_windows_hold_the_same_clock_one_after_the_other() -> None:
    events = [*answered("T-1", "09:10", "09:20"), *answered("T-2", "11:50")]
    own = an_objective(window=HOURLY, target=within(2 * HOUR))
    found = evaluated(own, events, "12:05", all_windows=True)
    assert [
        (r.window.end, r.measure.met, r.measure.running, r.judgement.final)
        for r in found.objectives
    ] == [
        (at("10:00"), 1, 0, True),
        (at("11:00"), 1, 0, True),
        (at("12:00"), 1, 0, True),
        (at("13:00"), 0, 1, False),
    ]
    current = evaluated(own, events, "12:05")
    assert current.objectives == found.objectives[-1:]
    own = an_objective(window=HOURLY, target=within(2 * HOUR), started=True)
    started = evaluated(own, events, "12:05", all_windows=True)
    assert [(r.window.end, r.measure.met, r.measure.running) for r in started.objectives] == [
        (at("10:00"), 1, 0),
        (at("11:00"), 1, 0),
        (at("12:00"), 1, 0),
        (at("13:00"), 0, 1),
    ]


def test_a_rolling_window_is_judged_when_it_ends_and_until_one_holds() -> None:
    own = an_objective(window=HOURLY, target=within(MINUTE, "0.5"))
    events = answered("T-1", "09:10")
    assert breaches(evaluated(own, events, "09:59")) == []
    assert breaches(evaluated(own, events, "10:00")) == [(60, None)]
    assert breaches(evaluated(own, events, "12:59")) == [(60, None)]
    assert breaches(evaluated(own, events, "13:00")) == [(60, 240)]
    kept = [event for n in (2, 3) for event in answered(f"T-{n}", "11:30", "11:31")]
    assert breaches(evaluated(own, [*events, *kept], "14:00")) == [(60, 180)]
    (only,) = evaluated(own, events, "13:00").window_breaches
    assert only.window == Span(at("07:00"), at("10:00"))


def test_each_rolling_window_is_judged_by_the_version_just_before_its_end() -> None:
    own = an_objective(window=HOURLY, target=within(MINUTE))
    mild = replace(own, target=within(MINUTE, "0.5"))
    events = [*answered("T-1", "09:10"), *answered("T-2", "09:20", "09:21")]
    for first, then, expected in (
        (own, mild, [(60, 180)]),
        (mild, own, [(180, 240)]),
        (own, own, [(60, 240)]),
    ):
        early, late = a_version(first, until="03-02 11:00"), a_version(then, start="03-02 11:00")
        catalogue = a_catalogue(an_agreement(early, late))
        plan = compile_plan(catalogue)
        items = [Item(plan, "ticket", e[0].subject, e) for e in (events[:1], events[1:])]
        assert breaches(evaluate(catalogue, items, now=at("15:00"))) == expected


def test_a_rolling_volume_misses_also_where_there_is_nothing() -> None:
    own = an_objective(kpi=RETURNS, target=at_least(2), window=HOURLY, group_by=("team",))
    events = [an_event("reopened", time) for time in ("09:10", "13:10", "13:20")]
    found = evaluated(own, events, "17:30", all_windows=True)
    assert [(r.window.end - at("09:00")) // HOUR for r in found.objectives] == [*range(1, 10)]
    assert [r.judgement.value for r in found.objectives] == [1, 1, 1, 0, 2, 2, 2, 0, 0]
    assert breaches(found) == [(60, 300), (480, None)]
    current = evaluated(own, events, "17:30")
    assert current.window_breaches == found.window_breaches
    assert current.objectives == found.objectives[-1:]


def test_an_item_of_a_cohort_counts_where_it_entered() -> None:
    own = an_objective(kpi=COHORT, target=at_least(1))
    events = [
        *answered("T-1", "02-28 12:00"),
        *answered("T-2", "02-28 18:00"),
        an_event("solved", "03-01 06:00", subject="T-1"),
    ]
    for now, good, pending, state in (
        ("02-28 18:00", 0, 2, State.OK),
        ("03-01 06:00", 1, 1, State.OK),
        ("03-01 18:00", 1, 1, State.OK),
        ("03-01 18:01", 1, 0, State.BREACHED),
    ):
        row = evaluated(own, events, now).objectives[0]
        assert (row.window, row.measure.good, row.measure.pending, row.measure.total) == (
            FEBRUARY,
            good,
            pending,
            2,
        )
        assert row.judgement.state is state
        assert not row.judgement.final
    found = evaluated(own, events, "03-02 00:00")
    assert found.objectives[0].judgement.final
    (only,) = found.window_breaches
    assert (only.opened_at, only.closed_at) == (at("03-01 18:00"), at("03-01 18:00"))


def test_a_percentile_shows_the_time_of_its_rank() -> None:
    own = an_objective(target=percentile("0.5", HOUR))
    events = [
        *answered("T-1", "09:00", "09:10"),
        *answered("T-2", "09:00", "09:30"),
        *answered("T-3", "09:00", "10:30"),
        *answered("T-4", "09:00"),
    ]
    (row,) = evaluated(own, events, "12:00").objectives
    assert row.measure == Measure(met=2, breached_closed=1, breached_open=1, amount=130 * MINUTE)
    assert row.judgement.value == Fraction(1803550720, 10**6)
    assert row.judgement.state is State.AT_RISK
    stricter = an_objective(target=percentile("0.8", HOUR))
    (row,) = evaluated(stricter, events, "12:00").objectives
    assert (row.judgement.value, row.judgement.state) == (None, State.BREACHED)
    assert evaluated(stricter, events, "12:00").item_breaches == ()


def test_the_percentile_of_a_rolling_window_is_that_of_all_its_steps() -> None:
    own = an_objective(target=percentile("1", HOUR), window=HOURLY)
    events = [*answered("T-1", "09:10", "09:40"), *answered("T-2", "11:10", "11:11")]
    found = evaluated(own, events, "13:00", all_windows=True)
    values = [r.judgement.value for r in found.objectives]
    half, one = Fraction(1803550720, 10**6), Fraction(59768832 + 2**18, 10**6)
    assert values == [half, half, half, one, one]


def test_a_mean_of_clocks_has_no_item_breaches_and_its_value_in_seconds() -> None:
    own = an_objective(target=mean(HOUR))
    events = [*answered("T-1", "09:00", "09:20"), *answered("T-2", "09:00", "10:41")]
    found = evaluated(own, events, "12:00")
    assert [r.judgement.value for r in found.objectives] == [Fraction(121 * 60, 2)]
    assert [c.due_at for c in found.clocks] == [None, None]
    assert found.item_breaches == ()
    assert breaches(found) == [(101, None)]


def test_sums_means_and_ratios_count_at_their_events() -> None:
    rated = [an_event("rated", "09:10", amount="2.5"), an_event("rated", "10:10", amount=4)]
    tumbling = TumblingWindow(HOUR)
    own = an_objective(kpi=HOURS_SPENT, target=at_most(9), window=tumbling)
    total = evaluated(own, rated, "10:30")
    assert [(r.measure.counted, r.judgement.value) for r in total.objectives] == [
        (1, Fraction(5, 2)),
        (1, 4),
    ]
    average = evaluated(an_objective(kpi=RATING, target=at_least(3)), rated, "10:30")
    assert [(r.measure.counted, r.judgement.value) for r in average.objectives] == [
        (2, Fraction(13, 4))
    ]
    assert breaches(average) == [(10, 70)]
    solved = [an_event("solved", "09:10"), *answered("T-1", "10:00")]
    own = an_objective(kpi=SOLVED, target=at_least(1), window=tumbling)
    ratio = evaluated(own, solved, "11:00")
    assert [(r.measure.good, r.measure.total, r.judgement.value) for r in ratio.objectives] == [
        (1, 0, None),
        (0, 1, 0),
        (0, 0, None),
    ]


def test_an_agreement_that_has_ended_lists_what_counted_and_no_current_window() -> None:
    catalogue = a_catalogue(promising(an_objective(window=TumblingWindow(DAY))))
    (agreement,) = catalogue.agreements.values()
    ended = replace(agreement, versions=(replace(agreement.versions[0], until=at("03-05 00:00")),))
    catalogue = a_catalogue(ended)
    plan = compile_plan(catalogue)
    events = [*answered("T-1", "03-03 09:00", "03-03 09:10"), *answered("T-2", "03-06 09:00")]
    items = [Item(plan, "ticket", e[0].subject, e) for e in (events[:2], events[2:])]
    found = evaluate(catalogue, items, now=at("03-07 00:00"))
    assert [r.window.start for r in found.objectives] == [at("03-03 00:00")]
    assert [c.item for c in found.clocks] == ["ticket:T-1"]
