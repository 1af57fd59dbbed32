"""What a request may ask of the api: its size, its text, its time. Refused before it is worked on.

Plain ASGI. The limits are those of docs/limits.md.
"""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.web.problems import Refusal, problem_response
from services.api.web.repeated import refused_repetition

TARGET_BYTES_MAX: Final = 8_192
"""Path and query."""
HEADERS_BYTES_MAX: Final = 16_384
BODY_BYTES_MAX: Final = 65_536
ANSWER_S: Final = 10.0
"""So long an answer may take to begin."""
SLOW: Final[Mapping[str, float]] = {"/v1/reports/": 30.0}
"""The same for what needs longer, by the beginning of the path."""
_PATIENCE_S: Final = 1.0
_BODILESS: Final = frozenset({"GET", "HEAD"})
_TOO_LARGE: Final = 413
_BODY_DETAIL: Final = f"a body has at most {BODY_BYTES_MAX} bytes"
# What is still on its way is not read, so the connection cannot be used for another request.
_CLOSE: Final = {"connection": "close"}


class Limits:
    """Refuses what is too large or no text, and what takes too long to answer.

    A body that does not say how large it is, is ended when it turns out to be too large.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = _refused(scope)
        if refusal is not None:
            await problem_response(Request(scope), refusal)(scope, receive, send)
            return
        await _Attempt(scope, receive, send).run(self._app)


class _Attempt:
    """An answer that has to begin in time, to somebody who is still there."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._taken = 0
        self._begun = False
        self._late = False
        self._gone = False
        self._task: asyncio.Task[object] | None = None
        self._watch: asyncio.Task[None] | None = None

    async def run(self, app: ASGIApp) -> None:
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        path: str = self._scope["path"]
        limit = next((s for start, s in SLOW.items() if path.startswith(start)), ANSWER_S)
        timers = [loop.call_later(limit, self._give_up)]
        if self._scope["method"] in _BODILESS:
            timers.append(loop.call_later(_PATIENCE_S, self._begin_to_watch))
        try:
            await app(self._scope, self._take, self._note)
        except asyncio.CancelledError:
            if not (self._late or self._gone) or self._task is None:
                raise
            self._task.uncancel()
            if self._late:
                detail = f"no answer could be given within {limit:g} s; ask for less"
                late = Refusal(kind="too-slow", detail=detail, headers={"retry-after": "1"})
                await problem_response(Request(self._scope), late)(
                    self._scope, self._receive, self._send
                )
        finally:
            for timer in timers:
                timer.cancel()
            if self._watch is not None:
                self._watch.cancel()

    async def _take(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        if self._taken > BODY_BYTES_MAX:
            # Of all errors the only kind that the framework lets through while it reads.
            raise HTTPException(_TOO_LARGE, _BODY_DETAIL, _CLOSE)
        return message

    async def _note(self, message: Message) -> None:
        self._begun = self._begun or message["type"] == "http.response.start"
        await self._send(message)

    def _give_up(self) -> None:
        if not self._begun and self._task is not None:
            self._late = True
            self._task.cancel()

    def _begin_to_watch(self) -> None:
        if not self._begun:
            self._watch = asyncio.ensure_future(self._watch_caller())

    async def _watch_caller(self) -> None:
        """Give up when the caller has gone: nobody waits for what is being read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._begun and self._task is not None:
            self._gone = True
            self._task.cancel()


def _refused(scope: Scope) -> Refusal | None:
    """Why the head of a request is refused, if it is."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    if len(path) + len(query) > TARGET_BYTES_MAX:
        detail = f"path and query have more than {TARGET_BYTES_MAX} bytes; ask in several requests"
        return Refusal(kind="target-too-long", detail=detail)
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_BYTES_MAX:
        detail = f"the headers have more than {HEADERS_BYTES_MAX} bytes"
        close = {"connection": "close"}  # whether it came at once or in parts: 400 closes too
        return Refusal(kind="headers-too-large", detail=detail, headers=close)
    for place, text in (("path", path), ("query", query)):
        if b"%" in text and not _is_text(text):
            detail = f"the {place} is no UTF-8 when it is percent-decoded"
            return Refusal(kind="malformed-request", detail=detail)
    return _refused_body(Headers(scope=scope)) or refused_repetition(scope)


def _refused_body(headers: Headers) -> Refusal | None:
    if "content-length" in headers and "transfer-encoding" in headers:
        detail = "Content-Length and Transfer-Encoding exclude each other"
        return Refusal(kind="malformed-request", detail=detail)
    if headers.get("content-encoding", "identity") != "identity":
        detail = "a body is taken as it is, without Content-Encoding"
        return Refusal(kind="unsupported-media-type", detail=detail)
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length[:20]) > BODY_BYTES_MAX:
        return Refusal(kind="body-too-large", detail=_BODY_DETAIL, headers=_CLOSE)
    return None


def _is_text(text: bytes) -> bool:
    try:
        unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
