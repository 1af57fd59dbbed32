"""Everything that decides about access, together: keys, tokens, limits, and what was refused."""

import asyncio
import logging
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from services.api.access.jwks import IssuerKeys
from services.api.access.keys import KEY
from services.api.access.limits import AtOnce, Rates
from services.api.access.peers import peer_of
from services.api.access.refusals import Refusals
from services.api.access.ring import KeyRing
from services.api.access.settings import AccessSettings, Mode
from services.api.access.tokens import TokenRefused, Tokens
from services.api.board.board import UNREACHABLE
from services.api.web.caller import CALLER, EVERYONE, NOBODY, Caller
from services.api.web.problems import Refusal
from shared.runtime.database import Pool
from shared.runtime.wall_clock import WallClock

WRITE_DOWN_S: Final = 60.0
REFUSED_COST: Final = 100
"""Requests that a refused credential counts as, of its peer: guessing is slow."""
_PREFIX: Final = "accord_"
_logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """The credential of a request: who it says it is, and how it was shown."""

    text: str
    scheme: str


class Gate:
    """Decides who asks, and whether now."""

    def __init__(
        self,
        settings: AccessSettings,
        pool: Pool,
        *,
        clock: WallClock,
        elapsed: Callable[[], float],
        issuer_keys: IssuerKeys | None = None,
    ) -> None:
        """`clock` is the machine's, `elapsed` a steady one in seconds."""
        self.settings = settings
        self.ring = KeyRing(pool, clock)
        self.refusals = Refusals(pool)
        self.rates = Rates(settings.rate_per_minute, elapsed)
        self.at_once = AtOnce(settings.at_once)
        self._issuer_keys = issuer_keys
        self._tokens: Tokens | None = None
        if settings.issuer is not None:
            self._issuer_keys = issuer_keys or IssuerKeys(settings.issuer, elapsed)
            self._tokens = Tokens(settings.issuer, self._issuer_keys, clock)

    @property
    def is_open(self) -> bool:
        """Whether everybody is let in."""
        return self.settings.mode is Mode.OPEN

    def readiness(self) -> dict[str, str | None]:
        """The check of readiness: the keys are known."""
        return {} if self.is_open else {"keys": self.ring.problem}

    async def keep_until(self, stopping: asyncio.Event) -> None:
        """Renew what is known, and write down what was seen, until told to stop."""
        if self.is_open:
            await stopping.wait()
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self.ring.renew_until(stopping))
            group.create_task(self._write_down_until(stopping))
            if self._issuer_keys is not None:
                group.create_task(self._issuer_keys.renew_until(stopping))

    async def _write_down_until(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), WRITE_DOWN_S)
            await self.write_down()

    async def write_down(self) -> None:
        """Write down which keys were used, and what was refused; another time what cannot be."""
        for write in (self.ring.note_used, self.refusals.write_down):
            try:
                await write()
            except UNREACHABLE as error:
                _logger.warning(
                    "What was seen of credentials is written down later: %r",
                    error,
                    extra={"action": "not_written_down"},
                )

    def peer(self, scope: Scope) -> str:
        """The address of who asks."""
        return peer_of(scope, self.settings.proxies)

    async def caller(self, scope: Scope) -> Caller:
        """Who asks; NOBODY without a credential. Refusal where it is not to be taken."""
        _refuse_in_url(scope)
        if self.is_open:
            # What stands around the app may have said who asks; no request can.
            said: Caller = scope.get(CALLER, EVERYONE)
            return said
        shown = _shown(scope)
        if shown is None:
            return NOBODY
        if shown.text.startswith(_PREFIX):
            return self._by_key(shown)
        if self._tokens is None:
            raise _refused(reason="unknown", detail="no such key")
        try:
            return await self._tokens.caller(shown.text)
        except TokenRefused as error:
            raise _refused(reason=error.reason, detail=str(error)) from None

    def _by_key(self, shown: Shown) -> Caller:
        if not self.ring.is_believed:
            raise Refusal(
                kind="unavailable",
                detail="keys cannot be checked at the moment; ask again",
                headers={"retry-after": "1"},
            )
        found = self.ring.find(shown.text)
        if isinstance(found, str):
            # Which part of a key is wrong is nobody's business; that it has ended may be told.
            said = {"expired": "the key has expired", "revoked": "the key is revoked"}
            raise _refused(reason=found, detail=said.get(found, "no such key"))
        return found.caller


class CredentialRefused(Refusal):
    """A credential that is not taken; `reason` is one word for the audit log."""

    reason: str = "unknown"


def _refused(*, reason: str, detail: str) -> CredentialRefused:
    refusal = CredentialRefused(
        kind="unauthenticated",
        detail=detail,
        headers={"www-authenticate": 'Bearer realm="accord", error="invalid_token"'},
    )
    refusal.reason = reason
    return refusal


def _shown(scope: Scope) -> Shown | None:
    """The credential in the `Authorization` header: a bearer's, or the password of Basic."""
    several: Sequence[bytes] = [
        value for name, value in scope["headers"] if name == b"authorization"
    ]
    if not several:
        return None
    if len(several) > 1:
        raise _refused(reason="several", detail="there are several Authorization headers")
    scheme, _, text = several[0].decode("latin-1").partition(" ")
    text = text.strip()
    match scheme.lower():
        case "bearer":
            return Shown(text, "bearer")
        case "basic":
            return Shown(_password(text), "basic")
        case _:
            raise _refused(
                reason="scheme", detail="Authorization is to be `Bearer` and a key or a token"
            )


def _password(text: str) -> str:
    try:
        said = b64decode(text, validate=True).decode("utf-8")
    except (NotBase64, ValueError):
        raise _refused(reason="unreadable", detail="Authorization: Basic cannot be read") from None
    return said.partition(":")[2]


def _refuse_in_url(scope: Scope) -> None:
    """A key in a URL is in logs and histories by now, and never taken."""
    query = scope.get("query_string", b"")
    if b"accord_" in query and KEY.search(query.decode("latin-1")):
        raise Refusal(
            kind="credential-in-url",
            detail="a key stands in the address, where logs keep it: send it as "
            "Authorization: Bearer, and revoke this one",
        )
