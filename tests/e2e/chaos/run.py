"""Seed after seed on one stack; what each came to, and the sum of it."""

import logging
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from pprint import pformat
from typing import Final

from aiokafka.errors import KafkaError

from services.cli.stack.local_stack import DATA, LocalStack
from services.cli.terminal import say
from services.cli.trial import Trial
from tests.e2e.chaos.schedule import Schedule, draw
from tests.e2e.chaos.storm import AGREEMENTS, Outcome, weather

HOME: Final = DATA / "chaos"
_SHOWN: Final = 10


@contextmanager
def own_stack(name: str = "chaos") -> Iterator[tuple[LocalStack, ThreadPoolExecutor]]:
    """A stack for all the runs, and threads that live as long."""
    with (
        ThreadPoolExecutor(16) as threads,
        LocalStack(DATA / name, fresh=True, prepare=False, say=say) as stack,
    ):
        yield stack, threads


def run_schedule(
    stack: LocalStack, threads: ThreadPoolExecutor, schedule: Schedule, *, bug: str | None = None
) -> Outcome:
    """One run in topics and a database of its own; its logs stay where it failed."""
    name = f"chaos_{schedule.seed}" if bug is None else f"bug_{bug}_{schedule.seed}"
    try:
        with Trial(stack, name, AGREEMENTS) as trial:
            home = trial.folder("evaluator-0").parent
            outcome = weather(stack, trial, schedule, threads, bug=bug)
    except KafkaError as error:
        return Outcome(void=[f"no topics could be made or forgotten: {error!r}"])
    if bug is None and (outcome.differences or outcome.is_void):
        _keep(home, stack.home / f"seed-{schedule.seed}", schedule, outcome)
    else:
        shutil.rmtree(home, ignore_errors=True)
    return outcome


def each_seed(seeds: Iterable[int]) -> int:
    """Run them, tell how each went, sum up; the exit code."""
    be_quiet()
    outcomes: list[Outcome] = []
    with own_stack() as (stack, threads):
        for seed in seeds:
            schedule = draw(seed)
            outcome = run_schedule(stack, threads, schedule)
            tell(schedule, outcome)
            if outcome.is_void and not outcome.differences:
                say(f"seed {seed} is void and is run again")
                outcome = run_schedule(stack, threads, schedule)
                tell(schedule, outcome)
            outcomes.append(outcome)
    return _sum_up(outcomes)


def be_quiet() -> None:
    """That the broker is away is no news here."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def tell(schedule: Schedule, outcome: Outcome) -> None:
    """A line for the run, and one for each thing that is wrong."""
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(outcome.happened.items()))
    counted = ", ".join(f"{name} {count}" for name, count in sorted(outcome.counted.items()))
    say(
        f"seed {schedule.seed}: {_phases(outcome)}, {schedule.evaluators} evaluators, "
        f"{schedule.ingests} ingests; {kinds}; {counted}, items {outcome.items}, announcements "
        f"{outcome.announcements}, ended by themselves {len(outcome.ended)}; "
        f"{outcome.differences} differences"
    )
    for what, lines in (
        ("void", outcome.void),
        ("seen", outcome.seen),
        ("unequal", outcome.unequal),
        ("announced", outcome.announced),
    ):
        for line in lines[:_SHOWN]:
            say(f"  {what}: {line}")


def _phases(outcome: Outcome) -> str:
    phases = ", ".join(f"{name} {seconds:.0f}" for name, seconds in outcome.seconds.items())
    longest = ", ".join(f"{kind} {seconds:.0f}" for seconds, kind in outcome.took[-2:])
    return f"{sum(outcome.seconds.values()):.0f} s ({phases}; longest {longest})"


def _keep(home: Path, kept: Path, schedule: Schedule, outcome: Outcome) -> None:
    """The logs, the schedule and what was found, to look at later."""
    shutil.rmtree(kept, ignore_errors=True)
    home.rename(kept)
    text = pformat(schedule) + "\n" + pformat(outcome) + "\n"
    (kept / "outcome.txt").write_text(text, encoding="utf-8")
    say(f"  kept in {kept}")


def _sum_up(outcomes: list[Outcome]) -> int:
    happened: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for own in outcomes:
        happened.update(own.happened)
        counted.update(own.counted)
    void = sum(own.is_void for own in outcomes)
    differences = sum(own.differences for own in outcomes)
    seconds = sum(sum(own.seconds.values()) for own in outcomes) / max(1, len(outcomes))
    say(", ".join(f"{kind} {count}" for kind, count in sorted(happened.items())))
    say(", ".join(f"{name} {count}" for name, count in sorted(counted.items())))
    say(f"{seconds:.1f} s a seed, {void} void")
    print(  # noqa: T201 - the last line of the command
        f"{len(outcomes)} seeds, {sum(happened.values())} faults, {differences} differences"
        + (f", {void} void" if void else "")
    )
    return 1 if differences or void else 0
