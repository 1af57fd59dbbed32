"""A response of `text/event-stream`: changes from a position on, for as long as the reader stays.

Plain ASGI: a change has been encoded once for everybody, nothing is queued for a reader, and one
that takes nothing for a while is let go of, which only who sends can know.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from services.api.board.board import UNREACHABLE
from services.api.stream.change_feed import ChangeFeed
from services.api.stream.changes import Wanted
from services.api.web.middleware import ASK_AGAIN, IS_HEAD
from services.api.web.problems import Refusal
from shared.runtime.metrics import Metric

STREAMS_MAX: Final = 2_000
"""Streams that one process holds open at the same time."""
HEARTBEAT_S: Final = 15.0
STALL_S: Final = 30.0
"""A reader that takes nothing for so long is let go of; it can come again with what it had last."""
CHECK_S: Final = 10.0
"""How long a credential that has ended is not noticed, beside the time to the next event."""
BATCH: Final = 100
RETRY_MS: Final = 2_000
"""What a reader that lost its connection is told to wait."""
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
]

OPEN: Final = Metric("accord_http_streams_open", "Streams of changes that are open")
SENT: Final = Metric("accord_http_stream_events", "Changes sent on streams")
ENDED: Final = Metric(
    "accord_http_streams_ended",
    "Streams that have ended: the reader left, was too slow, asked for no more; or we stopped",
    ("reason",),
)


class StreamFigures:
    """What is counted of streams."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Make every metric."""
        self.open = OPEN.gauge(registry)
        self.sent = SENT.counter(registry)
        self.ended = ENDED.counter(registry)
        self.count = 0
        self.open.set_function(lambda: self.count)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream begins: after a number, or now (None); it ends after so many seconds."""

    after: int | None = None
    seconds: float | None = None


class EventStream(Response):
    """Sends what is wanted of the changes after a place, in order, each once."""

    def __init__(
        self, feed: ChangeFeed, wanted: Wanted, place: Place, figures: StreamFigures
    ) -> None:
        """Nothing is sent before it is called."""
        self.status_code = 200
        self.background = None
        self.body = b""
        self.raw_headers = _HEADERS
        self._feed = feed
        self._wanted = wanted
        self._place = place
        self._figures = figures
        self._reason = "done"
        self._ask_again: Callable[[], Awaitable[object]] | None = None
        self._asked_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the reader leaves, is too slow, has what it asked for, or the feed ends."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        if scope.get(IS_HEAD):
            await send({"type": "http.response.body", "body": b""})
            return
        self._ask_again = scope.get(ASK_AGAIN)
        self._asked_at = asyncio.get_running_loop().time()
        self._figures.count += 1
        working = asyncio.ensure_future(self._send_all(send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            async with asyncio.timeout(self._place.seconds):
                await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
            else:
                self._reason = "left"
        except TimeoutError:
            pass
        finally:
            self._figures.count -= 1
            self._figures.ended.labels(reason=self._reason).inc()
            await _cancelled(working, leaving)
        # To one that is stuck nothing more can be said.
        if self._reason in {"done", "stopped", "refused"}:
            await send({"type": "http.response.body", "body": b""})

    async def _send_all(self, send: Send) -> None:
        try:
            async for chunk in self._chunks():
                async with asyncio.timeout(STALL_S):
                    await send(_chunk(chunk))
        except TimeoutError:
            self._reason = "slow"
        except UNREACHABLE:
            # The reader comes again, to a process that can read.
            self._reason = "stopped"

    async def _chunks(self) -> AsyncIterator[bytes]:
        feed, elapsed = self._feed, asyncio.get_running_loop().time
        position = feed.last if self._place.after is None else self._place.after
        yield f"retry: {RETRY_MS}\nid: {position}\n\n".encode()
        last_sent = elapsed()
        while True:
            if not await self._may_go_on():
                self._reason = "refused"
                return
            if position < feed.forgotten or not await feed.reach(position):
                yield _reset(position, feed)
                position, last_sent = feed.last, elapsed()
            found = feed.recent(position, BATCH)
            if found is None:
                found = await feed.stored(position, BATCH)
                if found and found[0].change.seq != position + 1:
                    continue  # it was let go of meanwhile
            if found:
                position = found[-1].change.seq
                frames = [own.frame for own in found if self._wanted.has(own.change)]
                if frames:
                    self._figures.sent.inc(len(frames))
                    yield b"".join(frames)
                    last_sent = elapsed()
            elif feed.is_closed:
                self._reason = "stopped"
                yield b": this process stops; come again\n\n"
                return
            left = last_sent + HEARTBEAT_S - elapsed()
            if left <= 0 or not (found or await feed.wait(position, left)):
                yield f":\nid: {position}\n\n".encode()
                last_sent = elapsed()

    async def _may_go_on(self) -> bool:
        """Whether the reader's credential is still taken, as far as that can be said now."""
        now = asyncio.get_running_loop().time()
        if self._ask_again is None or now - self._asked_at < CHECK_S:
            return True
        self._asked_at = now
        try:
            await self._ask_again()
        except Refusal as refusal:
            return refusal.kind != "unauthenticated"
        return True


def _chunk(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


def _reset(asked: int, feed: ChangeFeed) -> bytes:
    data = {
        "reason": "changes after this id are not kept any more, or the log is another one: "
        "read the states and breaches again, the stream goes on from here",
        "last_event_id": asked,
        "kept_from": feed.forgotten + 1,
        "goes_on_after": feed.last,
    }
    return f"id: {feed.last}\nevent: reset\ndata: {msgspec.json.encode(data).decode()}\n\n".encode()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancelled(*tasks: "asyncio.Future[None]") -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
