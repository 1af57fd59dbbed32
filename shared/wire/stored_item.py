"""The body of a stored item: its timeline and what has been posted of it, as msgpack.

`[1, timeline, posted]`; a posted row is a contribution and where it was posted to.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from shared.domain.contribution import Contribution
from shared.domain.event import Event
from shared.domain.instant import Instant
from shared.wire.timeline import pack_events
from shared.wire.timeline import unpack_events as unpack_timeline

VERSION: Final = 1
_INT64: Final = 1 << 63


class Placed(NamedTuple):
    """Where a contribution was posted to: a pane, and whether to one of its buckets too.

    `built` is the generation of documents that the objective's panes were built for.
    """

    pane_start: Instant
    bucketed: bool
    built: int = 0


class _Body(msgspec.Struct, array_like=True):
    version: int
    timeline: bytes
    posted: list[tuple[Contribution, Placed]]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Body)


class UnreadableItemError(ValueError):
    """A body was written by a program that this one does not understand."""


def pack_item(events: list[Event], posted: Iterable[tuple[Contribution, Placed]]) -> bytes:
    """The body of an item whose events, in order, are `events`."""
    timeline = pack_events(events)
    try:
        return _encoder.encode(_Body(VERSION, timeline, [*posted]))
    except OverflowError:
        # MessagePack has no larger integers than those of 64 bits; decimals are text in it.
        wide = [(_widened(own), placed) for own, placed in posted]
        return _encoder.encode(_Body(VERSION, timeline, wide))


def unpack_events(key: str, body: bytes) -> list[Event]:
    """The events of the item `key` (`kind:subject`) that stand, in order."""
    kind, _, subject = key.partition(":")
    return unpack_timeline(_read(body).timeline, kind=kind, subject=subject)


def unpack_item(key: str, body: bytes) -> tuple[list[Event], list[tuple[Contribution, Placed]]]:
    """The events of the item `key`, and its posted contributions with where they are."""
    kind, _, subject = key.partition(":")
    read = _read(body)
    return unpack_timeline(read.timeline, kind=kind, subject=subject), read.posted


def _widened(own: Contribution) -> Contribution:
    """The same with a decimal for an amount of more than 64 bits: equal to it, and hashed alike."""
    if isinstance(own.amount, int) and not -_INT64 <= own.amount < _INT64:
        return own._replace(amount=Decimal(own.amount))
    return own


def _read(body: bytes) -> _Body:
    try:
        read = _decoder.decode(body)
    except msgspec.DecodeError as error:
        message = f"the body of an item cannot be read: {error}"
        raise UnreadableItemError(message) from None
    if read.version != VERSION:
        message = f"the body of an item has version {read.version}, this program reads {VERSION}"
        raise UnreadableItemError(message)
    return read
