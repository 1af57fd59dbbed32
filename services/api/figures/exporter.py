"""Prometheus: the state of every objective's current window, at scrape from memory.

A task reads about once a second, renews what has changed in a thread, and a scrape hands it on: it
asks the database nothing. Where reading takes long it is done less often.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

import asyncpg
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.api.board.board import UNREACHABLE
from services.api.board.sources import Sources
from services.api.figures.current_windows import CurrentWindows
from services.api.figures.promise_series import Promise, PromiseSeries, Reading
from services.api.figures.sla_figures import Totals, all_events, missed_events
from services.api.reading.objectives import Objectives
from services.api.reading.queries import TOTALLED, read_totals
from services.api.reading.standing import Standing
from shared.domain.instant import SECOND, Instant
from shared.domain.measure import Measure
from shared.domain.window import Window
from shared.runtime import metrics
from shared.runtime.config import SERIES_LIMIT
from shared.runtime.database import Connection
from shared.runtime.metrics import Metric as Declared
from shared.runtime.schema_version import at_head
from shared.wire.pane_keys import objective_of

REFRESH_S: Final = 1.0
REST: Final = 9
REST_MOST_S: Final = 5.0
"""So many times as long as reading took is nothing read again, but no longer than this."""
TOTALS_S: Final = 15.0
"""Between two readings of the totals, which are as old as a scrape's interval at most."""

LIMIT: Final = Declared("accord_series_limit", "How many promises have series of their own at most")
DROPPED: Final = Declared(
    "accord_series_dropped",
    "The most promises that were without series of their own at a time because of the limit",
)
SNAPSHOT: Final = Declared(
    "accord_snapshot_timestamp_seconds",
    "When the figures of the agreements were read from the database",
)
SNAPSHOT_DURATION: Final = Declared(
    "accord_snapshot_duration_seconds",
    "Time to read the figures of the agreements and to renew their series",
)
RENEWED: Final = Declared(
    "accord_snapshot_promises_renewed", "Promises whose series were written anew"
)
EVALUATED_PARTITION: Final = Declared(
    "accord_partition_evaluation_timestamp_seconds",
    "The instant as of which the partition's items are evaluated",
    metrics.WATERMARK.labels[:2],
)
PROVEN: Final = Declared(
    "accord_partition_proven",
    "1 when everything produced by the evaluation time has been read",
    metrics.WATERMARK.labels[:2],
)
EVALUATED: Final = Declared(
    "accord_evaluation_timestamp_seconds",
    "The instant as of which all partitions are evaluated",
)

_logger: Final = logging.getLogger(__name__)


