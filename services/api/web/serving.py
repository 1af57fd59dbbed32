"""HTTP while the process lives, and its end: no request fails because a process goes.

    not ready -> the drain delay: served as before, each answer closes its connection
              -> no new connection -> what is under way ends

Who sends requests here (a load balancer, a node of a cluster) hears with a delay that the process
is not ready. Until then its requests are answered, and a client that keeps its connection is told
with the next answer to make another one. Only a connection that was silent for the whole delay is
closed without a word, as one is that has been silent for too long.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.web.connection import HEAD_BYTES_MAX, TimedConnection
from shared.runtime.config import Settings

KEEP_ALIVE_S: Final = 75
"""Longer than the minute after which balancers let go of a silent connection: they do it first."""
UNDER_WAY_S: Final = 20
"""How long a request that is under way at the end may take: less than a process gives itself."""


class Leaving:
    """Asks every client to close its connection once the process has been told to stop."""

    def __init__(self, app: ASGIApp, stopping: asyncio.Event) -> None:
        """Wrap the app."""
        self._app = app
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_and_part(message: Message) -> None:
            if message["type"] == "http.response.start" and self._stopping.is_set():
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, send_and_part)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process."""
        yield


def http_config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    """How the app is served at an address."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=UNDER_WAY_S,
        http=TimedConnection,
        ws="none",
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
    )


async def serve_http(app: ASGIApp, settings: Settings, stopping: asyncio.Event) -> None:
    """Serve until told to stop, and `settings.drain_delay` seconds more; OSError if it cannot."""
    server = _Server(http_config(Leaving(app, stopping), settings.host, settings.api_port))
    leaving = asyncio.create_task(_leave(server, stopping, settings.drain_delay))
    try:
        await server.serve()
    finally:
        leaving.cancel()
    if not stopping.is_set():
        message = f"HTTP cannot be served on {settings.host}:{settings.api_port}"
        raise OSError(message)


async def _leave(server: uvicorn.Server, stopping: asyncio.Event, delay_s: float) -> None:
    await stopping.wait()
    await asyncio.sleep(delay_s)
    server.should_exit = True
