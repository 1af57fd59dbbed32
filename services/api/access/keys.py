"""API keys: `accord_<id>_<secret>`, 256 random bits, of which only a digest is kept.

A digest without salt or stretching is enough for a secret that nobody can guess. The id is no
secret: it finds the key, and names it where people talk about it.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b32encode
from dataclasses import dataclass, field
from typing import Final

from services.api.web.caller import Caller
from shared.domain.instant import Instant

_ID_BYTES: Final = 10
_SECRET_BYTES: Final = 32
KEY: Final = re.compile(r"accord_([a-z2-7]{16})_([a-z2-7]{52})")
"""A key: its id and its secret."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A row of `api_key` as far as it decides: what proves it, and what it allows until when."""

    id: str
    digest: bytes = field(repr=False)
    name: str
    scopes: frozenset[str]
    customers: frozenset[str] | None
    expires_at: Instant | None
    revoked_at: Instant | None

    def refused(self, now: Instant) -> str | None:
        """Why it is not taken at an instant; None where it is."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return None

    @property
    def caller(self) -> Caller:
        """Who asks with it."""
        return Caller(f"key:{self.id}", self.scopes, self.customers)


def new_key() -> tuple[str, str]:
    """A new key: its id and its text."""
    key_id = _letters(_ID_BYTES)
    return key_id, f"accord_{key_id}_{_letters(_SECRET_BYTES)}"


def digest_of(text: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).digest()


def proves(key: StoredKey, text: str) -> bool:
    """Whether this is the text of the key; it takes as long whatever the text."""
    return hmac.compare_digest(key.digest, digest_of(text))


def key_id_of(text: str) -> str | None:
    """The id in the text of a key; None where it has not the form of one."""
    match = KEY.fullmatch(text)
    return None if match is None else match[1]


def _letters(count: int) -> str:
    return b32encode(secrets.token_bytes(count)).decode("ascii").rstrip("=").lower()
