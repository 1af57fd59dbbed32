"""Windows: spans that leave no instant out, whatever a zone does, tumble or roll."""

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.instant import DAY, HOUR, MINUTE
from shared.domain.window import (
    CalendarWindow,
    Period,
    RollingWindow,
    Span,
    TumblingWindow,
    Window,
)
from tests.domain.building import at

ZONES = ("UTC", "Europe/Berlin", "Pacific/Apia", "America/Havana", "Africa/Cairo", "Asia/Kolkata")
CALENDAR = st.builds(CalendarWindow, st.sampled_from(Period), st.sampled_from(ZONES))
LENGTHS = st.sampled_from([1, 7, MINUTE, 7 * HOUR, 100 * MINUTE, DAY])
TUMBLING = st.builds(TumblingWindow, LENGTHS)
ROLLING = st.builds(lambda step, n: RollingWindow(step * n, step), LENGTHS, st.integers(1, 9))
WINDOWS: st.SearchStrategy[Window] = st.one_of(CALENDAR, TUMBLING, ROLLING)
INSTANTS = st.integers(at("2009-01-01T00:00:00Z"), at("2031-01-01T00:00:00Z"))
ANY_INSTANTS = st.one_of(INSTANTS, st.integers(-3 * DAY, 3 * DAY))


@given(WINDOWS, ANY_INSTANTS)
def test_panes_hold_their_instants_and_follow_on_each_other(window: Window, instant: int) -> None:
    pane = window.pane(instant)
    assert pane.start <= instant < pane.end
    assert window.pane(pane.start) == pane
    assert window.pane(pane.end - 1) == pane
    assert window.pane(pane.end).start == pane.end
    assert window.pane(pane.start - 1).end == pane.start


@given(st.one_of(CALENDAR, TUMBLING), ANY_INSTANTS)
def test_a_window_that_does_not_roll_is_a_pane(window: Window, instant: int) -> None:
    assert window.current(instant) == window.pane(instant)


@given(WINDOWS, ANY_INSTANTS)
def test_the_last_window_that_holds_an_instant_starts_with_its_pane(
    window: Window, instant: int
) -> None:
    span = window.last_holding(instant)
    assert span.start <= instant < span.end
    assert span == window.starting(span.start)
    assert span.start == window.pane(instant).start


@given(ROLLING, ANY_INSTANTS)
def test_the_current_rolling_window_is_the_one_that_ends_next(
    window: RollingWindow, now: int
) -> None:
    span = window.current(now)
    assert span.end - span.start == window.length
    assert span.end % window.step == 0
    assert span.end - window.step <= now < span.end
    assert span.end == window.pane(now).end


@given(WINDOWS, ANY_INSTANTS)
def test_a_window_is_found_by_its_start_and_by_nothing_else(window: Window, now: int) -> None:
    span = window.current(now)
    assert window.starting(span.start) == span
    for beside in (span.start + 1, span.start - 1, now):
        found = window.starting(beside)
        assert found is None or found.start == beside
        if isinstance(window, CalendarWindow) and beside != span.start:
            assert found is None


@given(st.one_of(TUMBLING, ROLLING), ANY_INSTANTS)
def test_exactly_the_multiples_of_a_step_are_starts(
    window: TumblingWindow | RollingWindow, instant: int
) -> None:
    step = window.step if isinstance(window, RollingWindow) else window.length
    found = window.starting(instant)
    expected = None if instant % step else Span(instant, instant + window.length)
    assert found == expected


@given(WINDOWS, ANY_INSTANTS)
def test_back_from_the_current_one_none_is_left_out(window: Window, now: int) -> None:
    last = window.current(now)
    several = list(islice(window.back(last), 5))
    assert several[0] == last
    for later, earlier in pairwise(several):
        assert window.starting(earlier.start) == earlier
        if isinstance(window, RollingWindow):
            assert later.end - earlier.end == window.step
        else:
            assert earlier.end == later.start


