"""Agreements that are edited while three real processes work and events stream in."""

import time
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from shutil import copytree
from threading import Thread

import httpx
import pytest

from services.cli.simulator.delivery import Record
from services.cli.simulator.stream import Simulation, history_start, simulate
from services.cli.stack.local_stack import LocalStack
from services.cli.stack.services import Services
from services.cli.trial import Trial
from shared.runtime.wall_clock import system_clock
from tests.e2e.conftest import AGREEMENTS

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

CHUNK = 150
PATIENCE_S = 60.0


def test_agreements_edited_under_load_are_used_as_a_whole_and_broken_ones_not_at_all(
    stack: LocalStack, tmp_path: Path
) -> None:
    folder = copytree(AGREEMENTS, tmp_path / "agreements")
    now = system_clock()
    simulation = Simulation(17, history_start(now, 3), now, volume=0.3, live_rate=3)
    records = list(takewhile(lambda own: own.at < now, simulate(simulation)))
    with Trial(stack, "edited", folder) as trial:
        with trial.services() as services:
            half = len(records) // 2
            trial.send(records[:half])
            wait(lambda: answered(services, "/v1/states"))
            feeder = Thread(target=trickle, args=(trial, records[half:]), daemon=True)
            feeder.start()
            edit(folder)
            wait(lambda: generation(services) == 2)
            feeder.join()
            broken = folder / "broken.yaml"
            broken.write_text("apiVersion: accord/v1\nkind: Agrement\n", encoding="utf-8")
            wait(lambda: metric(services, "accord_documents_problem") == 1)
            wait(lambda: "broken.yaml:1" in ready(services)["documents"])
            assert generation(services) == 2
            broken.unlink()
            wait(lambda: metric(services, "accord_documents_problem") == 0)
            wait(lambda: ready(services)["documents"] == "ok")
        at = system_clock()
        with trial.services(clock=at) as services:
            verdict = trial.verify(services, at=at)
    assert verdict.items > 100
    assert verdict.differences == 0


def edit(folder: Path) -> None:
    """Make every promise of an hour one of half an hour."""
    changed = 0
    for path in folder.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        other = text.replace("within: PT1H", "within: PT30M")
        changed += other != text
        path.write_text(other, encoding="utf-8")
    assert changed


def trickle(trial: Trial, records: list[Record]) -> None:
    for begun in range(0, len(records), CHUNK):
        trial.send(records[begun : begun + CHUNK])
        time.sleep(0.1)


def wait(check: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < end, f"nothing came of {check}"
        time.sleep(0.2)


def answered(services: Services, path: str) -> bool:
    return bool(httpx.get(services.api_url + path).raise_for_status().json()["items"])


def ready(services: Services) -> dict[str, str]:
    """The checks of an evaluator that is ready."""
    answer = httpx.get(services.health_url("evaluator") + "/readyz").raise_for_status()
    checks: dict[str, str] = answer.json()["checks"]
    return checks


def metric(services: Services, sample: str) -> float | None:
    answer = httpx.get(services.health_url("evaluator") + "/metrics").raise_for_status()
    for line in answer.text.splitlines():
        if line.startswith(f"{sample} "):
            return float(line.rpartition(" ")[2])
    return None


def generation(services: Services) -> float | None:
    return metric(services, 'accord_documents_generation{state="current"}')
