"""Open time: worked vectors of many calendars, and that asking back gives what was asked."""

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.business_calendar import ALWAYS, HORIZON, BusinessCalendar, HolidayNames
from shared.domain.instant import DAY, HOUR, MINUTE, SECOND, as_datetime, as_instant
from tests.domain.building import a_calendar, at

BERLIN, UTC = "Europe/Berlin", "UTC"
SPRING = a_calendar({"mon-fri": "09:00-17:00"}, BERLIN, dates=("2026-04-03", "2026-04-06"))
OFFICE = a_calendar({"mon-fri": "09:00-17:00"})
MIXED = {"mon": "09:00-17:00", "tue": "10:00-16:00", "wed": "09:00-17:00", "thu": "10:00-16:00"}
MIXED |= {"fri": "09:00-17:00", "sat": "11:00-14:30"}
BIZ = a_calendar(MIXED)
BREAK = a_calendar({"mon-fri": "08:00-13:00 14:00-18:00"}, BERLIN)
TEN = a_calendar({"mon-fri": "10:00-18:00"})
TWELVE = a_calendar({"mon-fri": "08:00-20:00"})
SHORT_MONDAY = a_calendar({"mon": "10:30-19:00", "tue-fri": "08:30-19:00"})
YEARLY = ("01-01", "05-01", "12-24", "12-25", "12-26", "12-31")
ROUND = a_calendar({"mon-sun": "00:00-24:00"}, yearly=YEARLY)
ROUND_BERLIN = a_calendar({"mon-sun": "00:00-24:00"}, BERLIN, yearly=YEARLY)
WHOLE_BERLIN = a_calendar({"mon-sun": "00:00-24:00"}, BERLIN)


def local(text: str, zone: str = UTC) -> int:
    """A local time, `2026-03-27 16:00` with or without seconds, as an instant."""
    day, time = text.split()
    naive = as_datetime(at(f"{day}T{time if time.count(':') > 1 else f'{time}:00'}Z"))
    return as_instant(naive.replace(tzinfo=ZoneInfo(zone)))


DUE = [
    (SPRING, BERLIN, "2026-03-27 16:00", 8 * HOUR, "2026-03-30 16:00"),
    (SPRING, BERLIN, "2026-03-28 12:00", 4 * HOUR, "2026-03-30 13:00"),
    (SPRING, BERLIN, "2026-04-02 16:30", HOUR, "2026-04-07 09:30"),
    (SPRING, BERLIN, "2026-04-02 17:00", HOUR, "2026-04-07 10:00"),
    (WHOLE_BERLIN, BERLIN, "2026-03-28 12:00", 24 * HOUR, "2026-03-29 13:00"),
    (WHOLE_BERLIN, BERLIN, "2026-10-24 12:00", 24 * HOUR, "2026-10-25 11:00"),
    (SHORT_MONDAY, UTC, "2034-06-09 14:54:34", 10 * HOUR, "2034-06-12 16:24:34"),
    (SHORT_MONDAY, UTC, "2034-06-09 12:46:12", 10 * HOUR, "2034-06-12 14:16:12"),
    (OFFICE, UTC, "2024-01-19 16:00", 2 * HOUR, "2024-01-22 10:00"),
    (OFFICE, UTC, "2024-01-17 07:00", 2 * HOUR, "2024-01-17 11:00"),
    (OFFICE, UTC, "2024-01-17 18:00", 2 * HOUR, "2024-01-18 11:00"),
    (OFFICE, UTC, "2024-01-20 10:00", 2 * HOUR, "2024-01-22 11:00"),
    (OFFICE, UTC, "2024-01-15 16:00", 10 * HOUR, "2024-01-17 10:00"),
    (OFFICE, UTC, "2026-01-30 16:30", HOUR, "2026-02-02 09:30"),
    (TEN, UTC, "2024-01-01 08:00", 4 * HOUR, "2024-01-01 14:00"),
    (TEN, UTC, "2024-01-01 20:00", 30 * MINUTE, "2024-01-02 10:30"),
    (TEN, UTC, "2024-01-05 17:00", 2 * HOUR, "2024-01-08 11:00"),
    (TEN, UTC, "2024-01-05 19:00", 4 * HOUR, "2024-01-08 14:00"),
    (BREAK, BERLIN, "2015-03-27 12:00", 15 * HOUR, "2015-03-31 09:00"),
    (BREAK, BERLIN, "2016-02-01 12:25:30", 5 * HOUR, "2016-02-02 08:25:30"),
    (
        BREAK,
        BERLIN,
        "2016-01-31 12:25:30",
        45 * HOUR + 25 * MINUTE + 30 * SECOND,
        "2016-02-08 08:25:30",
    ),
    (ROUND, UTC, "2015-02-17 12:00", 90 * DAY, "2015-05-19 12:00"),
    (ROUND, UTC, "2015-02-17 12:00", 730 * DAY, "2017-02-28 12:00"),
    (ROUND_BERLIN, BERLIN, "2015-02-17 12:00", 90 * DAY + HOUR, "2015-05-19 14:00"),
    (BIZ, UTC, "2006-01-04 14:30", 90 * MINUTE, "2006-01-04 16:00"),
]


