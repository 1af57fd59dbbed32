"""What a rolling restart costs: `python -m benchmarks.rolling_restart`.

Two processes of each service, restarted in order one after the other while events and requests
come: requests that fail, how old the oldest evaluation time becomes, how long something read may be
missing in it; at the end everything is held against `evaluate`. `--lasting` gives the evaluators
lasting names, as on Kubernetes. It ends with 1 when a request failed or a number differs.
"""

import argparse
import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from benchmarks.latency import sending
from benchmarks.stage import a_trial, report
from services.cli.stack.services import Services
from services.cli.terminal import say
from services.cli.trial import Trial
from shared.domain.instant import SECOND
from shared.runtime.config import driver_url
from shared.runtime.wall_clock import system_clock
from tests.deploy.balancer import Balancer, Outcome, ask

ORDER: Final = ("ingest", "evaluator", "api")
_LOOK_S: Final = 0.05
_QUIET_S: Final = 5.0
_REST_S: Final = 900.0
_PREPARING_S: Final = 40
_LOAD_S: Final = 450
_CLIENTS: Final = ({"keep": True}, {"keep": True}, {"keep": True, "pause_s": 0.5}, {"keep": False})
_STANDING: Final = """
SELECT min(evaluation_time) AS oldest, bool_and(proven) AS proven FROM partition_progress
"""


@dataclass
class Ages:
    """How fresh the answers are, looked at twenty times a second."""

    oldest_s: float = 0.0
    unproven_s: float = 0.0
    """The longest time without a moment at which everything read was in the evaluation."""
    _unproven_since: float | None = None
    by_step: dict[str, tuple[float, float]] = field(default_factory=dict)

    def look(self, row: asyncpg.Record) -> None:
        """Note one look."""
        now = time.monotonic()
        self.oldest_s = max(self.oldest_s, (system_clock() - row["oldest"]) / SECOND)
        if row["proven"]:
            self._unproven_since = None
            return
        self._unproven_since = self._unproven_since or now
        self.unproven_s = max(self.unproven_s, now - self._unproven_since)

    def step(self, title: str) -> None:
        """Note what came of a step, and begin the next one."""
        self.by_step[title] = (self.oldest_s, self.unproven_s)
        self.oldest_s = self.unproven_s = 0.0


def main() -> None:
    """Restart everything once under load, and say what it cost."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rate", type=float, default=50.0, help="events a second")
    asked.add_argument("--lasting", action="store_true", help="evaluators with lasting names")
    given = asked.parse_args()
    with a_trial("rolling") as trial:
        with members(trial, lasting=given.lasting) as fleet:
            outcomes, ages = restart_all(trial, fleet, given.rate)
        tell(outcomes, ages)
        at = system_clock()
        with trial.services(clock=at) as services:
            verdict = trial.verify(services, at=at, patience_s=_REST_S)
    report("rolling_restart_differences", verdict.differences, "differences")
    raise SystemExit(1 if verdict.differences or any(own.failed for own in outcomes) else 0)


@contextmanager
def members(trial: Trial, *, lasting: bool) -> Iterator[dict[str, Services]]:
    """Two processes of each service, in the order in which they are restarted."""
    fleet: dict[str, Services] = {}
    with ExitStack() as running:
        for name in ORDER:
            for number in range(2):
                title = f"{name}-{number}"
                environment = {"ACCORD_DRAIN_DELAY": "5"}
                if lasting and name == "evaluator":
                    environment["ACCORD_GROUP_INSTANCE"] = title
                own = trial.services(clock=None, names=(name,), home=title, **environment)
                fleet[title] = running.enter_context(own)
        yield fleet


def restart_all(
    trial: Trial, fleet: dict[str, Services], rate: float
) -> tuple[list[Outcome], Ages]:
    """Restart one after the other while events and requests come."""
    begin = system_clock() + _PREPARING_S * SECOND
    with sending(trial, rate, begin, begin + _LOAD_S * SECOND):
        time.sleep((begin - system_clock()) / SECOND + _QUIET_S)
        return _restart_all(trial, fleet)


def _restart_all(trial: Trial, fleet: dict[str, Services]) -> tuple[list[Outcome], Ages]:
    health = {
        own.api_url: f"{own.health_url('api')}/readyz"
        for title, own in fleet.items()
        if title.startswith("api")
    }
    ages, until = Ages(), threading.Event()
    with Balancer(health) as balancer, ThreadPoolExecutor(len(_CLIENTS)) as threads:
        asking: list[Future[Outcome]] = [
            threads.submit(ask, balancer, "/v1/states", until, **client) for client in _CLIENTS
        ]
        watching = trial.background.start(_watch(trial, ages))
        try:
            time.sleep(_QUIET_S)
            ages.step("nothing")
            for title, own in fleet.items():
                name = title.partition("-")[0]
                say(f"restarting {title}")
                own.stop(name)
                if (code := own.child(name).code()) != 0:
                    message = f"{title} ended with {code}:\n{own.child(name).tail()}"
                    raise SystemExit(message)
                own.start(name)
                time.sleep(_QUIET_S)
                ages.step(title)
        finally:
            watching.cancel()
            until.set()
        return [own.result() for own in asking], ages


async def _watch(trial: Trial, ages: Ages) -> None:
    connection = await asyncpg.connect(driver_url(trial.system.database_url))
    try:
        while True:
            row = await connection.fetchrow(_STANDING)
            if row is not None:
                ages.look(row)
            await asyncio.sleep(_LOOK_S)
    finally:
        connection.terminate()


def tell(outcomes: list[Outcome], ages: Ages) -> None:
    """Print what was found."""
    report("rolling_restart_requests", sum(own.answered for own in outcomes), "requests")
    failed = [failure for own in outcomes for failure in own.failed]
    report("rolling_restart_failed_requests", len(failed), "requests")
    for failure in failed[:10]:
        say(failure)
    for title, (oldest, unproven) in ages.by_step.items():
        report(f"rolling_restart_oldest_{title}", oldest, "s")
        report(f"rolling_restart_unproven_{title}", unproven, "s")


if __name__ == "__main__":
    main()
