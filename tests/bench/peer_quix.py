"""Quix Streams on the same events: one tumbling window of an hour for each item, into PostgreSQL.

    python peer_quix.py <bootstrap servers> <topic> <count> <database url>

Prints the events a second, from the first event until the last is committed.
Runs in a virtual environment of its own (tests/bench/peers.in).

What is tuned:

- Events are counted where Quix Streams offers it (`on_message_processed`). Counting in a step of
  the pipeline splits it in two branches, for which every event is pickled and read back.
- A checkpoint every 10 s in place of 5: as often as the others of these programs save their state.
- Rows go as four binary arrays (psycopg 3), under half the cost of a long list of values, with no
  step in the pipeline to shape them.
- Python looks for cycles among objects as seldom as in the processes it is held against.

`current()`, and not `final()`: it keeps all windows in the table up to date. `final()` takes
as much of the processor, and leaves every item's last window unwritten until that item has another
event: a quarter of all events.
"""

import datetime
import gc
import json
import os
import sys
import tempfile
import time
import uuid

import psycopg
from quixstreams import Application
from quixstreams.sinks.base import BatchingSink

CHECKPOINT_S = 10.0
GARBAGE_AFTER = 50_000
UPSERT = (
    "INSERT INTO quix_window SELECT * FROM"
    " unnest(%b::text[], %b::bigint[], %b::bigint[], %b::float8[])"
    " ON CONFLICT (key, start) DO UPDATE SET count = EXCLUDED.count, total = EXCLUDED.total"
)


class PostgreSQL(BatchingSink):
    """Upserts the windows of each checkpoint, one transaction for each partition."""

    def __init__(self, url):
        super().__init__()
        self._database = psycopg.connect(url, autocommit=True)
        self._database.execute("DROP TABLE IF EXISTS quix_window")
        self._database.execute(
            "CREATE TABLE quix_window (key text, start bigint, count bigint, total float8,"
            " PRIMARY KEY (key, start))"
        )

    def write(self, batch):
        last = {(item.key, item.value["start"]): item.value["value"] for item in batch}
        rows = [(key.decode(), at, own["count"], own["total"]) for (key, at), own in last.items()]
        if rows:
            self._database.execute(UPSERT, [list(column) for column in zip(*rows)])


def event_time(value, headers, timestamp, timestamp_type):
    return int(datetime.datetime.fromisoformat(value["time"]).timestamp() * 1000)


def main():
    servers, topic, count, url = sys.argv[1:]
    wanted = int(count)
    seen, began = 0, 0.0

    def counted(topic, partition, offset):
        nonlocal seen, began
        if not seen:
            began = time.perf_counter()  # joining the group is no part
        seen += 1
        if seen == wanted:
            app.stop()

    with tempfile.TemporaryDirectory() as state:
        app = Application(
            broker_address=servers,
            consumer_group=f"quix-{uuid.uuid4()}",
            auto_offset_reset="earliest",
            state_dir=state,
            commit_interval=CHECKPOINT_S,
            on_message_processed=counted,
            loglevel=os.environ.get("QUIX_LOG", "ERROR"),
        )
        source = app.topic(topic, value_deserializer="json", timestamp_extractor=event_time)
        windows = (
            app.dataframe(source)
            .tumbling_window(datetime.timedelta(hours=1), grace_ms=datetime.timedelta(minutes=5))
            .reduce(
                initializer=lambda value: {"count": 1, "total": amount(value)},
                reducer=lambda own, value: {
                    "count": own["count"] + 1,
                    "total": own["total"] + amount(value),
                },
            )
        )
        windows.current().sink(PostgreSQL(url))
        gc.freeze()
        gc.set_threshold(GARBAGE_AFTER)
        app.run()
        seconds = time.perf_counter() - began
    print(json.dumps(wanted / seconds))


def amount(value):
    return float(value.get("data", {}).get("amount", 0))


main()
