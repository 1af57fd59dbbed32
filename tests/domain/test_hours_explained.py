"""Reasons of open and closed time: texts by example, and that parts are the calendar's own time."""

from dataclasses import replace
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.business_calendar import ALWAYS, BusinessCalendar, HolidayNames
from shared.domain.hours_explained import ClockChange, Part, Reason, clock_changes, explain_hours
from shared.domain.instant import DAY, HOUR, as_datetime, as_instant
from shared.domain.window import Span
from tests.domain.building import a_calendar, at
from tests.domain.calendars import cases

BERLIN = "Europe/Berlin"


def in_germany(year: int) -> HolidayNames:
    if year != 2026:
        return {}
    return {date(2026, 4, 3): ("Karfreitag (DE-BE)",), date(2026, 4, 6): ("Ostermontag (DE-BE)",)}


def with_country(calendar: BusinessCalendar) -> BusinessCalendar:
    return BusinessCalendar(replace(calendar.rules, country_holidays=in_germany))


OFFICE = with_country(
    a_calendar(
        {"mon-fri": "09:00-12:30 13:15-17:00"},
        BERLIN,
        dates=("2026-04-03", "2026-05-04", "2026-05-05"),
        yearly=("04-06", "12-25", "12-26"),
        shifts={"2026-12-24": "09:00-12:00", "2026-12-26": "10:00-11:00", "2026-12-25": ""},
    )
)


def told(calendar: BusinessCalendar, start: str, end: str) -> list[str]:
    """The parts between two local times, with local times of their ends."""
    zone = ZoneInfo(calendar.zone)

    def instant(text: str) -> int:
        return as_instant(as_datetime(at(f"{text}Z")).replace(tzinfo=zone))

    def local(instant: int) -> str:
        return as_datetime(instant).astimezone(zone).strftime("%m-%d %H:%M")

    parts = explain_hours(calendar, Span(instant(f"{start}:00"), instant(f"{end}:00")))
    return [f"{local(one.span.start)} {local(one.span.end)} {one.text}" for one in parts]


def test_a_break_is_a_part_and_so_is_a_night() -> None:
    assert told(OFFICE, "2026-03-02T12:00", "2026-03-03T10:00") == [
        "03-02 12:00 03-02 12:30 within the hours of Monday",
        "03-02 12:30 03-02 13:15 outside the hours of Monday",
        "03-02 13:15 03-02 17:00 within the hours of Monday",
        "03-02 17:00 03-03 09:00 outside the hours of Monday and Tuesday",
        "03-03 09:00 03-03 10:00 within the hours of Tuesday",
    ]


def test_a_public_holiday_has_its_name_whatever_else_closes_the_day() -> None:
    assert told(OFFICE, "2026-04-02T16:00", "2026-04-07T09:00") == [
        "04-02 16:00 04-02 17:00 within the hours of Thursday",
        "04-02 17:00 04-03 00:00 outside the hours of Thursday",
        "04-03 00:00 04-04 00:00 public holiday: Karfreitag (DE-BE)",
        "04-04 00:00 04-06 00:00 no hours on Saturday and Sunday",
        "04-06 00:00 04-07 00:00 public holiday: Ostermontag (DE-BE)",
        "04-07 00:00 04-07 09:00 outside the hours of Tuesday",
    ]


def test_holidays_of_its_own_are_dates_or_yearly() -> None:
    assert told(OFFICE, "2026-05-04T12:00", "2026-05-06T09:00") == [
        "05-04 12:00 05-06 00:00 holiday on 2026-05-04 and 2026-05-05",
        "05-06 00:00 05-06 09:00 outside the hours of Wednesday",
    ]
    assert told(OFFICE, "2027-12-25T00:00", "2027-12-27T01:00") == [
        "12-25 00:00 12-27 00:00 yearly holiday on 2027-12-25 and 2027-12-26",
        "12-27 00:00 12-27 01:00 outside the hours of Monday",
    ]


