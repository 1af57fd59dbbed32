"""How scenarios write instants and lengths: what is written is what is read back."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.scenarios.notation import Times, length, length_text, written_out
from shared.domain.instant import SECOND, format_instant, parse_instant

DAY = date(2026, 3, 2)
ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]
BETWEEN = st.integers(parse_instant("1950-01-01T00:00:00Z"), parse_instant("2090-01-01T00:00:00Z"))


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("09:00", "UTC", "2026-03-02T09:00:00Z"),
        ("09:00:30.5", "UTC", "2026-03-02T09:00:30.500000Z"),
        ("09:00", "Europe/Berlin", "2026-03-02T08:00:00Z"),
        ("07-01 09:00", "Europe/Berlin", "2026-07-01T07:00:00Z"),
        ("2025-12-31 23:59:59", "UTC", "2025-12-31T23:59:59Z"),
        ("2026-03-02T09:00:00+05:30", "Europe/Berlin", "2026-03-02T03:30:00Z"),
        ("10-25 01:59", "Europe/Berlin", "2026-10-24T23:59:00Z"),
    ],
)
def test_an_instant_is_read_by_its_day_and_zone(text: str, zone: str, instant: str) -> None:
    assert format_instant(Times(DAY, zone).instant(text)) == instant


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9:00", "is not a time like 09:00"),
        ("24:00", "is not a time: hour must be in 0..23"),
        ("02-29 09:00", "is not a time: day"),
        ("0000-01-01 09:00", "is not a time: year 0"),
        ("1899-12-31 09:00", "lies outside the years 1900 to 9998"),
        ("2026-03-02T09:00:00", "is not a time like 09:00"),
        ("03-29 02:30", "does not exist in Europe/Berlin; write it out"),
        ("10-25 02:30", "comes twice in Europe/Berlin; write it out, like 2026-10-25T00:30:00Z"),
    ],
)
def test_what_is_no_instant_is_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Times(DAY, "Europe/Berlin").instant(text)


@pytest.mark.parametrize(("text", "lacks"), [("09:00", "day"), ("03-02 09:00", "year")])
def test_without_a_day_a_time_must_name_its_own(text: str, lacks: str) -> None:
    with pytest.raises(ValueError, match=f"has no {lacks}"):
        Times().instant(text)
    assert Times().text(Times().instant("2026-03-02 09:00")) == "2026-03-02 09:00"


@given(instant=BETWEEN, zone=st.sampled_from(ZONES), day=st.sampled_from([None, DAY]))
def test_what_is_written_of_an_instant_is_read_as_it(
    instant: int, zone: str, day: date | None
) -> None:
    times = Times(day, zone)
    assert times.instant(times.text(instant)) == instant


def test_the_shortest_form_is_written() -> None:
    times = Times(DAY, "Europe/Berlin")
    for text in ("09:00", "09:00:30", "09:00:30.5", "03-03 00:00", "2027-01-01 00:00"):
        assert times.text(times.instant(text)) == text


def test_what_comes_twice_is_written_in_full() -> None:
    times = Times(DAY, "Europe/Berlin")
    for text in ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"):
        assert times.text(parse_instant(text)) == text


def test_a_time_that_is_complete_is_left_as_it_is() -> None:
    times = Times(DAY)
    assert written_out("2026-03-02T09:00:00.1234567+01:00", times) == (
        "2026-03-02T09:00:00.1234567+01:00"
    )
    assert written_out("09:00", times) == "2026-03-02T09:00:00Z"


@given(st.integers(-(10**13), 10**13))
def test_what_is_written_of_a_length_is_read_as_it(micros: int) -> None:
    assert length(length_text(Decimal(micros) / SECOND)) == micros


@pytest.mark.parametrize("text", ["", "-", "1", "1d", "1m1h", "1.5h", "0.0000001s", "+1h", "1 h"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a length of time"):
        length(text)
