"""S06, API2: a token is taken when it is signed by the issuer, for us, now, and not for long."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from services.api.access.jwks import IssuerKeys
from services.api.access.settings import AccessSettings, Mode
from services.api.access.tokens import TokenRefused, Tokens
from services.api.web.caller import Caller
from tests.api.stored import NOW
from tests.security.guarded import Guarded, bearer, guarded
from tests.security.issuing import AT_S, EC, RSA, SETTINGS, Served, public, token

PEM = (
    RSA.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library looks at the machine's clock: here it is noon of the second of March."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Stopped":
            del tz
            return cls.fromtimestamp(AT_S, UTC)

    monkeypatch.setattr("jwt.api_jwt.datetime", Stopped)


@pytest.fixture
def tokens() -> Tokens:
    served = Served(public(RSA, "one"), public(EC, "two"))
    keys = IssuerKeys(SETTINGS, time.perf_counter, served.transport)
    return Tokens(SETTINGS, keys, lambda: NOW)


async def test_s06_a_good_token_says_who_asks(tokens: Tokens) -> None:
    found = await tokens.caller(token())
    assert found == Caller("token:mira", frozenset({"read"}), frozenset({"acme"}))
    assert await tokens.caller(token(EC, algorithm="ES256", kid="two")) == found


def _unsigned(alg: str) -> str:
    _, body, _ = token().split(".")
    named = json.dumps({"alg": alg, "typ": "JWT", "kid": "one"}).encode()
    return f"{base64.urlsafe_b64encode(named).decode().rstrip('=')}.{body}."


def _with_pem_as_secret() -> str:
    """Signed with the public key as if it were a shared secret: algorithm confusion."""
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"one"}').rstrip(b"=")
    body = token().split(".")[1].encode()
    signed = hmac.new(PEM.encode(), head + b"." + body, hashlib.sha256).digest()
    return b".".join([head, body, base64.urlsafe_b64encode(signed).rstrip(b"=")]).decode()


def _changed() -> str:
    head, _, signature = token().split(".")
    body = token(accord_customers="*").split(".")[1]
    return f"{head}.{body}.{signature}"


BAD: dict[str, Callable[[], str]] = {
    "none": lambda: _unsigned("none"),
    "nOnE": lambda: _unsigned("nOnE"),
    "HS256 with the public key": _with_pem_as_secret,
    "HS256": lambda: token("secret" * 8, algorithm="HS256"),
    "an algorithm that is not allowed": lambda: token(algorithm="RS512"),
    "the key of another": lambda: token(EC, algorithm="ES256"),
    "a key that is not known": lambda: token(kid="three"),
    "no key named": lambda: token(kid=None),
    "a content that was changed": _changed,
    "another issuer": lambda: token(iss="https://login.example.evil"),
    "another audience": lambda: token(aud="billing"),
    "no audience": lambda: token(without="aud"),
    "no issuer": lambda: token(without="iss"),
    "no end": lambda: token(without="exp"),
    "no subject": lambda: token(without="sub"),
    "a subject that is a number": lambda: token(sub=7),
    "an end that has been": lambda: token(exp=AT_S - 31),
    "a beginning to come": lambda: token(nbf=AT_S + 31),
    "issued in time to come": lambda: token(iat=AT_S + 31),
    "an end in a thousand years": lambda: token(exp=AT_S + 10**10),
    "an end beyond all time": lambda: token(exp=10**30),
    "more than a day": lambda: token(exp=AT_S + 24 * 3600 + 1),
    "a type for something else": lambda: token(headers={"typ": "logout+jwt"}),
    "a critical extension": lambda: token(headers={"crit": ["x"], "x": 1}),
    "nothing": lambda: "",
    "no token": lambda: "hello",
    "two dots": lambda: "..",
    "too long": lambda: token(more="x" * 9000),
}


@pytest.mark.parametrize("name", BAD)
async def test_s06_no_other_token_is_taken(tokens: Tokens, name: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        await tokens.caller(BAD[name]())
    assert "eyJ" not in str(refused.value)


async def test_s06_thirty_seconds_of_leeway_are_granted_and_no_more(tokens: Tokens) -> None:
    for own in (token(exp=AT_S - 29, iat=AT_S - 100), token(nbf=AT_S + 29)):
        assert (await tokens.caller(own)).name == "token:mira"


async def test_s06_keys_and_addresses_in_the_header_are_not_looked_at(tokens: Tokens) -> None:
    mine = jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True)
    several: list[dict[str, object]] = [
        {"jwk": mine},
        {"jku": "https://evil.example"},
        {"x5u": "https://evil.example"},
    ]
    for headers in several:
        with pytest.raises(TokenRefused):
            await tokens.caller(token(kid="three", headers=headers))


@pytest.mark.parametrize(
    ("claims", "scopes", "customers"),
    [
        ({"scope": "accord:write"}, {"read", "write"}, {"acme"}),
        ({"scope": ["accord:read"]}, {"read"}, {"acme"}),
        ({"scope": "read write admin"}, set(), {"acme"}),
        ({"scope": "accord:root"}, set(), {"acme"}),
        ({"scope": 7}, set(), {"acme"}),
        ({"accord_customers": "globex"}, {"read"}, {"globex"}),
        ({"accord_customers": "*"}, {"read"}, None),
        ({"accord_customers": ["acme", "*"]}, {"read"}, None),
        ({"accord_customers": []}, {"read"}, set()),
        ({"accord_customers": None}, {"read"}, set()),
        ({"accord_customers": {"acme": 1}}, {"read"}, set()),
        ({"scope": "accord:admin", "accord_customers": "*"}, {"read", "write", "admin"}, None),
        ({"scope": "accord:admin"}, {"read", "write"}, {"acme"}),
    ],
)
async def test_s06_claims_say_scopes_and_customers(
    tokens: Tokens, claims: dict[str, Any], scopes: set[str], customers: set[str] | None
) -> None:
    found = await tokens.caller(token(**claims))
    assert found.scopes == scopes
    assert found.customers == customers


async def test_s06_without_the_customers_claim_nothing_is_seen(tokens: Tokens) -> None:
    assert (await tokens.caller(token(without="accord_customers"))).customers == frozenset()


@pytest.fixture
def api(tmp_path: Path) -> Guarded:
    served = Served(public(RSA, "one"))
    settings = AccessSettings(mode=Mode.KEYS, issuer=SETTINGS)
    keys = IssuerKeys(SETTINGS, time.perf_counter, served.transport)
    return guarded(tmp_path, settings, issuer_keys=keys)


async def test_s06_the_api_takes_tokens_and_keys_side_by_side(api: Guarded) -> None:
    async with api.client() as http:
        for text in (token(), api.key("read")):
            answer = await http.get("/v1/agreements/x", headers=bearer(text))
            assert answer.status_code == 404, answer.text
        answer = await http.get("/v1/agreements/x", headers=bearer(token(exp=AT_S - 31)))
        assert answer.status_code == 401
        assert answer.json()["detail"] == "the token has expired"
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
