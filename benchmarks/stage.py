"""What the benchmarks stand on: a stack of their own, and how a result is printed."""

import asyncio
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from services.cli.simulator.delivery import Record
from services.cli.stack.local_stack import DATA, LocalStack
from services.cli.terminal import say
from services.cli.trial import Trial
from services.cli.verification.rest import Progress
from shared.domain.event import Event
from shared.domain.instant import Instant
from shared.wire.cloudevents import encode

AGREEMENTS: Final = Path("deploy/agreements")
_PATIENCE_S: Final = 900.0


@contextmanager
def a_trial(
    name: str, *, event_partitions: int = 8, home: Path = DATA / "bench"
) -> Iterator[Trial]:
    """A pipeline on a fresh stack that syncs to disk as in production; `home` takes its data."""
    with (
        LocalStack(home, fresh=True, prepare=False, say=say) as stack,
        Trial(stack, name, AGREEMENTS, event_partitions=event_partitions) as trial,
    ):
        yield trial


def a_new_ticket(
    subject: str, created: Instant, data: dict[str, object], *, sent_at: Instant
) -> Record:
    """The record of the event that opens a ticket."""
    event = Event("ticket", subject, "/bench", f"{subject}-1", "ticket.created", created, data)
    return Record(sent_at, "tickets", subject.encode(), encode(event))


def report(name: str, value: float, unit: str, *, of: float | None = None) -> None:
    """Print one result as a line of JSON; `of` is what it is held against, in the same unit."""
    ratio = None if of is None else round(value / of, 4)
    line = {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "of": None if of is None else round(of, 3),
        "ratio": ratio,
    }
    print(json.dumps(line), flush=True)  # noqa: T201 - the result, for programs to read


def quantile(sorted_values: list[float], share: float) -> float:
    """The ⌈share·n⌉-th smallest."""
    index = -(-round(share * 1000) * len(sorted_values) // 1000) - 1
    return sorted_values[max(0, index)]


def processor_seconds(pids: Iterable[int]) -> float:
    """What processes have used so far, with their children that have ended."""
    found = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        # Those of children that have ended are their parent's.
        found += times.user + times.system + times.children_user + times.children_system
    return found


def postgres_pids() -> list[int]:
    """PostgreSQL's processes of this stack, which this process has started."""
    family = psutil.Process(os.getpid()).children(recursive=True)
    return [one.pid for one in family if one.name() == "postgres"]


async def until_judged(trial: Trial) -> None:
    """Wait until everything in the event log is folded and judged."""
    end = time.monotonic() + _PATIENCE_S
    async with Progress(trial.system) as progress:
        while await progress.unfolded() or not await progress.is_judged():
            if time.monotonic() > end:
                message = f"not folded and judged after {_PATIENCE_S:g} s"
                raise SystemExit(message)
            await asyncio.sleep(0.2)
