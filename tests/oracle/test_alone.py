"""What is measured for an agreement is the same with others beside it or without.

A change of some agreements is built from these alone.
"""

from collections.abc import Collection

import pytest

from shared.domain.agreement import Catalogue
from shared.domain.contribution import Contribution
from shared.domain.event import Event
from shared.domain.instant import Instant, parse_instant
from shared.domain.item import Item
from shared.domain.plan import compile_plan
from shared.wire.cloudevents import InvalidEvent, decode_line
from tests.oracle.differences import catalogue
from tests.oracle.generate import Case, case

SEEDS = 300


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_an_agreement_counts_the_same_without_the_others(first: int) -> None:
    counted = 0
    for seed in range(first, first + 50):
        given = case(seed)
        known, now = catalogue(given.yaml), parse_instant(given.now)
        items = _items(given)
        together = _counted(known, items, now)
        for name in known.agreements:
            own = [entry for entry in together if entry[1].agreement == name]
            assert _counted(known, items, now, [name]) == own, f"seed {seed}, {name}"
            counted += len(own) if len(own) < len(together) else 0
    assert counted > 300


def _items(given: Case) -> dict[str, list[Event]]:
    items: dict[str, list[Event]] = {}
    for line in given.lines:
        try:
            event = decode_line(line.encode())
        except InvalidEvent:
            continue
        items.setdefault(event.item, []).append(event)
    return items


def _counted(
    known: Catalogue,
    items: dict[str, list[Event]],
    now: Instant,
    names: Collection[str] | None = None,
) -> list[tuple[str, Contribution]]:
    """What each item adds, in an order of its own."""
    plan = compile_plan(known, names)
    found: list[tuple[str, Contribution]] = []
    for key, events in items.items():
        item = Item(plan, events[0].kind, events[0].subject)
        for event in events:
            item.admit(event)
        found += [(key, entry) for entry in item.settle(now=now).contributions]
    return sorted(found, key=repr)