def test_a_shift_opens_and_closes_a_date_whatever_else_is_said_of_it() -> None:
    assert told(OFFICE, "2026-12-24T08:00", "2026-12-27T06:00") == [
        "12-24 08:00 12-24 09:00 closed by shift on 2026-12-24",
        "12-24 09:00 12-24 12:00 open by shift on 2026-12-24",
        "12-24 12:00 12-26 10:00 closed by shift on 2026-12-24 to 2026-12-26",
        "12-26 10:00 12-26 11:00 open by shift on 2026-12-26",
        "12-26 11:00 12-27 00:00 closed by shift on 2026-12-26",
        "12-27 00:00 12-27 06:00 no hours on Sunday",
    ]


def test_days_in_a_row_are_named_by_the_first_and_the_last() -> None:
    mondays = a_calendar({"mon": "09:00-17:00"})
    assert told(mondays, "2026-03-03T00:00", "2026-03-09T00:00") == [
        "03-03 00:00 03-09 00:00 no hours on Tuesday to Sunday"
    ]
    once = a_calendar({}, shifts={"2026-03-20": "09:00-10:00"})
    week = told(once, "2026-03-02T00:00", "2026-03-09T00:00")
    assert week == ["03-02 00:00 03-09 00:00 no hours on Monday to Sunday"]
    more = told(once, "2026-03-02T00:00", "2026-03-09T00:01")
    assert more == ["03-02 00:00 03-09 00:01 no hours on any day"]
    assert told(ALWAYS, "2026-03-02T00:00", "2026-04-02T00:00") == [
        "03-02 00:00 04-02 00:00 within the hours of any day"
    ]


def test_names_part_holidays_in_a_row_and_two_countries_both_name_one() -> None:
    known = {
        date(2026, 5, 26): ("Kurban (TR)", "Id (AE)"),
        date(2026, 5, 27): ("Kurban (TR)",),
        date(2026, 5, 28): ("Kurban (TR)",),
    }
    rules = a_calendar({"mon-sun": "00:00-24:00"}).rules
    calendar = BusinessCalendar(replace(rules, country_holidays=lambda _: known))
    assert told(calendar, "2026-05-26T00:00", "2026-05-29T00:00") == [
        "05-26 00:00 05-27 00:00 public holiday: Kurban (TR), Id (AE)",
        "05-27 00:00 05-29 00:00 public holiday: Kurban (TR)",
    ]


def only(parts: tuple[Part, ...]) -> Part:
    assert len(parts) == 1
    return parts[0]


def test_a_change_of_the_clock_is_told_with_the_part_that_it_lengthens_or_shortens() -> None:
    span = Span(at("2026-03-28T00:00:00Z"), at("2026-03-29T12:00:00Z"))
    part = only(explain_hours(OFFICE, span))
    assert part.reason is Reason.CLOSED_WEEKDAY
    assert part.clock_changes == (ClockChange(at("2026-03-29T01:00:00Z"), HOUR),)
    assert part.text == (
        "no hours on Saturday and Sunday; the clock goes forward by 1 h at 2026-03-29T01:00:00Z"
    )
    whole = a_calendar({"mon-sun": "00:00-24:00"}, BERLIN)
    autumn = only(explain_hours(whole, Span(at("10-25 00:00"), at("10-25 12:00"))))
    assert autumn.text == (
        "within the hours of Sunday; the clock goes back by 1 h at 2026-10-25T01:00:00Z"
    )


def test_a_change_belongs_to_the_part_that_ends_with_it() -> None:
    until = a_calendar({"sun": "00:00-02:00 04:00-05:00"}, BERLIN)
    first, second = explain_hours(until, Span(at("03-28 23:00"), at("03-29 01:30")))
    assert first.is_open
    assert first.span.end == at("03-29 01:00")
    assert (len(first.clock_changes), second.clock_changes) == (1, ())
    assert clock_changes(BERLIN, Span(at("03-29 01:00"), at("03-30 00:00"))) == []