def test_rolling_windows_end_at_multiples_of_the_step_since_the_epoch() -> None:
    week = RollingWindow(7 * DAY, HOUR)
    assert week.current(at("09:00")) == Span(at("02-23 10:00"), at("10:00"))
    assert week.current(at("09:00") - 1) == Span(at("02-23 09:00"), at("09:00"))
    assert week.pane(at("09:59")) == Span(at("09:00"), at("10:00"))
    odd = RollingWindow(100 * MINUTE, 50 * MINUTE)
    assert odd.current(0) == Span(-50 * MINUTE, 50 * MINUTE)


def test_tumbling_windows_are_aligned_to_the_epoch_and_not_to_midnight() -> None:
    assert TumblingWindow(7 * HOUR).pane(DAY) == Span(21 * HOUR, 28 * HOUR)
    assert TumblingWindow(7 * HOUR).pane(-1) == Span(-7 * HOUR, 0)
    assert TumblingWindow(HOUR).pane(at("09:59")) == Span(at("09:00"), at("10:00"))


@pytest.mark.parametrize(
    ("period", "zone", "instant", "start", "end"),
    [
        ("day", "Europe/Berlin", "03-29 12:00", "03-28 23:00", "03-29 22:00"),
        ("day", "Europe/Berlin", "10-25 12:00", "10-24 22:00", "10-25 23:00"),
        ("week", "Europe/Berlin", "03-29 12:00", "03-22 23:00", "03-29 22:00"),
        ("month", "UTC", "03-31 23:59", "03-01 00:00", "04-01 00:00"),
        ("quarter", "UTC", "05-31 23:59", "04-01 00:00", "07-01 00:00"),
        ("quarter", "UTC", "12-31 23:59", "10-01 00:00", "2027-01-01T00:00:00Z"),
        (
            "year",
            "America/New_York",
            "2026-01-01T04:59:59Z",
            "2025-01-01T05:00:00Z",
            "2026-01-01T05:00:00Z",
        ),
        ("day", "Africa/Cairo", "04-24 12:00", "04-23 22:00", "04-24 21:00"),
        ("day", "America/Havana", "11-01 05:30", "11-01 04:00", "11-02 05:00"),
        (
            "day",
            "Pacific/Apia",
            "2011-12-30T10:00:00Z",
            "2011-12-30T10:00:00Z",
            "2011-12-31T10:00:00Z",
        ),
        (
            "day",
            "Pacific/Apia",
            "2011-12-30T09:59:59Z",
            "2011-12-29T10:00:00Z",
            "2011-12-30T10:00:00Z",
        ),
        # 23:30 is 00:30: what is left of the date before is the first half hour of the clock's next
        (
            "day",
            "America/Toronto",
            "1919-03-31T04:59:59Z",
            "1919-03-30T05:00:00Z",
            "1919-03-31T05:00:00Z",
        ),
        (
            "week",
            "America/Toronto",
            "1919-03-31T04:45:00Z",
            "1919-03-24T05:00:00Z",
            "1919-03-31T05:00:00Z",
        ),
        # 00:01 is 23:01 of the day before once more: the day has begun
        (
            "day",
            "America/St_Johns",
            "2006-10-29T03:00:00Z",
            "2006-10-29T02:30:00Z",
            "2006-10-30T03:30:00Z",
        ),
        (
            "month",
            "America/St_Johns",
            "2009-11-01T03:00:00Z",
            "2009-11-01T02:30:00Z",
            "2009-12-01T03:30:00Z",
        ),
        # no offset of whole minutes
        (
            "day",
            "Africa/Monrovia",
            "1971-06-01T00:44:29.999999Z",
            "1971-05-31T00:44:30Z",
            "1971-06-01T00:44:30Z",
        ),
        (
            "day",
            "Africa/Monrovia",
            "1971-06-01T00:44:30Z",
            "1971-06-01T00:44:30Z",
            "1971-06-02T00:44:30Z",
        ),
    ],
)
def test_a_window_is_a_local_period(
    period: str, zone: str, instant: str, start: str, end: str
) -> None:
    window = CalendarWindow(Period(period), zone)
    assert window.pane(at(instant)) == Span(at(start), at(end))
