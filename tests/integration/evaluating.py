"""An evaluator on topics and a database of its own, driven by a clock of the test's."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from prometheus_client import CollectorRegistry

from services.evaluator.__main__ import Evaluator
from shared.documents import Loaded, load
from shared.domain.agreement import Catalogue, objective_id
from shared.domain.evaluation import evaluate
from shared.domain.event import Event
from shared.domain.instant import Instant, parse_instant
from shared.domain.item import Item
from shared.domain.plan import compile_plan
from shared.runtime.config import Settings
from shared.runtime.database import Pool
from shared.runtime.process import new_registry
from shared.runtime.topics import Topics
from shared.wire import cloudevents
from shared.wire.partitioning import partition_of
from shared.wire.results import counts_form, decimal_text

PARTITIONS = 8
PATIENCE_S = 90.0

DOCUMENTS = """
apiVersion: accord/v1
kind: Kpi
metadata: {name: first-response}
spec:
  item: ticket
  measure: duration
  start: {event: ticket.created}
  stop: {event: ticket.replied}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: new-leads}
spec: {item: lead, measure: count, event: {event: lead.created}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: acme}
spec:
  level: customer
  parties: {provider: support, customer: acme}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: response
      kpi: first-response
      target: {within: PT1H, ratio: "0.5"}
      window: {calendar: day, timeZone: UTC}
    - name: response-by-team
      series: by-team
      kpi: first-response
      target: {within: PT2H}
      window: {calendar: month, timeZone: UTC}
      groupBy: [team]
    - name: leads
      kpi: new-leads
      target: {atLeast: 2}
      window: {calendar: day, timeZone: UTC}
"""


def catalogue(text: str, folder: Path) -> Catalogue:
    """The documents in `text`."""
    path = folder / "documents.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = load(path)
    assert loaded.catalogue is not None, loaded.problems
    _loaded[loaded.catalogue.digest] = loaded
    return loaded.catalogue


def loaded_as(catalogue: Catalogue) -> Loaded:
    """The documents of a catalogue that `catalogue` made."""
    return _loaded[catalogue.digest]


_loaded: dict[str, Loaded] = {}


def at(text: str) -> Instant:
    """`03-02T09:00` of 2026 in UTC."""
    return parse_instant(f"2026-{text}:00Z")


def event(type_: str, subject: str, time_: str, /, *, id_: str = "", **data: object) -> Event:
    """An event of the helpdesk."""
    return Event(
        kind=type_.partition(".")[0],
        subject=subject,
        source="/helpdesk",
        id=id_ or f"{type_}-{subject}-{time_}",
        type=type_,
        time=at(time_),
        data=data,
    )


@dataclass
class Clock:
    """A wall clock that the test turns."""

    now: Instant

    def __call__(self) -> Instant:
        """The instant."""
        return self.now


@dataclass
class Pipeline:
    """Topics and a database, and how to run evaluators on them."""

    servers: str
    topics: Topics
    database_url: str
    pool: Pool
    clock: Clock
    catalogue: Catalogue
    produced: int = 0
    events: list[Event] = field(default_factory=list)

    @asynccontextmanager
    async def evaluator(
        self, documents: Catalogue | None = None, registry: CollectorRegistry | None = None
    ) -> AsyncIterator[None]:
        """An evaluator in this process while the block runs; its crash ends the block."""
        stopping = asyncio.Event()
        loaded = loaded_as(documents or self.catalogue)
        service = Evaluator(self.settings, loaded, registry or new_registry(), clock=self.clock)
        with pytest.MonkeyPatch.context() as patched:
            # It would look through the memory of the whole run of tests.
            patched.setattr("services.evaluator.fold.search_all", lambda: None)
            # It first asks on cold connections; ten times as long would be seconds of rest.
            patched.setattr("services.evaluator.prover.REST", 1)
            async with asyncio.TaskGroup() as group:
                group.create_task(service.serve(stopping))
                try:
                    yield
                finally:
                    stopping.set()

    @property
    def settings(self) -> Settings:
        """What a process is told; its health endpoint is not served here."""
        return Settings(
            kafka_bootstrap_servers=self.servers,
            database_url=self.database_url,
            topic_prefix=self.topics.prefix,
            session_timeout_ms=6_000,
        )

    async def produce(self, *events: Event) -> None:
        """Put events into the event log, as ingest does."""
        await self.produce_values([(e.item, cloudevents.encode(e)) for e in events])
        self.events.extend(events)

    async def produce_values(self, values: Iterable[tuple[str, bytes]]) -> None:
        """Put values into the event log, each for an item."""
        producer = AIOKafkaProducer(bootstrap_servers=self.servers, enable_idempotence=True)
        await producer.start()
        try:
            for item, value in values:
                part = partition_of(item, PARTITIONS)
                await producer.send(
                    self.topics.events, key=item.encode(), value=value, partition=part
                )
                self.produced += 1
            await producer.flush()
        finally:
            await producer.stop()

    async def rest(self) -> None:
        """Wait until all that was produced is folded, proven, judged and announced."""
        await until(self._is_at_rest)

    async def _is_at_rest(self) -> bool:
        row = await self.pool.fetchrow(_AT_REST, self.clock.now, self.produced)
        return bool(row and row[0])

    async def announced(self) -> list[tuple[str, dict[str, object]]]:
        """Every breach event sent so far: its type's last word, its data."""
        found: list[tuple[str, dict[str, object]]] = []
        place = TopicPartition(self.topics.breaches, 0)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.servers)
        await consumer.start()
        try:
            consumer.assign([place])
            await consumer.seek_to_beginning()
            end = (await consumer.end_offsets([place]))[place]
            while len(found) < end:
                for record in (await consumer.getmany(timeout_ms=500)).get(place, ()):
                    told = msgspec.json.decode(record.value)
                    found.append((told["type"].rpartition(".")[2], told["data"]))
        finally:
            await consumer.stop()
        return found

    async def values(self) -> dict[tuple[str, str, Instant], tuple[str, str | None, str]]:
        """State, value and counts of every listed window, as stored."""
        rows = await self.pool.fetch("SELECT * FROM value WHERE listed")
        return {
            (row["objective"], row["grp"], row["window_start"]): (
                row["state"],
                row["value"],
                row["counts"],
            )
            for row in rows
        }

    async def breaches(self) -> set[tuple[str, str, Instant, Instant | None]]:
        """Standing breaches: objective, item or group, opened, closed."""
        rows = await self.pool.fetch(
            "SELECT objective, coalesce(item, grp) AS who, opened_at, closed_at FROM breach"
            " WHERE withdrawn_at IS NULL"
        )
        return {tuple(row) for row in rows}

    def expected(
        self, documents: Catalogue | None = None
    ) -> dict[tuple[str, str, Instant], tuple[str, str | None, str]]:
        """What `evaluate` says of the events produced, as of the clock."""
        own = documents or self.catalogue
        plan = compile_plan(own)
        items: dict[str, Item] = {}
        for one in self.events:
            items.setdefault(one.item, Item(plan, one.kind, one.subject)).admit(one)
        evaluated = evaluate(own, items.values(), now=self.clock.now, all_windows=True)
        found = {}
        for reading in evaluated.objectives:
            judgement = reading.judgement
            name = objective_id(judgement.version.agreement, judgement.objective.name)
            counts = counts_form(judgement.objective.kpi, reading.measure)
            found[name, msgspec.json.encode(reading.group).decode(), reading.window.start] = (
                judgement.state.value,
                decimal_text(judgement.value),
                msgspec.json.encode(counts).decode(),
            )
        return found

    async def tables(self) -> dict[str, Sequence[tuple[object, ...]]]:
        """What does not depend on how events were batched."""
        return {
            name: sorted(tuple(row) for row in await self.pool.fetch(query))
            for name, query in _COMPARED.items()
        }


