"""What counts as a difference between the API and `evaluate`, and what does not."""

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal

import pytest

from services.cli.offline import Lines
from services.cli.verification.compare import (
    Row,
    WindowKey,
    compare_breaches,
    compare_clocks,
    compare_windows,
    window_key,
)
from services.cli.verification.expected import expect
from shared.domain.agreement import Catalogue, Kpi, MeasureKind
from shared.domain.event import Event
from shared.domain.instant import HOUR
from shared.domain.matcher import Milestone
from shared.domain.window import RollingWindow, TumblingWindow, Window
from shared.wire.cloudevents import encode
from tests.domain.building import (
    a_catalogue,
    a_version,
    an_agreement,
    an_event,
    an_objective,
    at,
    at_least,
)

MARCH = ("acme/first", "2026-03-01T00:00:00Z")
CREATED = an_event("created", "08:30")
SOLVED = Kpi(
    "solved",
    "ticket",
    MeasureKind.RATIO,
    good=(Milestone("ticket.solved"),),
    total=(Milestone("ticket.created"),),
    cohort=True,
    within=2 * HOUR,
)


def of_solved(window: Window) -> Catalogue:
    objective = an_objective(kpi=SOLVED, target=at_least("0.5"))
    return a_catalogue(an_agreement(a_version(replace(objective, window=window))))


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


def lines_of(*events: Event) -> Lines:
    lines = Lines()
    for number, event in enumerate(events, 1):
        lines.add(event.item, number, encode(event))
    return lines


def windows(said: Row, evaluated: Row, waiting: Collection[WindowKey] = ()) -> list[str]:
    found = compare_windows("value", [said], [evaluated], waiting=waiting)
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


def test_final_may_wait_where_it_is_waited_for_and_not_elsewhere() -> None:
    said = a_window(final=False)
    assert windows(said, a_window(), waiting={MARCH}) == []
    assert windows(said, a_window(), waiting={("acme/other", MARCH[1])}) == ["final"]


def test_final_too_early_is_a_difference() -> None:
    assert windows(a_window(final=True), a_window(final=False), {MARCH}) == ["final"]


@pytest.mark.parametrize(
    ("now", "final", "waits"),
    [
        ("10:00", False, True),  # it has ended, the cohort's last items have time until 11:00
        ("11:00", True, True),
        ("11:04", True, True),
        ("11:05", True, False),
    ],
)
def test_what_may_wait_is_what_became_final_within_the_allowed_disorder(
    *, now: str, final: bool, waits: bool
) -> None:
    expected = expect(of_solved(TumblingWindow(HOUR)), lines_of(CREATED), at=at(now))
    first, *_ = expected.objectives
    assert (first["final"], window_key(first) in expected.waiting) == (final, waits)


def test_of_rolling_windows_all_are_expected_and_one_is_current() -> None:
    documents = of_solved(RollingWindow(2 * HOUR, HOUR))
    expected = expect(documents, lines_of(CREATED), at=at("10:30"))
    starts = [window_key(row)[1][11:16] for row in expected.objectives]
    assert starts == ["07:00", "08:00", "09:00"]
    assert [window_key(row)[1][11:16] for row in expected.current] == ["09:00"]


def test_windows_that_only_one_side_lists_are_differences() -> None:
    only_said = compare_windows("value", [a_window()], [], waiting=())
    only_evaluated = compare_windows("value", [], [a_window()], waiting=())
    assert [(found.said, found.evaluated) for found in only_said] == [("listed", "(absent)")]
    assert [(found.said, found.evaluated) for found in only_evaluated] == [("(absent)", "listed")]


def test_of_a_sealed_window_the_numbers_of_now_are_compared() -> None:
    sealed = a_window(sealed={"at": "2026-04-02T09:00:00Z", "by": "manager"}, adjusted=None)
    assert windows(sealed, a_window()) == []
    assert windows(sealed, a_window(value="0.9")) == ["value"]
    now = {"value": "0.9", "state": "ok", "counts": sealed["counts"]}
    assert windows(sealed | {"adjusted": now}, a_window(value="0.9")) == []
    assert windows(sealed | {"adjusted": now}, a_window()) == ["value"]
    gone = sealed | {"adjusted": now | {"state": "no_data"}}
    assert compare_windows("value", [gone], [], waiting=()) == []
    assert compare_windows("value", [sealed | {"state": "no_data"}], [], waiting=()) == []
    assert len(compare_windows("value", [sealed], [], waiting=())) == 1


def test_a_window_said_twice_is_a_difference() -> None:
    twice = compare_windows("value", [a_window()] * 2, [a_window()], waiting=())
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
