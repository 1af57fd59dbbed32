"""Proving evaluation times (ADR 8).

The wall clock is noted, then the ends of the input topics. Once ingest has committed past these,
everything that was there at the noted instant is in the event log: its ends are noted, and a
partition that has consumed up to its end is complete up to that instant.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code

from services.evaluator.backlog import Backlog
from services.evaluator.figures import Figures
from services.evaluator.partition import Proof
from services.evaluator.partitions import Partitions
from shared.domain.instant import Instant
from shared.runtime.wall_clock import WallClock

TICK_S: Final = 0.1
WRITE_S: Final = 0.15
LAGGING_S: Final = 1.0
LAGGING_REST: Final = 10
"""So many times as long as settling what is due behind took it is not done again: it holds up the
next batch."""
LAGGING_REST_MAX_S: Final = 30.0
"""But no longer: it may have waited for the database."""
TELL_S: Final = 5.0
LOOK_UP_S: Final = 10.0
REST: Final = 10
"""So many times as long as asking took is nothing asked again: topics of thousands of partitions
take their time."""
_logger: Final = logging.getLogger(__name__)


class Prover:
    """Moves the evaluation times of the owned partitions on."""

    def __init__(
        self,
        partitions: Partitions,
        observer: AIOKafkaConsumer,
        admin: AIOKafkaAdminClient,
        figures: Figures,
        *,
        clock: WallClock,
        inputs: Sequence[str],
        topic: str,
        ingest_group: str,
        group: str,
    ) -> None:
        """`inputs` are the topics that ingest reads in the group `ingest_group`."""
        self._partitions = partitions
        self._observer = observer
        self._admin = admin
        self._figures = figures
        self._clock = clock
        self._inputs = inputs
        self._topic = topic
        self._ingest_group = ingest_group
        self._group = group
        self._rests_until = float("-inf")
        self._is_connected = False
        self._looked_up = float("-inf")
        self._told: set[str] = set()
        self._backlog = Backlog()
        self._noted: tuple[Instant, dict[TopicPartition, int]] | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Prove and move on until told to stop."""
        written = told = time.monotonic()
        settle_at = written + LAGGING_S
        while not stopping.is_set():
            begun = time.monotonic()
            proofs = await self._try_to_prove()
            write, lagging = begun - written >= WRITE_S, begun >= settle_at
            asked = time.monotonic()
            more = await self._partitions.pass_time(proofs, write=write, lagging=lagging)
            written = begun if write else written
            if lagging and not more:
                share = LAGGING_REST * (time.monotonic() - asked)
                settle_at = begun + max(LAGGING_S, min(share, LAGGING_REST_MAX_S))
            if begun - told >= TELL_S:
                told = begun
                await self._partitions.tell_kafka()
                await self._tell_backlog()
            if not more:
                rest = TICK_S - (time.monotonic() - begun)
                await asyncio.sleep(max(0.0, rest))

    async def _try_to_prove(self) -> dict[int, Proof]:
        try:
            return await self._prove()
        except (KafkaError, OSError, TimeoutError) as error:
            _logger.warning(
                "Kafka does not say how far its topics go; nothing is proven meanwhile: %r",
                error,
                extra={"action": "not_proven"},
            )
            return {}

    async def _prove(self) -> dict[int, Proof]:
        """What each partition has to have consumed to be complete; nothing while ingest lags."""
        instant = self._clock()
        before = self._partitions.positions
        owned = [TopicPartition(self._topic, part) for part in before]
        if not owned:
            return {}
        if self._noted is None:
            begun = time.monotonic()
            if begun < self._rests_until:
                return {}
            self._noted = (instant, await self._observer.end_offsets(await self._input_places()))
            asked = time.monotonic()
            if self._is_connected:
                self._rests_until = asked + REST * (asked - begun)
            self._is_connected = True  # what the first question takes says nothing of the next
        instant, ends = self._noted
        if not await self._is_ingested(ends):
            return {}
        self._noted = None
        found = await self._observer.end_offsets(owned)
        ends_at = {place.partition: end for place, end in found.items()}
        self._measure_lag(ends_at)
        # A log that ends before what was read of it is another one, and proves nothing.
        return {part: Proof(instant, end) for part, end in ends_at.items() if end >= before[part]}

    def _measure_lag(self, ends: Mapping[int, int]) -> dict[int, int]:
        """Say how far partitions that are still owned are behind their ends; their positions."""
        positions = self._partitions.positions
        standing = {part: (at, ends[part]) for part, at in positions.items() if part in ends}
        self._figures.behind(self._group, standing, at=time.monotonic())
        return positions

    async def _tell_backlog(self) -> None:
        """Say how much is left to fold, whether ingest is through or not; in the log if much is."""
        places = [TopicPartition(self._topic, part) for part in self._partitions.owned]
        try:
            found = await self._observer.end_offsets(places) if places else {}
        except (KafkaError, OSError, TimeoutError):
            return  # proving says so
        ends = {place.partition: end for place, end in found.items()}
        positions = self._measure_lag(ends)
        owned = {part: end for part, end in ends.items() if part in positions}
        told = self._backlog.told(positions, owned, at=time.monotonic())
        if told is not None:
            _logger.info(told, extra={"action": "catching_up"})

    async def _is_ingested(self, ends: dict[TopicPartition, int]) -> bool:
        wanted = {place: end for place, end in ends.items() if end > 0}
        if not wanted:
            return True
        committed = await self._admin.list_consumer_group_offsets(
            self._ingest_group, partitions=[*wanted]
        )
        # More than there is was read of another log than this one: nothing is known of this one.
        ahead = [p for p, end in wanted.items() if p in committed and committed[p].offset > end]
        now = await self._observer.end_offsets(ahead) if ahead else {}
        if any(committed[place].offset > end for place, end in now.items()):
            return False
        behind = [
            place
            for place, end in wanted.items()
            if place not in committed or committed[place].offset < end
        ]
        if not behind:
            return True
        # Where retention has taken everything, nothing is left that ingest could read.
        beginnings = await self._observer.beginning_offsets(behind)
        return all(beginnings[place] >= wanted[place] for place in behind)

    async def _input_places(self) -> list[TopicPartition]:
        """Every partition of the input topics that there is now: each proof asks, topics grow."""
        described = await self._admin.describe_topics([*self._inputs])
        for topic in described:
            if topic["error_code"]:
                raise for_code(topic["error_code"])(topic["topic"])
        if time.monotonic() - self._looked_up >= LOOK_UP_S:
            await self._tell_unknown_inputs()
            self._looked_up = time.monotonic()
        return sorted(
            TopicPartition(topic["topic"], partition["partition"])
            for topic in described
            for partition in topic["partitions"]
        )

    async def _tell_unknown_inputs(self) -> None:
        """Warn when ingest has read topics that are not waited for here: other documents, perhaps.

        They are not waited for all the same: ingest may have been told to read them no more.
        """
        committed = await self._admin.list_consumer_group_offsets(self._ingest_group)
        unknown = {place.topic for place in committed}.difference(self._inputs)
        if unknown - self._told:
            _logger.warning(
                "Ingest has read topics that this evaluator does not know of: %s. "
                "ACCORD_SOURCES has to be the same for both.",
                ", ".join(sorted(unknown)),
                extra={"action": "unknown_inputs"},
            )
        self._told = unknown
