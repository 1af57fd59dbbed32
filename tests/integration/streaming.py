"""A served app and readers of its stream; changes as the relay appends them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from fastapi import FastAPI
from starlette.types import Scope

from services.api.access.gate import Gate
from services.api.access.settings import OPEN
from services.api.web.caller import CALLER, EVERYONE, Caller
from services.evaluator import change_log
from services.evaluator.change_log import Change
from shared.domain.instant import Instant
from shared.runtime.database import Pool, transaction
from tests.api.serving import on_a_socket

PATIENCE_S = 60


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The app with its feed on a port of its own while the block runs."""
    stopping = asyncio.Event()
    async with on_a_socket(app) as address:
        following = asyncio.create_task(app.state.feed.follow(stopping))
        try:
            yield address
        finally:
            stopping.set()
            await following


class GivenCallers(Gate):
    """A gate that takes the caller as the test gives it, in the scope; else everyone."""

    def __init__(self, pool: Pool, caller: Caller | None = None) -> None:
        """Open, and for this caller if there is one."""
        super().__init__(OPEN, pool, clock=lambda: 0, elapsed=time.monotonic)
        self._caller = caller

    async def caller(self, scope: Scope) -> Caller:
        """Who asks."""
        found: Caller = self._caller or scope.get(CALLER, EVERYONE)
        return found


@dataclass
class Told:
    """One event of a stream."""

    id: int
    type: str
    data: dict[str, object]


@dataclass
class Reader:
    """Reads a stream; `last` is the id it had last, as a browser keeps it."""

    told: list[Told] = field(default_factory=list)
    comments: int = 0
    last: str = ""

    async def read(
        self,
        base: str,
        *,
        until: int | None = None,
        asked: Mapping[str, str] | None = None,
        until_comment: bool = False,
    ) -> None:
        """Read until so many events are told, a comment comes, or the stream ends.

        It goes on where it ended before.
        """
        headers = {"last-event-id": self.last} if self.last else {}
        timeout = httpx.Timeout(10, read=PATIENCE_S)
        async with (
            httpx.AsyncClient(base_url=base, timeout=timeout) as http,
            http.stream("GET", "/v1/stream", headers=headers, params=asked) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            block: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if line:
                    name, _, value = line.partition(":")
                    block[name] = value.strip()
                    continue
                self._take(block)
                block = {}
                if (until_comment and self.comments) or len(self.told) == until:
                    return

    def _take(self, block: Mapping[str, str]) -> None:
        self.last = block.get("id", self.last)
        self.comments += "" in block
        if "data" in block:
            self.told.append(Told(int(block["id"]), block["event"], json.loads(block["data"])))


def a_change(number: int, **others: str) -> Change:
    """A change of the state of a promise to acme, or of another."""
    own = {
        "event_id": f"e-{number}",
        "type": "state.changed",
        "objective": "acme-support/first-response-p1",
        "grp": "[]",
        "level": "customer",
        "customers": '["acme"]',
        **others,
    }
    body = json.dumps({"id": own["event_id"], "number": number})
    return Change(at=number, body=body, **own)


async def append(pool: Pool, *changes: Change, at: Instant | None = None) -> None:
    """Append changes as the relay does, taking turns with it."""
    if at is not None:
        changes = tuple(own._replace(at=at) for own in changes)
    while True:
        async with transaction(pool) as connection:
            if await change_log.take_turn(connection):
                await change_log.append(connection, changes)
                return
        await asyncio.sleep(0.005)
