"""One batch of records: each gives events, with their places in the event log, or is refused.

Pure: what is done with the outcome is `publish`'s business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from shared.domain.event import Event
from shared.domain.instant import MINUTE, Instant, Micros
from shared.domain.source import Source
from shared.wire.cloudevents import CONTENT_TYPE, InvalidEvent, encode
from shared.wire.mapping import read_record
from shared.wire.partitioning import partition_of

Headers = Sequence[tuple[str, bytes | None]]

SKEW: Final[Micros] = 5 * MINUTE
"""How far ahead of the wall clock an event may be (contract section 1)."""
RECORD_BYTES: Final = 2 * 1024 * 1024
"""Most bytes of all events that one payload gives, since each may repeat much of it."""
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
    """A record that gives no events, and why."""

    origin: Record
    why: InvalidEvent


@dataclass(frozen=True, slots=True)
class Handled:
    """The outcome of a batch: events by partition of the event log, and the others.

    `skipped` are records that give no event because their source means it so.
    """

    events: Mapping[int, Sequence[Outgoing]]
    refused: Sequence[Refused]
    skipped: Sequence[Record] = ()


def handle(
    records: Iterable[Record], sources: Mapping[str, Source], *, partitions: int, now: Instant
) -> Handled:
    """Read each record as the source of its topic says.

    Events go to the partition of their item, in the order they came; all of a record, or none.
    """
    events: dict[int, list[Outgoing]] = {}
    refused: list[Refused] = []
    skipped: list[Record] = []
    latest = now + SKEW
    for record in records:
        source = sources[record.topic]
        try:
            found = read_record(source, record.headers, record.value)
            for event in found:
                if event.time > latest:
                    raise _in_the_future()
            written = (
                [encode(event) for event in found] if source.payload is None else _written(found)
            )
        except InvalidEvent as why:
            refused.append(Refused(record, why))
            continue
        if not found:
            skipped.append(record)
        for event, value in zip(found, written, strict=True):
            item = event.item
            outgoing = Outgoing(item.encode(), value, EVENT_HEADERS, record)
            events.setdefault(partition_of(item, partitions), []).append(outgoing)
    return Handled(events, refused, skipped)


def _written(events: Iterable[Event]) -> list[bytes]:
    written: list[bytes] = []
    total = 0
    for event in events:
        value = encode(event)
        total += len(value)
        if total > RECORD_BYTES:
            raise _too_large()
        written.append(value)
    return written


def _in_the_future() -> InvalidEvent:
    return InvalidEvent(
        "future_time", f"time is more than {SKEW // MINUTE} minutes ahead of the wall clock"
    )


def _too_large() -> InvalidEvent:
    return InvalidEvent(
        "too_large", f"the events of the record together are larger than {RECORD_BYTES} bytes"
    )
