"""Which address asks: the connection's own, or what trusted proxies say of those before them."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from starlette.types import Scope

from services.api.access.settings import Network

UNKNOWN: Final = "unknown"
HOPS_MAX: Final = 32
_IPV6_SITE: Final = 64
Address = IPv4Address | IPv6Address


def peer_of(scope: Scope, proxies: Sequence[Network]) -> str:
    """The address of who asks.

    `X-Forwarded-For` is read from the right, as each proxy adds to it there, while what stands
    there is a trusted proxy: what a stranger wrote into it is never reached.
    """
    client = scope.get("client")
    here = _address(client[0]) if client else None
    if here is None:
        return UNKNOWN
    if proxies and _is_trusted(here, proxies):
        named = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
        for text in reversed(named.decode("latin-1").split(",")[-HOPS_MAX:]):
            before = _address(text.strip())
            if before is None:
                break
            here = before
            if not _is_trusted(here, proxies):
                break
    return _named(here)


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _is_trusted(address: Address, proxies: Sequence[Network]) -> bool:
    return any(address.version == own.version and address in own for own in proxies)


def _named(address: Address) -> str:
    """The address; of IPv6 its network, of which one host has all addresses."""
    if isinstance(address, IPv6Address) and not address.is_loopback:
        number = int(address) >> _IPV6_SITE << _IPV6_SITE
        return f"{IPv6Address(number)}/{_IPV6_SITE}"
    return str(address)
