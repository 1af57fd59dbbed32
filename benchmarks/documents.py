"""What a change of agreements costs while events stream: two edits of the example company.

The first edit changes one agreement, the second all of them. Measured over HTTP: from the edit to
the first answer under the new documents, and the longest age of an answer (`as_of`) meanwhile.
Afterwards everything is held against `accord evaluate`.
"""

import argparse
import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from shutil import copytree
from threading import Event, Thread
from typing import Any, Final

import asyncpg
import httpx

from benchmarks.stage import AGREEMENTS, report
from services.cli.feed import Feed
from services.cli.simulator.delivery import Record
from services.cli.simulator.stream import Simulation, history_start, simulate
from services.cli.stack.local_stack import DATA, LocalStack
from services.cli.stack.services import Services
from services.cli.terminal import say
from services.cli.trial import Trial
from shared.domain.instant import SECOND, parse_instant
from shared.runtime.config import driver_url
from shared.runtime.wall_clock import system_clock

_LOOK_S: Final = 0.05
_QUIET_S: Final = 15.0
_PATIENCE_S: Final = 1800.0
_CAUGHT_UP_S: Final = 2.0
_EDITS: Final = {
    "one_agreement": ("first-line.yaml", "provider: dispatch,", "provider: the-dispatch,"),
    "all_agreements": ("*.yaml", "parties: {provider: ", "parties: {provider: our-"),
}


def main() -> None:
    """Measure each edit and compare."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--days", type=int, default=30, help="of history before the edits")
    asked.add_argument("--volume", type=float, default=6.0, help="of that history")
    asked.add_argument("--rate", type=float, default=1_000.0, help="live events a second")
    asked.add_argument("--data", type=Path, default=DATA / "bench")
    given = asked.parse_args()
    with (
        LocalStack(given.data, fresh=True, prepare=False, say=say) as stack,
        Trial(stack, "documents", AGREEMENTS) as trial,
    ):
        folder = trial.agreements = copytree(AGREEMENTS, trial.folder("edited") / "agreements")
        now = system_clock()
        history = Simulation(
            1, history_start(now, given.days), now, volume=given.volume, live_rate=0
        )
        later = Simulation(2, now, now, volume=0, live_rate=given.rate, tag="-later")
        with trial.services() as services:
            say(f"{trial.send_history(history)} records of history are sent")
            with live(trial, later):
                watch = Watch(services)
                watch.until(lambda: watch.age < _CAUGHT_UP_S)
                report("items", ask(trial, "SELECT count(*) FROM item"), "items")
                report("age_without_an_edit", watch.during(_QUIET_S), "s")
                for name, edit in _EDITS.items():
                    measure(trial, watch, folder, name, edit)
        at = system_clock()
        with trial.services(clock=at) as services:
            verdict = trial.verify(services, at=at, patience_s=_PATIENCE_S)
        report("differences", verdict.differences, "differences", of=verdict.items)


def measure(
    trial: Trial, watch: "Watch", folder: Path, name: str, edit: tuple[str, str, str]
) -> None:
    """Edit, and watch until the documents are used and answers are fresh again."""
    pattern, before, after = edit
    begun = system_clock()
    for path in sorted(folder.rglob(pattern)):
        path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    number = ask(trial, "SELECT max(number) FROM generation") + 1
    watch.until(lambda: ask(trial, _SWITCHED, number) is not None)
    used_s = (ask(trial, _SWITCHED, number) - begun) / SECOND
    watch.until(lambda: watch.age < _CAUGHT_UP_S)
    report(f"{name}_used_after", used_s, "s")
    report(f"{name}_longest_age", watch.oldest, "s")
    report(f"{name}_longest_request", watch.slowest, "s")
    report(f"{name}_objectives", ask(trial, _CHANGED, number), "objectives")
    watch.during(_QUIET_S)


@contextmanager
def live(trial: Trial, simulation: Simulation) -> Iterator[None]:
    """Send what comes after the simulation's now, each record when it is due."""
    over = Event()

    def records() -> Iterator[Record]:
        later = (own for own in simulate(simulation) if own.at >= simulation.now)
        return takewhile(lambda _: not over.is_set(), later)

    async def send() -> None:
        async with Feed(trial.system.bootstrap_servers, trial.topics) as feed:
            await feed.send_when_due(records(), clock=system_clock, sent=lambda _: None)

    sending = Thread(target=lambda: asyncio.run(send()), daemon=True)
    sending.start()
    try:
        yield
    finally:
        over.set()
        sending.join()


def ask(trial: Trial, query: str, *given: object) -> Any:  # noqa: ANN401 - as the query says
    """The one value that a query gives."""

    async def fetch() -> object:
        connection = await asyncpg.connect(driver_url(trial.system.database_url))
        try:
            return await connection.fetchval(query, *given)
        finally:
            await connection.close()

    return trial.background.run(fetch())


_SWITCHED: Final = "SELECT switched_at FROM generation WHERE number = $1"
_CHANGED: Final = """
SELECT count(*) FROM generation, json_each_text(built::json) AS own (name, since)
WHERE number = $1 AND own.since = $1::text
"""


class Watch:
    """A reader that asks again and again; ages and times are in seconds."""

    def __init__(self, services: Services) -> None:
        """Ask these services."""
        self._url = services.api_url + "/v1/states?limit=200"
        self._http = httpx.Client(timeout=60)
        self.age = self.oldest = self.slowest = float("inf")

    def until(self, check: Callable[[], bool]) -> None:
        """Ask until the check holds; `oldest` and `slowest` are of this time."""
        self.oldest = self.slowest = 0.0
        end = time.monotonic() + _PATIENCE_S
        while True:
            self._look()
            if check():
                return
            if time.monotonic() > end:
                message = f"not yet after {_PATIENCE_S:g} s; the latest answer is {self.age} s old"
                raise SystemExit(message)
            time.sleep(_LOOK_S)

    def during(self, seconds: float) -> float:
        """Ask for so many seconds; the oldest answer."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)
        return self.oldest

    def _look(self) -> None:
        asked = time.monotonic()
        answer = self._http.get(self._url).raise_for_status().json()
        self.slowest = max(self.slowest, time.monotonic() - asked)
        as_of = answer["as_of"]
        self.age = (system_clock() - parse_instant(as_of)) / SECOND if as_of else float("inf")
        self.oldest = max(self.oldest, self.age)


if __name__ == "__main__":
    main()
