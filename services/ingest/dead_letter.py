"""A refused record as it goes to the dead letters: unchanged, with headers that say what befell it.

The headers' names are those of Kafka's own dead letters (KIP-1191) and some of ours.
"""

import hashlib
from typing import Final

from services.ingest.handle import Headers, Outgoing, Refused
from shared.domain.instant import Instant, format_instant

PREFIX: Final = "__dlq.errors."
_DELIVERIES: Final = PREFIX + "delivery.count"
_CUT_VALUE_BYTES: Final = 400_000
_CUT_HEADERS_BYTES: Final = 100_000
_DECODING: Final = frozenset(
    {
        "empty",
        "too_large",
        "not_utf8",
        "not_json",
        "not_an_object",
        "duplicate_key",
        "nested_too_deep",
        "number_out_of_range",
        "unsupported_content_type",
    }
)


def dead_letter(refused: Refused, *, group: str, failed_at: Instant, version: str) -> Outgoing:
    """The record for the dead letters: value, key and headers as they came, ours after them."""
    origin, why = refused.origin, refused.why
    ours = {
        "topic": origin.topic,
        "partition": str(origin.partition),
        "offset": str(origin.offset),
        "group": group,
        "delivery.count": str(_deliveries(origin.headers) + 1),
        "message": why.message,
        "exception.class": f"{type(why).__module__}.{type(why).__qualname__}",
        "stage": "decode" if why.reason in _DECODING else "validate",
        "reason": why.reason,
        "timestamp": str(origin.timestamp),
        "failed_at": format_instant(failed_at),
        "app_version": version,
    }
    headers = [*origin.headers, *((PREFIX + name, text.encode()) for name, text in ours.items())]
    return Outgoing(origin.key, origin.value, headers, origin)


def truncated(letter: Outgoing) -> Outgoing:
    """The letter cut to what every broker takes, saying so; the original's place is in it."""
    value, headers = letter.value or b"", list(letter.headers)
    if sum(len(name) + len(content or b"") for name, content in headers) > _CUT_HEADERS_BYTES:
        headers = [header for header in headers if header[0].startswith(PREFIX)]
    cut = {
        "truncated": str(len(value)),
        "sha256": hashlib.sha256(value).hexdigest(),
    }
    headers += [(PREFIX + name, text.encode()) for name, text in cut.items()]
    key = letter.key[:_CUT_HEADERS_BYTES] if letter.key else letter.key
    return Outgoing(key, value[:_CUT_VALUE_BYTES], headers, letter.origin)


def _deliveries(headers: Headers) -> int:
    """How often the record has been dead before: it may have been sent again."""
    counts = [content for name, content in headers if name == _DELIVERIES and content]
    return int(counts[-1]) if counts and counts[-1].isdigit() and len(counts[-1]) < 7 else 0  # noqa: PLR2004 - no sane count
