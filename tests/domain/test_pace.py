"""The pace of a volume: open time in the window's effective part, and when a total falls behind."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.agreement import Agreement, Objective, Version
from shared.domain.business_calendar import ALWAYS, BusinessCalendar
from shared.domain.instant import DAY, HOUR, Instant
from shared.domain.pace import is_behind, open_time, pace_crossing, periods
from shared.domain.window import Span
from tests.domain.building import (
    RETURNS,
    a_calendar,
    a_version,
    an_agreement,
    an_objective,
    at,
    at_least,
    at_most,
    promising,
)

MARCH = Span(at("03-01 00:00"), at("04-01 00:00"))
OFFICE = a_calendar({"mon-fri": "09:00-17:00"})


def volume(amount: int | str = 31, pace: str | None = "0") -> Objective:
    return an_objective(kpi=RETURNS, target=at_least(amount), pace=pace)


def judged(agreement: Agreement, now: Instant) -> tuple[Agreement, Version, Objective, Span]:
    return (agreement, *agreement.judging("o", now), MARCH)


def test_the_window_counts_where_a_version_with_the_objective_is_effective() -> None:
    other = an_objective("other", RETURNS, at_least(1))
    agreement = an_agreement(
        a_version(volume(), start="2026-01-01T00:00:00Z", until="03-05 00:00"),
        a_version(other, start="03-05 00:00", until="03-09 00:00"),
        a_version(volume(), start="03-11 00:00", until="03-21 00:00"),
    )
    own = agreement.judging("o", at("03-02 00:00"))[1]
    assert periods(agreement, own, MARCH) == [
        Span(at("03-01 00:00"), at("03-05 00:00")),
        Span(at("03-11 00:00"), at("03-21 00:00")),
    ]
    known = judged(agreement, at("03-02 00:00"))
    elapsed = {"02-01 00:00": 0, "03-03 00:00": 2, "03-08 00:00": 4, "04-09 00:00": 14}
    for now, days in elapsed.items():
        assert open_time(*known, at(now)) == days * DAY


def test_a_period_that_only_touches_the_window_is_none_of_it() -> None:
    agreement = an_agreement(
        a_version(volume(), until="03-01 00:00"), a_version(volume(), start="04-01 00:00")
    )
    assert periods(*(agreement, agreement.judging("o", MARCH.start)[1], MARCH)) == []


@pytest.mark.parametrize(
    ("total", "pace", "now", "behind"),
    [
        ("10", "0", "03-11 00:00", False),
        ("9.99", "0", "03-11 00:00", True),
        ("9", "0.1", "03-11 00:00", False),
        ("8.99", "0.1", "03-11 00:00", True),
        ("0", "1", "03-31 00:00", False),
        ("-1", "1", "03-11 00:00", True),
        ("0", None, "03-31 00:00", False),
        ("0", "0", "03-01 00:00", False),
    ],
)
def test_a_total_is_behind_when_it_is_less_than_the_pace_less_the_tolerance(
    total: str, pace: str | None, now: str, *, behind: bool
) -> None:
    known = judged(promising(volume(31, pace)), at(now))
    assert is_behind(*known, Fraction(total), now=at(now)) is behind


def test_only_what_is_to_be_reached_has_a_pace() -> None:
    agreement = promising(an_objective(kpi=RETURNS, target=at_most(31), pace="0"))
    known = judged(agreement, at("03-20 00:00"))
    assert not is_behind(*known, Fraction(-5), now=at("03-20 00:00"))
    assert pace_crossing(*known, Fraction(-5)) is None


@pytest.mark.parametrize("total", ["31", "32"])
def test_what_is_reached_never_falls_behind(total: str) -> None:
    known = judged(promising(volume()), MARCH.start)
    assert pace_crossing(*known, Fraction(total)) is None


@settings(max_examples=40)
@given(
    st.fractions(-3, 40, max_denominator=7),
    st.sampled_from([None, "0", "0.1", "0.9", "1"]),
    st.sampled_from([ALWAYS, OFFICE]),
    st.booleans(),
)
def test_the_crossing_is_the_first_instant_at_which_the_total_is_behind(
    total: Fraction,
    pace: str | None,
    calendar: BusinessCalendar,
    split: bool,  # noqa: FBT001
) -> None:
    whole = a_version(volume(31, pace), calendar=calendar)
    parts = (
        a_version(volume(31, pace), until="03-04 13:00", calendar=calendar),
        a_version(volume(31, pace), start="03-18 11:00", calendar=calendar),
    )
    agreement = an_agreement(*parts) if split else an_agreement(whole)
    known = judged(agreement, MARCH.start)
    crossing = pace_crossing(*known, total)
    hourly = range(MARCH.start, MARCH.end, HOUR)
    behind = [now for now in hourly if is_behind(*known, total, now=now)]
    if crossing is None:
        # Behind from the first instant on, as only less than nothing is under a tolerance of 1.
        assert behind == [] or pace == "1"
        return
    assert is_behind(*known, total, now=crossing)
    if total >= 0:
        assert not is_behind(*known, total, now=crossing - 1)
    assert behind == [now for now in hourly if now >= crossing]
