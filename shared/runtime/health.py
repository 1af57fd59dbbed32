"""A process's own port: `/livez`, `/readyz` and `/metrics`, without authentication.

Liveness asks nothing of anything else. The status code of readiness is the contract; its body
says which check fails and why.
"""

import asyncio
import contextlib
import gzip
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

_HEAD_BYTES_MAX: Final = 16_384
_PATIENCE_S: Final = 10.0
_TEXT: Final = "text/plain; charset=utf-8"
_JSON: Final = "application/json"

Answer = tuple[HTTPStatus, str, bytes]
Checks = Callable[[], Mapping[str, str | None]]


class Note(str):
    """What people should know though it keeps nothing from working: a check that says so passes."""

    __slots__ = ()


class HealthServer:
    """Serves a process's health and metrics while its block runs."""

    def __init__(
        self, host: str, port: int, registry: CollectorRegistry, readiness: Checks
    ) -> None:
        """Port 0 takes a free one; `port` says which."""
        self._host = host
        self._asked_port = port
        self._registry = registry
        self._readiness = readiness
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            return self._asked_port
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(
            self._converse, self._host, self._asked_port, limit=_HEAD_BYTES_MAX
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Listen no more and close what is open."""
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._open):
                writer.close()
            await self._server.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._respond(head.decode("latin-1")))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # who asked has gone, or sent no request
        finally:
            self._open.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _respond(self, head: str) -> bytes:
        request, *lines = head.split("\r\n")
        headers = dict(_header(line) for line in lines if ":" in line)
        method, _, rest = request.partition(" ")
        target = urlsplit(rest.partition(" ")[0])
        if method in {"GET", "HEAD"}:
            status, media, body = self._answer(target.path, target.query, headers)
        else:
            status, media, body = HTTPStatus.METHOD_NOT_ALLOWED, _TEXT, b"GET or HEAD\n"
        answer = {
            "Content-Type": media,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Connection": "close",
        }
        if "gzip" in headers.get("accept-encoding", "") and len(body) > _HEAD_BYTES_MAX:
            body = gzip.compress(body, compresslevel=1)
            answer |= {"Content-Encoding": "gzip", "Content-Length": str(len(body))}
        first = f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        rest = "".join(f"{name}: {value}\r\n" for name, value in answer.items())
        return f"{first}{rest}\r\n".encode("latin-1") + (b"" if method == "HEAD" else body)

    def _answer(self, path: str, query: str, headers: Mapping[str, str]) -> Answer:
        match path:
            case "/livez" | "/healthz":
                return HTTPStatus.OK, _TEXT, b"ok\n"
            case "/readyz":
                return self._ready(query)
            case "/metrics":
                return self._metrics(query, headers)
            case _:
                return HTTPStatus.NOT_FOUND, _TEXT, b"/livez, /readyz and /metrics are here\n"

    def _ready(self, query: str) -> Answer:
        excluded = set(parse_qs(query).get("exclude", ()))
        checks = {
            name: reason for name, reason in self._readiness().items() if name not in excluded
        }
        ready = all(not reason or isinstance(reason, Note) for reason in checks.values())
        body = {
            "ready": ready,
            "checks": {name: str(reason or "ok") for name, reason in checks.items()},
        }
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return status, _JSON, msgspec.json.encode(body) + b"\n"

    def _metrics(self, query: str, headers: Mapping[str, str]) -> Answer:
        names = parse_qs(query).get("name[]")
        registry: Collector = self._registry
        if names:
            registry = self._registry.restricted_registry(names)
        encode, media = choose_encoder(headers.get("accept", ""))
        return HTTPStatus.OK, media, encode(registry)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()
