"""Events: identity, content, the order of a timeline, which contents stand, corrections.

An item's timeline is a set of events; nothing here depends on the order in which they arrived.
"""

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from shared.domain.canonical import canonical_json
from shared.domain.instant import Instant

Scalar = str | int | Decimal | bool | None
"""A value of an attribute; absent is None."""

FIRST: Final = "created"
TERMINAL: Final = frozenset({"solved", "closed", "merged", "won", "lost", "rejected", "churned"})
RETRACTED: Final = "retracted"

OrderKey = tuple[Instant, int, str, tuple[int, int, str], str]


@dataclass(init=False, slots=True)
class Event:
    """One immutable fact about an item (CloudEvents 1.0; contract section 1).

    `data` holds JSON values with exact numbers (int or Decimal, never float). Nobody changes an
    event; that it is not `frozen`, and made by code of its own, is because every record is one.
    """

    kind: str
    subject: str
    source: str
    id: str
    type: str
    time: Instant
    data: Mapping[str, object]
    sequence: str | None
    replaces: str | None

    def __init__(
        self,
        kind: str,
        subject: str,
        source: str,
        id: str,  # noqa: A002 - the name that CloudEvents gives it
        type: str,  # noqa: A002
        time: Instant,
        data: Mapping[str, object] | None = None,
        sequence: str | None = None,
        replaces: str | None = None,
    ) -> None:
        """Take the members as they are; no data is empty data."""
        self.kind = kind
        self.subject = subject
        self.source = source
        self.id = id
        self.type = type
        self.time = time
        self.data = {} if data is None else data
        self.sequence = sequence
        self.replaces = replaces

    @property
    def identity(self) -> tuple[str, str]:
        """Source and id: the identity within the item."""
        return (self.source, self.id)

    @property
    def what(self) -> str:
        """What happened: the type after its first dot."""
        return self.type[len(self.kind) + 1 :]

    @property
    def item(self) -> str:
        """The item's key, `kind:subject`."""
        return f"{self.kind}:{self.subject}"

    @property
    def retracts(self) -> bool:
        """Whether it only takes another event away and adds nothing itself."""
        return self.replaces is not None and self.what == RETRACTED


def order_key(event: Event) -> OrderKey:
    """The place in a timeline: time, type rank, source, sequence, id (contract section 1)."""
    sequence = event.sequence
    place = _UNPLACED if sequence is None else _sequence_key(sequence)
    return (event.time, _rank(event.type), event.source, place, event.id)


def comes_after(event: Event, other: Event) -> bool:
    """Whether an event has a later place in a timeline; nearly always its time says so."""
    if event.time != other.time:
        return event.time > other.time
    return order_key(event) > order_key(other)


@lru_cache(maxsize=4096)
def _rank(type_: str) -> int:
    _, _, what = type_.partition(".")
    return 0 if what == FIRST else 2 if what in TERMINAL else 1


_UNPLACED: Final = (0, 0, "")


def _sequence_key(sequence: str) -> tuple[int, int, str]:
    if sequence.isascii() and sequence.isdigit():
        digits = sequence.lstrip("0")
        return (1, len(digits), digits)
    return (2, 0, sequence)


def content(event: Event) -> tuple[Instant, str, str, str]:
    """What two events of one identity are compared by; the smallest stands.

    Time, type, the RFC 8785 form of the rest, and last its exact decimals, since RFC 8785 writes
    numbers as doubles and two different decimals may look alike there.
    """
    rest: dict[str, object] = {"data": event.data}
    if event.sequence is not None:
        rest["sequence"] = event.sequence
    if event.replaces is not None:
        rest["replaces"] = event.replaces
    return (event.time, event.type, canonical_json(rest), canonical_json(rest, exact=True))


class Timeline:
    """The events of one item, one content for each identity."""

    __slots__ = ("_events", "_ordered")

    def __init__(self, events: Iterable[Event] = ()) -> None:
        """Begin with events that are known to stand (each identity once)."""
        self._events = {event.identity: event for event in events}
        self._ordered: list[Event] | None = None

    def __len__(self) -> int:
        return len(self._events)

    @property
    def events(self) -> list[Event]:
        """Every event that stands, in the timeline's order."""
        if self._ordered is None:
            self._ordered = sorted(self._events.values(), key=order_key)
        return [*self._ordered]

    @property
    def corrected(self) -> bool:
        """Whether a correction is among its events."""
        return any(event.replaces is not None for event in self._events.values())

    def admit(self, event: Event) -> Event | None:
        """Take an event in; the result is the one that has to go, if any.

        `event` itself comes back when it is a duplicate or a conflict that lost (`is_duplicate`
        tells which); another event comes back when its identity now belongs to `event`.
        """
        identity = (event.source, event.id)
        standing = self._events.get(identity)
        if standing is None:
            self._events[identity] = event
            self._place(event)
            return None
        if content(event) < content(standing):
            self._events[identity] = event
            self._ordered = None
            return standing
        return event

    def _place(self, event: Event) -> None:
        ordered = self._ordered
        if ordered is None:
            return
        if not ordered or comes_after(event, ordered[-1]):
            ordered.append(event)
        else:
            insort(ordered, event, key=order_key)

    def is_duplicate(self, event: Event) -> bool:
        """Whether the timeline holds an event of this identity and equal content."""
        standing = self._events.get((event.source, event.id))
        return standing is not None and content(standing) == content(event)


def effective(events: Iterable[Event]) -> list[Event]:
    """The events that count, in order: corrections applied, retractions gone (contract section 1).

    `events` are all existing ones. To be named in `replaces` by one of the same source is enough to
    be left out, whatever becomes of the namer; and where several name an event that exists, only
    the last of them in the order may stay.
    """
    ordered = sorted(events, key=order_key)
    if all(event.replaces is None for event in ordered):
        return ordered
    known = {event.identity for event in ordered}
    last_naming: dict[tuple[str, str], Event] = {}
    absent: set[tuple[str, str]] = set()
    for event in ordered:
        if event.replaces is None or event.replaces == event.id:
            continue
        named = (event.source, event.replaces)
        if named not in known:
            continue
        absent.add(named)
        if (earlier := last_naming.get(named)) is not None:
            absent.add(earlier.identity)
        last_naming[named] = event
    return [e for e in ordered if e.identity not in absent and not e.retracts]
