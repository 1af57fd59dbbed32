"""Receivers of webhooks, and who delivers to them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from services.api.web.caller import CALLER, Caller
from services.api.webhooks.delivering import Deliverer
from shared.runtime.database import Pool
from tests.api.serving import HOST, on_a_port

HOOKS = "/v1/webhooks"
LOOPBACK = (ip_network("127.0.0.0/8"),)


@dataclass
class Receiver:
    """Takes messages, or does what else it is told with each."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    """What it answers first; then 204."""
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    asked: int = 0
    late_s: float = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        self.asked += 1
        status = self.answers.pop(0) if self.answers else 204
        await asyncio.sleep(self.late_s)
        headers = [(b"location", b"http://127.0.0.1:1/"), (b"retry-after", b"0")]
        if status < 300:
            self.taken.append(({k.decode(): v.decode() for k, v in scope["headers"]}, body))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"x" * 100_000 * (status == 200)})

    @property
    def numbers(self) -> list[int]:
        """The numbers of what was taken."""
        return [json.loads(body)["number"] for _, body in self.taken]


@asynccontextmanager
async def receiving(
    certificate: str | None = None, key: str | None = None
) -> AsyncIterator[Receiver]:
    """A receiver on a port of its own, by https with a certificate and its key."""
    own = Receiver()
    config = uvicorn.Config(
        own,
        host=HOST,
        port=0,
        log_config=None,
        ws="none",
        lifespan="off",
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    async with on_a_port(config) as port:
        own.url = f"{'https' if certificate else 'http'}://{HOST}:{port}/hook"
        yield own


@asynccontextmanager
async def delivers(deliverer: Deliverer) -> AsyncIterator[None]:
    """The deliverer runs while the block does."""
    stopping = asyncio.Event()
    running = asyncio.create_task(deliverer.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await running


def asking(app: FastAPI, caller: Caller) -> httpx.AsyncClient:
    """A client whose requests are this caller's."""

    async def as_caller(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, CALLER: caller}, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(as_caller), base_url="http://api")


async def made(http: httpx.AsyncClient, url: str, **asked: object) -> dict[str, str]:
    """A webhook, as its answer shows it."""
    answer = await http.post(HOOKS, json={"url": url, **asked})
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


async def has(receiver: Receiver, count: int) -> bool:
    """Whether the receiver has taken so many."""
    return len(receiver.taken) >= count


async def ids(receiver: Receiver, count: int) -> bool:
    """Whether it has taken so many different ones."""
    return len({headers["webhook-id"] for headers, _ in receiver.taken}) == count


async def is_failing(http: httpx.AsyncClient, id_: str, error: str) -> bool:
    """Whether the webhook fails, for a reason."""
    shown = (await http.get(f"{HOOKS}/{id_}")).json()
    return bool(shown["state"] == "failing" and error in (shown["last_error"] or ""))


async def has_dead(http: httpx.AsyncClient, id_: str, count: int) -> bool:
    """How long its dead list is."""
    return bool((await http.get(f"{HOOKS}/{id_}")).json()["dead"] == count)


async def is_redriven(pool: Pool) -> bool:
    """Whether nothing waits to be sent again."""
    return bool(await pool.fetchval("SELECT count(*) FROM webhook_dead WHERE redriven") == 0)


async def all_passed(pool: Pool) -> bool:
    """Whether every webhook has what is in the log."""
    behind = "SELECT count(*) FROM webhook WHERE position < (SELECT last_seq FROM change_head)"
    return bool(await pool.fetchval(behind) == 0)


async def is_released(pool: Pool) -> bool:
    """Whether nobody delivers at present."""
    return bool(await pool.fetchval("SELECT bool_and(leased_until = 0) FROM webhook"))
