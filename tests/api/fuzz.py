"""Asks a running api whatever its OpenAPI document allows, and what it does not: schemathesis.

`python -m tests.api.fuzz --seconds 600` runs all checks over filled tables on a PostgreSQL of its
own (or that of `ACCORD_DATABASE_URL`) and prints what was found as a line of JSON. The code is 1
when a check failed.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from services.api.access.gate import Gate
from services.api.access.keys import StoredKey, digest_of, new_key
from services.api.access.settings import AccessSettings, Mode
from services.api.app import create_app, make_sources
from services.api.web.caller import implied
from services.api.webhooks.addresses import Addresses
from services.cli.stack.local_stack import LocalStack
from services.cli.stack.postgres import create_database, drop_database
from shared.runtime.config import process_environment
from shared.runtime.database import create_pool
from shared.runtime.migrate import migrate
from shared.runtime.registry import Registry
from shared.runtime.wall_clock import system_clock
from tests.api.serving import on_a_socket
from tests.api.stored import EVENTS, NOW, a_catalogue, store

STREAM = "/v1/stream"
"""An answer that does not end; it has tests of its own."""
NAME = "accord_fuzz"
ROOT = Path(__file__).parents[2]


CONFIGURATION = """
[checks.negative_data_rejection]
# Its own list, and 413: what is too large is not looked into.
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]
"""


@dataclass(frozen=True)
class Fuzzed:
    """What a run did: operations and cases, and what failed, as schemathesis tells it."""

    operations: int
    cases: int
    failures: int
    told: str


@dataclass(frozen=True)
class Served:
    """Where the api is, and a key that may do everything."""

    address: str
    key: str


@asynccontextmanager
async def a_served_api(database_url: str, folder: Path) -> AsyncIterator[Served]:
    """An api over filled tables, on a real socket, with its states in memory."""
    catalogue = a_catalogue(folder)
    await store(database_url, catalogue, EVENTS, now=NOW)
    stopping = asyncio.Event()
    async with await create_pool(database_url, service="test") as pool:
        sources = make_sources(pool=pool, catalogue=catalogue, clock=lambda: NOW)
        key_id, key = new_key()
        stored = StoredKey(key_id, digest_of(key), "fuzz", implied(["admin"]), None, None, None)
        gate = Gate(AccessSettings(mode=Mode.KEYS), pool, clock=system_clock, elapsed=perf_counter)

        async def hold() -> None:
            while True:
                gate.ring.hold({key_id: stored}, system_clock())
                await asyncio.sleep(1.0)

        holding = asyncio.ensure_future(hold())
        app = create_app(sources, Registry(), gate, addresses=Addresses(resolve=_somewhere))
        async with on_a_socket(app) as address:
            looking = asyncio.ensure_future(sources.board.renew_until(stopping))
            yield Served(address, key)
            stopping.set()
            holding.cancel()
            await looking


async def _somewhere(host: str, port: int) -> list[str]:  # noqa: ARG001 - as it is asked
    """An address that everybody can reach; nothing is sent to it here."""
    return ["93.184.215.14"]


async def fuzz(api: Served, folder: Path, seconds: float, examples: int) -> Fuzzed:
    """Run schemathesis with all checks for so many seconds at most."""
    report = folder / "report.json"
    (folder / "schemathesis.toml").write_text(CONFIGURATION, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        "run",
        f"{api.address}/openapi.json",
        f"--header=Authorization: Bearer {api.key}",
        "--checks=all",
        f"--max-time={seconds:g}",
        f"--max-examples={examples}",
        f"--exclude-path={STREAM}",
        "--continue-on-failure",
        "--no-color",
        "--report=json",
        f"--report-json-path={report}",
        cwd=folder,
        env=process_environment(SCHEMATHESIS_HOOKS="tests.api.fuzz_hooks", PYTHONPATH=str(ROOT)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    return _read(json.loads(report.read_text(encoding="utf-8")), told.decode())


def _read(report: dict[str, Any], told: str) -> Fuzzed:
    cases, errors = report["test_cases"], len(report["errors"])
    failed = cases["unique_failures"] + cases["errored"] + errors
    return Fuzzed(report["operations"]["tested"], cases["generated"], failed, told)


async def _run(database_url: str, seconds: float, examples: int) -> Fuzzed:
    await create_database(database_url, NAME)
    own = database_url.rpartition("/")[0] + "/" + NAME
    try:
        await migrate(own)
        with TemporaryDirectory() as folder:
            async with a_served_api(own, Path(folder)) as api:
                return await fuzz(api, Path(folder), seconds, examples)
    finally:
        await drop_database(database_url, NAME)


def main() -> int:
    """Run it and say what was found."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=600.0)
    asked.add_argument("--examples", type=int, default=1_000, help="of each operation")
    asked.add_argument("--data", type=Path, default=Path(".accord") / "fuzz")
    given = asked.parse_args()
    with LocalStack(given.data, prepare=False) as stack:
        found = asyncio.run(_run(stack.database_url, given.seconds, given.examples))
    sys.stdout.write(found.told)
    told = {name: getattr(found, name) for name in ("operations", "cases", "failures")}
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
