"""The real servers that tests share: one Kafka and one PostgreSQL for the whole run.

Where `ACCORD_KAFKA_BOOTSTRAP_SERVERS` and `ACCORD_DATABASE_URL` are set those are used. On a
machine that cannot have them the tests that need them are skipped; in CI they fail.
"""

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.cli.stack.child import StackError
from services.cli.stack.local_stack import DATA, LocalStack

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say which image there is, for the tests of what was built."""
    parser.addoption("--image", help="an image that was built: tests/deploy/test_built_image.py")


def pytest_report_header() -> list[str]:
    """Say what is left out on this machine."""
    left = []
    if not shutil.which("promtool"):
        left.append("promtool is not here (Debian: prometheus): alerts are parsed, not run")
    if not shutil.which("prometheus"):
        left.append("prometheus is not here (Debian: prometheus): dashboards are asked nothing")
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        left.append("chromium is not here (Debian: chromium): the page is not looked at")
    if not (shutil.which("kustomize") or shutil.which("kubectl")):
        left.append("neither kustomize nor kubectl is here: no overlay is rendered")
    return left


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    """A running Kafka and PostgreSQL without topics or schema: a test makes its own."""
    with ExitStack() as running:
        try:
            started = running.enter_context(_own_stack())
        except StackError as error:
            if os.environ.get("CI"):
                raise
            warnings.warn(f"tests on real servers are skipped: {error}", stacklevel=1)
            pytest.skip(f"no real servers on this machine: {error}")
        yield started


def _own_stack() -> LocalStack:
    # A fixed place for each worker, so that what a killed run left behind is found and ended; a run
    # beside another takes the next one.
    home = ROOT / DATA / "-".join(["tests", *_worker()])
    places = (home.with_name(f"{home.name}-{number}") for number in range(1, 9))
    free = next((place for place in places if not LocalStack.is_running(place)), home)
    return LocalStack(free, fresh=True, keep=False, durable=False, prepare=False)


def _worker() -> list[str]:
    name = os.environ.get("PYTEST_XDIST_WORKER")
    return [] if name is None else [name]
