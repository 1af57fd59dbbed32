"""Calendars where the zone's clock changes: by example, minute by minute, and what holds always."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.domain.business_calendar import HORIZON, BusinessCalendar
from shared.domain.instant import DAY, HOUR, MINUTE, Instant, as_datetime, parse_instant
from shared.domain.window import Span
from tests.domain.building import a_calendar, at
from tests.domain.calendars import cases
from tests.oracle import days

LENGTHS = st.integers(0, 60 * HOUR)


@pytest.mark.parametrize(
    ("zone", "day", "hours", "opened"),
    [
        # the hour after midnight is left out: an edge in it moves, an interval inside it vanishes
        ("America/Sao_Paulo", "2018-11-04", "00:00-00:30", "03:00 03:30"),
        ("America/Sao_Paulo", "2018-11-04", "00:00-01:00", ""),
        ("America/Sao_Paulo", "2018-11-04", "00:30-02:00", "03:30 04:00"),
        ("America/Sao_Paulo", "2018-11-04", "00:45-01:30", ""),
        # the hour before midnight comes twice: the first counts, its end is the second's
        ("America/Sao_Paulo", "2019-02-16", "23:00-24:00", "01:00 03:00"),
        ("America/Sao_Paulo", "2019-02-16", "22:00-23:30", "00:00 01:30"),
        # the hour after midnight comes twice
        ("America/Havana", "2026-11-01", "00:00-01:00", "04:00 06:00"),
        ("America/Havana", "2026-11-01", "00:30-02:00", "04:30 07:00"),
        # 02:00 is 02:30, and half a year later again 01:30
        ("Australia/Lord_Howe", "2026-10-04", "01:00-03:00", "14:30 16:00"),
        ("Australia/Lord_Howe", "2026-10-04", "02:10-02:40", ""),
        ("Australia/Lord_Howe", "2026-10-04", "02:10-02:45", "15:40 15:45"),
        ("Australia/Lord_Howe", "2026-04-05", "01:30-02:00", "14:30 15:30"),
        ("Asia/Kathmandu", "1986-01-01", "00:00-09:00", "18:30 03:15"),
        ("Asia/Kathmandu", "2026-01-01", "09:00-17:00", "03:15 11:15"),
        # from 01:00 to 03:00
        ("Antarctica/Troll", "2026-03-29", "00:00-04:00", "00:00 02:00"),
        ("Antarctica/Troll", "2026-03-29", "01:30-03:00", ""),
        # the last summer time, which stayed
        ("Europe/Istanbul", "2015-11-08", "03:00-05:00", "00:00 03:00"),
        ("Europe/Istanbul", "2016-10-30", "03:00-05:00", "00:00 02:00"),
        ("Europe/Istanbul", "2017-01-02", "09:00-17:00", "06:00 14:00"),
        # half an hour before midnight comes twice, and three years later is left out
        ("Asia/Pyongyang", "2015-08-14", "22:00-24:00", "13:00 15:30"),
        ("Asia/Pyongyang", "2015-08-15", "00:00-01:00", "15:30 16:30"),
        ("Asia/Pyongyang", "2018-05-05", "00:00-01:00", "15:00 16:00"),
        ("Asia/Pyongyang", "2018-05-04", "23:30-24:00", ""),
        ("Pacific/Apia", "2011-12-29", "12:00-24:00", "22:00 10:00"),
        ("Pacific/Apia", "2011-12-30", "00:00-24:00", ""),
        ("Pacific/Apia", "2011-12-31", "00:00-12:00", "10:00 22:00"),
        # what the jump moves beyond midnight still belongs to its date
        ("America/Toronto", "1919-03-30", "23:45-24:00", "04:45 05:00"),
    ],
)
def test_hours_on_a_day_of_change(zone: str, day: str, hours: str, opened: str) -> None:
    calendar = a_calendar({}, zone, shifts={day: hours})
    noon = parse_instant(f"{day}T12:00:00Z")
    spans = calendar.open_spans(noon - 2 * DAY, noon + 2 * DAY)
    assert [_times(span) for span in spans] == ([opened] if opened else [])


def _times(span: Span) -> str:
    return " ".join(as_datetime(edge).strftime("%H:%M") for edge in span)


def test_deadlines_cross_a_change_at_midnight_and_a_skipped_date() -> None:
    whole = {"mon-sun": "00:00-24:00"}
    forward = a_calendar(whole, "America/Sao_Paulo")
    start = at("2018-11-03T15:00:00Z")
    assert forward.reach(start, 23 * HOUR, start + HORIZON) == at("2018-11-04T14:00:00Z")
    assert forward.open_spans(start, start + 30 * HOUR) == [(start, start + 30 * HOUR)]
    office = a_calendar({"mon-fri": "09:00-17:00"}, "Pacific/Apia")
    thursday = at("2011-12-29T19:00:00Z")  # 09:00 there
    limit = thursday + HORIZON
    assert office.reach(thursday, 9 * HOUR, limit) == at("2012-01-01T20:00:00Z")
    assert office.working_days_later(thursday, 1, limit) == at("2012-01-01T19:00:00Z")
    assert office.end_of_working_day(thursday, 1, limit) == at("2012-01-02T03:00:00Z")


def test_a_working_day_later_has_the_same_local_time_across_a_change() -> None:
    berlin = a_calendar({"mon-sun": "00:00-24:00"}, "Europe/Berlin")
    limit = at("03-28 01:30") + HORIZON
    assert berlin.working_days_later(at("03-28 01:30"), 1, limit) == at("03-29 01:30")
    assert berlin.working_days_later(at("03-28 01:30"), 2, limit) == at("03-30 00:30")
    twice = berlin.working_days_later(at("10-24 00:30"), 1, limit)
    assert twice == at("10-25 00:30"), "the first of two"
    second = berlin.working_days_later(at("10-25 01:30"), 1, limit)
    assert second == at("10-26 01:30"), "from the second of two"


def test_a_time_that_came_second_is_looked_for_as_any_other() -> None:
    shifts = {"2026-10-25": "02:00-04:00", "2027-03-28": "01:00-04:00"}
    calendar = a_calendar({}, "Europe/Berlin", shifts=shifts)
    second = at("10-25 01:30")  # 02:30 for the second time; in March it moves to 03:30
    later = calendar.working_days_later(second, 1, second + HORIZON)
    assert later == at("2027-03-28T01:30:00Z")


def test_a_working_day_that_a_jump_moved_is_that_of_its_date() -> None:
    moved = a_calendar({"sun": "23:45-24:00", "tue": "09:00-10:00"}, "America/Toronto")
    sunday = at("1919-03-30T12:00:00Z")
    limit = sunday + HORIZON
    assert moved.leave(sunday, 0, limit) == at("1919-03-31T04:45:00Z")  # 00:45 on Monday
    assert moved.end_of_working_day(sunday, 0, limit) == at("1919-03-31T05:00:00Z")
    assert moved.end_of_working_day(sunday, 1, limit) == at("1919-04-01T14:00:00Z")


def test_a_working_day_from_hours_that_a_jump_moved_is_a_day_long() -> None:
    hours = {"sat": "22:30-23:30", "sun": "09:00-10:00", "mon": "00:00-12:00"}
    nuuk = a_calendar(hours, "America/Nuuk")
    moved = at("2026-03-29T01:10:00Z")  # 00:10 on Sunday, within the hours of Saturday
    limit = moved + HORIZON
    assert nuuk.leave(moved, 0, limit) == moved
    assert nuuk.working_days_later(moved, 1, limit) == at("2026-03-30T01:10:00Z")
    assert nuuk.end_of_working_day(moved, 0, limit) == at("2026-03-29T01:30:00Z")


class MinuteByMinute:
    """Open time from a walk over the minutes of some days: what the clock on the wall shows."""

    def __init__(self, calendar: BusinessCalendar, start: Instant, end: Instant) -> None:
        self.rules = calendar.rules
        self.first: dict[datetime, Instant] = {}
        self.jumps: list[tuple[datetime, datetime, Instant]] = []
        zone, expected = ZoneInfo(calendar.zone), None
        for minute in range(start // MINUTE - 3 * 1440, end // MINUTE + 3 * 1440):
            shown = as_datetime(minute * MINUTE).astimezone(zone).replace(tzinfo=None)
            self.first.setdefault(shown, minute * MINUTE)
            if expected is not None and shown > expected:
                self.jumps.append((expected, shown, minute * MINUTE))
            expected = shown + timedelta(minutes=1)
        dates = sorted({shown.date() for shown in self.first})[1:-1]
        self.open = {minute for day in dates for minute in self._open_minutes(day)}

    def _open_minutes(self, day: date) -> list[Instant]:
        rules = self.rules
        hours = rules.weekly[day.weekday()]
        if day in rules.dates or (day.month, day.day) in rules.yearly:
            hours = ()
        minutes: list[Instant] = []
        for start, end in rules.shifts.get(day, hours):
            minutes += range(self._edge(day, start), self._edge(day, end), MINUTE)
        return minutes

    def _edge(self, day: date, minutes: int) -> Instant:
        wanted = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001
        if wanted in self.first:
            return self.first[wanted]
        (moved,) = [
            jumped + (wanted - before) // timedelta(microseconds=1)
            for before, after, jumped in self.jumps
            if before <= wanted < after
        ]
        return moved

    def spans(self, start: Instant, end: Instant) -> list[Span]:
        """The open minutes inside, those that touch as one."""
        spans: list[Span] = []
        for minute in sorted(self.open):
            if not start <= minute < end:
                continue
            if spans and spans[-1].end == minute:
                spans[-1] = Span(spans[-1].start, minute + MINUTE)
            else:
                spans.append(Span(minute, minute + MINUTE))
        return spans


@settings(max_examples=50)
@given(cases(), st.integers(1, 6 * 1440))
def test_open_time_is_what_a_walk_over_the_minutes_finds(
    case: tuple[BusinessCalendar, Instant], minutes: int
) -> None:
    calendar, start = case
    assume(calendar.zone != "America/Juneau")  # its minutes began at odd seconds
    start -= start % MINUTE
    end = start + minutes * MINUTE
    walk = MinuteByMinute(calendar, start, end)
    assert calendar.open_spans(start, end) == walk.spans(start, end)
    opened = sum(MINUTE for minute in walk.open if start <= minute < end)
    assert calendar.open_between(start, end) == opened


def as_document(calendar: BusinessCalendar) -> days.Calendar:
    rules = calendar.rules

    def hours(intervals: tuple[tuple[int, int], ...]) -> list[str]:
        return ["-".join(f"{m // 60:02}:{m % 60:02}" for m in interval) for interval in intervals]

    return days.Calendar(
        {
            "timeZone": rules.zone,
            "weekly": dict(zip(days.DAYS, map(hours, rules.weekly), strict=True)),
            "holidays": {
                "dates": [day.isoformat() for day in rules.dates],
                "yearly": [f"{month:02}-{day:02}" for month, day in rules.yearly],
            },
            "shifts": {day.isoformat(): hours(own) for day, own in rules.shifts.items()},
        }
    )


@settings(max_examples=30)
@given(cases(), st.integers(0, 30 * HOUR), st.integers(1, 3))
def test_the_oracle_says_the_same(
    case: tuple[BusinessCalendar, Instant], length: int, count: int
) -> None:
    calendar, start = case
    oracle, limit = as_document(calendar), start + HORIZON
    assert calendar.open_spans(start, start + length) == oracle.open(start, start + length)
    assert calendar.leave(start, 0, limit) == oracle.first_open(start)
    later = calendar.working_days_later(start, count, limit)
    assert later == oracle.working_day(start, days=count, closing=False)
    # Where a jump over midnight moved an interval to the next date, "that date" can be either: the
    # product keeps the one whose hours they are, which is the one that surely has some.
    assume(calendar.zone not in ("America/Nuuk", "America/Toronto"))
    closing = calendar.end_of_working_day(start, count - 1, limit)
    assert closing == oracle.working_day(start, days=count - 1, closing=True)


@settings(max_examples=50)
@given(cases(), st.lists(LENGTHS, min_size=2, max_size=6))
def test_open_time_is_the_sum_of_its_parts_wherever_it_is_cut(
    case: tuple[BusinessCalendar, Instant], lengths: list[int]
) -> None:
    calendar, start = case
    cuts = [start]
    for length in lengths:
        cuts.append(cuts[-1] + length)
    parts = [calendar.open_between(*cut) for cut in pairwise(cuts)]
    whole = calendar.open_between(cuts[0], cuts[-1])
    assert sum(parts) == whole
    spans = calendar.open_spans(cuts[0], cuts[-1])
    assert whole == sum(span.end - span.start for span in spans)
    assert all(one.end < other.start for one, other in pairwise(spans))
    open_cuts = [cut for cut in cuts[:-1] if any(span.start <= cut < span.end for span in spans)]
    assert [cut for cut in cuts[:-1] if cut < cuts[-1] and calendar.is_open(cut)] == open_cuts


@settings(max_examples=50)
@given(cases(), st.integers(1, 60 * HOUR))
def test_what_is_reached_and_left_is_what_has_passed(
    case: tuple[BusinessCalendar, Instant], amount: int
) -> None:
    calendar, start = case
    limit = start + HORIZON
    due, last = calendar.reach(start, amount, limit), calendar.leave(start, amount, limit)
    assert due is not None
    assert last is not None
    assert calendar.open_between(start, due) == amount == calendar.open_between(start, last)
    assert calendar.open_between(start, due - 1) == amount - 1
    assert calendar.open_between(start, last + 1) == amount + 1
    assert calendar.reach(start, amount, due) == due
    assert calendar.reach(start, amount, due - 1) is None
    assert calendar.leave(start, amount, last) == last
    assert calendar.leave(start, amount, last - 1) is None
    assert calendar.reach(start, 0, limit) == start


@settings(max_examples=50)
@given(cases(), LENGTHS, st.integers(0, 4))
def test_working_days_never_go_back(
    case: tuple[BusinessCalendar, Instant], later: int, count: int
) -> None:
    calendar, start = case
    limit = start + HORIZON
    ask = calendar.end_of_working_day
    now, next_day = ask(start, count, limit), ask(start, count + 1, limit)
    assert now is not None
    assert next_day is not None
    assert start < now < next_day
    from_later = ask(start + later, count, limit)
    assert from_later is not None
    assert now <= from_later
