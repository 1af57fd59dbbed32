"""Periods by name, and the windows that belong to them: each to one."""

from datetime import date
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.instant import DAY, HOUR
from shared.domain.period import (
    NamedPeriod,
    last_rolling,
    overlap,
    parse_edge,
    parse_period,
    periods_before,
    starts_of_ending,
)
from shared.domain.window import CalendarWindow, Period, RollingWindow, Span, TumblingWindow, Window
from tests.domain.building import at

ZONES = ("UTC", "Europe/Berlin", "Pacific/Apia", "America/Havana", "Africa/Cairo", "Asia/Kolkata")
WINDOWS: st.SearchStrategy[Window] = st.one_of(
    st.builds(CalendarWindow, st.sampled_from(Period), st.sampled_from(ZONES)),
    st.builds(TumblingWindow, st.sampled_from([7 * HOUR, DAY, 10 * DAY])),
    st.builds(lambda step, n: RollingWindow(step * n, step), st.just(6 * HOUR), st.integers(1, 9)),
)


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("2026", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z"),
        ("2026-Q1", "2025-12-31T23:00:00Z", "2026-03-31T22:00:00Z"),
        ("2026-Q4", "2026-09-30T22:00:00Z", "2026-12-31T23:00:00Z"),
        ("2026-03", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"),
        ("2026-W10", "2026-03-01T23:00:00Z", "2026-03-08T23:00:00Z"),
        ("2026-W53", "2026-12-27T23:00:00Z", "2027-01-03T23:00:00Z"),
        ("2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
    ],
)
def test_a_name_is_a_span_of_the_zone(name: str, start: str, end: str) -> None:
    period = parse_period(name)
    assert period.within("Europe/Berlin") == Span(at(start), at(end))
    assert period.name == name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("march", "a period is 2026, 2026-Q1"),
        ("2026-3", "a period is 2026, 2026-Q1"),
        ("2026-Q5", "a period is 2026, 2026-Q1"),
        ("2026-13", "is no month: month must be in 1..12"),
        ("2025-W53", "is no week: Invalid week: 53"),
        ("2026-02-30", "is no day: day"),
        ("1899", "lies outside the years 1900 to 9997"),
        ("٢٠٢٦", "a period is 2026, 2026-Q1"),
    ],
)
def test_what_is_no_period_is_refused_with_a_reason(name: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("(", r"\(").replace("..", r"\.\.")):
        parse_period(name)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01", "2026-02-28T23:00:00Z"),
        ("2026-03-01T09:30", "2026-03-01T08:30:00Z"),
        ("2026-07-01T09:30:15", "2026-07-01T07:30:15Z"),
        ("2026-03-01T09:30:15+05:00", "2026-03-01T04:30:15Z"),
    ],
)
def test_an_edge_without_an_offset_is_local(text: str, instant: str) -> None:
    assert parse_edge(text, "Europe/Berlin") == at(instant)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026-02-30", "is no date or time"),
        ("yesterday", "is not an RFC 3339 time"),
        ("1899-12-31", "lies outside the years"),
        ("9998-01-02", "lies outside the years"),
    ],
)
def test_an_edge_that_cannot_be_read_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_edge(text, "UTC")


def test_the_periods_before_now_are_whole_and_follow_on_each_other() -> None:
    # In Kolkata March has begun, in UTC it has not.
    now = at("2026-02-28T20:00:00Z")
    for length, first in (
        (Period.MONTH, "2026-02"),
        (Period.QUARTER, "2025-Q4"),
        (Period.YEAR, "2025"),
        (Period.WEEK, "2026-W08"),
        (Period.DAY, "2026-02-28"),
    ):
        found = [*islice(periods_before(length, "Asia/Kolkata", now), 30)]
        assert found[0].name == first
        assert found[0].within("Asia/Kolkata").end <= now
        for later, earlier in pairwise(found):
            assert earlier.within("Asia/Kolkata").end == later.within("Asia/Kolkata").start


@given(st.dates(date(1901, 1, 1), date(9997, 1, 1)), st.sampled_from(Period))
def test_every_name_is_read_as_it_was_written(day: date, length: Period) -> None:
    period = next(periods_before(length, "UTC", (day - date(1970, 1, 1)).days * DAY))
    assert parse_period(period.name) == NamedPeriod(length, period.first)


@given(WINDOWS, st.sampled_from(ZONES))
def test_a_window_belongs_to_the_one_period_in_which_it_ends(window: Window, zone: str) -> None:
    months = [parse_period(f"2026-{month:02}").within(zone) for month in range(1, 7)]
    span = window.pane(months[0].start)
    starts = [starts_of_ending(window, month) for month in months]
    for earlier, later in pairwise(starts):
        assert earlier.end == later.start
    if not isinstance(window, RollingWindow):
        while span.end <= months[-1].end:
            holding = [
                p for p, s in zip(months, starts, strict=True) if s.start <= span.start < s.end
            ]
            assert [p for p in months if p.start < span.end <= p.end] == holding
            span = window.pane(span.end)


def test_the_last_rolling_window_is_the_current_one_until_the_period_is_over() -> None:
    window = RollingWindow(7 * DAY, HOUR)
    march = parse_period("2026-03").within("UTC")
    end = at("2026-04-01T00:00:00Z")
    assert last_rolling(window, march, at("2026-05-01T00:00:00Z")) == Span(end - 7 * DAY, end)
    now = at("2026-03-10T10:30:00Z")
    assert last_rolling(window, march, now) == window.current(now)
    assert last_rolling(window, march, at("2026-02-20T00:00:00Z")) is None
    starts = starts_of_ending(window, march)
    assert starts.start <= end - 7 * DAY < starts.end


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("2026-03", "2026-04", False),
        ("2026-03", "2026-Q1", True),
        ("2026-W14", "2026-03", True),
        ("2026-W14", "2026-04", True),
        ("2026-W13", "2026-04", False),
        ("2026-03-31", "2026-W14", True),
        ("2026", "2025-12-31", False),
        ("2026-03", "2026-03", True),
    ],
)
def test_periods_overlap_where_they_have_a_day_in_common(
    one: str, other: str, *, common: bool
) -> None:
    first, second = parse_period(one), parse_period(other)
    assert overlap(first, second) is common
    assert overlap(second, first) is common
