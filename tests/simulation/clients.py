"""An evaluator's clients of Kafka: its consumer, the observer, the administrator."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, OffsetOutOfRangeError

from tests.simulation.broker import EVENTS, Broker, Record
from tests.simulation.held import answering
from tests.simulation.loop import Process


@dataclass
class _Place:
    """An assigned partition: what is read next (nothing yet without), and whether it flows."""

    position: int | None
    paused: bool = False


class Observer:
    """Asks how far topics go."""

    def __init__(self, broker: Broker) -> None:
        """Of this cluster."""
        self._broker = broker

    async def end_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The ends as they are when the broker is asked."""
        read = answering(lambda: self._broker.ends([*places]))
        return dict(await self._broker.ask(read, "ends"))

    async def beginning_offsets(
        self, places: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """The first offsets."""
        read = answering(lambda: self._broker.beginnings([*places]))
        return dict(await self._broker.ask(read, "beginnings"))


class Admin:
    """Asks for topics and for the offsets that ingest has committed."""

    def __init__(self, broker: Broker) -> None:
        """Of this cluster."""
        self._broker = broker

    async def list_consumer_group_offsets(
        self, group: str, partitions: Sequence[TopicPartition] | None = None
    ) -> dict[TopicPartition, Any]:
        """What ingest has committed; no entry where it has not."""
        del group
        inputs = self._broker.inputs

        def read() -> dict[TopicPartition, Any]:
            return {
                place: SimpleNamespace(offset=inputs[place].committed)
                for place in partitions or inputs
                if inputs[place].committed is not None
            }

        return dict(await self._broker.ask(answering(read), "committed"))

    async def describe_topics(self, topics: Sequence[str]) -> list[dict[str, Any]]:
        """The partitions of topics."""
        inputs = self._broker.inputs

        def read() -> list[dict[str, Any]]:
            return [
                {
                    "error_code": 0,
                    "topic": topic,
                    "partitions": [
                        {"partition": place.partition} for place in inputs if place.topic == topic
                    ],
                }
                for topic in topics
            ]

        return list(await self._broker.ask(answering(read), "topics"))


class Consumer:
    """A member of the group, as aiokafka is one."""

    def __init__(self, broker: Broker, process: Process) -> None:
        """Not in the group yet."""
        self._broker = broker
        self._world = broker.world
        self.process = process
        self.is_deaf = False
        self.starved_until = 0.0
        self._places: dict[TopicPartition, _Place] = {}
        self._generation = 0
        self._assigned = asyncio.Event()
        self._listener: Any = None

    # --- the group ------------------------------------------------------------------------

    def subscribe(self, listener: ConsumerRebalanceListener) -> None:
        """Join, and tell the listener what comes of it."""
        self._listener = listener
        self._broker.group.consumers.append(self)
        self.on_prepare()

    def unsubscribe(self) -> None:
        """Leave."""
        self._listener = None
        self._broker.group.leave(self.process.name)

    def on_prepare(self) -> None:
        """All partitions are taken back; what is assigned stays so until the next ones come."""
        if self._listener is None:
            return
        self._assigned.clear()
        self._world.note("revoked")
        self._tell(self._listener.on_partitions_revoked, [*self._places])
        loop = self._world.loop
        loop.outside(self._broker.way(), self._broker.group.join, self)

    def completing(self, generation: int, parts: list[int]) -> Callable[[], None]:
        """What to do when the assignment comes."""
        return lambda: self._on_complete(generation, parts)

    def _on_complete(self, generation: int, parts: list[int]) -> None:
        if self._listener is None:
            return
        offsets = self._broker.offsets
        self._generation = generation
        # Without a position the client takes the committed one, and may deliver from there.
        self._places = {TopicPartition(EVENTS, part): _Place(offsets.get(part)) for part in parts}
        self._assigned.set()
        delay = self._world.dice.choice((0.0, 0.0, 0.001, 0.01))
        self._world.loop.within(self.process, delay, self._assigning(generation))

    def _assigning(self, generation: int) -> Callable[[], None]:
        def tell() -> None:
            if self._listener is not None and generation == self._generation:
                self._world.note(f"assigned {[place.partition for place in self._places]}")
                self._tell(self._listener.on_partitions_assigned, {*self._places})

        return tell

    def _tell(self, callback: Callable[[Any], None], places: Iterable[TopicPartition]) -> None:
        try:
            callback(places)
        except (AssertionError, ValueError, LookupError, TypeError, RuntimeError) as error:
            self._world.note(f"the client swallows {error!r}")

    def on_beat(self) -> None:
        """Hear that the group has gone on without this member."""
        group, name = self._broker.group, self.process.name
        if self.is_deaf or self._listener is None:
            return
        if self._assigned.is_set() and not group.is_in(name, self._generation):
            self._world.note("is in the group no more")
            self.on_prepare()
        elif not self._assigned.is_set() and not group.knows(name):
            group.join(self)

    # --- records --------------------------------------------------------------------------

    def assignment(self) -> set[TopicPartition]:
        """What is assigned."""
        return {*self._places}

    def pause(self, *places: TopicPartition) -> None:
        """Deliver nothing of these."""
        for place in places:
            self._place(place).paused = True

    def resume(self, *places: TopicPartition) -> None:
        """Deliver of these again."""
        for place in places:
            self._place(place).paused = False

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Go on there."""
        self._place(place).position = offset

    def _place(self, place: TopicPartition) -> _Place:
        if place not in self._places:
            message = f"{place} is not assigned"
            raise IllegalStateError(message)
        return self._places[place]

    async def getmany(
        self, *, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[Record]]:
        """Some records, after a while; what is on its way when places move is not delivered."""
        dice, loop = self._world.dice, self._world.loop
        until = loop.time() + timeout_ms / 1000
        while True:
            if not self._assigned.is_set():
                await self._assigned.wait()
            found = self._drained(max_records)
            if found or loop.time() >= until:
                return found
            pause = 0.02 + 0.08 * dice.random()
            await asyncio.sleep(min(pause, max(0.0, until - loop.time())))

    def _drained(self, max_records: int) -> dict[TopicPartition, list[Record]]:
        dice = self._world.dice
        found: dict[TopicPartition, list[Record]] = {}
        if self._world.loop.time() < self.starved_until and not self._world.healed:
            return found
        places = [*self._places.items()]
        dice.shuffle(places)
        for place, own in places:
            if own.paused or own.position is None:
                continue
            log = self._broker.logs[place.partition]
            if not log.begin <= own.position <= log.end:
                if found:
                    break
                self._world.met["read out of range"] += 1
                self._world.note(f"out of range: {place.partition} at {own.position}")
                raise OffsetOutOfRangeError({place: own.position})
            many = min(max_records, self._broker.most, dice.choice((1, 2, 3, 5, 8, 100)))
            records = log.records[own.position : own.position + many]
            if records:
                if own.position < log.delivered:
                    self._world.met["records delivered again"] += 1
                own.position = records[-1].offset + 1
                log.delivered = max(log.delivered, own.position)
                found[place] = records
        if found:
            shown = {p.partition: (r[0].offset, r[-1].offset) for p, r in found.items()}
            self._world.note(f"getmany {shown}")
        return found

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Keep offsets for tools; refused to who is not in the group."""
        broker, generation = self._broker, self._generation

        def write() -> BaseException | None:
            if not broker.group.is_in(self.process.name, generation):
                refused: BaseException = CommitFailedError()
                return refused
            for place, offset in offsets.items():
                broker.offsets[place.partition] = offset
            return None

        await broker.ask(answering(write), "commit")
