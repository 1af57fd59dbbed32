"""How much of a request is read: no body is larger than what a write may need."""

from typing import Final

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.web.problems import Refusal, problem_response

BYTES_MAX: Final = 256 * 1024
_DETAIL: Final = f"a body has at most {BYTES_MAX} bytes"
_TOO_LARGE: Final = 413


class BodyLimit:
    """Refuses a body that says it is too large, and ends one that turns out to be."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = dict(scope["headers"]).get(b"content-length", b"0")
        if not said.isdigit() or int(said[:20]) > BYTES_MAX:
            refusal = Refusal(kind="body-too-large", detail=_DETAIL)
            await problem_response(Request(scope), refusal)(scope, receive, send)
            return
        read = 0

        async def receive_so_much() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > BYTES_MAX:
                # Of all errors the only kind that the framework lets through while it reads.
                raise HTTPException(_TOO_LARGE, _DETAIL)
            return message

        await self._app(scope, receive_so_much, send)
