"""Paths into payloads, and conditions on what stands there."""

from decimal import Decimal

import pytest

from shared.domain.matcher import Choice
from shared.domain.source import ABSENT, DEFAULT_SOURCES, Conditions, Path

PAYLOAD = {
    "ticket": {"id": 7, "tags": ["a", {"b": None}], "": "empty", "0": "zero"},
    "flag": True,
    "price": Decimal("1.50"),
}
ELEMENT = {"id": 8}


def at(*names: str, of_element: bool = False) -> Path:
    return Path("as written", names, of_element)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (at("ticket", "id"), 7),
        (at(), PAYLOAD),
        (at("ticket", ""), "empty"),
        (at("ticket", "0"), "zero"),
        (at("ticket", "tags", "0"), "a"),
        (at("ticket", "tags", "1", "b"), None),
        (at("ticket", "tags", "2"), ABSENT),
        (at("ticket", "tags", "-"), ABSENT),
        (at("ticket", "tags", "-1"), ABSENT),
        (at("ticket", "tags", "00"), ABSENT),
        (at("ticket", "tags", "01"), ABSENT),
        (at("ticket", "tags", "\u0661"), ABSENT),
        (at("ticket", "tags", "9" * 5000), ABSENT),
        (at("ticket", "tags", "b"), ABSENT),
        (at("ticket", "id", "x"), ABSENT),
        (at("ticket", "nothing"), ABSENT),
        (at("ticket", "tags", "1", "b", "c"), ABSENT),
        (at("flag", "0"), ABSENT),
        (at("id", of_element=True), 8),
        (at(of_element=True), ELEMENT),
        (at("ticket", of_element=True), ABSENT),
    ],
)
def test_a_path_finds_what_stands_there_or_nothing(path: Path, found: object) -> None:
    assert path.find(PAYLOAD, ELEMENT) is found or path.find(PAYLOAD, ELEMENT) == found


@pytest.mark.parametrize(
    ("path", "choice", "holds"),
    [
        (at("ticket", "id"), Choice((7,)), True),
        (at("ticket", "id"), Choice((Decimal("7.0"),)), True),
        (at("ticket", "id"), Choice(("7",)), False),
        (at("flag"), Choice((True,)), True),
        (at("flag"), Choice((1,)), False),
        (at("price"), Choice((Decimal("1.5"),)), True),
        (at("nothing"), Choice((None,)), True),
        (at("nothing"), Choice((None,), negated=True), False),
        (at("ticket"), Choice((None,)), False),
        (at("ticket"), Choice((None,), negated=True), True),
        (at("ticket", "tags"), Choice(("a",)), False),
        (at("id", of_element=True), Choice((7, 8)), True),
    ],
)
def test_a_condition_is_about_the_value_at_its_path(
    path: Path, choice: Choice, *, holds: bool
) -> None:
    assert Conditions(((path, choice),)).hold(PAYLOAD, ELEMENT) is holds


def test_all_conditions_have_to_hold() -> None:
    good, bad = (at("flag"), Choice((True,))), (at("flag"), Choice((False,)))
    assert Conditions().hold(PAYLOAD, ELEMENT)
    assert Conditions((good, good)).hold(PAYLOAD, ELEMENT)
    assert not Conditions((good, bad)).hold(PAYLOAD, ELEMENT)


def test_leads_and_tickets_are_read_where_nothing_is_declared() -> None:
    found = [(own.topic, own.subject_prefix, own.payload) for own in DEFAULT_SOURCES]
    assert found == [("leads", "", None), ("tickets", "", None)]
