"""The JSON forms of results: exact numbers, the members and their order."""

import json
from decimal import Decimal, localcontext
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.agreement import Kpi, MeasureKind
from shared.domain.instant import DAY, HOUR, MINUTE, SECOND, parse_instant
from shared.domain.measure import Measure
from shared.domain.window import CalendarWindow, Period, RollingWindow, Span, TumblingWindow
from shared.wire.results import (
    Evaluation,
    RejectedRow,
    counts_form,
    counts_of,
    decimal_text,
    encode,
    group_form,
    item_breach_row,
    length_text,
    seconds,
    window_breach_row,
    window_text,
)


def a_kpi(measure: MeasureKind, *, cohort: bool = False) -> Kpi:
    return Kpi("k", "ticket", measure, cohort=cohort)


@pytest.mark.parametrize(
    ("micros", "written"),
    [
        (0, "0"),
        (2_700_000_000, "2700"),
        (1, "0.000001"),
        (1_500_000, "1.5"),
        (-1, "-0.000001"),
        (-1_500_000, "-1.5"),
        (-90_000_000, "-90"),
        (3_155_760_000_000_123, "3155760000.000123"),
    ],
)
def test_seconds_are_json_numbers_with_the_digits_they_need(micros: int, written: str) -> None:
    assert encode(seconds(micros)) == written.encode()


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_seconds_lose_no_microsecond_in_any_decimal_context(micros: int) -> None:
    with localcontext() as context:
        context.prec = 3
        text = encode(seconds(micros)).decode()
    assert Decimal(text) * 1_000_000 == micros
    assert "e" not in text.lower()
    assert "." not in text or not text.endswith("0")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, None),
        (Fraction(0), "0"),
        (Fraction(1), "1"),
        (Fraction(39, 40), "0.975"),
        (Fraction(1, 3), "0.333333333333"),
        (Fraction(2, 3), "0.666666666667"),
        (Fraction(-3, 2), "-1.5"),
        (Fraction(1000), "1000"),
        (Fraction(5, 10**13), "0"),
        (Fraction(15, 10**13), "0.000000000002"),
        (Fraction(-4, 10**13), "0"),
    ],
)
def test_values_are_plain_decimals_rounded_half_even_to_12_digits(
    number: Fraction | None, text: str | None
) -> None:
    assert decimal_text(number) == text


def test_counts_of_a_duration_are_the_six_numbers_that_add_up() -> None:
    counts = Measure(excluded=1, running=2, met=3, breached_open=4, breached_closed=5)
    assert list(counts_form(a_kpi(MeasureKind.DURATION), counts).items()) == [
        ("eligible", 15),
        ("excluded", 1),
        ("running", 2),
        ("met", 3),
        ("breached_open", 4),
        ("breached_closed", 5),
    ]


@pytest.mark.parametrize(
    ("kpi", "form"),
    [
        (a_kpi(MeasureKind.COUNT), {"count": 7}),
        (a_kpi(MeasureKind.SUM), {"count": 7}),
        (a_kpi(MeasureKind.MEAN), {"count": 7}),
        (a_kpi(MeasureKind.RATIO), {"good": 2, "total": 5}),
        (a_kpi(MeasureKind.RATIO, cohort=True), {"good": 2, "total": 5, "pending": 1}),
    ],
)
def test_counts_of_events_are_those_of_their_measure_and_read_back(
    kpi: Kpi, form: dict[str, int]
) -> None:
    assert counts_form(kpi, Measure(counted=7, good=2, total=5, pending=1)) == form
    assert counts_form(kpi, counts_of(form)) == form


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (7 * DAY, "P7D"),
        (HOUR, "PT1H"),
        (DAY + 90 * MINUTE, "P1DT1H30M"),
        (1500 * SECOND // 1000, "PT1.5S"),
        (0, "PT0S"),
    ],
)
def test_lengths_are_written_as_iso_8601_does(micros: int, text: str) -> None:
    assert length_text(micros) == text


def test_windows_are_written_as_in_a_document() -> None:
    assert window_text(CalendarWindow(Period.WEEK, "Europe/Berlin")) == {
        "calendar": "week",
        "timeZone": "Europe/Berlin",
    }
    assert window_text(TumblingWindow(HOUR)) == {"tumbling": "PT1H"}
    assert window_text(RollingWindow(7 * DAY, HOUR)) == {"rolling": "P7D", "step": "PT1H"}


def test_an_item_breach_says_its_scope_first() -> None:
    opened = parse_instant("2026-03-02T10:00:00Z")
    row = item_breach_row(("acme-support", "first-response-p1"), "ticket:T-9", 1, (opened, None))
    assert encode(row) == (
        b'{"scope":"item","agreement":"acme-support","objective":"first-response-p1",'
        b'"item":"ticket:T-9","cycle":1,"opened_at":"2026-03-02T10:00:00Z","closed_at":null}'
    )


def test_a_window_breach_names_the_group_and_its_window() -> None:
    start, end = (parse_instant(f"2026-03-0{day}T00:00:00Z") for day in (1, 2))
    group = group_form(("team", "site"), ("a b", ""))
    row = window_breach_row(("acme", "fast"), group, Span(start, end), (start + 1, end))
    assert json.loads(encode(row)) == {
        "scope": "window",
        "sla_id": "acme/fast/a%20b/~",
        "agreement": "acme",
        "objective": "fast",
        "group": {"team": "a b", "site": ""},
        "window": {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"},
        "opened_at": "2026-03-01T00:00:00.000001Z",
        "closed_at": "2026-03-02T00:00:00Z",
    }


def test_group_values_must_be_as_many_as_their_names() -> None:
    with pytest.raises(ValueError, match="zip"):
        group_form(("team",), ("a", "b"))


def test_an_evaluation_reads_back_as_what_was_written() -> None:
    opened = parse_instant("2026-03-02T10:00:00Z")
    breach = item_breach_row(("a", "b"), "ticket:T-9", 1, (opened, None))
    whole = Evaluation(
        as_of="2026-03-02T11:00:00Z",
        objectives=[],
        clocks=[],
        breaches=[breach],
        rejected=[RejectedRow(17, "no JSON")],
    )
    assert msgspec.json.decode(encode(whole), type=Evaluation) == whole
