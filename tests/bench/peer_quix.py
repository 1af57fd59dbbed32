"""Quix Streams on the same events: one tumbling window of an hour for each item, into PostgreSQL.

    python peer_quix.py <bootstrap servers> <topic> <count> <database url>

Prints the events a second. Runs in a virtual environment of its own (tests/bench/peers.txt).
"""

import datetime
import json
import os
import sys
import tempfile
import time
import uuid

import psycopg2
from psycopg2.extras import execute_values
from quixstreams import Application
from quixstreams.sinks.base import BatchingSink


class PostgreSQL(BatchingSink):
    """Upserts the windows of each checkpoint in one transaction."""

    def __init__(self, url):
        super().__init__()
        self._database = psycopg2.connect(url)
        with self._database, self._database.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS quix_window")
            cursor.execute(
                "CREATE TABLE quix_window (key text, start bigint, count bigint, total float8,"
                " PRIMARY KEY (key, start))"
            )

    def write(self, batch):
        rows = {}
        for item in batch:
            own = item.value
            rows[item.key, own["start"]] = (
                str(item.key),
                own["start"],
                own["count"],
                own["total"],
            )
        with self._database, self._database.cursor() as cursor:
            execute_values(
                cursor,
                "INSERT INTO quix_window VALUES %s ON CONFLICT (key, start) DO UPDATE"
                " SET count = EXCLUDED.count, total = EXCLUDED.total",
                list(rows.values()),
                page_size=5000,
            )


def event_time(value, headers, timestamp, timestamp_type):
    return int(datetime.datetime.fromisoformat(value["time"]).timestamp() * 1000)


def main():
    servers, topic, count, url = sys.argv[1:]
    with tempfile.TemporaryDirectory() as state:
        app = Application(
            broker_address=servers,
            consumer_group=f"quix-{uuid.uuid4()}",
            auto_offset_reset="earliest",
            state_dir=state,
            loglevel=os.environ.get("QUIX_LOG", "ERROR"),
        )
        source = app.topic(topic, value_deserializer="json", timestamp_extractor=event_time)
        frame = app.dataframe(source)
        windows = frame.tumbling_window(datetime.timedelta(hours=1)).reduce(
            initializer=lambda value: {"count": 1, "total": amount(value)},
            reducer=lambda own, value: {
                "count": own["count"] + 1,
                "total": own["total"] + amount(value),
            },
        )
        found = windows.current().apply(lambda own: {"start": own["start"], **own["value"]})
        found.sink(PostgreSQL(url))
        seen, began = 0, time.perf_counter()

        def counted(value):
            nonlocal seen, began
            if not seen:
                began = time.perf_counter()  # joining the group is no part
            seen += 1
            if seen == int(count):
                app.stop()

        frame.update(counted)
        app.run()
        seconds = time.perf_counter() - began
    print(json.dumps(int(count) / seconds))


def amount(value):
    own = value.get("data", {}).get("amount", 0)
    return float(own)


main()
