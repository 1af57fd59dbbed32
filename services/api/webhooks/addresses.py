"""Where a webhook may be sent: https, to an address that everybody can reach, and to no other.

Whoever may name a URL must not reach through us what only we can: a name is resolved once, every
address that it has is looked at, and the request goes to one of just those. Networks of one's own
are allowed by name of the network (`ACCORD_WEBHOOK_NETWORKS`); http to these alone.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import Final
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""A host's addresses as text."""

URL_MAX: Final = 2_000
RESOLVE_S: Final = 5.0
_PORTS: Final = {"https": 443, "http": 80}
_FIRST_FREE_PORT: Final = 1024
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\.?|[0-9a-f:.]+")
_PRINTED: Final = re.compile(r"[!-~]+")
# IPv4 addresses inside: who translates them decides where they lead.
_TRANSLATED: Final = (
    IPv6Network("64:ff9b::/96"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("2002::/16"),
    IPv6Network("2001::/32"),
)


class UrlRefused(ValueError):  # noqa: N818 - named as the other refusals are
    """Nothing is sent to this URL; the text says why, and nothing of what is inside."""


@dataclass(frozen=True, slots=True)
class Target:
    """One address of a receiver, and how it is asked for there."""

    scheme: str
    host: str
    port: int
    path: str
    address: str

    @property
    def authority(self) -> str:
        """The header `Host`."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """What this machine knows of a name."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(own[4][0]) for own in found))


class Addresses:
    """Turns URLs into targets."""

    def __init__(
        self, inside: Sequence[Network] = (), *, resolve: Resolve = system_resolve
    ) -> None:
        """`inside` are networks that may be reached although they are not public."""
        self._inside = tuple(inside)
        self._resolve = resolve

    async def target(self, url: str) -> Target:
        """An address of the URL's host, every one of which may be reached; else `UrlRefused`."""
        scheme, host, port, path = self._parts(url)
        try:
            async with asyncio.timeout(RESOLVE_S):
                found = [ip_address(own) for own in await self._resolve(host, port)]
        except (OSError, UnicodeError, ValueError):
            message = f"the host {host!r} has no address"
            raise UrlRefused(message) from None
        if not found or not all(self._may_reach(scheme, own) for own in found):
            message = (
                f"the host {host!r} has an address that is not public, or none; a network of your "
                "own is named by those who run Accord (ACCORD_WEBHOOK_NETWORKS)"
            )
            raise UrlRefused(message)
        return Target(scheme, host, port, path, str(found[0]))

    def _parts(self, url: str) -> tuple[str, str, int, str]:
        if len(url) > URL_MAX or not _PRINTED.fullmatch(url):
            message = f"a URL has at most {URL_MAX} characters, printed ASCII without blanks"
            raise UrlRefused(message)
        try:
            parts = urlsplit(url)
            host, given = parts.hostname or "", parts.port
        except ValueError:
            message = "this is no URL"
            raise UrlRefused(message) from None
        if parts.scheme != "https" and not (self._inside and parts.scheme == "http"):
            message = "a URL begins with https://"
            raise UrlRefused(message)
        if "@" in parts.netloc or "#" in url or "\\" in url or not _HOST.fullmatch(host):
            message = "a URL has a host, and neither user nor password nor fragment"
            raise UrlRefused(message)
        default = _PORTS[parts.scheme]
        port = default if given is None else given
        if port != default and port < _FIRST_FREE_PORT:
            message = f"the port is {default} or one from {_FIRST_FREE_PORT} on"
            raise UrlRefused(message)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return parts.scheme, host, port, path

    def _may_reach(self, scheme: str, address: Address) -> bool:
        plain = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        own = address if plain is None else plain
        if any(own.version == network.version and own in network for network in self._inside):
            return True
        return scheme == "https" and _is_public(own)


def _is_public(address: Address) -> bool:
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return address.version == 4 or not any(address in network for network in _TRANSLATED)  # noqa: PLR2004 - of IP
