"""An OIDC issuer in memory: its keys, its documents over HTTP, and the tokens that it signs."""

from collections.abc import Callable
from typing import Any, Final

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from services.api.access.settings import Issuer
from shared.domain.instant import SECOND
from tests.api.stored import NOW

ISSUER: Final = "https://login.example"
AUDIENCE: Final = "accord"
SETTINGS: Final = Issuer(issuer=ISSUER, audience=AUDIENCE)
RSA: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK: Final = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - refused
EC: Final = ec.generate_private_key(ec.SECP256R1())
AT_S: Final = NOW // SECOND


def public(key: Any, kid: str, **more: object) -> dict[str, object]:  # noqa: ANN401 - either kind
    """A key as an issuer shows it."""
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    shown: dict[str, object] = algorithm.to_jwk(key.public_key(), as_dict=True)
    return {**shown, "kid": kid, "use": "sig", **more}


class Served:
    """The issuer's side over HTTP: what it answers, and how often it was asked."""

    def __init__(self, *keys: dict[str, object]) -> None:
        """It shows these keys."""
        self.keys = list(keys)
        self.asked: list[str] = []
        self.answer: Callable[[httpx.Request], httpx.Response] | None = None

    @property
    def transport(self) -> httpx.MockTransport:
        """What a client speaks through."""
        return httpx.MockTransport(self._serve)

    def _serve(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if self.answer is not None:
            return self.answer(request)
        if request.url.path == "/.well-known/openid-configuration":
            return httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"})
        return httpx.Response(200, json={"keys": self.keys})


def token(
    key: Any = RSA,  # noqa: ANN401 - of every kind, also what no key may be
    *,
    algorithm: str = "RS256",
    kid: str | None = "one",
    headers: dict[str, object] | None = None,
    without: str = "",
    **claims: Any,  # noqa: ANN401 - of every kind, also what no claim may be
) -> str:
    """A token that is taken, but for what is asked to be otherwise."""
    said: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "mira",
        "iat": AT_S,
        "exp": AT_S + 300,
        "scope": "accord:read openid",
        "accord_customers": ["acme"],
        **claims,
    }
    said.pop(without, None)
    named = {} if kid is None else {"kid": kid}
    return jwt.encode(said, key, algorithm=algorithm, headers={**named, **(headers or {})})
