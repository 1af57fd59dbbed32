"""An app behind a gate that asks for credentials, without a database."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.api.access.gate import Gate
from services.api.access.jwks import IssuerKeys
from services.api.access.keys import StoredKey, digest_of, new_key
from services.api.access.settings import AccessSettings, Mode
from services.api.app import create_app, make_sources
from services.api.web.caller import implied
from shared.domain.instant import SECOND, Instant
from shared.runtime.database import Pool
from tests.api.stored import NOW, a_catalogue

ISSUED = NOW
KEYS = AccessSettings(mode=Mode.KEYS)


class _Unreachable:
    def acquire(self) -> object:
        raise ConnectionRefusedError


NO_DATABASE = cast("Pool", _Unreachable())


class Hands:
    """Clocks that a test moves: the time of day in microseconds, and a steady one in seconds."""

    def __init__(self) -> None:
        self.now = NOW

    def clock(self) -> Instant:
        """The time of day."""
        return self.now

    def elapsed(self) -> float:
        """The steady clock."""
        return self.now / SECOND

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * SECOND)


@dataclass
class Guarded:
    """The app, its gate, and the clocks of both."""

    app: FastAPI
    gate: Gate
    hands: Hands
    keys: dict[str, StoredKey]

    def key(
        self,
        *scopes: str,
        customers: Sequence[str] | None = None,
        expires_at: Instant | None = None,
    ) -> str:
        """The text of a new key that is known here from now on."""
        key_id, text = new_key()
        limits = None if customers is None else frozenset(customers)
        self.keys[key_id] = StoredKey(
            key_id, digest_of(text), "test", implied(scopes), limits, expires_at, None
        )
        self.renew()
        return text

    def revoke(self, text: str) -> None:
        """Have a key revoked."""
        own = text.split("_")[1]
        self.keys[own] = replace(self.keys[own], revoked_at=self.hands.now)
        self.renew()

    def renew(self) -> None:
        """Know the keys as of now."""
        self.gate.ring.hold(self.keys, self.hands.now)

    @asynccontextmanager
    async def client(
        self, *, peer: str = "192.0.2.7", **headers: str
    ) -> AsyncIterator[httpx.AsyncClient]:
        """A client of it at an address."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(peer, 1234))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://api", headers=named
        ) as client:
            yield client


def guarded(
    folder: Path,
    settings: AccessSettings = KEYS,
    *,
    issuer_keys: IssuerKeys | None = None,
) -> Guarded:
    """An app with these settings; whatever gets past the gate meets a database that is away."""
    hands = Hands()
    gate = Gate(
        settings,
        NO_DATABASE,
        clock=hands.clock,
        elapsed=hands.elapsed,
        issuer_keys=issuer_keys,
    )
    gate.ring.hold({}, hands.now)
    sources = make_sources(pool=NO_DATABASE, catalogue=a_catalogue(folder), clock=hands.clock)
    return Guarded(create_app(sources, CollectorRegistry(), gate), gate, hands, {})


def bearer(text: str) -> dict[str, str]:
    """The header that shows a credential."""
    return {"authorization": f"Bearer {text}"}
