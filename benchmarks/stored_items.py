"""What an event costs over ten million stored items, held against an empty store.

The same events of the simulated company lie in the event log each time; one evaluator folds them.
Does the store's size cost anything? Two stores say, in both of which all items of the events are
new: an `empty` one, and a `filled` one, with ten million other items.
What does it cost that an item is stored already? Two thirds of the items have had the first half of
their events before, so that every other event is one of a stored item: in a `small` store with just
them, and a `large` one, in which they lie scattered between ten million others. What is measured
was moved behind what comes before, so that none is late, and all that falls due between them is
settled before.
The large stores are measured between two runs of the others, whose mean they are held against.

What fills a store are copies of the items that were folded, under other names in their right
partitions, due in a month; nothing touches them. Ledger and panes are not filled up: those of past
months have tables of their own, and panes do not grow with items. Each time vacuum and checkpoint
have run before. The operating system may keep the whole table in memory: what is read says how
often PostgreSQL had to ask it.

Takes three quarters of an hour and some 20 GB of disk, so `python -m benchmarks` leaves it out.
"""

import argparse
import asyncio
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any, Final

import asyncpg

from benchmarks.stage import AGREEMENTS, report, until_judged
from benchmarks.throughput import Run, fill, folding, unrepeated
from services.cli.simulator.stream import Simulation, history_start, simulate
from services.cli.stack.local_stack import DATA, LocalStack
from services.cli.terminal import say
from services.cli.trial import Trial
from shared.domain.event import Event
from shared.domain.instant import DAY
from shared.runtime.config import EVENT_PARTITIONS, driver_url
from shared.runtime.wall_clock import system_clock
from shared.wire.cloudevents import decode_record
from shared.wire.partitioning import partition_of

_EACH_BYTES: Final = 2_500
"""Disk for a stored item while the store is filled: rows, indexes, what the log of it takes."""
_STORED: Final = ("small", "large")
_LARGE: Final = ("filled", "large")
_ORDER: Final = ("small", "empty", "filled", "large", "small", "empty")
_IN_A_MONTH: Final = 30 * DAY
_DAYS: Final = 30
_A_DAY: Final = 1_200
"""Events of the simulated company on a day at volume 1, or a few more."""

Row = tuple[int, str, int | None, bytes, str]
"""An item as stored: partition, key, when it is due, body, customer."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A run, and what PostgreSQL read and logged for each event of it."""

    run: Run
    blocks_read: float
    blocks_hit: float
    wal_bytes: float
    full_pages: float


