"""Two evaluators, one of them killed in mid-stream again and again; then everything is compared.

Now and then ingest is killed as well.

`python -m tests.e2e.chaos --seeds n` is `make chaos SEEDS=n`. The last line of its output says
`n seeds, …, 0 differences`; exit code 1 when there are any.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from random import Random
from threading import Thread
from typing import Final

from services.cli.local import say
from services.cli.simulator.delivery import Record
from services.cli.simulator.stream import Simulation, history_start, simulate
from services.cli.stack.local_stack import DATA, LocalStack
from services.cli.stack.services import Services
from services.cli.trial import Trial
from services.cli.verification.accepted import read_accepted, records_of
from services.cli.verification.compare import Row, breach_text
from services.cli.verification.expected import expect
from services.cli.verification.rest import Progress
from shared.documents import load
from shared.domain.instant import Instant
from shared.runtime.wall_clock import system_clock

AGREEMENTS: Final = Path(__file__).with_name("agreements")
SESSION_MS: Final = "6000"
_CHUNK: Final = 150
_PATIENCE_S: Final = 90.0
_SILENCE_S: Final = 0.3
_INGEST_TOO: Final = 4
"""Every fourth time ingest is killed as well."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    kills: int
    items: int
    announcements: int
    differences: int


def run(trial: Trial, *, seed: int, kills: int) -> Outcome:
    """Stream a small history while evaluators are killed so often; then stop, compare, count."""
    now = system_clock()
    simulation = Simulation(seed, history_start(now, 4), now, volume=0.4, live_rate=3)
    records = list(takewhile(lambda own: own.at < simulation.now, simulate(simulation)))
    size = len(records) // (kills + 1) + 1
    slices = [records[begun : begun + size] for begun in range(0, len(records), size)]
    killer = _Killer(trial, Random(seed))  # noqa: S311 - only an order of kills
    with ExitStack() as running:
        killer.start(running)
        for some in slices[:kills]:
            feeder = Thread(target=_trickle, args=(trial, some), daemon=True)
            feeder.start()
            killer.kill_one()
            feeder.join()
    for some in slices[kills:]:
        trial.send(some)
    at = system_clock()
    with (
        trial.services(clock=at, ACCORD_SESSION_TIMEOUT_MS=SESSION_MS) as services,
        trial.services(
            clock=at, names=("evaluator",), home="other", ACCORD_SESSION_TIMEOUT_MS=SESSION_MS
        ),
    ):
        verdict = trial.verify(services, at=at, patience_s=180)
        announced, wrong = check_announcements(trial, at=at)
    return Outcome(killer.kills, verdict.items, announced, verdict.differences + wrong)


class _Killer:
    """Two evaluators of one group, and the end of one of them whenever the group makes way."""

    def __init__(self, trial: Trial, random: Random) -> None:
        self._trial = trial
        self._random = random
        self._evaluators: list[Services] = []
        self._ingest: Services | None = None
        self.kills = 0

    def start(self, running: ExitStack) -> None:
        """Start both, and ingest."""
        self._ingest = running.enter_context(
            self._trial.services(
                names=("ingest",), home="ingest", ACCORD_SESSION_TIMEOUT_MS=SESSION_MS
            )
        )
        self._evaluators = [
            running.enter_context(
                self._trial.services(
                    names=("evaluator",), home=home, ACCORD_SESSION_TIMEOUT_MS=SESSION_MS
                )
            )
            for home in ("first", "second")
        ]

    def kill_one(self) -> None:
        """Wait until events are being folded, kill one at a random moment, start it again."""
        self._wait_until_folding()
        time.sleep(self._random.uniform(0.0, 0.8))
        victim = self._random.choice(self._evaluators)
        victim.child("evaluator").kill()
        self.kills += 1
        victim.launch("evaluator")
        if self._ingest is not None and self.kills % _INGEST_TOO == 0:
            self._ingest.child("ingest").kill()
            self._ingest.launch("ingest")

    def _wait_until_folding(self) -> None:
        async def folded() -> int:
            async with Progress(self._trial.system) as progress:
                return await progress.folded()

        before, end = self._trial.background.run(folded()), time.monotonic() + _PATIENCE_S
        while self._trial.background.run(folded()) == before:
            if time.monotonic() > end:
                message = f"nothing was folded for {_PATIENCE_S:g} s after {self.kills} kills"
                raise SystemExit(message)
            time.sleep(0.1)


def _trickle(trial: Trial, records: list[Record]) -> None:
    """Send a little at a time, so that a kill falls somewhere between."""
    for begun in range(0, len(records), _CHUNK):
        trial.send(records[begun : begun + _CHUNK])
        time.sleep(_SILENCE_S)


def check_announcements(trial: Trial, *, at: Instant) -> tuple[int, int]:
    """(events on accord.breaches, what is wrong with them).

    Every repetition has to equal the first of its id; and what the events say in the end, each
    once and in order, has to be exactly the breaches that `evaluate` finds.
    """
    everything = trial.background.run(_announcements(trial))
    first: dict[str, Row] = {}
    wrong = 0
    for event in everything:
        known = first.setdefault(str(event["id"]), event)
        if known != event:
            wrong += 1
            say(f"two events have the id {event['id']}: {known} and {event}")
    said = {breach_text(_data(event)) for event in _latest(first.values()).values()}
    catalogue = load(trial.agreements).catalogue
    if catalogue is None:
        message = "the documents do not load"
        raise SystemExit(message)
    accepted = trial.background.run(read_accepted(trial.system.bootstrap_servers, trial.topics))
    true = {breach_text(row) for row in expect(catalogue, accepted.events, at=at).breaches}
    for text in sorted(said ^ true):
        say(f"{'announced only' if text in said else 'never announced'}: {text}")
    return len(everything), wrong + len(said ^ true)


def _latest(events: Iterable[Row]) -> dict[str, Row]:
    latest: dict[str, Row] = {}
    for event in events:
        name = str(_data(event)["breach_id"])
        if event["type"] == "accord.breach.withdrawn":
            latest.pop(name, None)
        else:
            latest[name] = event
    return latest


def _data(event: Row) -> dict[str, object]:
    data = event["data"]
    if not isinstance(data, dict):
        message = f"an event without data: {event}"
        raise TypeError(message)
    return data


async def _announcements(trial: Trial) -> list[Row]:
    servers, breaches = trial.system.bootstrap_servers, trial.topics.breaches
    return [json.loads(own.value or b"{}") async for own in records_of(servers, [breaches])]


def each_seed(seeds: int, kills: int, told: Callable[[int, Outcome], None]) -> list[Outcome]:
    """One run for each seed, all on one stack."""
    outcomes: list[Outcome] = []
    with LocalStack(DATA / "chaos", fresh=True, prepare=False, say=say) as stack:
        for seed in range(1, seeds + 1):
            with Trial(stack, f"chaos_{seed}", AGREEMENTS) as trial:
                outcomes.append(run(trial, seed=seed, kills=kills))
                told(seed, outcomes[-1])
    return outcomes


def main() -> int:
    """Run it as a command."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--kills", type=int, default=10)
    given = asked.parse_args()
    outcomes = each_seed(
        given.seeds, given.kills, lambda seed, outcome: say(f"seed {seed}: {outcome}")
    )
    kills = sum(own.kills for own in outcomes)
    announced = sum(own.announcements for own in outcomes)
    differences = sum(own.differences for own in outcomes)
    print(  # noqa: T201 - the last line of the command
        f"{len(outcomes)} seeds, {kills} kills, {announced} announcements, "
        f"{differences} differences"
    )
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
