"""What is no HTTP, comes too slowly or is too long, on a real socket.

The letters are the rows of docs/limits.md.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from services.api.web.connection import TimedConnection
from tests.api.serving import on_a_socket
from tests.api.without_database import an_app

GET = b"GET /problems HTTP/1.1\r\nHost: api\r\n"


class Hurried(TimedConnection):
    """One that waits a moment only."""

    receive_s = 0.3


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    async with on_a_socket(an_app(tmp_path), Hurried) as address:
        yield int(address.rpartition(":")[2])


async def say(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Everything that is answered until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = bytearray()

    async def listen() -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65_536):
                answer.extend(chunk)

    async with asyncio.timeout(10):
        listening = asyncio.ensure_future(listen())
        with suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause_s)
        await listening
    writer.close()
    return bytes(answer)


async def test_h17_a_head_that_does_not_come_to_its_end_is_408_and_closed(port: int) -> None:
    answer = await say(port, *(bytes([own]) for own in GET), pause_s=0.02)
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_h17_a_connection_on_which_nothing_comes_is_closed(port: int) -> None:
    assert (await say(port)).startswith(b"HTTP/1.1 408 ")


async def test_h17_a_body_that_does_not_come_to_its_end_is_408_and_closed(port: int) -> None:
    head = (
        b"POST /v1/states:batchGet HTTP/1.1\r\nHost: api\r\nContent-Length: 100\r\n"
        b"Content-Type: application/json\r\n\r\n{"
    )
    answer = await say(port, head, *([b" "] * 10), pause_s=0.05)
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_connection_is_kept_between_requests_that_come_in_time(port: int) -> None:
    answer = await say(
        port, GET + b"\r\n", GET + b"\r\n", GET + b"Connection: close\r\n\r\n", pause_s=0.4
    )
    assert answer.count(b"HTTP/1.1 200 ") == 3


async def test_h18_a_head_of_100_kb_is_refused_and_closed(port: int) -> None:
    answer = await say(port, GET + b"X: " + b"a" * 100_000 + b"\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))


async def test_h20_two_content_lengths_that_differ_are_400(port: int) -> None:
    answer = await say(port, GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab")
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_h19_a_length_and_chunks_are_400(port: int) -> None:
    answer = await say(
        port,
        GET + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: close\r\n\r\n0\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_h22_lines_that_end_without_a_return_are_taken(port: int) -> None:
    answer = await say(port, b"GET /problems HTTP/1.1\nHost: api\nConnection: close\n\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_h41_requests_that_come_at_once_are_answered_in_turn(port: int) -> None:
    lost = b"GET /nothing HTTP/1.1\r\nHost: api\r\n\r\n"
    answer = await say(port, lost + GET + b"Connection: close\r\n\r\n")
    assert answer.index(b"HTTP/1.1 404 ") < answer.index(b"HTTP/1.1 200 ")
