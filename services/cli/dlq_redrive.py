"""Sending put-aside records again, each at most once for each time that it was put aside.

What was sent is remembered in the table `redriven` after the broker has acknowledged it. A crash
between the two sends a record twice: events are known by their identity, so that does no harm.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import asyncpg
from aiokafka import AIOKafkaProducer

from services.cli.dlq_letters import CAUSATION, CONFLICT, QUARANTINE, REPLAYS, Letter
from shared.domain.event import Event
from shared.domain.instant import MINUTE, Instant, Micros
from shared.domain.source import Source
from shared.runtime.config import driver_url
from shared.runtime.kafka import reaching
from shared.wire.cloudevents import InvalidEvent, decode_record
from shared.wire.mapping import read_record

REPLAYS_MOST: Final = 5
_SENT_BEFORE: Final = "sent before"
_NOT_ASKED_FOR: Final = "a conflict: ask with --conflicts"
_SKEW: Final[Micros] = 5 * MINUTE
"""How far ahead of the wall clock an event may be (contract section 1)."""
_BATCH: Final = 500
_REQUEST_BYTES: Final = 32 * 1024 * 1024


@dataclass(slots=True)
class Redriven:
    """How many records were sent again, and how many were not, by why."""

    sent: int = 0
    left: Counter[str] = field(default_factory=Counter)

    @property
    def refused(self) -> int:
        """How many were asked for and stay refused: sent neither now nor before."""
        return self.left.total() - self.left[_SENT_BEFORE] - self.left[_NOT_ASKED_FOR]


_KNOWN: Final = "SELECT topic, part, record_offset, written_ms FROM redriven"
_NOTE: Final = """
INSERT INTO redriven (topic, part, record_offset, written_ms, redriven_at)
SELECT *, $5 FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrive:
    """How letters are chosen and sent; `sources` by full topic."""

    bootstrap_servers: str
    database_url: str
    sources: Mapping[str, Source]
    now: Instant
    conflicts: bool = False
    force: bool = False
    dry_run: bool = False

    async def run(self, letters: Iterable[Letter], done: Callable[[int], None]) -> Redriven:
        """Send those that would be read now and were not sent yet; `done` hears how many."""
        result = Redriven()
        connection = await asyncpg.connect(driver_url(self.database_url))
        try:
            known = {tuple(row) for row in await connection.fetch(_KNOWN)}
            chosen = []
            for letter in letters:
                why = self._why_not(letter, known)
                if why is None:
                    chosen.append(letter)
                else:
                    result.left[why] += 1
            if self.dry_run:
                result.sent = len(chosen)
                return result
            await self._send(connection, chosen, result, done)
        finally:
            await connection.close()
        return result

    def _why_not(self, letter: Letter, known: set[tuple[object, ...]]) -> str | None:
        """Why a letter is not sent; None if it is."""
        if letter.identity in known:
            return _SENT_BEFORE
        if letter.replays >= REPLAYS_MOST:
            return f"sent {REPLAYS_MOST} times in vain"
        if letter.truncated:
            return "cut short: not whole"
        if letter.reason == CONFLICT and letter.topic == QUARANTINE and not self.conflicts:
            return _NOT_ASKED_FOR
        return None if self.force else self._refused(letter)

    def _refused(self, letter: Letter) -> str | None:
        """Why it would be refused again; None if it would not."""
        try:
            events = self._read(letter)
        except InvalidEvent as error:
            return f"would be refused again: {error.reason}"
        if any(event.time > self.now + _SKEW for event in events):
            return "would be refused again: future_time"
        return None

    def _read(self, letter: Letter) -> Sequence[Event]:
        if letter.topic == QUARANTINE:
            return [decode_record(letter.headers, letter.value)]
        source = self.sources.get(letter.original)
        if source is None:
            reason = "no_source"
            raise InvalidEvent(reason, "no source declares the topic")
        return read_record(source, letter.headers, letter.value)

    async def _send(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        letters: Sequence[Letter],
        result: Redriven,
        done: Callable[[int], None],
    ) -> None:
        if not letters:
            return
        producer = AIOKafkaProducer(
            **reaching(self.bootstrap_servers),
            client_id="accord-redrive",
            acks="all",
            enable_idempotence=True,
            max_request_size=_REQUEST_BYTES,
        )
        await producer.start()
        try:
            for start in range(0, len(letters), _BATCH):
                batch = letters[start : start + _BATCH]
                for sent in [await self._again(producer, letter) for letter in batch]:
                    await sent
                columns = zip(*(letter.identity for letter in batch), strict=True)
                await connection.execute(_NOTE, *map(list, columns), self.now)
                result.sent += len(batch)
                done(len(batch))
        finally:
            await producer.stop()

    async def _again(self, producer: AIOKafkaProducer, letter: Letter) -> Awaitable[object]:
        headers = [
            *letter.headers,
            (CAUSATION, letter.place.encode()),
            (REPLAYS, str(letter.replays + 1).encode()),
        ]
        sent: Awaitable[object] = await producer.send(
            letter.original,
            value=letter.value,
            key=letter.key,
            partition=letter.original_partition,
            headers=headers,
        )
        return sent
