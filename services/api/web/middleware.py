"""Around every request: its id, its figures, and HEAD as GET without a body.

Plain ASGI, so that nothing is buffered. The route's template is read after routing, which keeps
the figures' labels few.
"""

import re
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime import metrics

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Seconds; those of OpenTelemetry's `http.server.request.duration`."""

UNMATCHED: Final = "unmatched"
REQUEST_ID: Final = "accord.request_id"
IS_HEAD: Final = "accord.is_head"
"""True in the scope of a request whose answer's body is not sent."""
IS_STREAM: Final = "accord.is_stream"
"""True in the scope of a request that lasts as long as its caller likes."""
ASK_AGAIN: Final = "accord.ask_again"
"""In a request's scope: finds out anew who asks, for what lasts; raises `Refusal`."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TRACE: Final = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})")
_SAMPLED: Final = 1
_SENT_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class RequestId:
    """Takes over the caller's `X-Request-ID`, or gives one, and sends it back."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = sent if _SENT_ID.fullmatch(sent) else uuid4().hex.encode()
        scope[REQUEST_ID] = request_id.decode("ascii")

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        await self._app(scope, receive, send_with_id)


class HeadAsGet:
    """Answers HEAD as GET does, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # In place: what stands outside reads the route that the router notes in it.
        scope["method"], scope[IS_HEAD] = "GET", True
        await self._app(scope, receive, send_without_body)


class RequestFigures:
    """Counts requests and times them but for streams, by method, route template and status."""

    def __init__(
        self, app: ASGIApp, registry: CollectorRegistry, elapsed: Callable[[], float]
    ) -> None:
        """Wrap the app; `elapsed` is a steady clock in seconds."""
        self._app = app
        self._elapsed = elapsed
        self._requests = metrics.HTTP_REQUESTS.counter(registry)
        self._duration = metrics.HTTP_DURATION.histogram(registry, BUCKETS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        began = self._elapsed()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        inner = dict(scope)
        try:
            await self._app(inner, receive, send_and_note)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
            route = getattr(inner.get("route"), "path", UNMATCHED)
            self._requests.labels(method=method, route=route, status=str(status)).inc()
            if IS_STREAM not in inner:
                duration = self._duration.labels(method=method, route=route)
                duration.observe(self._elapsed() - began, exemplar=_exemplar(scope))


def _exemplar(scope: Scope) -> dict[str, str] | None:
    """The trace that a request says it belongs to (W3C `traceparent`), if it was sampled."""
    sent = _TRACE.fullmatch(dict(scope["headers"]).get(b"traceparent", b""))
    if sent is None or not int(sent[2], 16) & _SAMPLED or not int(sent[1], 16):
        return None
    return {"trace_id": sent[1].decode()}
