"""Prometheus: the state of every objective's current window, at scrape from memory.

A task renews the snapshot about once a second; a scrape asks the database nothing. A series exists
while its objective has that value: what has none is absent, never NaN.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.api.answers import StateRow, state_row
from services.api.objectives import Choice
from services.api.queries import (
    TOTALLED,
    Standing,
    StateQuery,
    count_states,
    read_states,
    read_totals,
)
from services.api.sla_figures import SlaFamilies, all_events, missed_events
from services.api.sources import UNREACHABLE, Sources
from shared.domain.agreement import sla_id
from shared.domain.instant import SECOND, Instant
from shared.domain.measure import Measure
from shared.runtime import metrics
from shared.runtime.database import Connection
from shared.runtime.migrate import at_head
from shared.wire.groups import group_of
from shared.wire.pane_keys import objective_of

REFRESH_S: Final = 1.0
TOTALS_EVERY: Final = 15
"""Refreshes between two readings of the totals, which are as old as a scrape's interval at most."""

SLA_LIMIT: Final = 1_000
"""How many sla_ids have series; a dozen series each keep an exposition near 10,000."""

_logger: Final = logging.getLogger(__name__)

Totals = Mapping[str, tuple[int, int]]
"""By sla_id: all that was ever decided or counted, and what of it was missed."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a scrape shows."""

    states: tuple[StateRow, ...] = ()
    totals: Totals = field(default_factory=dict)
    standing: Standing | None = None
    taken_at: Instant | None = None
    dropped: int = 0


class Exporter(Collector):
    """Keeps a snapshot and shows it; `problem` says why it cannot be renewed."""

    def __init__(self, sources: Sources, events_topic: str) -> None:
        """Nothing is read yet."""
        self._sources = sources
        self._events_topic = events_topic
        self._objectives = sources.objectives
        self._snapshot = Snapshot()
        self._rounds = 0
        self._schema_checked = False
        self.problem: str | None = "nothing has been read yet"

    def readiness(self) -> Mapping[str, str | None]:
        """The check of readiness: the database answers and has the expected schema."""
        return {"database": self.problem}

    async def refresh_until(self, stopping: asyncio.Event) -> None:
        """Renew the snapshot about once a second; a database that is away is waited for."""
        while not stopping.is_set():
            try:
                await self.refresh()
            except UNREACHABLE as error:
                self._note(f"the database cannot be read: {error}")
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), REFRESH_S)

    async def refresh(self) -> None:
        """Renew the snapshot."""
        sources = self._sources
        if not self._schema_checked:
            async with sources.pool.acquire() as connection:
                self._schema_checked = await at_head(connection)
            if not self._schema_checked:
                self._note("the database has not the schema of this program: run accord migrate")
                return
        async with (
            sources.here() as here,
            here.reading(here.objectives.keys) as (connection, standing),
        ):
            self._objectives = here.objectives
            states, dropped = await self._read_states(connection, standing)
            totals = self._snapshot.totals
            if self._rounds % TOTALS_EVERY == 0:
                totals = await self._read_totals(connection)
        self._rounds += 1
        self._snapshot = Snapshot(
            states, totals, standing, sources.clock(), max(dropped, self._snapshot.dropped)
        )
        self._note(None)

    def collect(self) -> Iterator[Metric]:
        """The families, made from the snapshot."""
        snapshot = self._snapshot
        yield from self._own(snapshot)
        families = SlaFamilies(self._objectives)
        for state in snapshot.states:
            families.add(state, snapshot.totals.get(state.sla_id))
        yield from families.all()
        if snapshot.standing is not None:
            yield from self._partitions(snapshot.standing)

    def _own(self, snapshot: Snapshot) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "accord_series_limit", "How many sla_ids have series at most", value=SLA_LIMIT
        )
        yield CounterMetricFamily(
            "accord_series_dropped",
            "The most sla_ids that were left without series because of the limit",
            value=snapshot.dropped,
        )
        if snapshot.taken_at is not None:
            yield GaugeMetricFamily(
                "accord_snapshot_timestamp_seconds",
                "When the figures of the agreements were read from the database",
                value=snapshot.taken_at / SECOND,
            )

    def _partitions(self, standing: Standing) -> Iterator[Metric]:
        labels = metrics.WATERMARK.labels[:2]
        watermark = GaugeMetricFamily(metrics.WATERMARK.name, metrics.WATERMARK.help, labels=labels)
        evaluated = GaugeMetricFamily(
            "accord_partition_evaluation_timestamp_seconds",
            "The instant as of which the partition's items are evaluated",
            labels=labels,
        )
        proven = GaugeMetricFamily(
            "accord_partition_proven",
            "1 when everything produced by the evaluation time has been read",
            labels=labels,
        )
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
            yield GaugeMetricFamily(
                "accord_evaluation_timestamp_seconds",
                "The instant as of which all partitions are evaluated",
                value=standing.evaluated / SECOND,
            )

    async def _read_states(
        self, connection: Connection, standing: Standing
    ) -> tuple[tuple[StateRow, ...], int]:
        choices, starts = [], []
        for served in self._objectives:
            as_of = standing.as_of([served.key])
            if as_of is not None:
                choices.append(Choice(served))
                starts.append(served.window.current(as_of).start)
        query = StateQuery(choices=choices, starts=starts, limit=SLA_LIMIT)
        rows = await read_states(connection, query)
        several = len(rows) == SLA_LIMIT
        dropped = await count_states(connection, query) - len(rows) if several else 0
        now = self._sources.clock()
        objectives = self._objectives
        return tuple(state_row(objectives, standing, row, now=now) for row in rows), dropped

    async def _read_totals(self, connection: Connection) -> Totals:
        """The totals; they never fall, since a counter that falls reads as a restart."""
        objectives, now = self._objectives, self._sources.clock()
        before = self._snapshot.totals
        totals = dict(before)
        pane_keys = [served.pane_key for served in objectives]
        for row in await read_totals(connection, pane_keys):
            served = objectives[objective_of(row["objective"])]
            own = sla_id(served.agreement.name, served.name, group_of(row["grp"]))
            counts = Measure(**{name: row[name] for name in TOTALLED})
            target = served.judged_by(now)[1].target
            events, breached = before.get(own, (0, 0))
            totals[own] = (
                max(events, all_events(counts)),
                max(breached, missed_events(served.kpi, target, counts)),
            )
        return totals

    def _note(self, problem: str | None) -> None:
        if problem is not None and problem != self.problem:
            _logger.warning(
                "The figures cannot be renewed: %s.", problem, extra={"action": "not_refreshed"}
            )
        self.problem = problem
