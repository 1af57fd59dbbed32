"""The sources and ingest: what is sent comes to the input topics, and from there to the event log.

Ingest reads each input partition in order, writes what it read, and commits then; when it ends in
between, it begins again where it had committed, and writes some records twice.
"""

import asyncio

from aiokafka import TopicPartition

from shared.domain.event import Event
from shared.domain.instant import SECOND, Instant
from shared.wire.partitioning import partition_of
from tests.simulation.broker import Broker, Input
from tests.simulation.story import Story
from tests.simulation.world import SPEED, World


class Feeding:
    """Sends a story, and moves it on."""

    def __init__(self, world: World, broker: Broker, story: Story) -> None:
        """Nothing is sent yet."""
        self._world = world
        self._broker = broker
        self._story = story
        self._come: dict[TopicPartition, asyncio.Event] = {}
        self._written: set[tuple[str, str]] = set()
        self._latest: dict[str, Instant] = {}
        self.sent = 0
        """How many records have been sent, over all partitions."""
        self.order: list[Event | None] = []
        """What has been sent, in that order."""
        self._logs = dict(broker.logs)
        """Where ingest writes, whatever becomes of the topic: another log gets nothing new."""
        self.crash = 0.1
        self.lag_s = 0.01
        self.stopped_until: dict[TopicPartition | None, float] = {}
        """Until when ingest stands still; without a place everywhere."""

    async def send(self) -> None:
        """Send everything at its instant."""
        for own in self._story.sent:
            wait = (own.at - self._world.now) / SECOND / SPEED
            if wait > 0:
                await asyncio.sleep(wait)
            places = sorted(place for place in self._broker.inputs if place.topic == own.topic)
            place = places[own.place % len(places)]
            self._broker.inputs[place].sent.append((own.value, own.event))
            self.sent += 1
            self.order.append(own.event)
            if place not in self._come:
                self._come[place] = asyncio.Event()
                self._world.loop.spawn(self._move(self._broker.inputs[place]))
            self._come[place].set()

    async def _move(self, own: Input) -> None:
        """Ingest, for one partition."""
        world, dice = self._world, self._world.dice
        position, come = 0, self._come[own.place]
        while True:
            if position == len(own.sent):
                come.clear()
                await come.wait()
            await asyncio.sleep(self.lag_s * (0.5 + dice.random()))
            until = max(self.stopped_until.get(at, 0.0) for at in (None, own.place))
            if world.loop.time() < until:
                await asyncio.sleep(until - world.loop.time())
            some = own.sent[position : position + dice.choice((1, 2, 5, 20))]
            for value, event in some:
                self._write(value, event)
                if own.place.partition:
                    world.met["events in new input partitions"] += 1
                if dice.random() < 0.2:
                    await asyncio.sleep(self.lag_s * dice.random())
                if world.chance(self.crash):
                    world.fault("ingest: ended before its commit")
                    position = own.committed or 0
                    break
            else:
                position += len(some)
                await asyncio.sleep(self.lag_s * dice.random())
                own.committed = position

    def _write(self, value: bytes, event: Event | None) -> None:
        part = 0 if event is None else partition_of(event.item, len(self._logs))
        self._logs[part].append(value, event)
        if event is None:
            self._world.met["records that are no events"] += 1
            return
        if event.identity in self._written:
            self._world.met["events repeated"] += 1
        if event.time < self._latest.get(event.item, 0):
            self._world.met["events out of order"] += 1
        self._written.add(event.identity)
        self._latest[event.item] = max(event.time, self._latest.get(event.item, 0))

    @property
    def is_done(self) -> bool:
        """Whether everything has been sent and moved on."""
        inputs = self._broker.inputs.values()
        return self.sent == len(self._story.sent) and all(
            (own.committed or 0) == len(own.sent) for own in inputs
        )
