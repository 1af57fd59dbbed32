"""Opaque cursors: where the next page of a list begins, by key and not by number.

A row that is inserted or removed meanwhile shifts nothing. A cursor belongs to the filters that
it was given out under.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, TypeGuard

import msgspec

Key = tuple[str | int, ...]
"""The sort key of the last row of a page."""

_DIGEST_BYTES: Final = 6


class InvalidCursor(ValueError):  # noqa: N818 - named as the other refusals are
    """A cursor that was not given out for this list and these filters."""


def encode_cursor(scope: Sequence[object], key: Key) -> str:
    """The cursor for what follows `key`; `scope` is the list's name and its filters."""
    packed = msgspec.msgpack.encode([_digest(scope), *key])
    return urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def decode_cursor(scope: Sequence[object], cursor: str, shape: tuple[type, ...]) -> Key:
    """The key in a cursor, whose parts are to have the types of `shape`; else InvalidCursor."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = msgspec.msgpack.decode(urlsafe_b64decode(padded))
    except (UnicodeEncodeError, binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        parts = None
    if not _fits(parts, (bytes, *shape)):
        message = "this cursor was not given out by this list; begin without one"
        raise InvalidCursor(message)
    if parts[0] != _digest(scope):
        message = "this cursor belongs to other filters; keep the filters, or begin without one"
        raise InvalidCursor(message)
    return tuple(parts[1:])


def _fits(parts: object, shape: tuple[type, ...]) -> TypeGuard[list[Any]]:
    """Whether these are parts of a key that the database can compare with."""
    return (
        isinstance(parts, list)
        and [type(part) for part in parts] == list(shape)
        and all(-(2**63) <= part < 2**63 for part in parts if isinstance(part, int))
        and not any("\0" in part for part in parts if isinstance(part, str))
    )


def _digest(scope: Sequence[object]) -> bytes:
    return blake2b(msgspec.json.encode(scope), digest_size=_DIGEST_BYTES).digest()
