"""A timeline as bytes: how the events of one item are kept in the database.

The item's kind and subject are its key and are not repeated. MessagePack, with data as it is
where it holds only text, truth values and integers, else as exact JSON text: it has no decimals.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec

from shared.domain.event import Event
from shared.domain.instant import Instant

_Packed: TypeAlias = tuple[
    str, str, str, Instant, dict[str, object] | bytes, str | None, str | None
]
"""Type, source, id, time, data, sequence, replaces."""

_INT64: Final = 1 << 63
_PLAIN: Final = frozenset((str, bool, type(None)))
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[_Packed])
_json_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_json_decoder: Final = msgspec.json.Decoder(dict[str, object], float_hook=Decimal)


def pack_events(events: Iterable[Event]) -> bytes:
    """Write the events of one item, in the order given."""
    return _encoder.encode(
        [
            (e.type, e.source, e.id, e.time, _pack_data(e.data), e.sequence, e.replaces)
            for e in events
        ]
    )


def unpack_events(packed: bytes, *, kind: str, subject: str) -> list[Event]:
    """Read what `pack_events` wrote for the item (kind, subject); equal events, in that order."""
    return [
        Event(
            kind,
            subject,
            source,
            id_,
            type_,
            time,
            _json_decoder.decode(data) if type(data) is bytes else data,  # type: ignore[arg-type]
            sequence,
            replaces,
        )
        for type_, source, id_, time, data, sequence, replaces in _decoder.decode(packed)
    ]


def _pack_data(data: Mapping[str, object]) -> Mapping[str, object] | bytes:
    for member in data.values():
        if type(member) in _PLAIN:
            continue
        if type(member) is int and -_INT64 <= member < _INT64:
            continue
        return _json_encoder.encode(data)
    return data
