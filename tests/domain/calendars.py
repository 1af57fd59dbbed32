"""Random calendars in zones of every kind, and instants near what is peculiar to each."""

from datetime import timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from shared.domain.business_calendar import BusinessCalendar, CalendarRules, LocalInterval
from shared.domain.instant import DAY, Instant, as_datetime
from tests.domain.building import at

CHANGES: Final = {
    "UTC": ["2026-03-02T00:00:00Z"],
    "Europe/Berlin": ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"],
    # from and to midnight: 00:00 is 01:00, and 24:00 is 23:00
    "America/Sao_Paulo": ["2018-11-04T03:00:00Z", "2019-02-17T02:00:00Z"],
    # 01:00 is 00:00: the midnight comes twice
    "America/Havana": ["2026-03-08T05:00:00Z", "2026-11-01T05:00:00Z"],
    # from 23:30 to 00:30: what is moved lies on the next date
    "America/Toronto": ["1919-03-31T04:30:00Z"],
    # from 23:00 to 00:00, every year
    "America/Nuuk": ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"],
    # one minute after midnight: 00:01 is 01:01, and is 23:01 of the date before
    "America/St_Johns": ["2006-04-02T03:31:00Z", "2006-10-29T02:31:00Z"],
    # half an hour, on a zone of half an hour
    "Australia/Lord_Howe": ["2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"],
    # a quarter of an hour, once
    "Asia/Kathmandu": ["1985-12-31T18:30:00Z"],
    # three quarters, with summer time
    "Pacific/Chatham": ["2026-04-04T14:00:00Z", "2026-09-26T14:00:00Z"],
    # two hours
    "Antarctica/Troll": ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"],
    # a whole date is skipped
    "Pacific/Apia": ["2011-12-30T10:00:00Z"],
    "Pacific/Kwajalein": ["1993-08-21T12:00:00Z"],
    # a whole date comes twice
    "America/Juneau": ["1867-10-18T15:00:00Z"],
    # summer time for good, and another half an hour for three years
    "Europe/Istanbul": ["2016-03-27T01:00:00Z", "2016-10-30T01:00:00Z"],
    "Asia/Pyongyang": ["2015-08-14T15:00:00Z", "2018-05-04T15:00:00Z"],
    # back for a month in spring, and forward again
    "Africa/Casablanca": ["2026-02-15T02:00:00Z", "2026-03-22T02:00:00Z"],
}
"""Instants at which each zone's clock changes."""

ALL_CHANGES: Final = [(zone, at(text)) for zone, texts in CHANGES.items() for text in texts]


@st.composite
def _hours(draw: st.DrawFn) -> tuple[LocalInterval, ...]:
    """Intervals of a day in order; they may touch, and reach from midnight to midnight."""
    quarter = st.integers(0, 24 * 4).map(lambda number: number * 15)
    edges = sorted(draw(st.sets(quarter, min_size=2, max_size=6)))
    intervals = list(zip(edges[::2], edges[1::2], strict=False))
    if draw(st.booleans()):
        intervals = list(pairwise(edges))
    return tuple(intervals)


@st.composite
def cases(draw: st.DrawFn) -> tuple[BusinessCalendar, Instant]:
    """A calendar, and an instant within a few days of a change of its zone's clock."""
    zone, change = draw(st.sampled_from(ALL_CHANGES))
    start = change + draw(st.integers(-4 * DAY, 2 * DAY))
    day = as_datetime(change).astimezone(ZoneInfo(zone)).date()
    near = st.integers(-4, 6).map(lambda number: day + timedelta(days=number))
    days = st.lists(st.just(()) | _hours(), min_size=7, max_size=7).filter(any)
    rules = CalendarRules(
        "random",
        zone,
        tuple(draw(days)),
        dates=draw(st.frozensets(near, max_size=2)),
        yearly=frozenset((one.month, one.day) for one in draw(st.sets(near, max_size=1))),
        shifts=draw(st.dictionaries(near, st.just(()) | _hours(), max_size=2)),
    )
    return BusinessCalendar(rules), start
