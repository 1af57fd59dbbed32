"""Breaches -> outbox -> accord.breaches; what is announced, and states, -> the change log.

One process at a time announces and relays: what has changed of a breach becomes CloudEvents in the
outbox and in the change log, in the transaction that notes them as announced, and rows leave the
outbox when the broker has them. A repetition has the same id.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.evaluator import change_log, state_news
from services.evaluator.breaches import Told, breach_event, event_id, news
from services.evaluator.change_log import Change, about
from services.evaluator.figures import Figures
from services.evaluator.generations import Generations
from services.evaluator.partition import ALLOWED_DISORDER
from shared.domain.instant import Instant
from shared.runtime import advisory_locks
from shared.runtime.conventions import WINDOW_PART
from shared.runtime.database import PASSING, Connection, Pool, transaction
from shared.runtime.wall_clock import WallClock
from shared.wire.cloudevents import CONTENT_TYPE

PAUSE_S: Final = 0.1
RETRY_S: Final = 1.0
SEND_S: Final = 60.0
"""Longer than the client tries: one that has ended inside says nothing any more."""
STOP_S: Final = 10.0
BATCH: Final = 1_000
_HEADERS: Final = [("content-type", CONTENT_TYPE.encode())]
_logger: Final = logging.getLogger(__name__)


class Relay:
    """Announces breaches and sends the outbox, while no other process does."""

    def __init__(
        self,
        pool: Pool,
        make_producer: Callable[[], AIOKafkaProducer],
        generations: Generations,
        figures: Figures,
        *,
        clock: WallClock,
        topic: str,
    ) -> None:
        """`topic` takes the events; `make_producer` is asked again when a producer failed."""
        self._pool = pool
        self._make_producer = make_producer
        self._producer: AIOKafkaProducer | None = None
        self._figures = figures
        self._clock = clock
        self._topic = topic
        self._generations = generations

    async def run(self, stopping: asyncio.Event) -> None:
        """Take the place when it is free, and relay until told to stop."""
        try:
            await self._relay(stopping)
        finally:
            await self._give_up_producer()

    async def _relay(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                async with advisory_locks.held_alone(self._pool, advisory_locks.RELAYING) as place:
                    if place is None:
                        self._figures.outbox.set(0)  # whoever is the one says so
                    # With its connection the place is lost, and another may have it.
                    while place and not place.is_closed() and not stopping.is_set():
                        busy = await self.relay_once()
                        if not busy:
                            await asyncio.sleep(PAUSE_S)
            except ValueError:
                raise
            except (KafkaError, *PASSING) as error:
                _logger.warning(
                    "The relay stops for a moment: %r", error, extra={"action": "relay_again"}
                )
                # One that lost a batch has a hole in its sequence numbers and sends no more.
                await self._give_up_producer()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), RETRY_S)

    async def relay_once(self) -> bool:
        """Announce and send some; whether there may be more at once."""
        announced = await self._announce()
        rows = await self._pool.fetch(_NEXT, BATCH)
        self._figures.outbox.set(len(rows))
        if rows:
            await self._send(rows)
        return announced == BATCH or len(rows) == BATCH

    async def _announce(self) -> int:
        now = self._clock()
        async with transaction(self._pool) as connection:
            if not await change_log.take_turn(connection):
                return 0
            if not await advisory_locks.take_turn(connection, advisory_locks.JUDGING_AGAIN):
                return 0
            # First, as a switch of documents does it: neither waits for what the other holds.
            turned, taken = await state_news.take(connection, self._generations, BATCH, now=now)
            await connection.execute(_CONFIRM, BATCH)
            found = await connection.fetch(_UNANNOUNCED, BATCH, ALLOWED_DISORDER, state_news.BEHIND)
            names = [row["breach_id"] for row in found]
            changes = await self._put(connection, names, now) if names else []
            changes += turned
            if changes:
                await change_log.append(connection, changes)
        return max(len(names), taken)

    async def _put(
        self, connection: Connection, names: Sequence[str], now: Instant
    ) -> list[Change]:
        """Put what is new of these breaches into the outbox; the same for the change log."""
        rows = await connection.fetch(_READ, names)
        await self._generations.compiled(rows[0]["in_use"])
        changes: list[Change] = []
        told: list[tuple[str, str, int]] = []
        for row in rows:
            standing = row["withdrawn_at"] is None
            state = Told(
                standing,
                standing and row["confirmed"],
                row["closed_at"] if standing else None,
            )
            count = row["announcements"]
            for what in news(Told.read(row["announced"]), state):
                count += 1
                changes.append(self._change(what, count, row, now))
            told.append((row["breach_id"], state.write(), count))
        if changes:
            events = [(own.objective, own.body.encode()) for own in changes]
            await connection.execute(_PUT, *zip(*events, strict=True))
        await connection.execute(_TOLD, *zip(*told, strict=True))
        return changes

    def _change(self, what: str, number: int, row: asyncpg.Record, now: Instant) -> Change:
        objective, grp = row["objective"], row["grp"]
        group_by = self._generations.group_by(objective, row["in_use"])
        own = about(self._generations, objective, grp, row["opened_at"], row["in_use"])
        event = breach_event(what, number, dict(row), group_by, now=now)
        return Change(
            at=now,
            event_id=event_id(row["breach_id"], number),
            type=f"breach.{what}",
            objective=objective,
            grp=grp,
            level=own.level,
            customers=own.customers,
            body=event.decode(),
        )

    async def _send(self, rows: Sequence[asyncpg.Record]) -> None:
        producer = await self._running_producer()
        async with asyncio.timeout(SEND_S):
            sent = [
                await producer.send(
                    self._topic, key=row["key"].encode(), value=row["event"], headers=_HEADERS
                )
                for row in rows
            ]
            await asyncio.gather(*sent)
        await self._pool.execute(_SENT, [row["id"] for row in rows])

    async def _running_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = self._make_producer()
            await self._producer.start()
        return self._producer

    async def _give_up_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            # What it still holds is in the outbox, too.
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(producer.stop(), STOP_S)


# By the part of a breach: that of its item, or none of its own for a window.
_WATERMARKS: Final = f"""(
    SELECT part, watermark FROM partition_progress
    UNION ALL SELECT {WINDOW_PART}, min(watermark) FROM partition_progress
) p"""  # noqa: S608 - our own number
# What is found of an item is stored with its watermark; of a window it is as old as its judging.
_JUDGED: Final = f"""coalesce(
    (SELECT j.watermark FROM judgement j
    WHERE breach.part = {WINDOW_PART} AND j.objective = breach.objective),
    p.watermark
)"""  # noqa: S608 - our own number

# A breach is confirmed when the watermark of its part has passed the instant at which it opened.
# Rows that a fold or a judging writes just now are left for the next time: it may wait for another.
_CONFIRM: Final = f"""
WITH found AS MATERIALIZED (
    SELECT b.breach_id
    FROM {_WATERMARKS}
    CROSS JOIN LATERAL (
        SELECT breach_id FROM breach
        WHERE part = p.part AND NOT confirmed AND withdrawn_at IS NULL
            AND opened_at <= p.watermark AND opened_at <= {_JUDGED}
        ORDER BY opened_at LIMIT $1
        FOR UPDATE SKIP LOCKED
    ) b
)
UPDATE breach SET confirmed = true, unannounced = true
FROM found WHERE breach.breach_id = found.breach_id
"""  # noqa: S608 - our own text

# Only what a proven instant has passed: a backfill is announced once, when it is through.
_UNANNOUNCED: Final = f"""
SELECT b.breach_id
FROM {_WATERMARKS}
CROSS JOIN LATERAL (
    SELECT breach_id FROM breach
    WHERE part = p.part AND unannounced
        AND opened_at <= p.watermark + $2 AND opened_at <= {_JUDGED} + $2 + $3
    ORDER BY opened_at LIMIT $1
) found
JOIN breach b USING (breach_id)
ORDER BY b.opened_at, b.breach_id LIMIT $1
FOR UPDATE OF b SKIP LOCKED
"""  # noqa: S608 - our own text
# In a statement of its own: one that locked rows would see the windows as they were before.
_READ: Final = """
SELECT b.*, v.state, v.value, (SELECT number FROM generation WHERE state = 'current') AS in_use
FROM breach b
LEFT JOIN value v ON b.scope = 'window' AND v.objective = b.objective AND v.grp = b.grp
    AND v.window_start = b.window_start
WHERE b.breach_id = ANY($1::text[])
ORDER BY b.opened_at, b.breach_id
"""
_PUT: Final = """
INSERT INTO outbox (key, event) SELECT * FROM unnest($1::text[], $2::bytea[])
"""
_TOLD: Final = """
UPDATE breach b SET announced = t.announced, announcements = t.announcements, unannounced = false
FROM unnest($1::text[], $2::text[], $3::int[]) AS t (breach_id, announced, announcements)
WHERE b.breach_id = t.breach_id
"""
_NEXT: Final = "SELECT id, key, event FROM outbox ORDER BY id LIMIT $1"
_SENT: Final = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"