@pytest.mark.parametrize(("calendar", "zone", "start", "amount", "due"), DUE)
def test_a_deadline_counts_open_time_only(
    calendar: BusinessCalendar, zone: str, start: str, amount: int, due: str
) -> None:
    begin = local(start, zone)
    assert calendar.reach(begin, amount, begin + HORIZON) == local(due, zone)
    assert calendar.open_between(begin, local(due, zone)) == amount


ELAPSED = [
    (SPRING, BERLIN, "2026-03-27 16:00", "2026-03-30 10:00", 2 * HOUR),
    (SPRING, BERLIN, "2026-04-02 09:00", "2026-04-07 17:00", 16 * HOUR),
    (SPRING, BERLIN, "2026-03-28 00:00", "2026-03-29 23:00", 0),
    (SPRING, BERLIN, "2026-03-01 00:00", "2026-04-01 00:00", 10_560 * MINUTE),
    (TWELVE, UTC, "2019-01-01 07:00", "2019-01-01 09:00", HOUR),
    (TWELVE, UTC, "2019-01-01 06:00", "2019-01-01 07:00", 0),
    (TWELVE, UTC, "2019-01-01 00:00", "2019-01-08 00:00", 60 * HOUR),
    (TWELVE, UTC, "2019-01-08 00:00", "2019-01-01 00:00", 0),
    (BREAK, BERLIN, "2015-03-26 17:00", "2015-03-27 09:00", 2 * HOUR),
    (ROUND_BERLIN, BERLIN, "2015-12-23 08:10:15", "2015-12-28 17:10:14", 205_199 * SECOND),
    (WHOLE_BERLIN, BERLIN, "2016-03-26 22:24:39", "2016-03-28 23:24:39", 48 * HOUR),
    (WHOLE_BERLIN, BERLIN, "2015-02-17 12:00", "2015-05-18 12:00", 2_159 * HOUR),
    (BIZ, UTC, "2006-01-01 00:00", "2006-01-08 00:00", 39 * HOUR + 30 * MINUTE),
    (BIZ, UTC, "2006-01-05 12:00", "2006-01-06 12:00", 7 * HOUR),
]


@pytest.mark.parametrize(("calendar", "zone", "start", "end", "amount"), ELAPSED)
def test_open_time_between_two_instants(
    calendar: BusinessCalendar, zone: str, start: str, end: str, amount: int
) -> None:
    assert calendar.open_between(local(start, zone), local(end, zone)) == amount


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2006-01-06 12:00", 2, "2006-01-09 12:00"),
        ("2006-01-03 08:00", 2, "2006-01-05 10:00"),
        ("2006-01-03 18:00", 2, "2006-01-06 09:00"),
    ],
)
def test_working_days_keep_the_time_of_the_first_open_instant(
    start: str, days: int, due: str
) -> None:
    begin = local(start)
    assert BIZ.working_days_later(begin, days, begin + HORIZON) == local(due)


def test_the_end_of_a_working_day_is_that_of_its_last_interval() -> None:
    begin = local("2016-02-01 19:00", BERLIN)
    assert BREAK.end_of_working_day(begin, 0, begin + HORIZON) == local("2016-02-02 18:00", BERLIN)
    assert BREAK.end_of_working_day(begin, 3, begin + HORIZON) == local("2016-02-05 18:00", BERLIN)


def test_a_target_used_up_at_closing_is_left_at_the_next_opening() -> None:
    begin = at("16:00")
    assert OFFICE.reach(begin, HOUR, begin + HORIZON) == at("17:00")
    assert OFFICE.leave(begin, HOUR, begin + HORIZON) == at("03-03 09:00")
    assert OFFICE.leave(begin, HOUR - 1, begin + HORIZON) == at("17:00") - 1


def test_an_empty_span_has_no_open_interval() -> None:
    assert OFFICE.open_spans(at("10:00"), at("10:00")) == []
    assert OFFICE.open_spans(at("10:00"), at("09:30")) == []
    assert OFFICE.open_between(at("10:00"), at("09:30")) == 0


def test_a_date_begins_at_its_midnight() -> None:
    assert SPRING.midnight(date(2026, 3, 29)) == at("03-28 23:00")
    assert SPRING.midnight(date(2026, 3, 30)) == at("03-29 22:00")


