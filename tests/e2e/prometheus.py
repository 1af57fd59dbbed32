"""A real Prometheus over services of a trial, with the rules that are shipped."""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from services.cli.stack.ports import HOST
from services.cli.stack.services import Services

RULES: Final = sorted((Path(__file__).parents[2] / "deploy/prometheus/rules").glob("*.yml"))
FASTER: Final = 60
"""A minute of waiting in a rule is a second here: nothing else about the rules is changed."""
SCRAPE: Final = "1s"
PATIENCE_S: Final = 60.0
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600}

Json = dict[str, Any]


def is_here() -> bool:
    """Whether the machine has it."""
    return bool(shutil.which("prometheus") and shutil.which("promtool"))


class Prometheus:
    """Asks a running Prometheus."""

    def __init__(self, url: str) -> None:
        """`url` is its address."""
        self._url = url

    def get(self, path: str, **asked: str) -> Any:  # noqa: ANN401 - what its API answers
        """The data of an answer of its API."""
        query = urllib.parse.urlencode(asked)
        address = f"{self._url}/api/v1/{path}?{query}"
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - loopback
            return json.load(answer)["data"]

    def value(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """The samples of an expression now."""
        found = self.get("query", query=expression)["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def firing(self, name: str) -> list[Mapping[str, str]]:
        """The labels of the alerts of that name that fire."""
        return [
            alert["labels"]
            for alert in self.get("alerts")["alerts"]
            if alert["labels"]["alertname"] == name and alert["state"] == "firing"
        ]

    def rules(self) -> list[Json]:
        """All rules as it sees them."""
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]


@contextmanager
def a_prometheus(folder: Path, services: Services, port: int) -> Iterator[Prometheus]:
    """One that scrapes these services each second, while its block runs."""
    (folder / "rules").mkdir(parents=True)
    for path in RULES:
        rules = yaml.safe_load(path.read_text(encoding="utf-8"))
        for group in rules["groups"]:
            _hasten(group, "interval")
            for rule in group["rules"]:
                _hasten(rule, "for", "keep_firing_for")
        (folder / "rules" / path.name).write_text(yaml.safe_dump(rules), encoding="utf-8")
    jobs = [
        {
            "job_name": f"accord-{name}",
            "static_configs": [
                {"targets": [urllib.parse.urlsplit(services.health_url(name)).netloc]}
            ],
        }
        for name in ("ingest", "evaluator", "api")
    ]
    configuration = {
        "global": {"scrape_interval": SCRAPE, "evaluation_interval": SCRAPE},
        "rule_files": ["rules/*.yml"],
        "scrape_configs": jobs,
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={HOST}:{port}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - our own command
        try:
            running = Prometheus(f"http://{HOST}:{port}")
            until(lambda: bool(running.get("status/runtimeinfo")), "Prometheus answers")
            yield running
        finally:
            process.terminate()
            process.wait(timeout=30)


def until(holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> float:
    """Wait until it holds; the seconds that it took."""
    begun = time.monotonic()
    while True:
        try:
            if holds():
                return time.monotonic() - begun
        except OSError:
            pass  # it is starting
        if time.monotonic() - begun > patience_s:
            message = f"not within {patience_s:g} s: {what}"
            raise AssertionError(message)
        time.sleep(0.2)


def _hasten(rule: Json, *names: str) -> None:
    for name in names:
        if name in rule:
            number, unit = int(rule[name][:-1]), rule[name][-1]
            rule[name] = f"{max(1, number * _UNITS[unit] // FASTER)}s"


def accord_families(text: str) -> Iterable[tuple[str, str]]:
    """The names and kinds of our own families in an exposition."""
    for line in text.splitlines():
        if line.startswith("# TYPE accord_"):
            _, _, name, kind = line.split()
            yield name, kind
