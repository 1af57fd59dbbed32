"""Tokens of an OIDC issuer: what a signed JWT says about who asks."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import jwt

from services.api.access.jwks import IssuerKeys
from services.api.access.settings import Issuer
from services.api.web.caller import Caller, implied
from shared.domain.instant import SECOND, Instant
from shared.runtime.wall_clock import WallClock

BYTES_MAX: Final = 8 * 1024
KEY_ID_MAX: Final = 200
NAME_MAX: Final = 200
LEEWAY_S: Final = 30
LIFETIME_MAX_S: Final = 24 * 3600
"""A token that holds for longer is a password that nobody can take back."""
CUSTOMERS_MAX: Final = 1_000
REMEMBERED: Final = 2_000
REMEMBERED_S: Final = 60
"""For how long a token that was proved is not proved again."""
EVERY_CUSTOMER: Final = "*"
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})


class TokenRefused(ValueError):  # noqa: N818 - named as the other refusals are
    """A token that is not taken; `reason` is one word, the text for whoever sent it."""

    def __init__(self, reason: str, text: str) -> None:
        """Say why."""
        self.reason = reason
        super().__init__(text)


class Tokens:
    """Proves tokens of one issuer and tells who asks with them."""

    def __init__(self, issuer: Issuer, keys: IssuerKeys, clock: WallClock) -> None:
        """`clock` is the machine's."""
        self._issuer = issuer
        self._keys = keys
        self._clock = clock
        self._proved: OrderedDict[bytes, tuple[Caller, Instant]] = OrderedDict()

    async def caller(self, token: str) -> Caller:
        """Who asks with a token; TokenRefused where it is not to be taken."""
        if len(token) > BYTES_MAX:
            text = f"the token is longer than {BYTES_MAX} bytes"
            raise TokenRefused(reason="too_long", text=text)
        own, now = hashlib.sha256(token.encode()).digest(), self._clock()
        known = self._proved.get(own)
        if known is not None and now < known[1]:
            return known[0]
        claims = await self._prove(token)
        caller = _caller(claims, self._issuer)
        ends = min(int(claims["exp"]) * SECOND, now + REMEMBERED_S * SECOND)
        self._proved[own] = (caller, ends)
        if len(self._proved) > REMEMBERED:
            self._proved.popitem(last=False)
        return caller

    async def _prove(self, token: str) -> Mapping[str, Any]:
        key_id = self._key_id(token)
        key = await self._keys.key(key_id)
        if key is None:
            text = "the token is signed with a key that the issuer is not known to have"
            raise TokenRefused(reason="unknown_key", text=text)
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[*self._issuer.algorithms],
                audience=self._issuer.audience,
                issuer=self._issuer.issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenRefused(reason="expired", text="the token has expired") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            # The library's sentences name claims and never show the token.
            text = f"the token is not taken: {type(error).__name__}"
            raise TokenRefused(reason="invalid", text=text) from None
        self._refuse_long_lived(claims)
        return claims

    def _key_id(self, token: str) -> str:
        """The id of the key in the header; nothing else there is believed."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            text = "it is neither a key of Accord nor a token"
            raise TokenRefused(reason="unreadable", text=text) from None
        if header.get("alg") not in self._issuer.algorithms:
            text = f"tokens are signed with one of {', '.join(self._issuer.algorithms)}"
            raise TokenRefused(reason="algorithm", text=text)
        if str(header.get("typ", "JWT")).lower() not in _TYPES:
            raise TokenRefused(reason="type", text="the token is of a type for something else")
        key_id = header.get("kid")
        if not isinstance(key_id, str) or not 0 < len(key_id) <= KEY_ID_MAX:
            text = "the token does not name the key that signed it"
            raise TokenRefused(reason="unknown_key", text=text)
        return key_id

    def _refuse_long_lived(self, claims: Mapping[str, Any]) -> None:
        begins = claims.get("iat", self._clock() // SECOND)
        if int(claims["exp"]) - int(begins) > LIFETIME_MAX_S:
            text = f"the token holds for more than {LIFETIME_MAX_S // 3600} hours"
            raise TokenRefused(reason="long_lived", text=text)


def _caller(claims: Mapping[str, Any], issuer: Issuer) -> Caller:
    scopes = _scopes(claims.get(issuer.scope_claim), issuer.scope_prefix)
    customers = _customers(claims.get(issuer.customers_claim))
    if customers is not None:
        # What `admin` sees is of all customers.
        scopes -= {"admin"}
    return Caller(f"token:{str(claims['sub'])[:NAME_MAX]}", scopes, customers)


def _scopes(said: object, prefix: str) -> frozenset[str]:
    """Words with blanks between them (RFC 8693), or a list."""
    words = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    return implied(
        word.removeprefix(prefix)
        for word in words
        if isinstance(word, str) and word.startswith(prefix)
    )


def _customers(said: object) -> frozenset[str] | None:
    """The customers that a token is for: none where it does not say, None for `*`."""
    if said == EVERY_CUSTOMER:
        return None
    several = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    if EVERY_CUSTOMER in several:
        return None
    return frozenset(own for own in several[:CUSTOMERS_MAX] if isinstance(own, str) and own)
