"""The life of a service's process: logs, signals, its health endpoint, an orderly stop.

`serve(stopping)` is the service: it works until `stopping` is set, then finishes what it holds
and returns. Whatever it raises ends the process with code 1: a supervisor starts it again, and
what it had not committed is done anew.
"""

import asyncio
import contextlib
import gc
import logging
import platform
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import uvloop
from prometheus_client import (
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from shared.runtime import logs, metrics
from shared.runtime.config import Settings
from shared.runtime.health import HealthServer
from shared.runtime.registry import Registry
from shared.runtime.version import program_version

Serve = Callable[[asyncio.Event], Awaitable[None]]
Readiness = Callable[[], Mapping[str, str | None]]
"""Each check by name, with None when it is good and else the reason why it is not."""

DRAIN_S: Final = 30.0
GARBAGE_AFTER: Final = 50_000
"""New objects before cycles among them are looked for: what a batch makes has none, and to look
after every few hundred takes a third of the time of folding."""
_logger: Final = logging.getLogger(__name__)


def new_registry() -> Registry:
    """A registry that already says what every process says of itself."""
    # Each counter and histogram would have a second family that says when it began.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = Registry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def run(
    service: str,
    serve: Serve,
    *,
    settings: Settings,
    registry: Registry,
    readiness: Readiness,
    drain_s: float = DRAIN_S,
) -> int:
    """Run `serve` until SIGTERM or SIGINT; the exit code: 0 after an orderly stop, else 1.

    While it stops another SIGTERM changes nothing, and a SIGINT ends it on the spot.
    """
    logs.configure(
        service, level=settings.log_level, counter=metrics.LOG_MESSAGES.counter(registry)
    )
    metrics.BUILD_INFO.gauge(registry).labels(
        version=program_version(),
        revision=settings.revision,
        python_version=platform.python_version(),
    ).set(1)
    process = _Process(service, serve, settings, registry, readiness, drain_s)
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(process.live())
        except Exception:
            _logger.exception("The %s ends: it met what it cannot handle.", service, extra=_CRASH)
            return 1


_CRASH: Final = {"action": "crashed"}


class EndedByItselfError(RuntimeError):
    """A service returned though nothing had asked it to stop."""


class _Process:
    def __init__(
        self,
        service: str,
        serve: Serve,
        settings: Settings,
        registry: Registry,
        readiness: Readiness,
        drain_s: float,
    ) -> None:
        self._service = service
        self._serve = serve
        self._settings = settings
        self._registry = registry
        self._checks = readiness
        self._drain_s = drain_s
        self._stopping = asyncio.Event()

    async def live(self) -> int:
        """Serve until told to stop; the exit code."""
        self._listen_to_signals()
        settings = self._settings
        async with HealthServer(
            settings.host, settings.metrics_port, self._registry, self._readiness
        ):
            _logger.info(
                "The %s has started.",
                self._service,
                extra={"action": "started", "settings": settings.shown()},
            )
            code = await self._work()
        _logger.info("The %s has stopped.", self._service, extra={"action": "stopped"})
        return code

    async def _work(self) -> int:
        work = asyncio.ensure_future(self._serve(self._stopping))
        stop = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if work.done():
            work.result()
            if not self._stopping.is_set():
                message = f"the {self._service} returned though nothing had asked it to stop"
                raise EndedByItselfError(message)
            return 0
        await asyncio.wait((work,), timeout=self._drain_s)
        if work.done():
            work.result()
            return 0
        _logger.error(
            "The %s did not stop within %g s and is cut off.",
            self._service,
            self._drain_s,
            extra={"action": "cut_off"},
        )
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        return 1

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._on_signal, name)

    def _on_signal(self, name: signal.Signals) -> None:
        if not self._stopping.is_set():
            _logger.info(
                "The %s stops: it was sent %s.",
                self._service,
                name.name,
                extra={"action": "stopping"},
            )
            self._stopping.set()
        elif name == signal.SIGINT:
            _logger.warning("Stopped at once by another %s.", name.name, extra=_CRASH)
            logging.shutdown()
            sys.stderr.flush()
            signal.signal(name, signal.SIG_DFL)
            signal.raise_signal(name)
        else:
            # Supervisors repeat themselves; one that has no more patience sends SIGKILL.
            _logger.info(
                "The %s is stopping already.", self._service, extra={"action": "stopping_already"}
            )

    def _readiness(self) -> Mapping[str, str | None]:
        if self._stopping.is_set():
            return {"process": "it is stopping"}
        return self._checks()
