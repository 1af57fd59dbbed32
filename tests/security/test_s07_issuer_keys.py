"""S07: an issuer's keys are fetched seldom, from where they are to be, and kept when it is away."""

import asyncio

import httpx
import pytest

from services.api.access import jwks
from services.api.access.jwks import COOL_DOWN_S, IssuerKeys
from services.api.access.settings import Issuer
from tests.security.issuing import AUDIENCE, EC, ISSUER, RSA, SETTINGS, WEAK, Served, public


class Steady:
    """A steady clock that a test moves."""

    def __init__(self) -> None:
        """It begins at 0."""
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def served() -> Served:
    return Served(public(RSA, "one"))


@pytest.fixture
def steady() -> Steady:
    return Steady()


@pytest.fixture
def keys(served: Served, steady: Steady) -> IssuerKeys:
    return IssuerKeys(SETTINGS, steady, served.transport)


async def test_s07_the_issuers_document_leads_to_its_keys(keys: IssuerKeys, served: Served) -> None:
    assert await keys.key("one") is not None
    assert served.asked == [f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"]


async def test_s07_an_address_that_is_set_is_the_only_one_asked(
    served: Served, steady: Steady
) -> None:
    pinned = Issuer(issuer=ISSUER, audience=AUDIENCE, jwks_url="https://keys.example/all")
    assert await IssuerKeys(pinned, steady, served.transport).key("one") is not None
    assert served.asked == ["https://keys.example/all"]


async def test_s07_a_thousand_made_up_ids_have_the_issuer_asked_once(
    keys: IssuerKeys, served: Served, steady: Steady
) -> None:
    found = await asyncio.gather(*(keys.key(f"made-up-{number}") for number in range(1000)))
    assert found == [None] * 1000
    assert keys.fetches == 1
    steady.now += COOL_DOWN_S
    await keys.key("made-up")
    assert keys.fetches == 2
    assert len(served.asked) == 4


async def test_s07_a_new_key_is_found_once_it_may_be_asked_for(
    keys: IssuerKeys, served: Served, steady: Steady
) -> None:
    await keys.key("one")
    served.keys = [public(EC, "two")]
    assert await keys.key("two") is None
    steady.now += COOL_DOWN_S
    assert await keys.key("two") is not None
    assert await keys.key("one") is None


def _redirected(request: httpx.Request) -> httpx.Response:
    return httpx.Response(302, headers={"location": f"{request.url}/there"})


def _away(_request: httpx.Request) -> httpx.Response:
    message = "nobody is there"
    raise httpx.ConnectError(message)


ANSWERS = {
    "away": _away,
    "fault": lambda _: httpx.Response(500),
    "elsewhere": _redirected,
    "too long": lambda _: httpx.Response(200, content=b" " * (jwks.BYTES_MAX + 1)),
    "no JSON": lambda _: httpx.Response(200, content=b"<html>"),
    "too deep": lambda _: httpx.Response(200, content=b'{"keys":' + b"[" * 100_000),
    "a list": lambda _: httpx.Response(200, json=[]),
    "no keys": lambda _: httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": "https://x"}),
    "another issuer": lambda _: httpx.Response(200, json={"issuer": "https://x", "keys": []}),
    "insecure": lambda _: httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": "http://x"}),
    "no URL": lambda _: httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": "https://[x"}),
    "a file": lambda _: httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": "file:///x"}),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_s07_keys_that_are_known_go_on_whatever_the_issuer_answers(
    keys: IssuerKeys, served: Served, steady: Steady, name: str
) -> None:
    served.answer = ANSWERS[name]
    assert await keys.key("one") is None
    served.answer = None
    steady.now += COOL_DOWN_S
    known = await keys.key("one")
    served.answer = ANSWERS[name]
    steady.now += COOL_DOWN_S
    assert await keys.key("two") is None
    assert await keys.key("one") is known is not None


@pytest.mark.parametrize(
    "shown",
    [
        public(WEAK, "x"),
        public(RSA, "x", use="enc"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "x", "use": "sig"},
        {"kty": "RSA", "kid": "x", "n": "!", "e": "AQAB"},
        {"kty": ["RSA"], "kid": "x"},
        {"kty": "RSA", "kid": "x", "n": 7, "e": [[]]},
        {"kty": "EC", "kid": "x", "crv": {}, "x": "AQ", "y": "AQ"},
        {"kid": 7},
        "x",
    ],
)
async def test_s07_what_is_no_good_key_for_signatures_is_left_out(
    served: Served, keys: IssuerKeys, shown: dict[str, object]
) -> None:
    served.keys.append(shown)
    assert await keys.key("x") is None
    assert await keys.key("one") is not None
