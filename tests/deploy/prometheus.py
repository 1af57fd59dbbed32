"""A real Prometheus on the loopback address, with our configuration, for real services."""

import json
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import yaml

from services.cli.stack.child import Child, Launch
from services.cli.stack.ports import HOST, Ports
from services.cli.stack.services import Services
from tests.deploy.exported import ROOT

CONFIGURATION: Final = ROOT / "deploy" / "prometheus" / "prometheus.yml"
SCRAPE_S: Final = 1
_PATIENCE_S: Final = 60.0
_PAUSE_S: Final = 0.2

Series = dict[str, Any]


def program() -> str | None:
    """Where Prometheus is on this machine, if it is."""
    return shutil.which("prometheus")


class Prometheus:
    """A Prometheus while its block runs; it scrapes the services each second."""

    def __init__(self, home: Path, services: Services, ports: Ports) -> None:
        """`home` takes its data and its log."""
        self._home = home
        self._port = ports.take("api")  # any that is free
        self._config = home / "prometheus.yml"
        home.mkdir(parents=True, exist_ok=True)
        self._config.write_text(yaml.safe_dump(self._configuration(services)), encoding="utf-8")
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self._port}"

    def __enter__(self) -> Self:
        """Start it and wait until it is ready."""
        command = [
            program() or "prometheus",
            f"--config.file={self._config}",
            f"--storage.tsdb.path={self._home / 'prometheus'}",
            f"--web.listen-address={HOST}:{self._port}",
            "--log.level=warn",
        ]
        environment = {"PATH": os.defpath}
        launch = Launch(
            name="prometheus", command=command, environment=environment, folder=self._home
        )
        self._child = Child(launch, self._home)
        self._child.wait_until(self._is_ready, "it was ready", _PATIENCE_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        if self._child is not None:
            self._child.stop()

    def now(self, expression: str) -> list[Series]:
        """The series of an instant query."""
        return self._series("query", {"query": expression})

    def lately(self, expression: str, seconds: int, step: int) -> list[Series]:
        """The series of a range query over the last seconds."""
        ends = time.clock_gettime(time.CLOCK_REALTIME)
        asked = {"query": expression, "start": ends - seconds, "end": ends, "step": step}
        return self._series("query_range", asked)

    def label_values(self, selector: str, label: str) -> list[str]:
        """The values of a label among the series of a selector."""
        found = self._asked(f"label/{label}/values", {"match[]": selector})
        return [str(own) for own in found]

    def wait_until(self, good: Callable[[Self], bool], what: str) -> None:
        """Wait until what it has scraped is good."""
        end = time.monotonic() + _PATIENCE_S
        while not good(self):
            assert time.monotonic() < end, f"it took longer than {_PATIENCE_S} s until {what}"
            time.sleep(_PAUSE_S)

    def _series(self, path: str, asked: Mapping[str, object]) -> list[Series]:
        found: list[Series] = self._asked(path, asked)["result"]
        return found

    def _asked(self, path: str, asked: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            message = f"{asked}: {refused.read().decode()}"
            raise AssertionError(message) from refused

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except OSError:
            return False

    def _configuration(self, services: Services) -> dict[str, Any]:
        """The one of the tree, with addresses of this machine in the place of names."""
        written: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
        interval = f"{SCRAPE_S}s"
        written["global"] = dict.fromkeys(written["global"], interval)
        written["rule_files"] = [str(CONFIGURATION.parent / own) for own in written["rule_files"]]
        for job in written["scrape_configs"]:
            url = self.url
            for found in job.pop("dns_sd_configs", []):
                [name] = found["names"]
                url = services.health_url(name)
            job["static_configs"] = [{"targets": [url.removeprefix("http://")]}]
        return written