async def until(check: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait until an asynchronous check says yes."""
    begun = time.monotonic()
    while not await check():  # type: ignore[misc]
        if time.monotonic() - begun > patience_s:
            message = f"nothing came of {check} in {patience_s} s"
            raise TimeoutError(message)
        await asyncio.sleep(0.05)


_AT_REST = """
SELECT count(*) = 8 AND sum(next_offset) = $2 AND bool_and(proven AND evaluation_time = $1)
    AND EXISTS (SELECT FROM judgement) AND NOT EXISTS (SELECT FROM judge_queue)
    AND NOT EXISTS (SELECT FROM breach WHERE unannounced) AND NOT EXISTS (SELECT FROM outbox)
    AND NOT EXISTS (
        SELECT FROM judgement WHERE next_turn <= $1 OR pane_key = ''
            OR provisional_until <= (SELECT min(watermark) FROM partition_progress)
    )
    AND NOT EXISTS (SELECT FROM generation WHERE state = 'building')
FROM partition_progress
"""
_COMPARED = {
    "item": "SELECT part, key, next_due, body FROM item",
    "pane": "SELECT objective, grp, pane_start, part, excluded, running, met, breached_open,"
    " breached_closed, counted, good, total, pending, amount FROM pane WHERE excluded <> 0"
    " OR running <> 0 OR met <> 0 OR breached_open <> 0 OR breached_closed <> 0 OR counted <> 0"
    " OR good <> 0 OR total <> 0 OR pending <> 0 OR amount <> 0",
    "pane_bucket": "SELECT objective, grp, pane_start, part, bucket, clocks FROM pane_bucket"
    " WHERE clocks <> 0",
    "ledger": "SELECT objective, grp, pane_start, at, outcome, item, cycle, ordinal,"
    " elapsed, amount, part, sum(sign) FROM ledger GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"
    " HAVING sum(sign) <> 0",
    "value": "SELECT objective, grp, window_start, listed, final, state, value, counts FROM value"
    " WHERE listed",
    "breach": "SELECT breach_id, opened_at, closed_at FROM breach WHERE withdrawn_at IS NULL",
}
