"""The timeline of one item: its events in order, with the attributes around each."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.events import Event
from tests.oracle.matching import equal, listed, matches, plain

Json = Any
Attributes = dict[str, Json]
LAST = {"solved", "closed", "merged", "won", "lost", "rejected", "churned"}
FIELD_LENGTH = 400
GROUP_LENGTH = 200
STATUS = {"ticket.solved": "solved", "ticket.closed": "closed", "ticket.reopened": "open"}


@dataclass
class Moment:
    """One event that counts: the item's attributes before and after it, and what milestones see."""

    type: str
    time: int
    before: Attributes
    after: Attributes
    seen: Attributes


def order(event: Event) -> tuple[object, ...]:
    """The place in a timeline."""
    what = event.type.partition(".")[2]
    rank = 0 if what == "created" else 2 if what in LAST else 1
    sequence: tuple[object, ...] = (0,)
    if event.sequence is not None:
        digits = re.fullmatch("[0-9]+", event.sequence)
        sequence = (1, int(event.sequence)) if digits else (2, event.sequence)
    return (event.time, rank, event.source, sequence, event.id)


def timeline(events: Iterable[Event], now: int) -> list[Moment]:
    """The events of one item that exist and are not absent, in order, with attributes."""
    existing = sorted((e for e in events if e.time <= now), key=order)
    ids = {(e.source, e.id) for e in existing}

    def names(e: Event) -> tuple[str, str] | None:
        if e.replaces is None or e.replaces == e.id or (e.source, e.replaces) not in ids:
            return None
        return (e.source, e.replaces)

    absent = {names(e) for e in existing}
    for target in {names(e) for e in existing} - {None}:
        absent |= {(e.source, e.id) for e in [e for e in existing if names(e) == target][:-1]}
    moments: list[Moment] = []
    attributes: Attributes = {}
    for e in existing:
        retraction = e.type.partition(".")[2] == "retracted" and e.replaces is not None
        if (e.source, e.id) in absent or retraction:
            continue
        data = dict(e.data)
        if e.type in STATUS and "status" not in data:
            data["status"] = STATUS[e.type]
        scalars = {k: v for k, v in data.items() if not isinstance(v, dict | list)}
        actor = scalars.pop("actor", None)
        after = {k: v for k, v in {**attributes, **scalars}.items() if v is not None}
        seen = after if actor is None else {**after, "actor": actor}
        moments.append(Moment(e.type, e.time, attributes, after, seen))
        attributes = after
    return moments


def matching(milestone: dict[str, Json], m: Moment) -> bool:
    """Whether an event matches a milestone, `nth` aside."""
    if milestone.get("event", m.type) != m.type:
        return False
    changed = milestone.get("changes")
    if changed is not None and equal(m.before.get(changed), m.after.get(changed)):
        return False
    return matches(milestone.get("where", {}), m.seen)


def hits(milestones: Json, moments: list[Moment], since: int, i: int) -> list[dict[str, Json]]:
    """The milestones that event `i` is the nth match of, counted from index `since` on."""
    return [
        milestone
        for milestone in listed(milestones)
        if matching(milestone, moments[i])
        and sum(matching(milestone, m) for m in moments[since : i + 1]) == milestone.get("nth", 1)
    ]


def occurrences(milestones: Json, moments: list[Moment]) -> list[int]:
    """The indices of the events that milestones without a cycle match, all of them in order.

    Without `nth` every match is one; with `nth` that one alone, counted from the beginning.
    """
    plain_ones = [m for m in listed(milestones) if "nth" not in m]
    numbered = [m for m in listed(milestones) if "nth" in m]
    return [
        i
        for i, moment in enumerate(moments)
        if any(matching(m, moment) for m in plain_ones) or hits(numbered, moments, 0, i)
    ]


def number(value: Json) -> Fraction | None:
    """What a field adds: a JSON number or a decimal string of at most 400 characters."""
    if isinstance(value, str):
        decimal = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value)
        return Fraction(value) if decimal and len(value) <= FIELD_LENGTH else None
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return Fraction(value) if is_number else None


def group(names: list[str], attributes: Attributes) -> tuple[str, ...]:
    """Group values as text, cut at 200 characters."""
    return tuple(_text(attributes.get(name))[:GROUP_LENGTH] for name in names)


def _text(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else plain(value)


def as_of(moments: list[Moment], at: int) -> Attributes:
    """The attributes after all events of an instant."""
    return next((m.after for m in reversed(moments) if m.time <= at), {})
