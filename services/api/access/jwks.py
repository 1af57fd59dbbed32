"""The public keys of an issuer: fetched ahead, kept when the issuer is away.

A key id that is not known has them fetched anew, at most once in a while: whoever sends tokens with
made-up ids cannot have the issuer asked for each.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, TypeAlias

import httpx
import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from services.api.access.settings import Issuer

COOL_DOWN_S: Final = 30.0
"""Least time between two fetches."""
RENEW_S: Final = 600.0
TIMEOUT_S: Final = 5.0
BYTES_MAX: Final = 256 * 1024
KEYS_MAX: Final = 100
RSA_BITS_LEAST: Final = 2048
_DISCOVERY: Final = "/.well-known/openid-configuration"
_KTYS: Final = ("RSA", "EC", "OKP")
_MALFORMED: Final = (jwt.PyJWTError, ValueError, TypeError, AttributeError, KeyError)
_logger: Final = logging.getLogger(__name__)

Key: TypeAlias = jwt.PyJWK


class NoKeysError(RuntimeError):
    """The issuer does not say its keys as it should; the text says what it says."""


# What is no URL is refused by errors of several kinds.
_NOT_FETCHED: Final = (
    httpx.HTTPError,
    httpx.InvalidURL,
    NoKeysError,
    OSError,
    TimeoutError,
    ValueError,
)


class IssuerKeys:
    """The keys of one issuer by id."""

    def __init__(
        self,
        issuer: Issuer,
        elapsed: Callable[[], float],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Nothing is fetched yet; `elapsed` is a steady clock in seconds."""
        self._issuer = issuer
        self._elapsed = elapsed
        self._transport = transport
        self._keys: Mapping[str, Key] = {}
        self._tried_at: float | None = None
        self._turn = asyncio.Lock()
        self.fetches = 0

    async def key(self, key_id: str) -> Key | None:
        """The key of an id; None where the issuer has none, as far as it may be asked now."""
        if key_id not in self._keys:
            await self._fetch_if_due()
        return self._keys.get(key_id)

    async def renew_until(self, stopping: asyncio.Event) -> None:
        """Fetch the keys now and then; a fetch that fails leaves those that are known."""
        while not stopping.is_set():
            await self._fetch_if_due()
            pause = RENEW_S if self._keys else COOL_DOWN_S
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)

    async def _fetch_if_due(self) -> None:
        async with self._turn:
            now = self._elapsed()
            if self._tried_at is not None and now - self._tried_at < COOL_DOWN_S:
                return
            self._tried_at = now
            try:
                self._keys = await self._fetch()
            except _NOT_FETCHED as error:
                _logger.warning(
                    "The keys of %s cannot be fetched, %d are known: %s.",
                    self._issuer.issuer,
                    len(self._keys),
                    error,
                    extra={"action": "jwks_not_renewed"},
                )

    async def _fetch(self) -> Mapping[str, Key]:
        self.fetches += 1
        async with (
            asyncio.timeout(2 * TIMEOUT_S),
            httpx.AsyncClient(
                timeout=TIMEOUT_S,
                follow_redirects=False,
                transport=self._transport,
                trust_env=False,
            ) as client,
        ):
            url = self._issuer.jwks_url or await self._discover(client)
            return _keys_of(await _read(client, url))

    async def _discover(self, client: httpx.AsyncClient) -> str:
        """The address of the keys as the issuer's own document names it."""
        said = await _read(client, self._issuer.issuer.rstrip("/") + _DISCOVERY)
        if said.get("issuer") != self._issuer.issuer:
            message = f"its document is of issuer {said.get('issuer')!r}"
            raise NoKeysError(message)
        url = said.get("jwks_uri")
        secure = self._issuer.issuer.startswith("https://")
        if not isinstance(url, str) or (secure and not url.startswith("https://")):
            message = f"its document says that its keys are at {url!r}"
            raise NoKeysError(message)
        return url


async def _read(client: httpx.AsyncClient, url: str) -> Mapping[str, object]:
    """A JSON object from elsewhere: no more of it than is allowed."""
    body = bytearray()
    async with client.stream("GET", url, headers={"accept": "application/json"}) as answer:
        if answer.status_code != httpx.codes.OK:
            message = f"{url} answers {answer.status_code}"
            raise NoKeysError(message)
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > BYTES_MAX:
                message = f"{url} answers more than {BYTES_MAX} bytes"
                raise NoKeysError(message)
    try:
        return msgspec.json.decode(bytes(body), type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        message = f"{url} answers no JSON object"
        raise NoKeysError(message) from None


def _keys_of(said: Mapping[str, object]) -> Mapping[str, Key]:
    several = said.get("keys")
    if not isinstance(several, list):
        message = "its keys are no list"
        raise NoKeysError(message)
    found: dict[str, Key] = {}
    for own in several[:KEYS_MAX]:
        if not isinstance(own, dict) or own.get("use", "sig") != "sig":
            continue
        key_id = own.get("kid")
        if not isinstance(key_id, str) or own.get("kty") not in _KTYS:
            continue
        with suppress(*_MALFORMED):
            key = jwt.PyJWK.from_dict(own)
            if not _is_weak(key):
                found[key_id] = key
    if not found:
        message = "none of its keys is a public key for signatures"
        raise NoKeysError(message)
    return found


def _is_weak(key: Key) -> bool:
    return isinstance(key.key, RSAPublicKey) and key.key.key_size < RSA_BITS_LEAST
