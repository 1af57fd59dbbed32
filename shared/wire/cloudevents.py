"""CloudEvents 1.0 to events and back: structured, binary (Kafka headers) and NDJSON.

The only decoder: ingest, evaluator and `accord evaluate` all read events with it, so a record is
an event for all of them or for none. Strict: what is not plainly right is refused with a reason.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal, DecimalException
from typing import Final, NoReturn

import msgspec

from shared.domain.event import Event
from shared.domain.instant import Instant, format_instant, parse_instant

Headers = Iterable[tuple[str, bytes | None]]
"""Headers of a Kafka record; a name may repeat."""

MAX_BYTES: Final = 1024 * 1024
"""Largest value that is read at all."""
MAX_TEXT_BYTES: Final = 1024
"""Longest id, source, subject, type, sequence or replaces, in UTF-8: they become database keys."""
MAX_DIGITS: Final = 400
"""Most digits of a number, and its largest power of ten: it stays printable without exponent."""
MAX_DEPTH: Final = 64
"""Deepest nesting of `data`."""

CONTENT_TYPE: Final = "application/cloudevents+json"
SPEC_VERSION: Final = "1.0"

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_MAX_MESSAGE: Final = 300
_MAX_SHOWN: Final = 64
_PREFIX: Final = "ce_"
_FEW: Final = MAX_TEXT_BYTES // 4  # so few characters fit, whatever they are
_TOO_LARGE: Final = 10**MAX_DIGITS
_OUT_OF_RANGE: Final = f"a number has more than {MAX_DIGITS} digits when written out"
FIRST_INSTANT: Final = parse_instant("1900-01-01T00:00:00Z")
END_OF_TIME: Final = parse_instant("9998-12-31T00:00:00Z")
_CONTAINERS: Final = frozenset((dict, list))
_SIMPLE: Final = frozenset((str, bool, type(None)))
_INT64: Final = 1 << 63
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class InvalidEvent(ValueError):  # noqa: N818 - it names the record, the caller's normal outcome
    """Bytes that are no event: `reason` is a code from a small fixed set, `message` for people."""

    def __init__(self, reason: str, message: str) -> None:
        """Say why; the message is cut to a few hundred characters."""
        self.reason = reason
        self.message = (
            message if len(message) <= _MAX_MESSAGE else message[: _MAX_MESSAGE - 1] + "…"
        )
        super().__init__(f"{reason}: {self.message}")


class _Envelope(msgspec.Struct, omit_defaults=True):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    sequence: str | None = None
    replaces: str | None = None
    data: Mapping[str, object] | None = None


def decode_record(headers: Headers, value: bytes | None, *, max_bytes: int = MAX_BYTES) -> Event:
    """Read one Kafka record: structured by its content type, else binary by its `ce_` headers.

    A record with neither is taken as a structured event, for producers that set no headers.
    Raises `InvalidEvent`.
    """
    headers = tuple(headers)
    if not headers:
        return decode_structured(value or b"", max_bytes=max_bytes)
    content_type = _content_type(headers)
    if content_type.startswith("application/cloudevents"):
        if content_type not in ("application/cloudevents", CONTENT_TYPE):
            _refuse(
                "unsupported_content_type", f"content-type {content_type!r} is not {CONTENT_TYPE}"
            )
    elif any(name.startswith(_PREFIX) for name, _ in headers):
        return decode_binary(headers, value, max_bytes=max_bytes)
    return decode_structured(value or b"", max_bytes=max_bytes)


def decode_line(line: bytes, *, max_bytes: int = MAX_BYTES) -> Event:
    """Read one line of NDJSON, a structured event with blanks around. Raises `InvalidEvent`."""
    return decode_structured(line.strip(), max_bytes=max_bytes)


def decode_structured(value: bytes, *, max_bytes: int = MAX_BYTES) -> Event:
    """Read a CloudEvent in JSON, envelope and data in one object. Raises `InvalidEvent`."""
    envelope = _decode_object(value, max_bytes, "not_an_object")
    if "data_base64" in envelope:
        _refuse("data_base64", "data_base64 is not supported: send data as a JSON object")
    had_data = "data" in envelope
    data = envelope.pop("data", None)
    if data is None:
        data = {}
    elif type(data) is not dict:
        _refuse("wrong_type_data", "data is not a JSON object")
    colons = had_data + _check_members(data, 1)
    if _CONTAINERS.isdisjoint(map(type, envelope.values())):
        _refuse_duplicate_keys(value, colons + _colons(envelope))
    else:  # unknown members are not looked into, only for keys that are there twice
        _refuse_duplicate_keys_slowly(value)
    return event_of(envelope, data)


def decode_binary(headers: Headers, value: bytes | None, *, max_bytes: int = MAX_BYTES) -> Event:
    """Read a CloudEvent whose attributes are `ce_` headers and whose value is the data.

    No value is no data. Raises `InvalidEvent`.
    """
    headers = tuple(headers)
    content_type = _content_type(headers)
    if content_type and not _is_json(content_type):
        _refuse("unsupported_content_type", f"content-type {content_type!r} is not JSON")
    envelope: dict[str, object] = {}
    for name, content in headers:
        if not name.startswith(_PREFIX):
            continue
        attribute = name[len(_PREFIX) :]
        if attribute in envelope:
            _refuse("duplicate_key", f"the header {name[:_MAX_SHOWN]!r} is there more than once")
        envelope[attribute] = _header_text(name, content)
    data: dict[str, object] = {}
    if value and value.strip() != b"null":
        data = _decode_object(value, max_bytes, "wrong_type_data")
        _refuse_duplicate_keys(value, _check_members(data, 1))
    return event_of(envelope, data)


def encode(event: Event) -> bytes:
    """Write a structured CloudEvent: UTC time, exact decimals; decoding gives an equal event."""
    return _ENCODER.encode(
        _Envelope(
            SPEC_VERSION,
            event.id,
            event.source,
            event.type,
            event.subject,
            format_instant(event.time),
            event.sequence,
            event.replaces,
            event.data or None,
        )
    )


def _refuse(reason: str, message: str) -> NoReturn:
    raise InvalidEvent(reason, message)


def decode_json(value: bytes, *, max_bytes: int = MAX_BYTES) -> object:
    """Read any JSON as strictly as the data of an event. Raises `InvalidEvent`."""
    decoded = _decode(value, max_bytes)
    _refuse_duplicate_keys(value, _check_other(decoded, 0))
    return decoded


def _decode_object(value: bytes, max_bytes: int, otherwise: str) -> dict[str, object]:
    decoded = _decode(value, max_bytes)
    if type(decoded) is not dict:
        _refuse(otherwise, "the value is JSON but not an object")
    return decoded


def _decode(value: bytes, max_bytes: int) -> object:
    if len(value) > max_bytes:
        _refuse("too_large", f"{len(value)} bytes are more than the {max_bytes} allowed")
    try:
        decoded: object = _DECODER.decode(value)
    except RecursionError:
        _refuse("nested_too_deep", f"the JSON is nested more than {MAX_DEPTH} levels deep")
    except UnicodeDecodeError as error:
        _refuse("not_utf8", f"the value is not UTF-8: {error.reason} in a string")
    except DecimalException:
        _refuse("number_out_of_range", _OUT_OF_RANGE)
    except msgspec.ValidationError:  # the decoder's own limit of an integer
        _refuse("number_out_of_range", _OUT_OF_RANGE)
    except msgspec.DecodeError as error:
        _refuse_undecodable(value, str(error))
    return decoded


def _refuse_undecodable(value: bytes, problem: str) -> NoReturn:
    if not value.strip():
        _refuse("empty", "the value is empty")
    if value.startswith(_BYTE_ORDER_MARK):
        _refuse("not_json", "the value begins with a byte order mark, which JSON has not")
    try:
        value.decode()
    except UnicodeDecodeError as error:
        _refuse("not_utf8", f"the value is not UTF-8: {error.reason} at byte {error.start}")
    try:
        json.dumps(json.loads(value), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        _refuse("invalid_character", "a string holds half a surrogate pair")
    except (ValueError, RecursionError):
        pass
    _refuse("not_json", f"the value is not JSON: {problem}")


def _check_members(members: dict[str, object], depth: int) -> int:
    """Refuse what could not be kept exactly; the colons that an object is written with."""
    if depth > MAX_DEPTH:
        _refuse("nested_too_deep", f"it is nested more than {MAX_DEPTH} levels deep")
    colons = _colons(members)
    for member in members.values():
        if type(member) not in _SIMPLE:
            colons += _check_other(member, depth)
    return colons


def _colons(members: dict[str, object]) -> int:
    """One for each member, and those in the texts of an object itself."""
    count = len(members)
    for name, member in members.items():
        if ":" in name:
            count += name.count(":")
        if type(member) is str and ":" in member:
            count += member.count(":")
    return count


def _check_other(member: object, depth: int) -> int:
    if isinstance(member, int):
        if not -_INT64 <= member < _INT64 and abs(member) >= _TOO_LARGE:
            _refuse("number_out_of_range", _OUT_OF_RANGE)
        return 0
    if isinstance(member, Decimal):
        _check_decimal(member)
        return 0
    if isinstance(member, dict):
        return _check_members(member, depth + 1)
    if isinstance(member, list):
        return _check_list(member, depth + 1)
    return member.count(":") if isinstance(member, str) else 0


def _check_list(members: list[object], depth: int) -> int:
    if depth > MAX_DEPTH:
        _refuse("nested_too_deep", f"it is nested more than {MAX_DEPTH} levels deep")
    return sum(_check_other(member, depth) for member in members)


def _check_decimal(number: Decimal) -> None:
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):  # pragma: no cover - JSON has no NaN
        _refuse("number_out_of_range", _OUT_OF_RANGE)
    if exponent < -MAX_DIGITS or len(digits) + max(exponent, 0) > MAX_DIGITS:
        _refuse("number_out_of_range", _OUT_OF_RANGE)


def _refuse_duplicate_keys(value: bytes, colons: int) -> None:
    """Refuse an object that names a member twice: two readers could see two different events.

    Every member is written with a colon, and texts hold some: so many `colons` have come out. Where
    just these are written, no member came twice. An escaped one came out and is not written so.
    """
    if value.count(b":") != colons or (b"\\" in value and b"\\u003" in value):
        _refuse_duplicate_keys_slowly(value)


def _refuse_duplicate_keys_slowly(value: bytes) -> None:
    try:
        json.loads(value, object_pairs_hook=_unique, parse_int=str, parse_float=str)
    except RecursionError:
        _refuse("nested_too_deep", f"the JSON is nested more than {MAX_DEPTH} levels deep")


def _unique(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        _refuse("duplicate_key", "a member is there more than once in one object")


def event_of(envelope: dict[str, object], data: dict[str, object]) -> Event:
    """Make an event of an envelope and data that were read strictly. Raises `InvalidEvent`."""
    version = envelope.get("specversion")
    if version != SPEC_VERSION and version is not None:
        _refuse("unsupported_specversion", f"specversion is not {SPEC_VERSION!r}")
    type_ = _required(envelope, "type")
    kind, dot, _ = type_.partition(".")
    if not dot or not kind:
        _refuse("type_without_dot", "type is not <kind>.<what>, like ticket.created")
    if ":" in kind:
        _refuse("invalid_character_type", "the kind in type holds a colon")
    return Event(
        kind,
        _required(envelope, "subject"),
        _required(envelope, "source"),
        _required(envelope, "id"),
        type_,
        _time(envelope),
        data,
        _sequence(envelope),
        _optional(envelope, "replaces"),
    )


def _required(envelope: dict[str, object], name: str) -> str:
    text = _optional(envelope, name)
    if text is None:
        _refuse(f"missing_{name}", f"{name} is missing")
    if not text:
        _refuse(f"empty_{name}", f"{name} is empty")
    return text


def _optional(envelope: dict[str, object], name: str) -> str | None:
    text = envelope.get(name)
    if text is None:
        return None
    if type(text) is not str:
        _refuse(f"wrong_type_{name}", f"{name} is not a string")
    if "\0" in text:
        _refuse(f"invalid_character_{name}", f"{name} holds the character NUL")
    if len(text) > _FEW and len(text.encode()) > MAX_TEXT_BYTES:
        _refuse(f"too_long_{name}", f"{name} is longer than {MAX_TEXT_BYTES} bytes")
    return text


def _sequence(envelope: dict[str, object]) -> str | None:
    sequence = envelope.get("sequence")
    if type(sequence) is int and -_TOO_LARGE < sequence < _TOO_LARGE:
        return str(sequence)
    return _optional(envelope, "sequence")


def _time(envelope: dict[str, object]) -> Instant:
    text = _required(envelope, "time")
    try:
        instant = parse_instant(text)
    except ValueError as error:
        _refuse("invalid_time", str(error))
    if not FIRST_INSTANT <= instant < END_OF_TIME:
        _refuse("invalid_time", "time lies outside the years 1900 to 9998")
    return instant


def _content_type(headers: Iterable[tuple[str, bytes | None]]) -> str:
    for name, content in headers:
        if name.lower() == "content-type":
            text = _header_text(name, content) or ""
            return text.partition(";")[0].strip().lower()[:_MAX_SHOWN]
    return ""


def _is_json(content_type: str) -> bool:
    return content_type in ("application/json", "text/json") or content_type.endswith("+json")


def _header_text(name: str, content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        _refuse("not_utf8", f"the header {name[:_MAX_SHOWN]!r} is not UTF-8")
