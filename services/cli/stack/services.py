"""The three services as processes of this machine."""

import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from services.cli.stack.child import Child, Launch
from services.cli.stack.ports import HOST, Ports
from shared.runtime.config import process_environment

ALL: Final = ("ingest", "evaluator", "api")
_READY_S: Final = 90.0
_PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0)


class Services:
    """`python -m services.…` for each name, while its block runs.

    `environment` is that of the stack plus what a test wants (`ACCORD_CLOCK`, …). Nothing is
    started again unless `revive` is called, and that says so.
    """

    def __init__(
        self,
        home: Path,
        environment: Mapping[str, str],
        *,
        agreements: Path | None = None,
        names: Iterable[str] = ALL,
        ports: Ports | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`home` takes the logs; `ports` are the stack's, so that no port is taken twice."""
        self._home = home.resolve()
        self._names = tuple(names)
        self._say = say
        # Who starts these knows what they are to read, not who started that program.
        self._environment = {"ACCORD_SOURCES": "", **environment}
        if agreements is not None:
            self._environment["ACCORD_AGREEMENTS"] = str(agreements.resolve())
        ports = ports or Ports()
        self._metrics_ports = {
            name: ports.take("api-metrics" if name == "api" else name) for name in self._names
        }
        self._api_port = ports.take("api")
        self._children: dict[str, Child] = {}
        self._deaths: dict[str, int] = {}
        self._due: dict[str, float] = {}

    @property
    def api_url(self) -> str:
        """The API's address."""
        return f"http://{HOST}:{self._api_port}"

    def health_url(self, name: str) -> str:
        """The address of a service's `/livez`, `/readyz` and `/metrics`."""
        return f"http://{HOST}:{self._metrics_ports[name]}"

    @property
    def addresses(self) -> dict[str, str]:
        """The variables that tell others where the services are."""
        found = {
            f"ACCORD_{name.upper()}_METRICS_URL": f"{self.health_url(name)}/metrics"
            for name in self._names
        }
        return {"ACCORD_API_URL": self.api_url, **found} if "api" in self._names else found

    def __enter__(self) -> Self:
        """Start them all and wait until each is ready."""
        try:
            for name in self._names:
                self.launch(name)
            for name in self._names:
                self.wait_ready(name)
        except BaseException:
            self._stop_all()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop them all in order."""
        self._stop_all()

    def launch(self, name: str, **changes: str) -> Child:
        """Start one without waiting; `changes` are variables of this start alone."""
        environment = process_environment(
            **self._environment,
            ACCORD_METRICS_PORT=str(self._metrics_ports[name]),
            ACCORD_API_PORT=str(self._api_port),
            ACCORD_HOST=HOST,
            PYTHONUNBUFFERED="1",
        )
        launch = Launch(
            name=name,
            command=[sys.executable, "-P", "-m", f"services.{name}"],
            environment={**environment, **changes},
            folder=Path.cwd(),
        )
        self._children[name] = Child(launch, self._home)
        return self._children[name]

    def start(self, name: str, **changes: str) -> Child:
        """Start one and wait until it is ready."""
        child = self.launch(name, **changes)
        self.wait_ready(name)
        return child

    def wait_ready(self, name: str, patience_s: float = _READY_S) -> None:
        """Wait until the service says that it is ready."""
        url = f"{self.health_url(name)}/readyz"
        self._children[name].wait_until(lambda: _is_ok(url), "it was ready", patience_s)

    def child(self, name: str) -> Child:
        """The process of a service: to `kill`, `stop` or `send` it a signal."""
        return self._children[name]

    def stop(self, name: str) -> None:
        """Stop one in order."""
        self._children[name].stop()

    def dead(self) -> dict[str, int]:
        """The services that have ended, each with its code."""
        codes = {name: child.code() for name, child in self._children.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def revive(self) -> None:
        """Start again what has ended, after a pause that grows, and say so."""
        now = time.monotonic()
        for name, code in self.dead().items():
            if name not in self._due:
                deaths = self._deaths.get(name, 0)
                self._deaths[name] = deaths + 1
                pause = _PAUSES_S[min(deaths, len(_PAUSES_S) - 1)]
                self._due[name] = now + pause
                child = self._children[name]
                self._say(
                    f"the {name} ended with code {code} and is started again in {pause:g} s; "
                    f"{child.log} ends:\n{child.tail()}"
                )
            elif now >= self._due[name]:
                del self._due[name]
                self.launch(name)
                self._say(f"the {name} has been started again")

    def _stop_all(self) -> None:
        for name in reversed(self._names):
            if name in self._children:
                self._children[name].stop()


def _is_ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            status: int = answer.status
    except OSError:
        return False
    return status == HTTPStatus.OK
