"""An app whose database does not answer, for what is said before anything is read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.api.app import create_app, make_sources
from shared.runtime.database import Pool
from tests.api.stored import NOW, a_catalogue


class _Unreachable:
    def acquire(self) -> object:
        raise ConnectionRefusedError


def an_app(folder: Path) -> FastAPI:
    """The app, with the documents of `stored`."""
    pool = cast("Pool", _Unreachable())
    sources = make_sources(pool=pool, catalogue=a_catalogue(folder), clock=lambda: NOW)
    return create_app(sources, CollectorRegistry())


@asynccontextmanager
async def asking(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it, whose requests do not raise what the app raises."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client
