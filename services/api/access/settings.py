"""What the environment says about access: open or by credentials, whose, and how much."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from shared.runtime.config import PREFIX, InvalidSettings, optional_value, whole_number

Network = IPv4Network | IPv6Network

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures with a public key. What is signed with a shared secret is never taken."""
RATE_PER_MINUTE: Final = 12_000
AT_ONCE: Final = 200
_MOST: Final = 10_000_000


VARIABLES: Final = (
    "ACCESS",
    "ALLOWED_HOSTS",
    "CONCURRENCY",
    "DOCS",
    "OIDC_ALGORITHMS",
    "OIDC_AUDIENCE",
    "OIDC_CUSTOMERS_CLAIM",
    "OIDC_ISSUER",
    "OIDC_JWKS_URL",
    "OIDC_SCOPE_CLAIM",
    "OIDC_SCOPE_PREFIX",
    "RATE_LIMIT",
    "TRUSTED_PROXIES",
)
"""The variables that are read here, without their prefix."""


class Mode(StrEnum):
    """Who is let in."""

    OPEN = "open"
    KEYS = "keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Whose tokens are taken, and which of their claims say what."""

    issuer: str
    audience: str
    jwks_url: str | None = None
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    scope_claim: str = "scope"
    scope_prefix: str = "accord:"
    customers_claim: str = "accord_customers"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """How the api is guarded.

    `rate_per_minute` and `at_once` are each credential's, or each peer's where there is none; 0 is
    no limit. `proxies` are networks whose word about the peer is taken; no `hosts`: any.
    """

    mode: Mode
    issuer: Issuer | None = None
    rate_per_minute: int = 0
    at_once: int = 0
    proxies: tuple[Network, ...] = ()
    hosts: tuple[str, ...] = ()
    docs: bool = True


OPEN: Final = AccessSettings(mode=Mode.OPEN)
"""For an app that only this machine reaches."""


def read_access(given: Mapping[str, str], host: str) -> AccessSettings:
    """The settings of an api that listens on `host`.

    InvalidSettings where it would be open to others though nobody has said so.
    """
    mode = _mode(given, host)
    limited = mode is Mode.KEYS
    return AccessSettings(
        mode=mode,
        issuer=_issuer(given) if limited else None,
        rate_per_minute=whole_number(
            given, "RATE_LIMIT", RATE_PER_MINUTE if limited else 0, 0, _MOST
        ),
        at_once=whole_number(given, "CONCURRENCY", AT_ONCE if limited else 0, 0, _MOST),
        proxies=_networks(given, "TRUSTED_PROXIES"),
        hosts=tuple(own.lower() for own in _listed(given, "ALLOWED_HOSTS")),
        docs=_switch(given, "DOCS", default=True),
    )


def _mode(given: Mapping[str, str], host: str) -> Mode:
    said = optional_value(given, "ACCESS")
    if said is None:
        if _is_loopback(host):
            return Mode.OPEN
        message = (
            f"{PREFIX}HOST is {host}, which others may reach, and {PREFIX}ACCESS is not set. "
            f"Set {PREFIX}ACCESS=keys: whoever asks needs a key (`accord keys create --help`) or a "
            f"token of {PREFIX}OIDC_ISSUER. Or {PREFIX}ACCESS=open: everybody who reaches the port "
            "reads everything"
        )
        raise InvalidSettings(message)
    try:
        return Mode(said)
    except ValueError:
        message = f"{PREFIX}ACCESS is {said!r}; it is `keys` or `open`"
        raise InvalidSettings(message) from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _issuer(given: Mapping[str, str]) -> Issuer | None:
    issuer = optional_value(given, "OIDC_ISSUER")
    if issuer is None:
        return None
    audience = optional_value(given, "OIDC_AUDIENCE")
    if audience is None:
        message = (
            f"{PREFIX}OIDC_AUDIENCE is not set; it is to be what the issuer's tokens for Accord "
            "say in `aud`, so that a token for somebody else is not taken"
        )
        raise InvalidSettings(message)
    jwks_url = optional_value(given, "OIDC_JWKS_URL")
    for name, url in (("OIDC_ISSUER", issuer), ("OIDC_JWKS_URL", jwks_url or issuer)):
        _refuse_insecure(name, url)
    return Issuer(
        issuer=issuer,
        audience=audience,
        jwks_url=jwks_url,
        algorithms=_algorithms(given),
        scope_claim=optional_value(given, "OIDC_SCOPE_CLAIM") or "scope",
        scope_prefix=optional_value(given, "OIDC_SCOPE_PREFIX") or "accord:",
        customers_claim=optional_value(given, "OIDC_CUSTOMERS_CLAIM") or "accord_customers",
    )


def _refuse_insecure(name: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts.hostname):
        return
    message = f"{PREFIX}{name} is {url!r}; it is to be https://… (http on this machine alone)"
    raise InvalidSettings(message)


def _algorithms(given: Mapping[str, str]) -> tuple[str, ...]:
    asked = _listed(given, "OIDC_ALGORITHMS") or ("RS256", "ES256")
    for own in asked:
        if own not in ALGORITHMS:
            known = ", ".join(ALGORITHMS)
            message = f"{PREFIX}OIDC_ALGORITHMS has {own!r}; these can be taken: {known}"
            raise InvalidSettings(message)
    return asked


def _networks(given: Mapping[str, str], name: str) -> tuple[Network, ...]:
    found = []
    for own in _listed(given, name):
        try:
            found.append(ip_network(own))
        except ValueError as error:
            message = f"{PREFIX}{name}: {error}; it is to be networks such as 10.0.0.0/8"
            raise InvalidSettings(message) from None
    return tuple(found)


def _switch(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    said = optional_value(given, name)
    if said is None:
        return default
    if said not in {"on", "off"}:
        message = f"{PREFIX}{name} is {said!r}; it is `on` or `off`"
        raise InvalidSettings(message)
    return said == "on"


def _listed(given: Mapping[str, str], name: str) -> tuple[str, ...]:
    text = optional_value(given, name) or ""
    return tuple(part.strip() for part in text.split(",") if part.strip())
