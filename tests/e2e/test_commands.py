"""`accord demo` and `accord verify` as people run them: what they print and how they end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cli.trial import Trial
from shared.runtime.config import process_environment

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(400)]

DEMO = ("demo", "--volume", "0.03", "--rate", "5")


def environment(trial: Trial, **more: str) -> dict[str, str]:
    return process_environment(
        ACCORD_KAFKA_BOOTSTRAP_SERVERS=trial.system.bootstrap_servers,
        ACCORD_DATABASE_URL=trial.system.database_url,
        ACCORD_TOPIC_PREFIX=trial.topics.prefix,
        ACCORD_AGREEMENTS=str(trial.agreements.resolve()),
        **more,
    )


def start(trial: Trial, *arguments: str, **more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "services.cli.main", *arguments],
        env=environment(trial, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ends(process: "subprocess.Popen[str]") -> tuple[int, str]:
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def test_the_demo_runs_for_its_time_and_what_it_leaves_behind_verifies(
    a_trial: Callable[[str], Trial], tmp_path: Path
) -> None:
    trial = a_trial("demo")
    data = ("--data", str(tmp_path))
    code, said = ends(start(trial, *DEMO, *data, "--for", "8s"))
    assert code == 0, said
    assert " kept, " in said
    assert "/v1/states" in said
    code, said = ends(start(trial, "verify", "--start", *data))
    assert code == 0, said
    assert said.rstrip().endswith(" 0 differences")


def test_the_demo_ends_with_the_log_of_a_service_that_ended(
    a_trial: Callable[[str], Trial], tmp_path: Path
) -> None:
    demo = start(a_trial("demo_killed"), *DEMO, "--data", str(tmp_path))
    record = tmp_path / "run" / "evaluator.json"
    while not record.exists() and demo.poll() is None:
        time.sleep(0.2)
    time.sleep(5)
    os.kill(json.loads(record.read_text())["pid"], signal.SIGKILL)
    code, said = ends(demo)
    assert code == 1, said
    assert "evaluator ended with code -9" in said
    assert "evaluator.log ends:" in said


def test_verify_refuses_a_clock_that_moves(a_trial: Callable[[str], Trial]) -> None:
    trial = a_trial("moving")
    with trial.services() as services:
        time.sleep(3)
        code, said = ends(start(trial, "verify", "--api", services.api_url))
    assert code == 2, said
    assert "ACCORD_CLOCK" in said


def test_verify_says_what_is_missing(a_trial: Callable[[str], Trial]) -> None:
    code, said = ends(start(a_trial("absent"), "verify", "--api", "http://127.0.0.1:9"))
    assert code == 2, said
    assert "does not answer" in said
