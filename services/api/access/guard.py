"""Around every request: who asks, whether that one may ask now, and what browsers are told.

Plain ASGI, so that nothing is buffered; a request that is refused has had no byte of its body read.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.access.gate import REFUSED_COST, CredentialRefused, Gate
from services.api.access.limits import Allowance
from services.api.access.scopes import CHALLENGE, is_public
from services.api.web.browser_headers import BROWSER_HEADERS
from services.api.web.caller import CALLER, NOBODY, Caller
from services.api.web.middleware import ASK_AGAIN, IS_STREAM
from services.api.web.problems import Refusal, problem_response

Headers = list[tuple[bytes, bytes]]

_TOLD: Final = [(name.encode(), value.encode()) for name, value in BROWSER_HEADERS.items()]
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Finds out who asks and counts it; the route then asks for its scope."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        """Wrap the app."""
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told: Headers = []
        send = _also(send, told)
        try:
            caller, name = await self._identified(scope, told)
        except Refusal as refused:
            await problem_response(Request(scope), refused)(scope, receive, send)
            return
        scope[CALLER] = caller
        scope[ASK_AGAIN] = partial(self._gate.caller, scope)
        if not self._gate.at_once.begin(name):
            refusal = Refusal(
                kind="too-many-at-once",
                detail=f"{self._gate.settings.at_once} requests of this caller are being answered "
                "already; wait for one of them",
                headers={"retry-after": "1"},
            )
            await problem_response(Request(scope), refusal)(scope, receive, send)
            return
        held = True

        async def send_and_release(message: Message) -> None:
            nonlocal held
            if held and IS_STREAM in scope:
                # A stream is answered for hours, and has a limit of its own.
                held = False
                self._gate.at_once.end(name)
            await send(message)

        try:
            await self._app(scope, receive, send_and_release)
        finally:
            if held:
                self._gate.at_once.end(name)

    async def _identified(self, scope: Scope, told: Headers) -> tuple[Caller, str]:
        """Who asks, and the name under which its requests are counted: its own, else its peer's."""
        gate, peer = self._gate, f"peer:{self._gate.peer(scope)}"
        try:
            caller = await gate.caller(scope)
            _refuse_nobody(caller, scope)
        except CredentialRefused as refusal:
            gate.refusals.note(refusal.reason, peer)
            _spend(gate.rates.take(peer, REFUSED_COST), told)
            raise
        except Refusal:
            _spend(gate.rates.take(peer), told)
            raise
        name = peer if caller is NOBODY or gate.is_open else caller.name
        _spend(gate.rates.take(name), told)
        _refuse_forged(scope)
        return caller, name


def _spend(allowance: Allowance | None, told: Headers) -> None:
    if allowance is None:
        return
    told += [
        (b"ratelimit-policy", f'"default";q={allowance.quota};w=60'.encode()),
        (b"ratelimit", f'"default";r={allowance.left};t={allowance.full_in_s}'.encode()),
    ]
    if allowance.is_spent:
        raise Refusal(
            kind="rate-limited",
            detail=f"{allowance.quota} requests a minute are allowed; ask again in "
            f"{allowance.wait_s} s",
            headers={"retry-after": str(allowance.wait_s)},
        )


def _refuse_nobody(caller: Caller, scope: Scope) -> None:
    if caller is NOBODY and not is_public(scope["path"]):
        raise Refusal(
            kind="unauthenticated",
            detail="this needs a key or a token: Authorization: Bearer …",
            headers=_challenge(scope),
        )


def _challenge(scope: Scope) -> dict[str, str]:
    """What is asked for: of a browser that opens a page a name and a password, the key."""
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    if b"text/html" not in accept:
        return CHALLENGE
    return {"www-authenticate": 'Basic realm="Accord: any name, a key as password"'}


def _refuse_forged(scope: Scope) -> None:
    """Refuse a write that a page of another site has a browser send with what it remembers."""
    if scope["method"] in _SAFE:
        return
    headers = dict(scope["headers"])
    site = headers.get(b"sec-fetch-site", b"none")
    if site in {b"same-origin", b"none"} and _is_own(headers.get(b"origin"), headers):
        return
    raise Refusal(
        kind="other-origin",
        detail="a page of another site may not write; programs leave `Origin` out",
    )


def _is_own(origin: bytes | None, headers: dict[bytes, bytes]) -> bool:
    return origin is None or origin.partition(b"://")[2] == headers.get(b"host", b"")


def _also(send: Send, told: Sequence[tuple[bytes, bytes]]) -> Send:
    """`send` with what the guard has to tell."""

    async def send_also(message: Message) -> None:
        if message["type"] == "http.response.start" and told:
            message["headers"] = [*message["headers"], *told]
        await send(message)

    return send_also


class SecurityHeaders:
    """Tells browsers what they may do with an answer, and refuses hosts that are not ours."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        """Wrap the app; `hosts` are names without ports, none: any."""
        self._app = app
        self._hosts = frozenset(own.encode() for own in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                more = [(name, value) for name, value in _TOLD if name not in names]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        if self._is_foreign(scope):
            refusal = Refusal(
                kind="unknown-host", detail="this host is not served here (ACCORD_ALLOWED_HOSTS)"
            )
            response = problem_response(Request({**scope, "headers": []}), refusal)
            await response(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _is_foreign(self, scope: Scope) -> bool:
        if not self._hosts:
            return False
        named = [value for name, value in scope["headers"] if name == b"host"]
        return len(named) != 1 or _without_port(named[0]).lower() not in self._hosts


def _without_port(host: bytes) -> bytes:
    name, colon, port = host.rpartition(b":")
    return name if colon and port.isdigit() else host
