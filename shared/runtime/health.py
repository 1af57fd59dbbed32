"""A process's own port: `/livez`, `/readyz` and `/metrics`, without authentication.

It is served by a thread with an event loop of its own, so that it answers also while that of the
service is stuck: liveness asks nothing of anything else but whether that loop turns. Readiness and
metrics are looked up in the loop of the service, where they are made. The status code is the
contract; the body says which check fails and why.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from shared.runtime.pulse import Pulse
from shared.runtime.registry import Registry

_HEAD_BYTES_MAX: Final = 16_384
_PATIENCE_S: Final = 10.0
_READY_S: Final = 2.0
"""How long the service's loop may take to say whether it is ready: less than a probe waits."""
_METRICS_S: Final = 8.0
_TEXT: Final = "text/plain; charset=utf-8"
_JSON: Final = "application/json"

Answer = tuple[HTTPStatus, dict[str, str], list[bytes]]
"""Status, headers, and the body in pieces."""
Checks = Callable[[], Mapping[str, str | None]]
T = TypeVar("T")


class Note(str):
    """What people should know though it keeps nothing from working: a check that says so passes."""

    __slots__ = ()


class HealthServer:
    """Serves a process's health and metrics while its block runs in the loop of the service."""

    def __init__(
        self,
        host: str,
        port: int,
        registry: Registry,
        readiness: Checks,
        *,
        pulse: Pulse | None = None,
    ) -> None:
        """Port 0 takes a free one; `port` says which. `pulse` is another one in tests."""
        self._host = host
        self._asked_port = port
        self._registry = registry
        self._readiness = readiness
        self._pulse = pulse or Pulse()
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()
        self._service: asyncio.AbstractEventLoop | None = None
        self._own: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    async def __aenter__(self) -> Self:
        """Listen; OSError when the port is taken."""
        self._service = asyncio.get_running_loop()
        self._pulse.begin(self._service)
        listening: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listening)), name="health", daemon=True
        )
        self._thread.start()
        await asyncio.wrap_future(listening)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Listen no more and close what is open."""
        self._pulse.end()
        if self._thread is not None and self._own is not None:
            self._own.call_soon_threadsafe(self._ending.set)
            await asyncio.to_thread(self._thread.join)

    async def _serve(self, listening: "Future[None]") -> None:
        self._own = asyncio.get_running_loop()
        try:
            server = await asyncio.start_server(
                self._converse, self._host, self._asked_port, limit=_HEAD_BYTES_MAX
            )
        except OSError as error:
            listening.set_exception(error)
            return
        self._port = server.sockets[0].getsockname()[1]
        listening.set_result(None)
        await self._ending.wait()
        server.close()
        for writer in tuple(self._open):
            writer.close()
        await server.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.writelines(await self._respond(head.decode("latin-1")))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # who asked has gone, or sent no request
        finally:
            self._open.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _respond(self, head: str) -> list[bytes]:
        request, *lines = head.split("\r\n")
        headers = dict(_header(line) for line in lines if ":" in line)
        method, _, rest = request.partition(" ")
        target = urlsplit(rest.partition(" ")[0])
        if method in {"GET", "HEAD"}:
            status, told, body = await self._answer(target.path, target.query, headers)
        else:
            status, told, body = _text(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD")
        answer = told | {
            "Content-Length": str(sum(map(len, body))),
            "Cache-Control": "no-store",
            "Connection": "close",
        }
        first = f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        rest = "".join(f"{name}: {value}\r\n" for name, value in answer.items())
        return [f"{first}{rest}\r\n".encode("latin-1"), *([] if method == "HEAD" else body)]

    async def _answer(self, path: str, query: str, headers: Mapping[str, str]) -> Answer:
        match path:
            case "/livez" | "/healthz":
                return self._alive(query)
            case "/readyz":
                return await self._ready(query)
            case "/metrics":
                return await self._metrics(query, headers)
            case _:
                return _text(HTTPStatus.NOT_FOUND, "/livez, /readyz and /metrics are here")

    def _alive(self, query: str) -> Answer:
        problem = self._pulse.problem()
        if problem is None and "verbose" not in parse_qs(query, keep_blank_values=True):
            return _text(HTTPStatus.OK, "ok")
        return _checked("alive", {"loop": problem})

    async def _ready(self, query: str) -> Answer:
        excluded = set(parse_qs(query).get("exclude", ()))
        stuck = self._pulse.problem()
        try:
            if stuck is not None:
                return _checked("ready", {"loop": stuck})
            found = await self._at_the_service(self._readiness, _READY_S)
        except TimeoutError:
            return _checked("ready", {"loop": f"it has not turned for {_READY_S:g} s"})
        return _checked("ready", {name: own for name, own in found.items() if name not in excluded})

    async def _metrics(self, query: str, headers: Mapping[str, str]) -> Answer:
        names = parse_qs(query).get("name[]", ())
        accept, gzip = headers.get("accept", ""), "gzip" in headers.get("accept-encoding", "")
        try:
            found = await self._at_the_service(
                lambda: self._registry.scrape(accept, gzip=gzip, names=names), _METRICS_S
            )
        except TimeoutError:
            late = "the service does not answer: its event loop does not turn"
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, late)
        told = {"Content-Type": found.media, "Vary": "Accept, Accept-Encoding"}
        if found.is_gzipped:
            told["Content-Encoding"] = "gzip"
        return HTTPStatus.OK, told, found.body

    async def _at_the_service(self, call: Callable[[], T], patience_s: float) -> T:
        """The result of a call that is made in the service's loop; TimeoutError if it is late."""
        if self._service is None:
            message = "HealthServer is used outside its block"
            raise RuntimeError(message)

        async def made() -> T:
            return call()

        result = asyncio.run_coroutine_threadsafe(made(), self._service)
        return await asyncio.wait_for(asyncio.wrap_future(result), patience_s)


def _text(status: HTTPStatus, line: str) -> Answer:
    return status, {"Content-Type": _TEXT}, [f"{line}\n".encode()]


def _checked(what: str, checks: Mapping[str, str | None]) -> Answer:
    good = all(not reason or isinstance(reason, Note) for reason in checks.values())
    body = {what: good, "checks": {name: str(reason or "ok") for name, reason in checks.items()}}
    status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
    return status, {"Content-Type": _JSON}, [msgspec.json.encode(body) + b"\n"]


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()
