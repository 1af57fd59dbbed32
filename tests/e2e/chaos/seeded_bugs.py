"""Would known mistakes be noticed? Each is put into real processes and given the fault for it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from services.cli.stack.local_stack import LocalStack
from services.cli.terminal import say
from tests.e2e.chaos.run import be_quiet, own_stack, run_schedule, tell
from tests.e2e.chaos.schedule import Deed, Kind, directed
from tests.e2e.chaos.storm import Outcome

SEEDS_MAX: Final = 3
_FOLD: Final = 0.1
"""The choice by which a cut falls on a transaction that folds."""
_FULL: Final = 0.1
"""The choice by which the dead letters take no record at all; else they only ask for replicas."""
_LONG: Final = 0.99
"""The choice by which a process is away for long."""

PROVOKED_BY: Final[dict[str, Sequence[Deed]]] = {
    "fencing-off": [(Kind.ZOMBIE, None), (Kind.ZOMBIE, None)],
    "offset-before-effects": [(Kind.KILL, None)] * 3 + [(Kind.CUT_BEFORE, _FOLD)] * 2,
    "positions-from-kafka": [(Kind.KILL, None)] * 2 + [(Kind.CUT_BEFORE, _FOLD)] * 3,
    "timer-lost": [(Kind.KILL, None)],
    "duplicate-not-detected": [(Kind.KILL, None)],
    "commit-repeated-blindly": [(Kind.CUT_AFTER, _FOLD)] * 3,
    "reset-to-latest": [(Kind.KILL, None)] * 3,
    "flow-before-seek": [(Kind.KILL, None)] * 2,
    "items-kept-after-failure": [(Kind.CUT_BEFORE, _FOLD)] * 3,
    "no-time-for-disorder": [(Kind.KILL, None)],
    "time-without-proof": [(Kind.KILL_INGEST, _LONG)] * 2,
    "outbox-emptied-first": [(Kind.KILL, None)] * 4 + [(Kind.BROKER_KILL, None)],
    "committed-before-published": [(Kind.KILL_INGEST, None)] * 3,
    "dropped-without-letters": [(Kind.DLQ, _FULL)],
    "judged-outside-a-snapshot": [(Kind.KILL, None)],
    "ids-by-chance": [(Kind.CUT_SENT, None)] * 2,
}


def each_bug(names: Sequence[str]) -> int:
    """Try them, print the table; 1 when one was not noticed."""
    be_quiet()
    wanted = list(names) or list(PROVOKED_BY)
    rows = []
    with own_stack("bugs") as (stack, threads):
        for name in wanted:
            rows.append((name, *_try(stack, threads, name)))
            say(" | ".join(map(str, rows[-1])))
    width = max(len(name) for name, *_ in rows)
    for name, seeds, check in rows:
        print(f"{name:<{width}}  {seeds or '-'}  {check}")  # noqa: T201 - the command's answer
    caught = sum(1 for _, seeds, _ in rows if seeds)
    print(f"{len(rows)} bugs, {caught} caught")  # noqa: T201 - the last line of the command
    return 0 if caught == len(rows) else 1


def _try(stack: LocalStack, threads: ThreadPoolExecutor, name: str) -> tuple[int, str]:
    """(after how many seeds it was noticed or 0, by which check)."""
    for seed in range(1, SEEDS_MAX + 1):
        schedule = directed(seed, PROVOKED_BY[name], evaluators=3 if "judged" in name else 2)
        outcome = run_schedule(stack, threads, schedule, bug=name)
        tell(schedule, outcome)
        if outcome.differences:
            return seed, _caught_by(outcome)
    return 0, "not noticed"


def _caught_by(outcome: Outcome) -> str:
    found = (("reader", outcome.seen), ("end", outcome.unequal), ("breaches", outcome.announced))
    return "; ".join(f"{check} {len(lines)}: {lines[0][:90]}" for check, lines in found if lines)
