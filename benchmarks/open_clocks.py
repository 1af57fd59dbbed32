"""How an evaluator starts when a million items have open clocks: until it is ready, and its memory.

An evaluator folds that many tickets that have just been opened, under the example company's
agreements, and is stopped; then another one is started. Measured are the seconds from its start to
the first `200` of `/readyz`, and what it holds of memory then and after a while, in which the
clocks run on. Folding them takes two to six minutes, so `python -m benchmarks` leaves it out.
"""

import argparse
import re
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

import asyncpg

from benchmarks.stage import a_trial, processor_seconds, report, until_judged
from benchmarks.throughput import fill
from services.cli.simulator.company import CHANNELS, SITES, chosen, desk, some_customer
from services.cli.stack.local_stack import DATA
from services.cli.stack.services import Services
from services.cli.terminal import say
from services.cli.trial import Trial
from shared.domain.event import Event
from shared.domain.instant import HOUR, MINUTE, Instant
from shared.runtime.config import driver_url
from shared.runtime.wall_clock import system_clock

_LOOK_S: Final = 0.01
_OPENED_OVER: Final = 5 * MINUTE
_KIB_IN_MIB: Final = 1024
_OPEN: Final = """
SELECT count(next_due) AS due, min(next_due) AS first,
    pg_size_pretty(pg_total_relation_size('item')) AS size, avg(length(body))::int AS body
FROM item
"""


def opened(count: int, now: Instant) -> Iterator[Event]:
    """So many tickets that were opened over the last minutes; none is answered."""
    random = Random(1)  # noqa: S311 - a simulation, no secret
    for number in range(count):
        site = random.choice(SITES)
        customer = some_customer(random, site)
        data: dict[str, object] = {
            "customer": customer.name,
            "service": random.choice(customer.services),
            "region": site.region,
            "site": site.name,
            "channel": chosen(random, CHANNELS),
            "priority": random.choice(("p3", "p4")),
            "status": "new",
            "team": desk(site),
            "actor": "customer",
        }
        subject = f"T-{number}"
        at = now - _OPENED_OVER + _OPENED_OVER * number // count
        yield Event("ticket", subject, "/helpdesk", f"{subject}-1", "ticket.created", at, data)


def main() -> None:
    """Fill, start, and measure."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--clocks", type=int, default=1_000_000, help="items with open clocks")
    asked.add_argument("--starts", type=int, default=3)
    asked.add_argument(
        "--seconds", type=float, default=60.0, help="until memory is looked at again"
    )
    asked.add_argument("--data", type=Path, default=DATA / "bench", help="folder of the stack")
    given = asked.parse_args()
    with a_trial("open_clocks", home=given.data) as trial:
        sent = trial.background.run(fill(trial, opened(given.clocks, system_clock())))
        say(f"{sent} tickets are in the log")
        fold(trial)
        for number in range(1, given.starts + 1):
            start(trial, number, given.seconds if number == given.starts else 0.0)


def fold(trial: Trial) -> None:
    """Let an evaluator fold and judge everything, and say what is stored then."""
    begun = time.monotonic()
    with trial.services(names=("evaluator",), home="first"):
        trial.background.run(until_judged(trial))
    found = trial.background.run(_stored(trial))
    say(
        f"folded in {time.monotonic() - begun:.0f} s; items take {found['size']}, "
        f"bodies of {found['body']} bytes"
    )
    report("open_clocks_items", found["due"], "items")
    first = (found["first"] - system_clock()) / HOUR if found["first"] else 0.0
    report("open_clocks_first_deadline", first, "h from now")


async def _stored(trial: Trial) -> Mapping[str, Any]:
    connection = await asyncpg.connect(driver_url(trial.system.database_url))
    try:
        (found,) = await connection.fetch(_OPEN)
    finally:
        await connection.close()
    return {**found}


def start(trial: Trial, number: int, seconds: float) -> None:
    """Start one more evaluator; look at it when it is ready, and again after so many seconds."""
    services = trial.services(names=("evaluator",), home=f"start-{number}")
    begun = time.monotonic()
    pid = services.launch("evaluator").pid
    try:
        while not _is_ready(services):
            if services.child("evaluator").code() is not None:
                raise SystemExit(services.child("evaluator").tail())
            time.sleep(_LOOK_S)
        report(f"start_{number}_ready", time.monotonic() - begun, "s")
        report(f"start_{number}_ready_cpu", processor_seconds([pid]), "s")
        _tell_memory(pid, f"start_{number}_ready")
        if seconds:
            used = processor_seconds([pid])
            time.sleep(seconds)
            _tell_memory(pid, f"start_{number}_later")
            spent = processor_seconds([pid]) - used
            report(f"start_{number}_later_cpu", spent / seconds, "processors")
    finally:
        services.stop("evaluator")


def _is_ready(services: Services) -> bool:
    url = f"{services.health_url('evaluator')}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
            return True
    except OSError:
        return False


def _tell_memory(pid: int, name: str) -> None:
    """Print what a process holds now, and held at most."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    for field, title in (("VmRSS", "memory"), ("VmHWM", "most_memory")):
        found = re.search(rf"{field}:\s+(\d+) kB", status)
        if found is not None:
            report(f"{name}_{title}", int(found[1]) / _KIB_IN_MIB, "MiB")


if __name__ == "__main__":
    main()