def main() -> None:
    """Measure each store and compare."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--items", type=int, default=10_000_000)
    asked.add_argument("--events", type=int, default=200_000)
    asked.add_argument("--data", type=Path, default=DATA / "bench", help="folder of the stack")
    given = asked.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(given.data).free
    if free < given.items * _EACH_BYTES:
        message = f"{free / 1e9:.0f} GB of disk are free: too few for {given.items} items"
        raise SystemExit(message)
    before, events = shared_out(given.events)
    found: dict[str, list[Measured]] = {}
    copied: list[Row] = []
    with LocalStack(given.data, fresh=True, prepare=False, say=say) as stack:
        for store in _ORDER:
            with Trial(stack, store, AGREEMENTS) as trial:
                history = before if store in _STORED else []
                items = given.items if store in _LARGE else 0
                measured, rows = measure(trial, history, events, items, copied)
            copied = copied or rows
            found.setdefault(store, []).append(measured)
            say(f"{store}: {measured.run.rate:,.0f} events/s")
    tell(found)


def shared_out(events: int) -> tuple[list[Event], list[Event]]:
    """What is folded before, and so many events to measure: every other one of a stored item."""
    of_items: dict[str, list[Event]] = {}
    for event in islice(of_a_month(events * 3 // 2), events * 3 // 2):
        of_items.setdefault(event.item, []).append(event)
    if sum(map(len, of_items.values())) < events * 3 // 2:
        message = "the simulated company has fewer events than that in its month"
        raise SystemExit(message)
    before: list[Event] = []
    after: list[Event] = []
    for number, several in enumerate(of_items.values()):
        cut = len(several) // 2 if number % 3 else 0
        before += several[:cut]
        after += several[cut:]
    for some in (before, after):
        some.sort(key=lambda event: event.time)
    later = max(before[-1].time, after[-1].time) - after[0].time
    after = [replace(event, time=event.time + later) for event in after[:events]]
    if after[-1].time > system_clock():
        message = "so many events of the simulated company reach into the future: give fewer"
        raise SystemExit(message)
    stored = {event.item for event in before}
    touched = sum(event.item in stored for event in after)
    say(f"{len(before)} events come before; of {len(after)}, {touched} are of {len(stored)} items")
    return before, after


def of_a_month(events: int) -> Iterator[Event]:
    """More than so many events of the simulated company, of a month that is a month ago."""
    now = system_clock()
    start = history_start(now, days=2 * _DAYS)
    simulation = Simulation(1, start, now, volume=events / (_DAYS * _A_DAY), live_rate=0)
    records = takewhile(lambda own: own.at < start + _DAYS * DAY, simulate(simulation))
    sound = (record for record in records if not record.spoiled)
    return unrepeated(decode_record(record.headers, record.value) for record in sound)


def measure(
    trial: Trial, before: list[Event], events: list[Event], items: int, copied: list[Row]
) -> tuple[Measured, list[Row]]:
    """Fold what comes before, fill the store up, then fold the events and look at that.

    `copied` is what the store is filled up with where nothing comes before; the rows of what did
    come before are the second result.
    """
    if before:
        trial.background.run(fill(trial, before))
        with trial.services(names=("evaluator",), home="before", clock=events[0].time - 1):
            trial.background.run(until_judged(trial))
    rows = trial.background.run(_prepare(trial, items, copied))
    sent = trial.background.run(fill(trial, events))
    services = trial.services(names=("evaluator",), home="measured")
    first = trial.background.run(_looked_up(trial, _SERVER))
    try:
        pid = services.launch("evaluator").pid
        run = trial.background.run(folding(trial, sent, [pid]))
        last = trial.background.run(_looked_up(trial, _SERVER))
    finally:
        services.stop("evaluator")
    each = {name: float(last[name] - first[name]) / sent for name in last}
    return Measured(run, **each), rows


async def _prepare(trial: Trial, items: int, copied: Sequence[Row]) -> list[Row]:
    connection = await asyncpg.connect(driver_url(trial.system.database_url))
    try:
        rows: list[Row] = [tuple(row) for row in await connection.fetch(_ROWS)]
        if items:
            say(f"{items} items are being stored, {len(rows)} of them are real")
            await fill_up(connection, many(rows, items) if rows else others(copied, items))
            (found,) = await connection.fetch(_SIZES)
            say(", ".join(f"{name}: {size}" for name, size in found.items()))
        for statement in ("VACUUM (FREEZE, ANALYZE)", "CHECKPOINT"):
            await connection.execute(statement)
    finally:
        await connection.close()
    return rows


async def fill_up(connection: asyncpg.Connection, rows: Iterator[Row]) -> None:
    """Have just these items stored."""
    indexes = await connection.fetch(_INDEXES)
    primary = await connection.fetchval(_PRIMARY)
    await connection.execute("TRUNCATE item; ALTER TABLE item DROP CONSTRAINT item_pkey")
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    await connection.copy_records_to_table("item", records=rows, columns=_COLUMNS)
    say("they are being indexed")
    await connection.execute("SET maintenance_work_mem = '1GB'")
    await connection.execute(f"ALTER TABLE item ADD CONSTRAINT item_pkey {primary}")
    for index in indexes:
        await connection.execute(index["definition"])


def many(rows: Sequence[Row], items: int) -> Iterator[Row]:
    """These rows in any order, each followed by its share of copies of rows under other names."""
    shuffled = Random(1).sample(rows, len(rows))  # noqa: S311 - only an order
    copies = others(rows, items)
    for number, row in enumerate(shuffled):
        yield row
        each = items * (number + 1) // len(rows) - items * number // len(rows)
        yield from islice(copies, each - 1)


def others(rows: Sequence[Row], items: int) -> Iterator[Row]:
    """So many copies of rows under other names, due in a month."""
    due = system_clock() + _IN_A_MONTH
    return (_copy(rows[number % len(rows)], number, due) for number in range(items))


def _copy(row: Row, number: int, due: int) -> Row:
    _, key, next_due, body, customer = row
    own = f"{key}-{number}"
    later = None if next_due is None else due + number
    return partition_of(own, EVENT_PARTITIONS), own, later, body, customer


async def _looked_up(trial: Trial, query: str) -> Mapping[str, Any]:
    connection = await asyncpg.connect(driver_url(trial.system.database_url))
    try:
        await asyncio.sleep(1.5)  # backends tell their figures once a second
        (found,) = await connection.fetch(query)
    finally:
        await connection.close()
    return {**found}


def tell(found: Mapping[str, Sequence[Measured]]) -> None:
    """Print each store's means; the large one's rate is held against the others'."""
    rates = {store: _mean(own.run.rate for own in several) for store, several in found.items()}
    for store, several in found.items():
        own = _mean(one.run.own_cpu for one in several)
        database = _mean(one.run.database_cpu for one in several)
        report(f"{store}_events_per_second", rates[store], "events/s")
        report(f"{store}_cpu", own, "CPU s per 100,000 events")
        report(f"{store}_database_cpu", database, "CPU s per 100,000 events")
        for name in ("blocks_read", "blocks_hit", "wal_bytes", "full_pages"):
            report(f"{store}_{name}", _mean(getattr(one, name) for one in several), "an event")
    for store, other in (("filled", "empty"), ("large", "small"), ("large", "empty")):
        report(f"{store}_held_against_{other}", rates[store], "events/s", of=rates[other])


def _mean(values: Iterable[float]) -> float:
    return fmean(values)


_COLUMNS: Final = ("part", "key", "next_due", "body", "customer")
_ROWS: Final = "SELECT part, key, next_due, body, customer FROM item"
_INDEXES: Final = """
SELECT indexname AS name, indexdef AS definition FROM pg_indexes
WHERE tablename = 'item' AND indexname <> 'item_pkey'
"""
_PRIMARY: Final = """
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'item_pkey'
"""
_SIZES: Final = """
SELECT count(*) AS items, avg(length(body))::int AS body_bytes,
    pg_size_pretty(pg_table_size('item')) AS rows,
    pg_size_pretty(pg_indexes_size('item')) AS indexes
FROM item
"""
_SERVER: Final = """
SELECT blks_read AS blocks_read, blks_hit AS blocks_hit,
    pg_current_wal_lsn() - '0/0'::pg_lsn AS wal_bytes,
    (SELECT wal_fpi FROM pg_stat_wal) AS full_pages
FROM pg_stat_database WHERE datname = current_database()
"""


if __name__ == "__main__":
    main()
