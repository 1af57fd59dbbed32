"""An app over filled tables, for tests on a real database."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx

from services.api.app import create_app, make_sources
from services.api.figures.exporter import Exporter
from services.cli.evaluate import evaluation_form
from shared.domain.agreement import Catalogue
from shared.domain.event import Event
from shared.domain.instant import Instant
from shared.runtime.config import SERIES_LIMIT
from shared.runtime.database import create_pool
from shared.runtime.registry import Registry
from shared.wire.results import encode
from tests.api.stored import DOCUMENTS, EVENTS, NOW, a_catalogue, store


@dataclass
class Api:
    """An app over filled tables, and what `accord evaluate` says of the same."""

    http: httpx.AsyncClient
    exporter: Exporter
    registry: Registry
    evaluated: dict[str, list[dict[str, object]]]
    catalogue: Catalogue
    now: list[int]

    async def get(self, path: str, **asked: object) -> httpx.Response:
        """One answer, whatever it is."""
        return await self.http.get(path, params={k: str(v) for k, v in asked.items()} or None)

    async def items(self, path: str, **asked: object) -> list[dict[str, object]]:
        """The items of a list's first page, numbers exact."""
        answer = await self.get(path, **asked)
        assert answer.status_code == 200, answer.text
        body = json.loads(answer.content, parse_float=Decimal)
        items: list[dict[str, object]] = body["items"]
        return items

    async def pages(self, path: str, limit: int, **asked: object) -> list[dict[str, object]]:
        """The items of all pages."""
        found: list[dict[str, object]] = []
        cursor: dict[str, object] = {}
        while True:
            body = (await self.get(path, limit=limit, **asked, **cursor)).json()
            assert len(body["items"]) <= limit
            found.extend(body["items"])
            if body["next"] is None:
                return found
            cursor = {"cursor": body["next"]}


@asynccontextmanager
async def an_api(
    database_url: str,
    folder: Path,
    documents: str = DOCUMENTS,
    events: Iterable[Event] = EVENTS,
    *,
    at: Instant = NOW,
    series_limit: int = SERIES_LIMIT,
    remembered: bool = False,
) -> AsyncIterator[Api]:
    """An app over tables as these documents and events leave them at an instant.

    With `remembered` states are answered from memory, as they are at each request.
    """
    catalogue = a_catalogue(folder, documents)
    said = await store(database_url, catalogue, events, now=at)
    evaluated = json.loads(encode(evaluation_form(catalogue, said, [])), parse_float=Decimal)
    now = [at]
    registry = Registry()
    async with await create_pool(database_url, service="test") as pool:
        sources = make_sources(pool=pool, catalogue=catalogue, clock=lambda: now[0])
        exporter = Exporter(sources, "accord.events", registry, limit=series_limit)
        transport = httpx.ASGITransport(create_app(sources, registry))

        async def look(_request: httpx.Request) -> None:
            sources.board.forget()

        hooks: dict[str, list[Callable[..., object]]] = {"request": [look] if remembered else []}
        stopping = asyncio.Event()
        looking = asyncio.ensure_future(sources.board.renew_until(stopping))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://api", event_hooks=hooks
        ) as http:
            if remembered:
                await asyncio.sleep(0.05)
            else:
                stopping.set()
            yield Api(http, exporter, registry, evaluated, catalogue, now)
        stopping.set()
        await looking