def test_intervals_that_touch_also_at_midnight_are_one() -> None:
    touching = a_calendar({"mon": "09:00-12:00 12:00-24:00", "tue": "00:00-01:00"})
    spans = touching.open_spans(at("00:00"), at("03-04 00:00"))
    assert spans == [(at("09:00"), at("03-03 01:00"))]


def test_a_gap_moves_edges_forward_and_swallows_what_collapses() -> None:
    night = a_calendar({"sun": "02:00-03:00 03:00-03:30"}, BERLIN)
    assert night.open_spans(at("03-29 00:00"), at("03-30 00:00")) == [
        (at("03-29 01:00"), at("03-29 01:30"))
    ]
    moved = a_calendar({"sun": "02:00-02:30 03:00-04:00"}, BERLIN)
    assert moved.open_between(at("03-29 00:00"), at("03-30 00:00")) == HOUR
    inside = a_calendar({"sun": "02:10-02:20 03:00-04:00"}, BERLIN)
    assert inside.open_between(at("03-29 00:00"), at("03-30 00:00")) == HOUR


def test_a_date_that_the_zone_skips_has_no_open_time() -> None:
    apia = a_calendar({"fri": "09:00-17:00"}, "Pacific/Apia")
    assert apia.open_between(at("2011-12-29T00:00:00Z"), at("2012-01-01T00:00:00Z")) == 0


def test_a_shift_replaces_the_week_and_a_holiday() -> None:
    shifts = {"2026-03-02": "20:00-24:00", "2026-03-03": ""}
    calendar = a_calendar({"mon-tue": "09:00-17:00"}, dates=("2026-03-02",), shifts=shifts)
    assert calendar.open_spans(at("00:00"), at("03-04 00:00")) == [(at("20:00"), at("03-03 00:00"))]


def test_always_is_open_and_a_few_hours_may_run_out() -> None:
    assert ALWAYS.open_between(at("00:00"), at("03-09 00:00")) == 7 * DAY
    once = a_calendar({}, shifts={"2026-03-02": "09:00-10:00"})
    limit = at("00:00") + HORIZON
    assert once.reach(at("00:00"), HOUR, limit) == at("10:00")
    assert once.leave(at("00:00"), HOUR, limit) is None
    assert once.reach(at("00:00"), HOUR + 1, limit) is None


def test_each_question_may_be_the_first() -> None:
    day = at("00:00"), at("03-03 00:00")
    limit = day[0] + HORIZON
    for start in (0, -36_525 * DAY):
        assert BusinessCalendar(ALWAYS.rules).is_open(start)
        assert BusinessCalendar(ALWAYS.rules).open_between(start, start + DAY) == DAY
    assert BusinessCalendar(OFFICE.rules).is_open(at("09:00"))
    assert BusinessCalendar(OFFICE.rules).open_between(*day) == 8 * HOUR
    assert BusinessCalendar(OFFICE.rules).open_spans(*day) == [(at("09:00"), at("17:00"))]
    assert BusinessCalendar(OFFICE.rules).reach(day[0], HOUR, limit) == at("10:00")
    assert BusinessCalendar(OFFICE.rules).leave(day[0], HOUR, limit) == at("10:00")
    assert BusinessCalendar(OFFICE.rules).on(date(2026, 3, 2)) == [(at("09:00"), at("17:00"))]


