"""Events a second from Kafka into PostgreSQL: one evaluator beside the limit loop.

Both read the same prefilled event log on the same stack, one after the other. The limit loop
polls, decodes, counts, and commits one fenced transaction a batch with the events in a keyed log;
whatever an evaluator does beyond that shows in the ratio.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.stage import a_trial, report
from services.cli.local import say
from services.cli.simulator.stream import Simulation, history_start, simulate
from services.cli.trial import Trial
from services.cli.verification.accepted import KafkaRecord
from services.cli.verification.rest import Progress
from shared.domain.event import Event
from shared.runtime.config import EVENT_PARTITIONS, driver_url
from shared.runtime.wall_clock import system_clock
from shared.wire.cloudevents import decode_record, decode_structured, encode
from shared.wire.partitioning import partition_of

_BATCH: Final = 4000
_CHUNK: Final = 2000
_TABLES: Final = (
    "CREATE TABLE limit_progress (part int PRIMARY KEY, epoch bigint, next_offset bigint)",
    "CREATE TABLE limit_log (part int, record_offset bigint, key text, body bytea)",
    "CREATE INDEX limit_log_key ON limit_log (key)",
)
_FENCE: Final = """
UPDATE limit_progress AS own SET next_offset = new.next_offset
FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS new (part, begun, next_offset)
WHERE own.part = new.part AND own.epoch = 1 AND own.next_offset = new.begun
"""


def main() -> None:
    """Measure both and print the evaluator's rate held against the limit's."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=60_000)
    given = asked.parse_args()
    with a_trial("throughput") as trial:
        count = trial.background.run(fill(trial, simulated(given.events)))
        say(f"{count} events are in the log")
        limit = trial.background.run(limit_loop(trial, count))
        evaluator = evaluator_rate(trial, count)
    report("limit_loop_events_per_second", limit, "events/s")
    report("evaluator_events_per_second", evaluator, "events/s", of=limit)


def simulated(count: int) -> Iterator[Event]:
    """So many events of the simulated company, oldest first."""
    now = system_clock()
    records = simulate(Simulation(seed=1, start=history_start(now, days=60), now=now))
    sound = (record for record in records if not record.spoiled)
    return (decode_record(record.headers, record.value) for record in islice(sound, count))


async def fill(trial: Trial, events: Iterable[Event]) -> int:
    """Put events into the event log as ingest does; how many."""
    producer = AIOKafkaProducer(
        bootstrap_servers=trial.system.bootstrap_servers,
        enable_idempotence=True,
        acks="all",
        linger_ms=20,
        max_batch_size=512 * 1024,
    )
    count = 0
    async with producer:
        waiting = []
        for event in events:
            key = event.item
            part = partition_of(key, EVENT_PARTITIONS)
            waiting.append(
                await producer.send(
                    trial.topics.events, encode(event), key=key.encode(), partition=part
                )
            )
            count += 1
            if len(waiting) == _CHUNK:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
    return count


async def limit_loop(trial: Trial, count: int) -> float:
    """Events a second of the least that any correct consumer has to do."""
    database = await asyncpg.connect(driver_url(trial.system.database_url))
    for statement in _TABLES:
        await database.execute(statement)
    parts = range(EVENT_PARTITIONS)
    await database.executemany(
        "INSERT INTO limit_progress VALUES ($1, 1, 0)", [(part,) for part in parts]
    )
    consumer = AIOKafkaConsumer(
        bootstrap_servers=trial.system.bootstrap_servers,
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 * 1024 * 1024,
        auto_offset_reset="earliest",
    )
    totals: Counter[str] = Counter()
    async with consumer:
        consumer.assign([TopicPartition(trial.topics.events, part) for part in parts])
        done, began = 0, time.perf_counter()
        while done < count:
            batch = await consumer.getmany(timeout_ms=500, max_records=_BATCH)
            records = [record for own in batch.values() for record in own]
            if records:
                await _commit(database, records, totals)
                done += len(records)
        seconds = time.perf_counter() - began
    await database.close()
    return count / seconds


async def _commit(
    database: "asyncpg.Connection[asyncpg.Record]",
    records: list[KafkaRecord],
    totals: Counter[str],
) -> None:
    rows = []
    begun: dict[int, int] = {}
    ended: dict[int, int] = {}
    for record in records:
        event = decode_structured(record.value or b"")
        totals[event.type] += 1
        rows.append((record.partition, record.offset, event.item, record.value))
        begun.setdefault(record.partition, record.offset)
        ended[record.partition] = record.offset + 1
    async with database.transaction():
        fenced = await database.execute(
            _FENCE, list(begun), list(begun.values()), [ended[part] for part in begun]
        )
        if fenced != f"UPDATE {len(begun)}":
            message = f"the fence let only {fenced} through"
            raise RuntimeError(message)
        await database.copy_records_to_table("limit_log", records=rows)


def evaluator_rate(trial: Trial, count: int) -> float:
    """Events a second of one evaluator, from its first committed batch to its last."""
    with trial.services(names=("evaluator",)):
        return trial.background.run(_folding(trial, count))


async def _folding(trial: Trial, count: int) -> float:
    async with Progress(trial.system) as progress:
        left = count
        while left == count:
            await asyncio.sleep(0.02)
            left = await progress.unfolded()
        first, began = left, time.perf_counter()
        while left:
            await asyncio.sleep(0.05)
            left = await progress.unfolded()
        return first / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
