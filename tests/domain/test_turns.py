"""When time alone may change a window: nothing changes before, and something often does then."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.agreement import Agreement, Kpi, Target
from shared.domain.instant import DAY, HOUR
from shared.domain.judge import Judgement, judge, next_turn
from shared.domain.measure import Measure
from shared.domain.window import CalendarWindow, Period, RollingWindow, Span, TumblingWindow, Window
from tests.domain.building import (
    ANSWER,
    COHORT,
    ENDLESS,
    HOURS_SPENT,
    RETURNS,
    SOLVED,
    a_calendar,
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
OFFICE = a_calendar({"mon-fri": "09:00-17:00"})
FAR = at("9000-01-01T00:00:00Z")


def turn(agreement: Agreement, now: int, span: Span = MARCH, measure: Measure = Measure()) -> int:  # noqa: B008 - a value
    return next_turn(agreement, "o", span, measure, now=now)


def test_a_window_turns_at_its_start_and_its_end_and_never_after() -> None:
    for target in (within(), percentile("0.9"), mean()):
        agreement = promising(an_objective(target=target))
        assert turn(agreement, MARCH.start - 1) == MARCH.start
        assert turn(agreement, MARCH.start) == MARCH.end
        assert turn(agreement, MARCH.end - 1) == MARCH.end
        assert turn(agreement, MARCH.end) > FAR


@pytest.mark.parametrize(("kpi", "after"), [(SOLVED, None), (COHORT, DAY), (ENDLESS, None)])
def test_a_cohort_turns_again_when_its_last_item_has_had_its_time(
    kpi: Kpi, after: int | None
) -> None:
    agreement = promising(an_objective(kpi=kpi, target=at_least(1)))
    assert turn(agreement, MARCH.start) == MARCH.end
    if after is None:
        assert turn(agreement, MARCH.end) > FAR
    else:
        assert turn(agreement, MARCH.end) == MARCH.end + after
        assert turn(agreement, MARCH.end + after - 1) == MARCH.end + after
        assert turn(agreement, MARCH.end + after) > FAR


def test_a_rolling_window_turns_at_its_own_end() -> None:
    rolling = RollingWindow(2 * HOUR, HOUR)
    span = Span(at("08:00"), at("10:00"))
    for kpi, target in ((ANSWER, within()), (COHORT, at_least(1)), (RETURNS, at_most(1))):
        agreement = promising(an_objective(kpi=kpi, target=target, window=rolling))
        assert turn(agreement, at("09:30"), span) == at("10:00")
        following = turn(agreement, span.end, span)
        assert following == span.end + DAY if kpi.cohort else following > FAR


def test_a_volume_turns_where_it_falls_behind_its_pace() -> None:
    hourly = TumblingWindow(10 * HOUR)
    span = hourly.pane(at("03-02 12:00"))
    own = an_objective(kpi=RETURNS, target=at_least(10), pace="0", window=hourly)
    agreement = promising(own)
    crossing = turn(agreement, span.start, span, Measure(counted=3))
    assert crossing == span.start + 3 * HOUR + 1
    assert turn(agreement, crossing, span, Measure(counted=3)) == span.end
    assert turn(agreement, span.start, span, Measure(counted=10)) == span.end
    without = promising(replace(own, pace=None))
    assert turn(without, span.start, span, Measure(counted=3)) == span.end


def test_the_edges_of_every_version_are_turns() -> None:
    own, other = an_objective(), an_objective("other")
    agreement = an_agreement(
        a_version(own, start="03-03 00:00", until="03-05 00:00"),
        a_version(other, start="03-07 00:00"),
    )
    found, now = [], MARCH.start
    while now < MARCH.end:
        now = turn(agreement, now)
        found.append((now - MARCH.start) // DAY)
    assert found == [2, 4, 6, 31]


def state(found: Judgement) -> tuple[object, ...]:
    return (found.state, found.final, found.value, found.budget_remaining, found.version.start)


WINDOWS: list[Window] = [
    CalendarWindow(Period.MONTH, "UTC"),
    CalendarWindow(Period.WEEK, "Europe/Berlin"),
    TumblingWindow(30 * HOUR),
    RollingWindow(7 * DAY, 6 * HOUR),
]
PROMISES: list[tuple[Kpi, Target]] = [
    (ANSWER, within(HOUR, "0.75")),
    (ANSWER, percentile("0.75")),
    (ANSWER, mean(HOUR)),
    (COHORT, at_least("0.75")),
    (SOLVED, at_least("0.75")),
    (RETURNS, at_most(3)),
    (RETURNS, at_least(31)),
    (RETURNS, at_least(31)),
    (HOURS_SPENT, at_least("2.5")),
]
MEASURES = st.integers(0, 31).map(
    lambda n: Measure(met=3, breached_open=n, counted=n, good=3, total=4, amount=n % 5 - 1)
)


@given(
    st.sampled_from(WINDOWS), st.sampled_from(PROMISES), MEASURES,
    st.integers(0, 40 * 24), st.sampled_from([None, "0", "0.1", "0.9", "1"]), st.integers(0, 99),
)  # fmt: skip
def test_before_the_next_turn_time_alone_changes_nothing(
    window: Window,
    promise: tuple[Kpi, Target],
    measure: Measure,
    hours: int,
    pace: str | None,
    share: int,
) -> None:
    kpi, target = promise
    own = an_objective(kpi=kpi, target=target, window=window, pace=pace)
    if not own.is_volume:
        own = replace(own, pace=None)
    agreement = an_agreement(
        a_version(own, until="03-20 12:00", calendar=OFFICE), a_version(own, start="03-20 12:00")
    )
    now = MARCH.start + hours * HOUR
    span = window.current(at("03-16 10:00"))
    following = next_turn(agreement, "o", span, measure, now=now)
    assert following > now
    judged = state(judge(agreement, "o", span, measure, now=now))
    upto = min(following, now + 99 * DAY)
    for later in {now, now + (upto - now) * share // 100, upto - 1}:
        assert state(judge(agreement, "o", span, measure, now=later)) == judged
