"""Calendar windows: local periods that leave no instant out, whatever a zone does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.window import CalendarWindow, Period, Span
from tests.domain.building import at

ZONES = ("UTC", "Europe/Berlin", "Pacific/Apia", "America/Havana", "Africa/Cairo", "Asia/Kolkata")
WINDOWS = st.builds(CalendarWindow, st.sampled_from(Period), st.sampled_from(ZONES))
INSTANTS = st.integers(at("2009-01-01T00:00:00Z"), at("2031-01-01T00:00:00Z"))


@given(WINDOWS, INSTANTS)
def test_windows_hold_their_instants_and_follow_on_each_other(
    window: CalendarWindow, instant: int
) -> None:
    span = window.holding(instant)
    assert span.start <= instant < span.end
    assert window.holding(span.start) == span
    assert window.holding(span.end - 1) == span
    following = window.after(span)
    assert following.start == span.end
    assert window.starting(span.start) == span
    assert list(window.back(span.end, instant)) == [following, span]


@given(WINDOWS, INSTANTS)
def test_an_instant_inside_is_no_start(window: CalendarWindow, instant: int) -> None:
    span = window.holding(instant)
    if instant != span.start:
        with pytest.raises(ValueError, match="no window"):
            window.starting(instant)


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
    ],
)
def test_a_window_is_a_local_period(
    period: str, zone: str, instant: str, start: str, end: str
) -> None:
    window = CalendarWindow(Period(period), zone)
    assert window.holding(at(instant)) == Span(at(start), at(end))