def test_years_are_laid_out_for_both_ends_of_a_question() -> None:
    for ask in ("2031-12-30T00:00:00Z", "2021-01-02T00:00:00Z"):
        calendar = BusinessCalendar(OFFICE.rules)
        assert calendar.is_open(at("09:00"))
        spans = sorted([at("00:00"), at(ask)])
        first = as_datetime(spans[0])
        days = [first + timedelta(days=n) for n in range((spans[1] - spans[0]) // DAY)]
        expected = 8 * HOUR * sum(day.weekday() < 5 for day in days)
        assert calendar.open_between(*spans) == expected


def test_a_year_known_ends_where_the_next_one_begins() -> None:
    for beside in (at("2025-12-31T12:00:00Z"), at("2027-01-01T12:00:00Z")):
        calendar = BusinessCalendar(OFFICE.rules)
        assert calendar.is_open(at("06-01 12:00"))
        assert calendar.is_open(beside)
        assert calendar.open_between(beside, beside + 2 * DAY) > 0


def test_public_holidays_are_those_of_their_year() -> None:
    def of_one_year(year: int) -> HolidayNames:
        return {date(2026, 3, 2): ("Monday",)} if year == 2026 else {}

    calendar = BusinessCalendar(replace(OFFICE.rules, country_holidays=of_one_year))
    assert calendar.open_spans(at("00:00"), at("03-04 00:00")) == [
        (at("03-03 09:00"), at("03-03 17:00"))
    ]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_turn_of_a_year_is_that_of_the_zone(zone: str) -> None:
    calendar = a_calendar({"mon-sun": "09:00-17:00"}, zone, yearly=("12-31",))
    for year in (2025, 2027):
        noon = local(f"{year}-12-31 12:00", zone)
        fresh = BusinessCalendar(calendar.rules)
        assert not fresh.is_open(noon)
        assert fresh.is_open(noon - DAY)
        assert fresh.is_open(noon + DAY)
        assert BusinessCalendar(calendar.rules).open_between(noon - DAY, noon + DAY) == 8 * HOUR


def test_a_working_day_later_may_lie_in_the_next_month_or_year() -> None:
    begin = local("2026-01-30 12:00")
    assert OFFICE.working_days_later(begin, 1, begin + HORIZON) == local("2026-02-02 12:00")
    begin = local("2026-12-31 12:00")
    assert OFFICE.working_days_later(begin, 1, begin + HORIZON) == local("2027-01-01 12:00")


def test_working_days_are_looked_for_until_two_dates_after_the_limit() -> None:
    calendar = a_calendar({}, shifts={"2026-03-02": "09:00-10:00", "2026-03-12": "09:00-10:00"})
    begin = at("08:00")
    found = at("03-12 09:00"), at("03-12 10:00")
    for limit, expected in ((at("03-10 00:00"), found), (at("03-09 23:59"), (None, None))):
        assert calendar.working_days_later(begin, 1, limit) == expected[0]
        assert calendar.end_of_working_day(begin, 1, limit) == expected[1]


CALENDARS = st.sampled_from(
    [ALWAYS, SPRING, OFFICE, BIZ, BREAK, ROUND_BERLIN]
    + [
        a_calendar({"mon-sun": "00:00-01:30 02:15-03:45 23:00-24:00"}, zone)
        for zone in ("Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "Pacific/Apia")
    ]
)
INSTANTS = st.integers(at("2011-12-01T00:00:00Z"), at("2012-02-01T00:00:00Z")) | st.integers(
    at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z")
)
LENGTHS = st.integers(1, 60 * HOUR)


@given(CALENDARS, INSTANTS, LENGTHS, LENGTHS)
def test_open_time_is_additive(calendar: BusinessCalendar, a: int, one: int, other: int) -> None:
    b, c = a + one, a + one + other
    whole = calendar.open_between(a, c)
    assert calendar.open_between(a, b) + calendar.open_between(b, c) == whole
    assert whole == sum(span.end - span.start for span in calendar.open_spans(a, c))
    assert 0 <= whole <= c - a


@given(CALENDARS, INSTANTS, LENGTHS)
def test_deadline_and_elapsed_are_inverse(
    calendar: BusinessCalendar, start: int, amount: int
) -> None:
    due = calendar.reach(start, amount, start + HORIZON)
    last = calendar.leave(start, amount, start + HORIZON)
    assert due is not None
    assert last is not None
    assert calendar.open_between(start, due) == amount == calendar.open_between(start, last)
    assert calendar.open_between(start, due - 1) == amount - 1
    assert calendar.open_between(start, last + 1) == amount + 1
    assert calendar.is_open(last)
    assert calendar.is_open(due - 1)


@pytest.mark.parametrize("start", ["2026-03-02T09:00:00Z", "9990-03-02T09:00:00Z"])
def test_working_days_beyond_the_horizon_are_not_looked_for(start: str) -> None:
    calendar = a_calendar({"mon-sun": "00:00-24:00"})
    limit = at(start) + HORIZON
    assert calendar.working_days_later(at(start), 1_000_000, limit) is None
    assert calendar.end_of_working_day(at(start), 1_000_000, limit) is None


@settings(max_examples=20)  # each lays out years anew
@given(CALENDARS, INSTANTS, INSTANTS)
def test_answers_do_not_depend_on_what_was_asked_before(
    calendar: BusinessCalendar, one: int, other: int
) -> None:
    fresh = BusinessCalendar(calendar.rules)
    fresh.is_open(other)
    assert fresh.open_between(one, one + 40 * DAY) == calendar.open_between(one, one + 40 * DAY)


def test_years_asked_for_in_falling_order_give_what_rising_order_gives() -> None:
    years = range(1950, 2031, 16)
    rising, falling = (BusinessCalendar(SPRING.rules) for _ in range(2))
    spans = [(at(f"{year}-03-01T00:00:00Z"), at(f"{year}-04-15T00:00:00Z")) for year in years]
    expected = [rising.open_between(*span) for span in spans]
    assert [falling.open_between(*span) for span in reversed(spans)] == expected[::-1]
