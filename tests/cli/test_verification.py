"""What counts as a difference between the API and `evaluate`, and what does not."""

from decimal import Decimal

from services.cli.verification.compare import (
    Row,
    compare_breaches,
    compare_clocks,
    compare_windows,
)
from shared.domain.instant import parse_instant

MARCH_ENDED = parse_instant("2026-04-01T00:05:00Z")


def a_window(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "sla_id": "acme/first",
        "window": {"start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z"},
        "final": True,
        "value": "0.975",
        "counts": {"eligible": 40, "met": 39},
    }
    return row | changes


def a_breach(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "scope": "item",
        "agreement": "acme",
        "objective": "first",
        "item": "ticket:T-1",
        "cycle": 1,
        "opened_at": "2026-03-02T10:00:00Z",
        "closed_at": None,
    }
    return row | changes


def windows(said: Row, evaluated: Row, patient_until: int = MARCH_ENDED) -> list[str]:
    found = compare_windows("value", [said], [evaluated], patient_until=patient_until)
    return [difference.member for difference in found]


def test_equal_rows_are_no_difference_whatever_else_the_api_adds() -> None:
    assert windows(a_window(since="2026-03-01T00:00:00Z", revision=2), a_window()) == []


def test_each_member_that_differs_is_a_difference() -> None:
    said = a_window(value="0.974", counts={"eligible": 40, "met": 38})
    assert windows(said, a_window()) == ["value", "counts"]


def test_a_member_that_the_api_leaves_out_is_a_difference() -> None:
    said = a_window()
    del said["value"]
    assert windows(said, a_window()) == ["value"]


def test_final_may_wait_for_the_allowed_disorder_and_no_longer() -> None:
    said = a_window(final=False)
    end = parse_instant("2026-04-01T00:00:00Z")
    assert windows(said, a_window(), patient_until=end - 1) == []
    assert windows(said, a_window(), patient_until=end) == ["final"]


def test_final_too_early_is_a_difference() -> None:
    assert windows(a_window(final=True), a_window(final=False), 0) == ["final"]


def test_windows_that_only_one_side_lists_are_differences() -> None:
    only_said = compare_windows("value", [a_window()], [], patient_until=0)
    only_evaluated = compare_windows("value", [], [a_window()], patient_until=0)
    assert [(found.said, found.evaluated) for found in only_said] == [("listed", "(absent)")]
    assert [(found.said, found.evaluated) for found in only_evaluated] == [("(absent)", "listed")]


def test_a_window_said_twice_is_a_difference() -> None:
    twice = compare_windows("value", [a_window()] * 2, [a_window()], patient_until=0)
    assert len(twice) == 1


def test_numbers_compare_by_value_and_true_is_not_one() -> None:
    assert (
        compare_clocks(
            "ticket:T", [{"elapsed_s": Decimal("1.50")}], [{"elapsed_s": Decimal("1.5")}]
        )
        == []
    )
    assert len(compare_clocks("ticket:T", [{"binding": 1}], [{"binding": True}])) == 1


def test_a_clock_too_many_is_one_difference() -> None:
    assert len(compare_clocks("ticket:T", [{"cycle": 1}, {"cycle": 2}], [{"cycle": 1}])) == 1


def test_breaches_are_compared_as_a_collection_without_the_withdrawn() -> None:
    withdrawn = a_breach(item="ticket:T-2", withdrawn_at="2026-03-03T00:00:00Z")
    assert compare_breaches([withdrawn, a_breach()], [a_breach()]) == []


def test_a_breach_said_twice_or_closed_at_another_instant_is_a_difference() -> None:
    closed = a_breach(closed_at="2026-03-02T11:00:00Z")
    assert len(compare_breaches([a_breach(), a_breach()], [a_breach()])) == 1
    assert len(compare_breaches([a_breach()], [closed])) == 2