class Exporter(Collector):
    """Keeps what is shown; `problem` says why it cannot be renewed."""

    def __init__(
        self,
        sources: Sources,
        events_topic: str,
        registry: CollectorRegistry,
        *,
        limit: int = SERIES_LIMIT,
    ) -> None:
        """Nothing is read yet; at most `limit` promises get series of their own."""
        self._sources = sources
        self._events_topic = events_topic
        self._limit = limit
        self._totals: Mapping[Promise, Totals] = {}
        self._totals_at = float("-inf")
        self._standing: Standing | None = None
        self._taken_at: Instant | None = None
        self._dropped = 0
        self._schema_checked = False
        self._duration = SNAPSHOT_DURATION.histogram(registry)
        self._renewed = RENEWED.counter(registry)
        self._promises = PromiseSeries()
        registry.register(self)
        registry.register(self._promises)
        self.problem: str | None = "nothing has been read yet"

    def readiness(self) -> Mapping[str, str | None]:
        """The check of readiness: the database answers and has the expected schema."""
        return {"database": self.problem}

    async def refresh_until(self, stopping: asyncio.Event) -> None:
        """Renew about once a second; a database that is away is waited for."""
        while not stopping.is_set():
            begun = time.monotonic()
            try:
                await self.refresh()
            except UNREACHABLE as error:
                self._note(f"the database cannot be read: {error}")
            took = time.monotonic() - begun
            with suppress(TimeoutError):
                rest = max(REFRESH_S, min(REST * took, REST_MOST_S))
                await asyncio.wait_for(stopping.wait(), rest)

    async def refresh(self) -> None:
        """Read, and renew what has changed."""
        begun = time.perf_counter()
        sources = self._sources
        if not self._schema_checked:
            async with sources.pool.acquire() as connection:
                self._schema_checked = await at_head(connection)
            if not self._schema_checked:
                self._note("the database has not the schema of this program: run accord migrate")
                return
        async with sources.here() as here:
            objectives = here.objectives
            async with here.reading(objectives.keys) as (connection, standing):
                rows, others = await self._read_states(objectives, connection, standing)
                if time.monotonic() - self._totals_at >= TOTALS_S:
                    await self._read_totals(objectives, connection)
        now = sources.clock()
        reading = Reading(objectives, standing, rows, now, self._totals, others)
        self._renewed.inc(await asyncio.to_thread(self._promises.show, reading))
        self._standing, self._taken_at = standing, now
        self._dropped = max(self._dropped, sum(others.values()))
        self._duration.observe(time.perf_counter() - begun)
        self._note(None)

    def collect(self) -> Iterator[Metric]:
        """What is not a promise's."""
        yield GaugeMetricFamily(LIMIT.name, LIMIT.help, value=self._limit)
        yield CounterMetricFamily(DROPPED.name, DROPPED.help, value=self._dropped)
        if self._taken_at is not None:
            taken = self._taken_at / SECOND
            yield GaugeMetricFamily(SNAPSHOT.name, SNAPSHOT.help, value=taken)
        if self._standing is not None:
            yield from self._partitions(self._standing)

    @staticmethod
    def describe() -> Iterator[Metric]:
        """All families that there may be, without series."""
        for own in (LIMIT, SNAPSHOT, EVALUATED):
            yield GaugeMetricFamily(own.name, own.help)
        yield CounterMetricFamily(DROPPED.name, DROPPED.help)
        for own in (metrics.WATERMARK, EVALUATED_PARTITION, PROVEN):
            yield _by_partition(own)

    def _partitions(self, standing: Standing) -> Iterator[Metric]:
        watermark, evaluated = _by_partition(metrics.WATERMARK), _by_partition(EVALUATED_PARTITION)
        proven = _by_partition(PROVEN)
        for partition in standing.partitions:
            own = (self._events_topic, str(partition.part))
            # 0 stands for none yet.
            if partition.watermark > 0:
                watermark.add_metric(own, partition.watermark / SECOND)
            if partition.evaluation_time > 0:
                evaluated.add_metric(own, partition.evaluation_time / SECOND)
            proven.add_metric(own, int(partition.proven))
        yield from (watermark, evaluated, proven)
        if standing.evaluated is not None:
            value = standing.evaluated / SECOND
            yield GaugeMetricFamily(EVALUATED.name, EVALUATED.help, value=value)

    async def _read_states(
        self, objectives: Objectives, connection: Connection, standing: Standing
    ) -> tuple[Sequence[asyncpg.Record], Mapping[str, int]]:
        """The rows of the promises that have series, and the states of the others."""
        current = await asyncio.to_thread(_current, objectives, standing)
        rows = await current.read(connection, self._limit + 1)
        if len(rows) <= self._limit:
            return rows, {}
        rows = rows[: self._limit]
        left = await current.count(connection)
        for row in rows:
            left[row["state"]] -= 1
        return rows, {state: number for state, number in left.items() if number}

    async def _read_totals(self, objectives: Objectives, connection: Connection) -> None:
        """Renew the totals; they never fall, since a counter that falls reads as a restart."""
        rows = await read_totals(connection, [*objectives.pane_keys.values()])
        now = self._sources.clock()
        self._totals = await asyncio.to_thread(_totals, objectives, rows, self._totals, now)
        self._totals_at = time.monotonic()

    def _note(self, problem: str | None) -> None:
        if problem is not None and problem != self.problem:
            _logger.warning(
                "The figures cannot be renewed: %s.", problem, extra={"action": "not_refreshed"}
            )
        self.problem = problem


def _current(objectives: Objectives, standing: Standing) -> CurrentWindows:
    """The windows that are current as of when each objective is judged."""
    known: dict[tuple[Window, Instant], Instant] = {}
    starts: dict[str, Instant] = {}
    if standing.evaluated is not None:
        for served in objectives.named_first:
            as_of = standing.judged.get(served.key)
            if as_of is None:
                continue
            place = (served.window, as_of)
            start = known.get(place)
            if start is None:
                start = known[place] = served.window.current(as_of).start
            starts[served.key] = start
    return CurrentWindows(starts)


def _totals(
    objectives: Objectives,
    rows: Sequence[asyncpg.Record],
    before: Mapping[Promise, Totals],
    now: Instant,
) -> dict[Promise, Totals]:
    """The totals of these rows, none below what it was before."""
    found = dict(before)
    for row in rows:
        served = objectives[objective_of(row["objective"])]
        promise = (served.key, row["grp"])
        events, breached = found.get(promise, (0, 0))
        counts = Measure(**{name: row[name] for name in TOTALLED})
        target = served.judged_by(now)[1].target
        found[promise] = (
            max(events, all_events(counts)),
            max(breached, missed_events(served.kpi, target, counts)),
        )
    return found


def _by_partition(metric: Declared) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels[:2])
