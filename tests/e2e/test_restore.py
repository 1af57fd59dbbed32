"""An older backup of PostgreSQL is restored: what came since is read from Kafka again, once."""

import asyncio
import subprocess
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.cli.simulator.stream import Simulation, history_start, simulate
from services.cli.stack.local_stack import LocalStack
from services.cli.stack.postgres import create_database, drop_database
from services.cli.trial import Trial
from shared.domain.instant import parse_instant

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

NOW = parse_instant("2026-03-31T21:30:00Z")
HISTORY = Simulation(seed=7, start=history_start(NOW, days=5), now=NOW, volume=0.2, live_rate=2)
PORTION = 600


def back_up(programs: Path, url: str, file: Path) -> None:
    """As docs/how-to/back-up-and-restore.md says."""
    subprocess.run(  # noqa: S603 - our own command, no shell
        [programs / "pg_dump", "--format=custom", f"--file={file}", url], check=True
    )


def restore(programs: Path, url: str, file: Path) -> None:
    """The same."""
    subprocess.run(  # noqa: S603 - our own command, no shell
        [
            programs / "pg_restore",
            "--exit-on-error",
            "--single-transaction",
            f"--dbname={url}",
            file,
        ],
        check=True,
    )


def test_after_an_older_backup_the_numbers_are_those_of_all_events(
    stack: LocalStack, a_trial: Callable[[str], Trial]
) -> None:
    if stack.postgres is None:
        pytest.skip("the server's own programs are not here")
    trial, programs = a_trial("restore"), stack.postgres.programs
    url, name = trial.system.database_url, urlsplit(trial.system.database_url).path[1:]
    backup = trial.folder("backup") / "accord.dump"
    records = (own for own in simulate(HISTORY) if own.at < NOW)
    with trial.services(clock=NOW) as services:
        trial.send(islice(records, PORTION))
        before = trial.verify(services, at=NOW)
        back_up(programs, url, backup)
        trial.send(islice(records, PORTION))
        after = trial.verify(services, at=NOW)
    assert after.items > before.items
    asyncio.run(drop_database(stack.database_url, name))
    asyncio.run(create_database(stack.database_url, name))
    restore(programs, url, backup)
    with trial.services(clock=NOW) as services:
        again = trial.verify(services, at=NOW)
    assert again == after
    assert again.differences == 0
