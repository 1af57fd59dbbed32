"""Windows judged: value, state, budget, minimum and finality of every measure and target."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.agreement import Kpi, Objective, Target
from shared.domain.instant import DAY, HOUR, SECOND
from shared.domain.judge import Judgement, State, final_from, is_final, judge
from shared.domain.measure import Measure, bucket_middle, bucket_of
from shared.domain.missing import misses
from shared.domain.window import Span
from tests.domain.building import (
    ANSWER,
    COHORT,
    ENDLESS,
    HOURS_SPENT,
    RATING,
    RETURNS,
    SOLVED,
    a_version,
    an_agreement,
    an_objective,
    at,
    at_least,
    at_most,
    mean,
    percentile,
    promising,
    within,
)

MARCH = Span(at("03-01 00:00"), at("04-01 00:00"))
NOW = at("03-11 00:00")
OK, RISK, BROKEN, NO_DATA = State.OK, State.AT_RISK, State.BREACHED, State.NO_DATA


def judged(objective: Objective, measure: Measure, now: int = NOW) -> Judgement:
    return judge(promising(objective), "o", MARCH, measure, now=now)


def exact(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def clocks(met: int, missed: int, **more: int) -> Measure:
    return Measure(met=met, breached_open=missed // 2, breached_closed=missed - missed // 2, **more)


@pytest.mark.parametrize("promise", [within, percentile])
@pytest.mark.parametrize(
    ("ratio", "met", "missed", "state", "budget"),
    [
        ("0.5", 3, 1, OK, "1/2"),
        ("0.7", 3, 1, RISK, "1/6"),
        ("0.75", 3, 1, RISK, "0"),
        ("0.76", 3, 1, BROKEN, "-1/24"),
        ("0.9", 3, 1, BROKEN, "-3/2"),
        ("1", 3, 1, BROKEN, None),
        ("1", 3, 0, OK, "1"),
        ("0.9", 0, 2, BROKEN, "-9"),
        ("0.5", 0, 0, NO_DATA, None),
    ],
)
def test_a_share_of_kept_clocks(
    promise: object, ratio: str, met: int, missed: int, state: State, budget: str | None
) -> None:
    target = within(HOUR, ratio) if promise is within else percentile(ratio)
    found = judged(an_objective(target=target), clocks(met, missed, excluded=7, running=5))
    assert (found.state, found.final) == (state, False)
    assert found.budget_remaining == exact(budget)
    if promise is within:
        assert found.value == (Fraction(met, met + missed) if met + missed else None)


@pytest.mark.parametrize(
    ("total", "stopped", "state", "value"),
    [
        (7200, 3, OK, "2400"),
        (10800, 3, OK, "3600"),
        (10801, 3, BROKEN, "10801/3"),
        (0, 1, OK, "0"),
        (0, 0, NO_DATA, None),
    ],
)
def test_a_mean_of_times_is_exact_and_has_no_budget(
    total: int, stopped: int, state: State, value: str | None
) -> None:
    own = an_objective(target=mean(HOUR))
    found = judged(own, Measure(met=stopped, running=4, amount=total * SECOND))
    assert (found.value, found.state, found.budget_remaining) == (exact(value), state, None)


def test_one_microsecond_in_a_mean_is_a_miss() -> None:
    own = an_objective(target=mean(HOUR))
    assert not misses(own, Measure(met=3, amount=3 * HOUR))
    assert misses(own, Measure(met=3, amount=3 * HOUR + 1))


@pytest.mark.parametrize(
    ("target", "amount", "counted", "state", "value"),
    [
        (at_least("2.5"), "5", 2, OK, "5/2"),
        (at_least("2.5"), "4.99", 2, BROKEN, "2.495"),
        (at_most("2.5"), "5", 2, OK, "5/2"),
        (at_most("2.5"), "5.01", 2, BROKEN, "2.505"),
        (at_most("-1"), "-3", 3, OK, "-1"),
        (at_least("0.1"), "0", 3, BROKEN, "0"),
        (at_least(0), "0", 0, NO_DATA, None),
    ],
)
def test_a_mean_of_a_field_is_exact_and_has_no_budget(
    target: Target, amount: str, counted: int, state: State, value: str | None
) -> None:
    own = an_objective(kpi=RATING, target=target)
    found = judged(own, Measure(counted=counted, amount=Fraction(amount)))
    assert (found.value, found.state, found.budget_remaining) == (exact(value), state, None)


@pytest.mark.parametrize(
    ("target", "good", "total", "state", "value", "budget"),
    [
        (at_least("0.5"), 3, 4, OK, "3/4", "1/2"),
        (at_least("0.7"), 3, 4, RISK, "3/4", "1/6"),
        (at_least("0.75"), 3, 4, RISK, "3/4", "0"),
        (at_least("0.8"), 3, 4, BROKEN, "3/4", "-1/4"),
        (at_least(1), 3, 4, BROKEN, "3/4", None),
        (at_least(1), 4, 4, OK, "1", "1"),
        (at_least(1), 5, 4, OK, "5/4", "1"),
        (at_least("0.5"), 5, 4, OK, "5/4", "1"),
        (at_most("0.5"), 1, 4, OK, "1/4", "1/2"),
        (at_most("0.5"), 2, 4, RISK, "1/2", "0"),
        (at_most("0.5"), 3, 4, BROKEN, "3/4", "-1/2"),
        (at_most(0), 0, 4, OK, "0", "1"),
        (at_most(0), 1, 4, BROKEN, "1/4", None),
        (at_most(1), 5, 4, BROKEN, "5/4", "-1/4"),
        (at_least("0.5"), 3, 0, NO_DATA, None, None),
        (at_most("0.5"), 3, 0, NO_DATA, None, None),
    ],
)
def test_a_ratio_may_pass_one_and_misses_at_least_nothing(
    target: Target, good: int, total: int, state: State, value: str | None, budget: str | None
) -> None:
    found = judged(an_objective(kpi=SOLVED, target=target), Measure(good=good, total=total))
    assert (found.value, found.state) == (exact(value), state)
    assert found.budget_remaining == exact(budget)


@pytest.mark.parametrize(
    ("target", "good", "pending", "total", "state", "value", "budget"),
    [
        (at_least("0.5"), 0, 4, 4, OK, "0", "1"),
        (at_least("0.5"), 1, 1, 4, RISK, "1/4", "0"),
        (at_least("0.5"), 1, 0, 4, BROKEN, "1/4", "-1/2"),
        (at_least("0.5"), 0, 1, 4, BROKEN, "0", "-1/2"),
        (at_least(1), 3, 1, 4, OK, "3/4", "1"),
        (at_least(1), 2, 1, 4, BROKEN, "1/2", None),
        (at_most("0.5"), 1, 3, 4, OK, "1/4", "1/2"),
        (at_most("0.5"), 2, 2, 4, RISK, "1/2", "0"),
        (at_most("0.5"), 3, 1, 4, BROKEN, "3/4", "-1/2"),
        (at_most(0), 0, 4, 4, OK, "0", "1"),
        (at_least("0.5"), 0, 0, 0, NO_DATA, None, None),
    ],
)
def test_pending_items_of_a_cohort_are_taken_to_go_the_targets_way(
    target: Target,
    good: int,
    pending: int,
    total: int,
    state: State,
    value: str | None,
    budget: str | None,
) -> None:
    measure = Measure(good=good, pending=pending, total=total)
    found = judged(an_objective(kpi=COHORT, target=target), measure)
    assert (found.value, found.state) == (exact(value), state)
    assert found.budget_remaining == exact(budget)


@pytest.mark.parametrize(
    ("kpi", "target", "one"),
    [
        (ANSWER, within(HOUR, "1"), Measure(breached_open=1)),
        (ANSWER, percentile("0.5"), Measure(breached_closed=1)),
        (ANSWER, mean(), Measure(met=1, amount=2 * HOUR)),
        (RATING, at_least(4), Measure(counted=1, amount=1)),
        (RATING, at_most(4), Measure(counted=1, amount=9)),
        (SOLVED, at_least(1), Measure(total=1)),
        (SOLVED, at_most(0), Measure(total=1, good=1)),
        (COHORT, at_least(1), Measure(total=1)),
        (COHORT, at_most(0), Measure(total=1, good=1)),
    ],
)
def test_below_the_minimum_nothing_is_said_and_nothing_missed(
    kpi: Kpi, target: Target, one: Measure
) -> None:
    own = an_objective(kpi=kpi, target=target, minimum=3)
    beside = Measure(excluded=9, running=9)
    two, three = one.plus(one).plus(beside), one.plus(one).plus(one)
    found = judged(own, two)
    assert (found.value, found.state, found.budget_remaining) == (None, NO_DATA, None)
    assert not misses(own, two)
    assert misses(own, three)
    assert judged(own, three).state is BROKEN


@pytest.mark.parametrize(
    ("kpi", "target", "measure"),
    [
        (ANSWER, within(HOUR, "0.75"), clocks(3, 1)),
        (ANSWER, percentile("0.75"), clocks(3, 1)),
        (SOLVED, at_least("0.75"), Measure(good=3, total=4)),
        (COHORT, at_least("0.75"), Measure(good=3, total=4)),
        (RETURNS, at_most(3), Measure(counted=3)),
    ],
)
def test_a_final_window_is_never_at_risk(kpi: Kpi, target: Target, measure: Measure) -> None:
    own = an_objective(kpi=kpi, target=target)
    over = final_from(own, MARCH)
    assert over is not None
    before, after = judged(own, measure, over - 1), judged(own, measure, over)
    assert (before.state, before.final, before.budget_remaining) == (RISK, False, Fraction(0))
    assert (after.state, after.final, after.budget_remaining) == (OK, True, Fraction(0))


def test_the_budget_at_risk_is_as_written() -> None:
    for share, state in (("0.5", RISK), ("0.51", OK)):
        own = an_objective(target=within(HOUR, "0.5"), budget_consumed=share)
        assert judged(own, clocks(3, 1)).state is state


@pytest.mark.parametrize(
    ("kpi", "over"), [(SOLVED, MARCH.end), (COHORT, MARCH.end + DAY), (ENDLESS, None)]
)
def test_a_cohort_is_final_when_its_last_item_has_had_its_time(kpi: Kpi, over: int | None) -> None:
    own = an_objective(kpi=kpi, target=at_least(1))
    assert final_from(own, MARCH) == over
    if over is not None:
        assert not is_final(own, MARCH, Measure(), now=over - 1)
    assert is_final(own, MARCH, Measure(), now=over or 10**18) is (over is not None)


def test_where_clocks_count_at_their_start_nothing_is_final_while_one_runs() -> None:
    decided, started = an_objective(), an_objective(started=True)
    for own in (decided, started):
        assert is_final(own, MARCH, Measure(met=1), now=MARCH.end)
        assert not is_final(own, MARCH, Measure(met=1), now=MARCH.end - 1)
    for own in (decided, started):  # the clock may be of a version that says otherwise
        assert not is_final(own, MARCH, Measure(running=1), now=MARCH.end + DAY)
    assert is_final(started, MARCH, Measure(breached_open=1), now=MARCH.end)


def test_an_ended_window_is_judged_by_the_version_just_before_its_end() -> None:
    strict, mild = (an_objective(target=within(HOUR, ratio)) for ratio in ("1", "0.5"))
    agreement = an_agreement(
        a_version(mild, until="03-20 00:00"), a_version(strict, start="03-20 00:00")
    )

    def state(span: Span, now: str) -> State:
        return judge(agreement, "o", span, clocks(3, 1), now=at(now)).state

    assert state(MARCH, "03-19 23:59") is OK
    assert state(MARCH, "03-20 00:00") is BROKEN
    early = Span(at("03-10 00:00"), at("03-20 00:00"))
    assert state(early, "03-25 00:00") is OK
    assert state(Span(early.start, early.end + 1), "03-25 00:00") is BROKEN


TIMES = st.lists(st.integers(0, 3 * HOUR), max_size=12)


@given(TIMES, st.integers(0, 4), st.fractions(0, 1, max_denominator=40), st.integers(0, 3 * HOUR))
def test_a_percentile_is_the_rank_among_the_times_of_which_those_unstopped_are_the_longest(
    times: list[int], unstopped: int, share: Fraction, limit: int
) -> None:
    if share == 0:
        return
    decided = len(times) + unstopped
    met = sum(time <= limit for time in times)
    measure = Measure(met=met, breached_closed=len(times) - met, breached_open=unstopped)
    buckets: dict[int, int] = {}
    for time in times:
        buckets[bucket_of(time)] = buckets.get(bucket_of(time), 0) + 1
    own = an_objective(target=replace(percentile("1", limit), ratio=share))
    found = judge(promising(own), "o", MARCH, measure, now=NOW, buckets=buckets)
    if decided == 0:
        assert (found.state, found.value) == (NO_DATA, None)
        return
    longest_last = [*sorted(times), *[None] * unstopped]
    rank = next(n for n in range(1, decided + 1) if n >= share * decided)
    at_rank = longest_last[rank - 1]
    shown = None if at_rank is None else Fraction(bucket_middle(bucket_of(at_rank)), SECOND)
    assert found.value == shown
    assert (found.state is BROKEN) is (at_rank is None or at_rank > limit)


@given(
    st.sampled_from([within(HOUR, "0.9"), percentile("0.5"), mean()]),
    st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(1, 4),
)  # fmt: skip
def test_a_window_is_breached_exactly_when_its_value_misses(
    target: Target, met: int, missed: int, hours: int, minimum: int
) -> None:
    own = an_objective(target=target, minimum=minimum)
    measure = Measure(met=met, breached_open=missed, amount=hours * HOUR)
    for now in (NOW, MARCH.end):
        assert (judged(own, measure, now).state is BROKEN) is misses(own, measure)


@given(
    st.sampled_from([SOLVED, COHORT, RATING, RETURNS, HOURS_SPENT]),
    st.sampled_from([at_most, at_least]), st.fractions(0, 3, max_denominator=6),
    st.tuples(*[st.integers(0, 6)] * 5), st.integers(1, 4),
)  # fmt: skip
def test_a_window_of_events_is_breached_exactly_when_its_value_misses(
    kpi: Kpi, kind: type, amount: Fraction, numbers: tuple[int, ...], minimum: int
) -> None:
    own = an_objective(kpi=kpi, target=kind(str(amount)), minimum=minimum)
    counted, good, lost, pending, total = numbers
    measure = Measure(
        counted=counted, good=good, pending=pending, total=good + lost + pending, amount=total
    )
    state = judged(own, measure).state
    assert (state is BROKEN) is misses(own, measure)
