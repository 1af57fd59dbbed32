"""Bytewax on the same events: one tumbling window of an hour for each item, into PostgreSQL.

    python peer_bytewax.py <bootstrap servers> <topic> <count> <database url>

Prints the events a second. Runs in a virtual environment of its own (tests/bench/peers.txt).
"""

import json
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import bytewax.operators as op
import bytewax.operators.windowing as win
import psycopg2
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main
from psycopg2.extras import execute_values

ALIGNED = datetime(2020, 1, 1, tzinfo=timezone.utc)


class Partition(StatelessSinkPartition):
    def __init__(self, url):
        self._database = psycopg2.connect(url)

    def write_batch(self, items):
        rows = [(key, window, count, total) for key, (window, (count, total)) in items]
        with self._database, self._database.cursor() as cursor:
            execute_values(
                cursor,
                "INSERT INTO bytewax_window VALUES %s ON CONFLICT (key, number) DO UPDATE"
                " SET count = EXCLUDED.count, total = EXCLUDED.total",
                rows,
                page_size=5000,
            )


class PostgreSQL(DynamicSink):
    """Upserts closed windows."""

    def __init__(self, url):
        self._url = url
        with psycopg2.connect(url) as database, database.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS bytewax_window")
            cursor.execute(
                "CREATE TABLE bytewax_window (key text, number bigint, count bigint,"
                " total float8, PRIMARY KEY (key, number))"
            )

    def build(self, step_id, worker_index, worker_count):
        return Partition(self._url)


BEGAN = []


def decoded(message):
    if not BEGAN:
        BEGAN.append(time.perf_counter())
    value = json.loads(message.value)
    at = datetime.fromisoformat(value["time"])
    return message.key.decode(), (at, float(value.get("data", {}).get("amount", 0)))


def main():
    servers, topic, count, url = sys.argv[1:]
    flow = Dataflow("peer")
    stream = op.input("in", flow, KafkaSource(servers.split(","), [topic], tail=False))
    keyed = op.map("decode", stream, decoded)
    clock = win.EventClock(lambda own: own[0], wait_for_system_duration=timedelta(minutes=5))
    hours = win.TumblingWindower(length=timedelta(hours=1), align_to=ALIGNED)
    folded = win.fold_window(
        "hours",
        keyed,
        clock,
        hours,
        lambda: (0, 0.0),
        lambda own, value: (own[0] + 1, own[1] + value[1]),
        lambda one, other: (one[0] + other[0], one[1] + other[1]),
    )
    op.output("out", folded.down, PostgreSQL(url))
    with tempfile.TemporaryDirectory() as folder:
        init_db_dir(Path(folder), 1)
        cluster_main(
            flow,
            [],
            0,
            worker_count_per_proc=1,
            epoch_interval=timedelta(seconds=1),
            recovery_config=RecoveryConfig(folder),
        )
        seconds = time.perf_counter() - BEGAN[0]
    print(json.dumps(int(count) / seconds))


main()
