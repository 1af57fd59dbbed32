"""Instants: RFC 3339 in and out, exact to the microsecond."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.instant import as_datetime, as_instant, format_instant, parse_instant

ANY = st.integers(min_value=-62_135_596_800_000_000, max_value=253_402_300_799_999_999)


@given(ANY)
def test_reading_undoes_writing(instant: int) -> None:
    assert parse_instant(format_instant(instant)) == instant


@given(ANY)
def test_an_instant_and_its_datetime_are_one(instant: int) -> None:
    assert as_instant(as_datetime(instant)) == instant


@given(ANY, st.integers(-14 * 60, 14 * 60))
def test_an_offset_only_names_the_same_instant_differently(instant: int, minutes: int) -> None:
    moment = as_datetime(instant)
    if not 2 < moment.year < 9998:
        return
    shifted = format_instant(instant + minutes * 60_000_000).removesuffix("Z")
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    assert parse_instant(f"{shifted}{sign}{hours:02d}:{rest:02d}") == instant


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z"),
        ("2026-03-02t09:00:00.5z", "2026-03-02T09:00:00.500000Z"),
        ("2026-03-02T09:00:00.1234569Z", "2026-03-02T09:00:00.123456Z"),
        ("2026-03-02T09:00:00.000000Z", "2026-03-02T09:00:00Z"),
        ("2026-03-02T14:30:00+05:30", "2026-03-02T09:00:00Z"),
        ("2026-03-02T00:00:00-09:00", "2026-03-02T09:00:00Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
    ],
)
def test_it_is_written_in_utc_and_cut_to_the_microsecond(text: str, written: str) -> None:
    assert format_instant(parse_instant(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T09:00:00",
        "2026-03-02 09:00:00Z",
        "2026-03-02",
        "2026-02-30T09:00:00Z",
        "2026-03-02T24:00:00Z",
        "2026-03-02T09:00Z",
        "2026-03-02T09:00:00+24:00",
        "2026-03-02T09:00:00+01",
        "٢٠٢٦-03-02T09:00:00Z",
        "",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
    ],
)
def test_what_is_no_time_with_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not|impossible|outside"):
        parse_instant(text)


def test_the_epoch_is_zero() -> None:
    assert as_instant(datetime(1970, 1, 1, tzinfo=UTC)) == 0
