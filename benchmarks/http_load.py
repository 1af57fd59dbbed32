"""Asks an HTTP server as fast as it answers, over kept-alive connections, and times each answer."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import uvloop

_LENGTH: Final = b"\r\ncontent-length:"
_END: Final = b"\r\n\r\n"
_OK: Final = (b"HTTP/1.1 200 ", b"HTTP/1.1 304 ")


@dataclass(slots=True)
class Load:
    """What was measured: seconds of each answer, and how long all took."""

    lags: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.lags) / self.seconds


class _Asking(asyncio.Protocol):
    """One connection: the next question goes out when the answer to the one before is there."""

    def __init__(self, following: Callable[[], bytes], load: Load, done: asyncio.Event) -> None:
        self._following = following
        self._load = load
        self._done = done
        self._received = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        if self._transport is not None:
            self._sent_at = time.perf_counter()
            self._transport.write(self._following())

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        head = self._received.find(_END)
        if head < 0 or len(self._received) < head + 4 + self._length(head):
            return
        if not self._received.startswith(_OK):
            raise SystemExit(self._received[:500].decode("latin-1"))
        self._received = b""
        self._load.lags.append(time.perf_counter() - self._sent_at)
        if self._done.is_set():
            if self._transport is not None:
                self._transport.close()
        else:
            self._ask()

    def _length(self, head: int) -> int:
        place = self._received.lower().find(_LENGTH, 0, head)
        if place < 0:
            return 0
        return int(self._received[place + len(_LENGTH) : self._received.index(b"\r\n", place + 2)])


def ask(host: str, port: int, targets: Sequence[str], *, connections: int, seconds: float) -> Load:
    """GET the targets in turn, over so many connections at once, for so many seconds."""
    questions = [
        f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: */*\r\n\r\n".encode()
        for target in targets
    ]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_ask(host, port, questions, connections, seconds))


async def _ask(
    host: str, port: int, questions: Sequence[bytes], connections: int, seconds: float
) -> Load:
    load, done, place = Load(), asyncio.Event(), -1

    def following() -> bytes:
        nonlocal place
        place = (place + 1) % len(questions)
        return questions[place]

    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: _Asking(following, load, done), host, port)
    await asyncio.sleep(seconds)
    done.set()
    load.seconds = time.perf_counter() - began
    await asyncio.sleep(0.2)
    return load
