"""One batch of records: each is an event, with its place in the event log, or is refused.

Pure: what is done with the outcome is `publish`'s business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from shared.domain.instant import MINUTE, Instant, Micros
from shared.wire.cloudevents import CONTENT_TYPE, InvalidEvent, decode_record, encode
from shared.wire.partitioning import partition_of

Headers = Sequence[tuple[str, bytes | None]]

SKEW: Final[Micros] = 5 * MINUTE
"""How far ahead of the wall clock an event may be (contract section 1)."""
EVENT_HEADERS: Final[Headers] = [("content-type", CONTENT_TYPE.encode())]


class Record(Protocol):
    """A Kafka record as the consumer hands it out; `timestamp` in ms since the epoch."""

    @property
    def topic(self) -> str: ...  # noqa: D102
    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def timestamp(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> Headers: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be written, and the one that it came of."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    origin: Record


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is no event, and why."""

    origin: Record
    why: InvalidEvent


@dataclass(frozen=True, slots=True)
class Handled:
    """The outcome of a batch: events by partition of the event log, and the others."""

    events: Mapping[int, Sequence[Outgoing]]
    refused: Sequence[Refused]


def handle(records: Iterable[Record], *, partitions: int, now: Instant) -> Handled:
    """Read each record; events go to the partition of their item, in the order they came."""
    events: dict[int, list[Outgoing]] = {}
    refused: list[Refused] = []
    latest = now + SKEW
    for record in records:
        try:
            event = decode_record(record.headers, record.value)
        except InvalidEvent as why:
            refused.append(Refused(record, why))
            continue
        if event.time > latest:
            refused.append(Refused(record, _in_the_future()))
            continue
        item = event.item
        outgoing = Outgoing(item.encode(), encode(event), EVENT_HEADERS, record)
        events.setdefault(partition_of(item, partitions), []).append(outgoing)
    return Handled(events, refused)


def _in_the_future() -> InvalidEvent:
    return InvalidEvent(
        "future_time", f"time is more than {SKEW // MINUTE} minutes ahead of the wall clock"
    )
