"""Where a webhook may be sent, and that nothing else is ever asked."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from services.api.webhooks.addresses import Addresses, Resolve, UrlRefused

PUBLIC = "93.184.216.34"
INSIDE = (ip_network("10.1.0.0/16"), ip_network("fd00:1::/32"))


def resolving(*addresses: str) -> Resolve:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://hooks.example.com", "hooks.example.com", "/"),
        ("https://HOOKS.example.com:443/a?b=c", "hooks.example.com", "/a?b=c"),
        ("https://hooks.example.com:8443/%2f", "hooks.example.com:8443", "/%2f"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/"),
    ],
)
async def test_a_public_receiver_is_asked_at_the_address_that_was_looked_at(
    url: str, authority: str, path: str
) -> None:
    target = await Addresses(resolve=resolving(PUBLIC)).target(url)
    assert (target.address, target.authority, target.path) == (PUBLIC, authority, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "http://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "https:///a",
        "https://",
        "https://user@hooks.example.com/",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com/#fragment",
        "https://hooks.example.com\\@inside/",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:80/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:x/",
        "https://hooks.example.com:0/",
        "https://[::1/",
        "https://bücher.example/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nhost: inside",
        "https://hooks.example.com/" + "x" * 2_000,
        "https://a_b/",
    ],
)
async def test_what_is_no_plain_https_url_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        await Addresses(resolve=resolving(PUBLIC)).target(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",  # noqa: S104 - it is refused
        "10.2.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.2.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::a02:1",
        "64:ff9b:1::a02:1",
        "2002:a02:1::",
        "2001:0:a02:1::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%lo",
        "ff02::1",
        "2001:db8::1",
    ],
)
async def test_an_address_that_is_not_public_is_refused_also_beside_one_that_is(
    address: str,
) -> None:
    for several in ((address,), (PUBLIC, address)):
        with pytest.raises(UrlRefused, match="not public"):
            await Addresses(resolve=resolving(*several)).target("https://hooks.example.com/")


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "[::ffff:10.0.0.1]"]
)
async def test_other_spellings_of_an_address_inside_are_looked_at_as_the_system_reads_them(
    host: str,
) -> None:
    with pytest.raises(UrlRefused):
        await Addresses().target(f"https://{host}/")


@pytest.mark.parametrize("found", [(), ("not an address",)])
async def test_a_host_without_an_address_is_refused(found: tuple[str, ...]) -> None:
    with pytest.raises(UrlRefused):
        await Addresses(resolve=resolving(*found)).target("https://hooks.example.com/")


async def test_a_name_that_cannot_be_resolved_is_refused() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        raise OSError

    with pytest.raises(UrlRefused, match="has no address"):
        await Addresses(resolve=resolve).target("https://hooks.example.com/")


async def test_a_network_of_ones_own_is_allowed_by_name_also_without_tls() -> None:
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5"):
        addresses = Addresses(INSIDE, resolve=resolving(address))
        assert (await addresses.target("http://inside:8080/a")).authority == "inside:8080"
        assert (await addresses.target("https://inside/a")).address == str(ip_address(address))
    for address in (PUBLIC, "10.2.0.1"):
        with pytest.raises(UrlRefused):
            await Addresses(INSIDE, resolve=resolving(address)).target("http://inside/")
    with pytest.raises(UrlRefused):
        await Addresses(INSIDE, resolve=resolving("10.1.2.3")).target("http://inside:22/")
