"""The core alone, on one core and without a server.

- the fold: events a second of the example company's stream, each item settled once at the end (as
  `accord evaluate` does) and after every batch of 2,000 events (as the evaluator does), beside the
  limit loop: the same events put in order by item, their attributes carried, nothing measured;
- contributions of an item: items a second with timelines of 5, 20 and 200 events, three agreements;
- calendars: questions a second to an office calendar with breaks and holidays;
- `accord evaluate`: events a second over a million events, and its peak memory.
"""

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from benchmarks.stage import AGREEMENTS, report
from benchmarks.timelines import DOCUMENTS, timeline
from services.cli.simulator.stream import Simulation, history_start, simulate
from services.cli.terminal import say
from shared.documents import load
from shared.domain.agreement import Catalogue
from shared.domain.business_calendar import HORIZON, BusinessCalendar
from shared.domain.event import Event, order_key
from shared.domain.instant import DAY, HOUR, MINUTE, Instant, format_instant
from shared.domain.item import Item
from shared.domain.plan import Plan, compile_plan
from shared.runtime.wall_clock import system_clock
from shared.wire.cloudevents import decode_record, encode

_RUNS: Final = 3
_BATCH: Final = 2_000
_QUESTIONS: Final = 100_000
_HISTORY_DAYS: Final = 60
_EVENTS_OF_THE_HISTORY: Final = 110_000


def main() -> None:
    """Measure everything and print it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=60_000, help="events of the fold")
    asked.add_argument("--million", type=int, default=1_000_000, help="events of `evaluate`")
    given = asked.parse_args()
    catalogue = loaded(AGREEMENTS)
    folds(compile_plan(catalogue), [*company(given.events)])
    items()
    calendar(catalogue.calendars["berlin-office"])
    if given.million:
        evaluate(given.million)


def loaded(path: Path) -> Catalogue:
    """The catalogue of a folder that loads."""
    found = load(path)
    if found.catalogue is None:
        raise SystemExit("\n".join(map(str, found.problems)))
    return found.catalogue


def company(count: int) -> Iterator[Event]:
    """So many events of the simulated company, in the order in which they were produced."""
    now = system_clock()
    volume = max(1.0, 1.3 * count / _EVENTS_OF_THE_HISTORY)
    start = history_start(now, days=_HISTORY_DAYS)
    records = simulate(Simulation(seed=1, start=start, now=now, volume=volume))
    sound = (record for record in records if not record.spoiled)
    return (decode_record(record.headers, record.value) for record in islice(sound, count))


def folds(plan: Plan, events: list[Event]) -> None:
    """The fold of a stream beside the limit loop, in turns."""
    limits, ends, batches = [], [], []
    with _quiet():
        for _ in range(_RUNS):
            limits.append(_rate(len(events), lambda: _limit(events)))
            ends.append(_rate(len(events), lambda: _at_the_end(plan, events)))
            batches.append(_rate(len(events), lambda: _in_batches(plan, events)))
    limit = median(limits)
    report("limit_loop_of_the_fold_events_per_second", limit, "events/s")
    report("fold_events_per_second", median(ends), "events/s", of=limit)
    report("fold_in_batches_events_per_second", median(batches), "events/s", of=limit)


def items() -> None:
    """Whole timelines of three lengths under three agreements."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "agreements.yaml").write_text(DOCUMENTS, encoding="utf-8")
        plan = compile_plan(loaded(Path(folder)))
    for length, count in ((5, 4_000), (20, 1_500), (200, 150)):
        timelines = [timeline(f"T-{number}", length) for number in range(count)]
        now = max(event.time for events in timelines for event in events)

        def settle_all(timelines: list[list[Event]] = timelines, now: Instant = now) -> None:
            for events in timelines:
                Item(plan, "ticket", events[0].subject, events).settle(now=now)

        with _quiet():
            rate = median(_rate(count, settle_all) for _ in range(_RUNS))
        report(f"items_of_{length}_events_settled_per_second", rate, "items/s")


def calendar(own: BusinessCalendar) -> None:
    """What is open between two instants, and when a target of open time is used up."""
    dice = Random(1)  # noqa: S311 - instants to ask about
    year = 1_767_225_600_000_000
    asked = [year + dice.randrange(365 * DAY) for _ in range(_QUESTIONS)]
    spans = [(at, at + dice.randrange(14 * DAY)) for at in asked]
    targets = [(at, dice.randrange(30 * MINUTE, 40 * HOUR)) for at in asked]
    own.open_between(asked[0], asked[0] + DAY)

    def between() -> None:
        for start, end in spans:
            own.open_between(start, end)

    def leave() -> None:
        for at, target in targets:
            own.leave(at, target, at + HORIZON)

    with _quiet():
        for name, ask in (("open_between", between), ("leave", leave)):
            rate = median(_rate(_QUESTIONS, ask) for _ in range(_RUNS))
            report(f"calendar_{name}_per_second", rate, "questions/s")


def evaluate(count: int) -> None:
    """The command on a file of so many events."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events.ndjson")
        say(f"{count} events are written to a file")
        with path.open("wb") as file:
            file.writelines(encode(event) + b"\n" for event in company(count))
        command = [sys.executable, "-m", "services.cli.main", "evaluate", "--events", str(path)]
        command += ["--agreements", str(AGREEMENTS), "--now", format_instant(system_clock())]
        begun = time.perf_counter()
        with Path(folder, "result.json").open("wb") as out:
            child = subprocess.Popen(command, stdout=out)  # noqa: S603 - our own module
            _, status, usage = os.wait4(child.pid, 0)
        took = time.perf_counter() - begun
        if status != 0:
            message = f"evaluate ended with {status}"
            raise SystemExit(message)
    report("evaluate_events_per_second", count / took, "events/s")
    report("evaluate_seconds", took, "s", of=60.0)
    report("evaluate_peak_memory", usage.ru_maxrss / 1024, "MiB", of=1536.0)


def _limit(events: list[Event]) -> None:
    by_item: dict[str, list[Event]] = {}
    for event in events:
        by_item.setdefault(event.item, []).append(event)
    for own in by_item.values():
        own.sort(key=order_key)
        attributes: dict[str, object] = {}
        for event in own:
            attributes = {**attributes, **event.data}


def _at_the_end(plan: Plan, events: list[Event]) -> None:
    known: dict[str, Item] = {}
    for event in events:
        item = known.get(event.item)
        if item is None:
            item = known[event.item] = Item(plan, event.kind, event.subject)
        item.admit(event)
    now = max(event.time for event in events)
    for item in known.values():
        item.settle(now=now)


def _in_batches(plan: Plan, events: list[Event]) -> None:
    known: dict[str, Item] = {}
    now = 0
    for begin in range(0, len(events), _BATCH):
        touched: dict[str, Item] = {}
        for event in events[begin : begin + _BATCH]:
            item = known.get(event.item)
            if item is None:
                item = known[event.item] = Item(plan, event.kind, event.subject)
            item.admit(event)
            touched[event.item] = item
            now = max(now, event.time)
        for item in touched.values():
            item.settle(now=now)


def _rate(count: int, run: Callable[[], None]) -> float:
    """By the processor's time: what else the machine does hardly matters then."""
    begun = time.process_time()
    run()
    return count / (time.process_time() - begun)


class _quiet:  # noqa: N801 - read as words: with _quiet()
    """No search for cycles while measuring: events and items have none."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.enable()


if __name__ == "__main__":
    main()
