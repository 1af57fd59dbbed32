"""A service's process, run as one: its signals, its readiness, its end."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, sys
from shared.runtime.config import read_settings
from shared.runtime.process import new_registry, run

async def serve(stopping):
    print("serving", flush=True)
    {body}

given = {{"ACCORD_KAFKA_BOOTSTRAP_SERVERS": "k", "ACCORD_DATABASE_URL": "postgresql://h/d",
         "ACCORD_METRICS_PORT": sys.argv[1]}}
sys.exit(run("ingest", serve, settings=read_settings("ingest", given), registry=new_registry(),
             readiness=lambda: {{}}, drain_s=1.0))
"""
STOPS = "await stopping.wait()"
LINGERS = "await stopping.wait(); print('draining', flush=True); await asyncio.sleep(0.7)"
HANGS = "await asyncio.sleep(60)"
ENDS = "pass"
FAILS = "raise LookupError('lost')"


@contextmanager
def running(body: str, folder: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    program = folder / "program.py"
    program.write_text(PROGRAM.format(body=body), encoding="utf-8")
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, str(program), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: "subprocess.Popen[str]") -> tuple[int, list[str]]:
    """The code and the action of each line that was logged."""
    _, errors = process.communicate(timeout=60)
    return process.returncode, [json.loads(text)["action"] for text in errors.splitlines()]


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(name: signal.Signals, tmp_path: Path) -> None:
    with running(STOPS, tmp_path, 0) as process:
        assert line(process) == "serving"
        process.send_signal(name)
        assert end(process) == (0, ["started", "stopping", "stopped"])


def test_a_service_that_does_not_stop_is_cut_off(tmp_path: Path) -> None:
    with running(HANGS, tmp_path, 0) as process:
        assert line(process) == "serving"
        process.send_signal(signal.SIGTERM)
        assert end(process) == (1, ["started", "stopping", "cut_off", "stopped"])


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_another_sigterm_changes_nothing(first: signal.Signals, tmp_path: Path) -> None:
    with running(LINGERS, tmp_path, 0) as process:
        assert line(process) == "serving"
        process.send_signal(first)
        assert line(process) == "draining"
        process.send_signal(signal.SIGTERM)
        assert end(process) == (0, ["started", "stopping", "stopping_already", "stopped"])


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_sigint_while_it_stops_ends_it_at_once(first: signal.Signals, tmp_path: Path) -> None:
    with running(LINGERS, tmp_path, 0) as process:
        assert line(process) == "serving"
        process.send_signal(first)
        assert line(process) == "draining"
        process.send_signal(signal.SIGINT)
        assert end(process) == (-signal.SIGINT, ["started", "stopping", "crashed"])


def test_an_error_ends_it_with_code_1_and_a_trace(tmp_path: Path) -> None:
    with running(FAILS, tmp_path, 0) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(errors.splitlines()[-1])["action"] == "crashed"
    assert re.search(r"LookupError: lost", errors)


def test_returning_unasked_is_an_error(tmp_path: Path) -> None:
    with running(ENDS, tmp_path, 0) as process:
        assert end(process) == (1, ["started", "crashed"])


def test_it_stops_being_ready_before_it_stops(tmp_path: Path, free_port: int) -> None:
    with running(LINGERS, tmp_path, free_port) as process:
        assert line(process) == "serving"
        assert status(free_port) == 200
        process.send_signal(signal.SIGTERM)
        assert line(process) == "draining"
        assert status(free_port) == 503
        assert end(process)[0] == 0


def status(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            found: int = answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return found


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
