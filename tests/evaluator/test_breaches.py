"""The identity of breaches, and what is news about one."""

import json

import pytest

from services.evaluator.breaches import Told, breach_event, changed_episodes, news, window_breach
from shared.domain.window import Span

SPAN = Span(0, 1_000)
NOTHING = Told()
OPEN = Told(standing=True)
CONFIRMED = Told(standing=True, confirmed=True)
CLOSED = Told(standing=True, confirmed=True, closed_at=900)


@pytest.mark.parametrize(
    ("told", "now", "expected"),
    [
        (NOTHING, OPEN, ["opened"]),
        (NOTHING, CLOSED, ["opened", "confirmed", "closed"]),
        (NOTHING, NOTHING, []),
        (OPEN, OPEN, []),
        (OPEN, CONFIRMED, ["confirmed"]),
        (CONFIRMED, CLOSED, ["closed"]),
        (CLOSED, Told(standing=True, confirmed=True, closed_at=950), ["restated"]),
        (CLOSED, CONFIRMED, ["restated"]),
        (OPEN, NOTHING, ["withdrawn"]),
        (CLOSED, NOTHING, ["withdrawn"]),
    ],
)
def test_only_what_readers_do_not_know_is_news(told: Told, now: Told, expected: list[str]) -> None:
    assert list(news(told, now)) == expected


@pytest.mark.parametrize("told", [NOTHING, OPEN, CONFIRMED, CLOSED])
def test_what_was_told_survives_being_stored(told: Told) -> None:
    assert Told.read(told.write()) == told


def test_nothing_was_told_of_a_new_row() -> None:
    assert Told.read("") == NOTHING


def test_episodes_are_compared_by_when_they_opened() -> None:
    found, gone = changed_episodes(((1, 2), (5, None), (7, 8)), ((5, 6), (7, 8), (9, None)))
    assert found == [(5, 6), (9, None)]
    assert gone == [(1, 2)]


def test_a_breach_is_named_by_what_broke_and_when_it_opened() -> None:
    names = {
        window_breach(objective, grp, span, (opened, closed), 0).breach_id
        for objective, grp, span, opened, closed in [
            ("a/b", "[]", SPAN, 10, None),
            ("a/b", "[]", SPAN, 10, 20),
            ("a/b", "[]", SPAN, 11, None),
            ("a/b", '["x"]', SPAN, 10, None),
            ("a/b", "[]", Span(-1, 1_000), 10, None),
            ("a/c", "[]", SPAN, 10, None),
        ]
    }
    assert len(names) == 5  # when it closes is no part of the name


def test_an_announcement_says_what_broke_in_the_contracts_words() -> None:
    row = {
        **window_breach("a/b", '["x y"]', SPAN, (500_000, None), 0)._asdict(),
        "confirmed": False,
        "state": "breached",
        "value": "0.5",
    }
    event = json.loads(breach_event("opened", 1, row, ("team",), now=2_000_000))
    assert event["type"] == "accord.breach.opened"
    assert event["subject"] == "a/b/x%20y"
    assert event["id"] == f"{row['breach_id']}:1"
    assert event["data"]["group"] == {"team": "x y"}
    assert event["data"]["opened_at"] == "1970-01-01T00:00:00.500000Z"
    assert event["data"]["closed_at"] is None