@pytest.mark.parametrize(
    ("zone", "start", "end", "text"),
    [
        ("Australia/Lord_Howe", "2026-04-01", "2026-04-30", "back by 30 min at 2026-04-04T15:00"),
        ("America/Sao_Paulo", "2018-11-01", "2018-11-30", "forward by 1 h at 2018-11-04T03:00"),
        ("Pacific/Apia", "2011-12-01", "2011-12-31", "forward by 24 h at 2011-12-30T10:00"),
        ("Asia/Pyongyang", "2015-08-01", "2015-08-31", "back by 30 min at 2015-08-14T15:00"),
        ("Asia/Pyongyang", "2018-05-01", "2018-05-31", "forward by 30 min at 2018-05-04T15:00"),
        ("Asia/Kathmandu", "1985-12-01", "1986-01-31", "forward by 15 min at 1985-12-31T18:30"),
        ("Europe/Istanbul", "2016-03-01", "2016-10-31", "forward by 1 h at 2016-03-27T01:00"),
        ("Africa/Monrovia", "1972-01-01", "1972-01-31", "by 44 min 30 s at 1972-01-07T00:44:30"),
    ],
)
def test_each_kind_of_change_is_found_to_the_microsecond(
    zone: str, start: str, end: str, text: str
) -> None:
    span = Span(at(f"{start}T00:00:00Z"), at(f"{end}T00:00:00Z"))
    (change,) = clock_changes(zone, span)
    assert text in change.text
    offsets = [
        as_datetime(instant).astimezone(ZoneInfo(zone)).utcoffset()
        for instant in (change.at - 1, change.at)
    ]
    assert offsets[0] != offsets[1]


def test_a_zone_that_gave_its_changes_up_has_none() -> None:
    assert (
        clock_changes("Europe/Istanbul", Span(at("2017-01-01T00:00:00Z"), at("01-01 00:00"))) == []
    )


def test_a_date_that_the_zone_skips_is_no_part() -> None:
    apia = a_calendar({"mon-fri": "09:00-17:00"}, "Pacific/Apia")
    jump = "the clock goes forward by 24 h at 2011-12-30T10:00:00Z"
    assert told(apia, "2011-12-29T16:00", "2011-12-31T12:00") == [
        "12-29 16:00 12-29 17:00 within the hours of Thursday",
        f"12-29 17:00 12-31 00:00 outside the hours of Thursday; {jump}",
        "12-31 00:00 12-31 12:00 no hours on Saturday",
    ]


def test_a_span_may_end_on_a_date_before_one_that_has_begun() -> None:
    # One minute after midnight it was 23:01 again; at 03:00 UTC it is 23:30 on Saturday.
    calendar = a_calendar({"sun": "23:00-24:00"}, "America/St_Johns")
    span = Span(at("2006-10-28T18:00:00Z"), at("2006-10-29T03:00:00Z"))
    (part,) = explain_hours(calendar, Span(span.start, at("2006-10-29T02:30:00Z")))
    assert part.text == "no hours on Saturday"
    before, after = explain_hours(calendar, span)
    assert before.span == part.span
    assert after.span == Span(part.span.end, span.end)
    assert after.text.startswith("outside the hours of Sunday")


def test_nothing_is_told_of_an_empty_span() -> None:
    noon = at("12:00")
    assert explain_hours(OFFICE, Span(noon, noon)) == ()
    assert explain_hours(OFFICE, Span(noon, noon - 3 * DAY)) == ()


@given(cases(), st.integers(1, 20 * DAY))
def test_parts_leave_nothing_out_and_are_the_time_that_counts(
    case: tuple[BusinessCalendar, int], length: int
) -> None:
    calendar, start = case
    span = Span(start, start + length)
    parts = explain_hours(calendar, span)
    edges = [parts[0].span.start, *(part.span.end for part in parts)]
    assert (edges[0], edges[-1]) == span
    assert all(one.span.end == other.span.start for one, other in pairwise(parts))
    assert all(part.span.start < part.span.end for part in parts)
    assert all(
        (one.reason, one.text) != (other.reason, other.text) for one, other in pairwise(parts)
    )
    assert joined(parts) == calendar.open_spans(*span)
    changes = [change for part in parts for change in part.clock_changes]
    assert changes == clock_changes(calendar.zone, span)


def joined(parts: tuple[Part, ...]) -> list[Span]:
    """The open parts; those that touch as one."""
    spans: list[Span] = []
    for part in parts:
        if not part.is_open:
            continue
        if spans and spans[-1].end == part.span.start:
            spans[-1] = Span(spans[-1].start, part.span.end)
        else:
            spans.append(part.span)
    return spans
