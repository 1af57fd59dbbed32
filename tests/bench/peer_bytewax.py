"""Bytewax on the same events: one tumbling window of an hour for each item, into PostgreSQL.

    python peer_bytewax.py <bootstrap servers> <topic> <count> <database url>

Prints the events a second, from the first event decoded until every window is in the table.
Runs in a virtual environment of its own (tests/bench/peers.in).

What is tuned, the first by far the most:

- `to_system_utc`: at what time of the wall clock a key is woken to see whether its window is over.
  By default that is the window's end. In a replay it lies in the past, so every open key is woken
  at every step of the worker, closes nothing, and is saved anew with every snapshot. Here a key is
  woken when the wait is over, counted from now if the end has passed.
- `ordered=False`: counting and adding need no order, so nothing waits in a queue to be sorted.
- A snapshot every 10 s, which is Bytewax's own default, in place of one a second.
- `batch_size` 5,000 in place of 1,000: there is a backlog, and fewer, larger steps also mean fewer,
  larger transactions. A transaction takes all windows that a step has closed.
- Rows go as four binary arrays (psycopg 3), under half the cost of a long list of values.
- Events are decoded a batch at a time by msgspec, and only what the window needs of them.
- Python looks for cycles among objects as seldom as in the processes it is held against.

One worker: the windows are Python, and a second thread of it would wait for the first.
"""

import gc
import json
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import bytewax.operators as op
import bytewax.operators.windowing as win
import msgspec
import psycopg
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

ALIGNED = datetime(2020, 1, 1, tzinfo=timezone.utc)
WAIT = timedelta(minutes=5)
SNAPSHOT = timedelta(seconds=10)
BATCH = 5000
GARBAGE_AFTER = 50_000
UPSERT = (
    "INSERT INTO bytewax_window SELECT * FROM"
    " unnest(%b::text[], %b::bigint[], %b::bigint[], %b::float8[])"
    " ON CONFLICT (key, number) DO UPDATE SET count = EXCLUDED.count, total = EXCLUDED.total"
)


class Partition(StatelessSinkPartition):
    def __init__(self, url):
        self._database = psycopg.connect(url, autocommit=True)

    def write_batch(self, items):
        rows = [(key, window, count, total) for key, (window, (count, total)) in items]
        if rows:
            self._database.execute(UPSERT, [list(column) for column in zip(*rows)])


class PostgreSQL(DynamicSink):
    """Upserts closed windows."""

    def __init__(self, url):
        self._url = url
        with psycopg.connect(url) as database:
            database.execute("DROP TABLE IF EXISTS bytewax_window")
            database.execute(
                "CREATE TABLE bytewax_window (key text, number bigint, count bigint,"
                " total float8, PRIMARY KEY (key, number))"
            )

    def build(self, step_id, worker_index, worker_count):
        return Partition(self._url)


class Data(msgspec.Struct):
    amount: float | str = 0.0


class Event(msgspec.Struct):
    time: datetime
    data: Data = msgspec.field(default_factory=Data)


BEGAN = []
decode = msgspec.json.Decoder(Event).decode


def decoded(messages):
    if messages and not BEGAN:
        BEGAN.append(time.perf_counter())
    for message in messages:
        event = decode(message.value)
        yield message.key.decode(), (event.time, float(event.data.amount))


def woken(end):
    return max(end, datetime.now(timezone.utc)) + WAIT


def main():
    servers, topic, count, url = sys.argv[1:]
    flow = Dataflow("peer")
    source = KafkaSource(servers.split(","), [topic], tail=False, batch_size=BATCH)
    keyed = op.flat_map_batch("decode", op.input("in", flow, source), decoded)
    clock = win.EventClock(lambda own: own[0], wait_for_system_duration=WAIT, to_system_utc=woken)
    hours = win.TumblingWindower(length=timedelta(hours=1), align_to=ALIGNED)
    folded = win.fold_window(
        "hours",
        keyed,
        clock,
        hours,
        lambda: (0, 0.0),
        lambda own, value: (own[0] + 1, own[1] + value[1]),
        lambda one, other: (one[0] + other[0], one[1] + other[1]),
        ordered=False,
    )
    op.output("out", folded.down, PostgreSQL(url))
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)
    with tempfile.TemporaryDirectory() as folder:
        init_db_dir(Path(folder), 1)
        cluster_main(
            flow,
            [],
            0,
            worker_count_per_proc=1,
            epoch_interval=SNAPSHOT,
            recovery_config=RecoveryConfig(folder),
        )
        seconds = time.perf_counter() - BEGAN[0]
    print(json.dumps(int(count) / seconds))


main()
