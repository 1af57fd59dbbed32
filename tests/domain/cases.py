"""Random documents and events as the core sees them: a catalogue, and each item's events."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from shared.documents.catalogue import load_nodes
from shared.documents.loader import parse
from shared.domain.agreement import Catalogue
from shared.domain.event import Event, Timeline
from shared.domain.instant import Instant, parse_instant
from shared.domain.item import Item
from shared.domain.plan import Plan, compile_plan
from shared.wire.cloudevents import decode_line
from tests.oracle.generate import case


class RandomCase(NamedTuple):
    """What a seed stands for; `events` are all that were offered, copies and conflicts too."""

    catalogue: Catalogue
    plan: Plan
    events: tuple[Event, ...]
    now: Instant

    def items(self, events: Iterable[Event] | None = None) -> dict[str, Item]:
        """The items by key after these events, or all, have been offered one by one."""
        found: dict[str, Item] = {}
        for event in self.events if events is None else events:
            item = found.get(event.item)
            if item is None:
                item = found[event.item] = Item(self.plan, event.kind, event.subject)
            item.admit(event)
        return found

    def timelines(self) -> dict[str, list[Event]]:
        """The events that stand, by item, in order."""
        found: dict[str, Timeline] = {}
        for event in self.events:
            found.setdefault(event.item, Timeline()).admit(event)
        return {key: timeline.events for key, timeline in found.items()}

    @property
    def instants(self) -> list[Instant]:
        """When something happens, and the instant of evaluation."""
        return sorted({self.now, *(event.time for event in self.events)})


@cache
def random_case(seed: int) -> RandomCase:
    """The case of a seed; its documents are valid."""
    given = case(seed)
    nodes, problems = parse(given.yaml, "case.yaml")
    catalogue = load_nodes(nodes, problems).catalogue
    assert catalogue is not None
    events = tuple(decode_line(line.encode()) for line in given.lines)
    return RandomCase(catalogue, compile_plan(catalogue), events, parse_instant(given.now))


def fresh(plan: Plan, events: Iterable[Event]) -> Item:
    """The item of these events, without a memo."""
    first, *rest = events
    return Item(plan, first.kind, first.subject, [first, *rest])
