"""Kafka: the event log, the input topics, the group of the evaluators, as nasty as the real ones.

Rebalances are eager: every member gives up all it has and is given partitions anew, each when it
hears of it. Records flow before the listener has been told what is assigned; what a listener
raises is swallowed; a member that is stopped or deaf for too long is put out of the group, goes on
with what it had, and hears of it later.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    RequestTimedOutError,
)

from shared.domain.event import Event
from tests.simulation.loop import Process, State
from tests.simulation.world import Server, World

EVENTS: Final = "accord.events"
INPUTS: Final = ("tickets", "leads")
SESSION_S: Final = 0.5
HEARTBEAT_S: Final = 0.1
JOIN_S: Final = 0.4
LOOK_UP_S: Final = 0.15
"""How often a prover looks whether ingest has read topics that it does not know of."""


@dataclass(frozen=True)
class Record:
    """A record of the event log; `event` is what its value says, if it is an event."""

    offset: int
    value: bytes
    event: Event | None
    headers: tuple[Any, ...] = ()


@dataclass
class Log:
    """A partition of the event log."""

    records: list[Record] = field(default_factory=list)
    begin: int = 0
    delivered: int = 0
    """How far anybody has read."""

    @property
    def end(self) -> int:
        """The offset of the next record."""
        return len(self.records)

    def append(self, value: bytes, event: Event | None) -> None:
        """Add a record."""
        self.records.append(Record(len(self.records), value, event))


@dataclass
class Input:
    """A partition of an input topic: what was sent to it, and how far ingest has committed."""

    place: TopicPartition
    sent: list[tuple[bytes, Event | None]] = field(default_factory=list)
    committed: int | None = None
    begin: int = 0


class Member(Protocol):
    """What the group does to a consumer."""

    process: Process
    is_deaf: bool

    def on_prepare(self) -> None:
        """Give everything up and join again."""

    def completing(self, generation: int, parts: list[int]) -> Callable[[], None]:
        """What to do when the assignment comes."""

    def on_beat(self) -> None:
        """Hear whether it is in the group."""


def kafka_errors(dice: Random) -> KafkaError:
    """What the client raises when a broker does not answer."""
    return dice.choice(
        (KafkaConnectionError("connection reset"), NodeNotReadyError(), RequestTimedOutError())
    )


class Broker(Server):
    """The cluster."""

    def __init__(self, world: World, parts: int) -> None:
        """An event log of so many partitions, one partition for each input topic."""
        super().__init__(world, "kafka", kafka_errors)
        self.logs = {part: Log() for part in range(parts)}
        self.inputs = {
            place: Input(place) for place in (TopicPartition(name, 0) for name in INPUTS)
        }
        self.group = Group(world, self)
        self.most = 100
        """Records that a consumer gives of a partition at once."""
        self.offsets: dict[int, int] = {}
        """What the evaluators have committed, for tools."""

    def grow(self, topic: str) -> TopicPartition:
        """Give an input topic one more partition."""
        number = sum(place.topic == topic for place in self.inputs)
        place = TopicPartition(topic, number)
        self.inputs[place] = Input(place)
        return place

    def ends(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """The ends of partitions now."""
        return {
            place: self.logs[place.partition].end
            if place.topic == EVENTS
            else len(self.inputs[place].sent)
            for place in places
        }

    def beginnings(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offsets there are."""
        return {
            place: self.logs[place.partition].begin
            if place.topic == EVENTS
            else self.inputs[place].begin
            for place in places
        }


class Group:
    """The consumer group of the evaluators: who is in it, and who has what."""

    def __init__(self, world: World, broker: Broker) -> None:
        """Nobody is."""
        self._world = world
        self._broker = broker
        self._members: dict[str, Member] = {}
        self._joined: set[str] = set()
        self._seen: dict[str, float] = {}
        self._is_preparing = False
        self.consumers: list[Member] = []
        """All that were ever members."""
        self.generation = 0
        world.loop.outside(HEARTBEAT_S, self._beat)

    def join(self, member: Member) -> None:
        """A member wants partitions."""
        name = member.process.name
        self._members[name] = member
        self._joined.add(name)
        self._seen[name] = self._world.loop.time()
        self.prepare()

    def leave(self, name: str) -> None:
        """A member says that it goes."""
        if self._members.pop(name, None) is not None:
            self._joined.discard(name)
            self.prepare()

    def knows(self, name: str) -> bool:
        """Whether it is a member of any generation."""
        return name in self._members

    def is_in(self, name: str, generation: int) -> bool:
        """Whether a member is one of this generation."""
        return name in self._members and generation == self.generation

    def prepare(self) -> None:
        """Begin a rebalance: all have to join again."""
        if self._is_preparing:
            return
        self._is_preparing = True
        loop, dice = self._world.loop, self._world.dice
        for name, member in self._members.items():
            if name not in self._joined:
                loop.within(member.process, dice.random() * HEARTBEAT_S, member.on_prepare)
        loop.outside(dice.random() * JOIN_S / 4 + 0.01, self._complete, loop.time() + JOIN_S)

    def _complete(self, deadline: float) -> None:
        loop, dice = self._world.loop, self._world.dice
        if len(self._joined) < len(self._members) and loop.time() < deadline:
            loop.outside(0.02, self._complete, deadline)
            return
        for name in [own for own in self._members if own not in self._joined]:
            self._world.note(f"group: {name} is out")
            self._world.met["put out of the group"] += 1
            del self._members[name]
        self.generation += 1
        self._world.met["rebalanced"] += 1
        self._is_preparing = False
        self._joined.clear()
        names = [*self._members]
        dice.shuffle(names)
        parts = [*self._broker.logs]
        given: dict[str, list[int]] = {name: [] for name in names}
        for number, part in enumerate(parts):
            if names:
                given[names[number % len(names)]].append(part)
        self._world.note(f"group: generation {self.generation} {given}")
        for name, own in given.items():
            member = self._members[name]
            delay = dice.random() * dice.choice((0.01, HEARTBEAT_S))
            loop.within(member.process, delay, member.completing(self.generation, own))

    def _beat(self) -> None:
        """Heartbeats of those that run and are heard; who is silent for too long is out."""
        now = self._world.loop.time()
        for name, member in [*self._members.items()]:
            if member.process.state is State.RUNNING and not member.is_deaf:
                self._seen[name] = now
            elif now - self._seen[name] > SESSION_S:
                self._world.note(f"group: {name} is silent")
                self._world.met["put out of the group"] += 1
                del self._members[name]
                self._joined.discard(name)
                self.prepare()
        self.consumers = [one for one in self.consumers if one.process.state is not State.DEAD]
        for one in self.consumers:
            if one.process.state is State.RUNNING:
                self._world.loop.within(one.process, 0.0, one.on_beat)
        self._world.loop.outside(HEARTBEAT_S, self._beat)
