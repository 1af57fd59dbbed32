"""How events reach Kafka: mostly at once, some late, twice, contradicting themselves, or broken."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from services.cli.simulator.life import Fact
from shared.domain.instant import SECOND, Instant, Micros, as_datetime, format_instant

Headers = tuple[tuple[str, bytes], ...]

TOPICS: Final[Mapping[str, str]] = {"lead": "leads", "ticket": "tickets"}

_encoder: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, order=True)
class Record:
    """A Kafka record and the instant at which it is produced; `spoiled` when it has no meaning."""

    at: Instant
    topic: str
    key: bytes
    value: bytes
    headers: Headers = ()
    spoiled: bool = False


@dataclass(frozen=True, slots=True)
class Noise:
    """How often delivery goes wrong, as chances for each event."""

    late: float = 0.025
    very_late: float = 0.002
    twice: float = 0.01
    conflicting: float = 0.001
    broken: float = 0.0006


def deliver(random: Random, fact: Fact, noise: Noise) -> Iterator[Record]:
    """The records by which one event arrives, in no particular order."""
    at = fact.sent + _delay(random, noise)
    sent = record(fact, at)
    yield sent
    if random.random() < noise.twice:
        yield replace(sent, at=at + _seconds(random, 30, 1.0))
    if random.random() < noise.conflicting:
        other = replace(fact, data={**fact.data, "note": "sent again with another text"})
        yield record(other, at + _seconds(random, 60, 1.0))
    if random.random() < noise.broken:
        spoil = random.choice(SPOILERS)
        yield replace(spoil(record(fact, at, structured=True)), at=at + SECOND, spoiled=True)


def _delay(random: Random, noise: Noise) -> Micros:
    fate = random.random()
    if fate < noise.very_late:
        return _seconds(random, 20 * 3600, 0.6)
    if fate < noise.very_late + noise.late:
        return _seconds(random, 200, 1.2)
    return _seconds(random, 0.3, 0.8)


def _seconds(random: Random, median: float, spread: float) -> Micros:
    return round(median * random.lognormvariate(0, spread) * SECOND)


def record(fact: Fact, at: Instant, *, structured: bool | None = None) -> Record:
    """The event on the wire: structured from the help desk, binary from the CRM.

    The CRM writes local times with an offset; the help desk keys by customer, so that the events
    of a ticket lie in any order across partitions once it is passed on.
    """
    if structured or (structured is None and fact.source != "/crm"):
        return _structured(fact, at)
    return _binary(fact, at)


def _structured(fact: Fact, at: Instant) -> Record:
    body: dict[str, object] = {
        "specversion": "1.0",
        "id": fact.id,
        "source": fact.source,
        "type": f"{fact.kind}.{fact.what}",
        "subject": fact.subject,
        "time": format_instant(fact.time),
        "datacontenttype": "application/json",
    }
    if fact.replaces is not None:
        body["replaces"] = fact.replaces
    if fact.sequence is not None:
        body["sequence"] = str(fact.sequence)
    value = _encoder.encode(body | {"data": fact.data})
    headers = (("content-type", b"application/cloudevents+json; charset=utf-8"),)
    return Record(at, TOPICS[fact.kind], _key(fact), value, headers)


def _binary(fact: Fact, at: Instant) -> Record:
    local = as_datetime(fact.time).astimezone(ZoneInfo(fact.zone))
    attributes = {
        "specversion": "1.0",
        "id": fact.id,
        "source": fact.source,
        "type": f"{fact.kind}.{fact.what}",
        "subject": fact.subject,
        "time": local.isoformat(timespec="milliseconds" if not fact.time % 1000 else "auto"),
    }
    if fact.replaces is not None:
        attributes["replaces"] = fact.replaces
    if fact.sequence is not None:
        attributes["sequence"] = str(fact.sequence)
    headers = (
        ("content-type", b"application/json"),
        *((f"ce_{name}", text.encode()) for name, text in attributes.items()),
    )
    value = _encoder.encode(fact.data)
    return Record(at, TOPICS[fact.kind], _key(fact), value, headers)


def _key(fact: Fact) -> bytes:
    if fact.kind == "ticket":
        return str(fact.data.get("customer", fact.subject)).encode()
    return fact.subject.encode()


def _truncated(sent: Record) -> Record:
    return replace(sent, value=sent.value[: len(sent.value) * 2 // 3])


def _not_utf8(sent: Record) -> Record:
    return replace(sent, value=sent.value.replace(b'"data":{', b'"data":{"name":"M\xfcller",', 1))


def _without_time(sent: Record) -> Record:
    return replace(sent, value=sent.value.replace(b'"time":', b'"when":', 1))


def _wrong_type(sent: Record) -> Record:
    return replace(sent, value=sent.value.replace(b'"subject":"', b'"subject":17,"was":"', 1))


def _a_list(sent: Record) -> Record:
    return replace(sent, value=b"[" + sent.value + b"]")


SPOILERS: Final[tuple[Callable[[Record], Record], ...]] = (
    _truncated,
    _not_utf8,
    _without_time,
    _wrong_type,
    _a_list,
)
"""Each takes a good structured record and breaks it in one way."""
