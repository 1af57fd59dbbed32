"""An app on a real socket of this machine, in the test's own process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from services.api.web.connection import TimedConnection
from services.api.web.serving import http_config

HOST = "127.0.0.1"


@asynccontextmanager
async def on_a_port(config: uvicorn.Config) -> AsyncIterator[int]:
    """Serve while the block runs; the port is the system's choice where the config has 0."""
    # Without its main loop, which only looks ten times a second whether it is to end.
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


@asynccontextmanager
async def on_a_socket(
    app: ASGIApp, connection: type[TimedConnection] = TimedConnection
) -> AsyncIterator[str]:
    """The app as its process serves it, while the block runs: its address."""
    config = http_config(app, HOST, 0)
    config.http = connection
    async with on_a_port(config) as port:
        yield f"http://{HOST}:{port}"
