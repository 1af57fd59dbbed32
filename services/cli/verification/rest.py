"""Whether the pipeline is at rest at an instant: everything read, folded and judged."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, Self

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.cli.verification.places import partitions_of
from shared.domain.instant import Instant, format_instant
from shared.domain.source import DEFAULT_SOURCES, Source
from shared.runtime.config import driver_url
from shared.runtime.kafka import reaching
from shared.runtime.topics import Topics

_LOOK_S: Final = 0.2
# An objective whose documents have changed is judged again from panes of another key
# (shared/wire/pane_keys.py).
_WAITING: Final = """
SELECT (SELECT count(*) FROM judge_queue) AS queued,
    (SELECT count(*) FROM judgement j JOIN generation g ON g.state = 'current'
        CROSS JOIN LATERAL (SELECT coalesce(g.built::jsonb ->> j.objective, '0') AS key) b
        WHERE next_turn <= $1
            OR pane_key <> objective || CASE b.key WHEN '0' THEN '' ELSE '#' || b.key END
    ) AS due,
    (SELECT count(*) FROM judgement) AS judged,
    (SELECT count(*) FROM generation WHERE state = 'building') AS building,
    (SELECT count(*) FROM judgement
        WHERE provisional_until <= (SELECT min(watermark) FROM partition_progress)) AS waiting
"""


class NotAtRest(RuntimeError):  # noqa: N818 - a state, named as one
    """The pipeline did not come to rest in time; the text says what it still waits for."""


@dataclass(frozen=True, slots=True)
class System:
    """Where a running system is found."""

    bootstrap_servers: str
    database_url: str
    topics: Topics = field(default_factory=Topics)
    sources: tuple[Source, ...] = DEFAULT_SOURCES

    @property
    def inputs(self) -> list[str]:
        """The topics of the sources."""
        return [self.topics.input(source.topic) for source in self.sources]


async def wait_for_rest(
    system: System,
    *,
    at: Instant,
    patience_s: float,
    told: Callable[[str], None] = lambda _: None,
) -> None:
    """Wait until ingest, fold and judge have nothing left to do at the instant `at`.

    Raises `NotAtRest` after `patience_s` seconds without it. `told` hears what it waits for.
    """
    end = time.monotonic() + patience_s
    async with Progress(system) as progress:
        while (waits := await progress.waits_for(at)) is not None:
            told(waits)
            if time.monotonic() > end:
                message = f"not at rest at {format_instant(at)} after {patience_s:g} s: {waits}"
                raise NotAtRest(message)
            await asyncio.sleep(_LOOK_S)


class Progress:
    """Looks into Kafka and PostgreSQL while its block runs."""

    def __init__(self, system: System) -> None:
        """No connection is made before the block."""
        self._system = system
        self._topics = system.topics

    async def __aenter__(self) -> Self:
        """Connect."""
        servers = self._system.bootstrap_servers
        # Made here: aiokafka binds a client to the loop that runs at the moment.
        self._admin = AIOKafkaAdminClient(**reaching(servers))
        self._consumer = AIOKafkaConsumer(**reaching(servers), enable_auto_commit=False)
        async with AsyncExitStack() as opened:
            opened.push_async_callback(self._admin.close)
            await self._admin.start()
            opened.push_async_callback(self._consumer.stop)
            await self._consumer.start()
            self._database = await asyncpg.connect(driver_url(self._system.database_url))
            opened.push_async_callback(self._database.close)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self._opened.aclose()

    async def waits_for(self, at: Instant) -> str | None:
        """What still has to happen, for people; None when the pipeline is at rest at `at`."""
        unread = await self.unread()
        if unread:
            return f"ingest has {unread} records of the topics to read"
        unfolded = await self.unfolded()
        if unfolded:
            return f"the evaluator has {unfolded} events to fold"
        return await self._unproven(at) or await self._unjudged(at)

    async def waiting(self) -> int:
        """Records that are in the topics and not folded yet, wherever they are."""
        return await self.unread() + await self.unfolded()

    async def is_judged(self) -> bool:
        """Whether every partition is proven and every changed window has been judged."""
        (row,) = await self._rows(
            "SELECT (SELECT bool_and(proven) FROM partition_progress) AND"
            " EXISTS (SELECT FROM judgement) AND NOT EXISTS (SELECT FROM judge_queue) AS judged"
        )
        return bool(row["judged"])

    async def unread(self) -> int:
        """Records in the sources' topics that ingest has not committed yet."""
        ends = await self._ends(*self._system.inputs)
        done = await self._admin.list_consumer_group_offsets(self._topics.group("ingest"))
        committed = {part: max(0, done[part].offset) for part in ends if part in done}
        return sum(end - committed.get(part, 0) for part, end in ends.items())

    async def unfolded(self) -> int:
        """Records in the event log that no evaluator has folded yet."""
        rows = await self._rows("SELECT part, next_offset FROM partition_progress")
        folded = {row["part"]: row["next_offset"] for row in rows}
        ends = await self._ends(self._topics.events)
        return sum(max(0, end - folded.get(key.partition, 0)) for key, end in ends.items())

    async def folded(self) -> int:
        """Records of the event log that have been folded so far."""
        (row,) = await self._rows(
            "SELECT coalesce(sum(next_offset), 0) AS n FROM partition_progress"
        )
        return int(row["n"])

    async def _unproven(self, at: Instant) -> str | None:
        (row,) = await self._rows(
            "SELECT count(*) AS every, count(*) FILTER (WHERE proven AND evaluation_time = $1)"
            " AS there, max(evaluation_time) AS latest FROM partition_progress",
            at,
        )
        if row["every"] and row["there"] == row["every"]:
            return None
        if row["latest"] is not None and row["latest"] > at:
            return (
                f"the evaluator has already passed to {format_instant(row['latest'])}; "
                "its clock is not stopped at the instant asked for"
            )
        return f"{row['there']} of {row['every']} partitions have reached the instant"

    async def _unjudged(self, at: Instant) -> str | None:
        (row,) = await self._rows(_WAITING, at)
        if row["building"]:
            return "other documents are being built"
        if not row["judged"]:
            return "no objective has been judged yet"
        left = {name: row[name] for name in ("queued", "due", "waiting") if row[name]}
        return f"objectives are to be judged: {_counted(left)}" if left else None

    async def _ends(self, *names: str) -> dict[TopicPartition, int]:
        parts = await partitions_of(self._admin, names)
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(parts)
        return ends

    async def _rows(self, query: str, *given: object) -> list[asyncpg.Record]:
        return await self._database.fetch(query, *given)


def _counted(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in numbers.items())
