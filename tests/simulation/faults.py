"""What goes wrong in a run, and when; all of it heals."""

from collections.abc import Callable
from typing import Final

from aiokafka import TopicPartition

from shared.domain.instant import MINUTE, SECOND
from tests.simulation.broker import INPUTS, SESSION_S, Broker, Log
from tests.simulation.database import Database, Transaction
from tests.simulation.feeding import Feeding
from tests.simulation.held import propose
from tests.simulation.loop import State
from tests.simulation.story import documents
from tests.simulation.watching import Watch
from tests.simulation.worker import Worker
from tests.simulation.world import Weather, World

ORDERLY_SKEW: Final = 2 * SECOND
LOSS_OF: Final = 12
"""Of so many seeds one loses records or a whole log: its partition is left out in the end."""


class Faults:
    """Plans faults for the time in which a story happens."""

    def __init__(
        self,
        world: World,
        broker: Broker,
        database: Database,
        feeding: Feeding,
        watch: Watch,
        workers: list[Worker],
    ) -> None:
        """Nothing is planned."""
        self._world = world
        self._broker = broker
        self._database = database
        self._feeding = feeding
        self._watch = watch
        self._workers = workers
        self.documents = 0
        """Which documents the workers' folders hold."""
        self.are_clocks_sane = True
        self.lost: dict[int, str] = {}
        """Partitions whose log is not what it was, and what they have to be stopped for."""
        database.may_stop = set()

    def plan(self, seconds: float) -> None:
        """Throw the dice for what happens in so many seconds."""
        dice, loop = self._world.dice, self._world.loop
        kinds: list[Callable[[], None]] = [
            *(self.kill,) * 4,
            *(self.stop,) * 3,
            *(self.deafen,) * 2,
            *(self.rebalance,) * 2,
            *(self.leave,) * 2,
            *(self.lose_messages,) * 3,
            *(self.lose_commits,) * 3,
            *(self.hold_up_commit,) * 3,
            self.slow_down,
            self.starve,
            self.starve,
            self.turn_clock,
            self.stop_ingest,
            self.stop_ingest_of_one,
            self.grow,
            self.expire,
            self.change_documents,
            self.change_documents,
        ]
        for worker in self._workers:
            worker.skew = dice.randint(-ORDERLY_SKEW, ORDERLY_SKEW)
        if dice.random() < 0.5:
            self.set_weather(0.01 * dice.random(), 0.0)
        for _ in range(dice.randint(2, 9)):
            loop.outside(seconds * dice.random(), self._unless_healed, dice.choice(kinds))
        if self._world.seed % LOSS_OF == 0:
            lose = dice.choice((self.lose_records, self.make_anew))
            loop.outside(seconds * (0.3 + 0.6 * dice.random()), self._unless_healed, lose)

    def _unless_healed(self, fault: Callable[[], None]) -> None:
        if not self._world.healed:
            fault()

    def _one(self) -> Worker:
        return self._world.dice.choice(self._workers)

    # --- processes ------------------------------------------------------------------------

    def kill(self) -> None:
        """One ends between two steps; often another one right after."""
        worker = self._one()
        process, restart_s = worker.process, self._world.dice.choice((0.01, 0.1, 0.6))

        def end() -> None:
            if process.state is not State.DEAD and process is worker.process:
                self._world.fault("killed", process=process)
                worker.kill(restart_s=restart_s)

        if process.state is State.RUNNING:
            # Much happens in no time: any step of it may be the last one.
            process.after(self._world.dice.randint(1, 60), end)
        else:
            end()

    def stop(self) -> None:
        """One is stopped, for a moment or until others own its partitions."""
        worker, dice = self._one(), self._world.dice
        if worker.process.state is State.RUNNING:
            seconds = dice.choice((0.02, 0.1, SESSION_S, 2 * SESSION_S, 3 * SESSION_S))
            long = seconds > SESSION_S
            seconds *= 0.8 + 0.4 * dice.random()
            process = worker.process

            def stop() -> None:
                if process.state is State.RUNNING and not self._world.healed:
                    self._world.fault("zombie" if long else "stopped", process=process)
                    worker.stop(seconds)

            process.after(dice.randint(1, 60), stop)

    def deafen(self) -> None:
        """The group hears nothing of one, which goes on."""
        consumer = self._one().consumer
        if consumer is not None:
            self._world.fault("deaf", process=consumer.process)
            consumer.is_deaf = True
            seconds = 2 * SESSION_S * (0.5 + self._world.dice.random())
            self._world.loop.outside(seconds, setattr, consumer, "is_deaf", False)  # noqa: FBT003

    def starve(self) -> None:
        """One gets no records for a while, while all else goes on."""
        consumer, dice = self._one().consumer, self._world.dice
        if consumer is not None:
            self._world.fault("consumer starved", process=consumer.process)
            consumer.starved_until = self._world.loop.time() + 0.8 * dice.random()

    def rebalance(self) -> None:
        """The group begins anew."""
        self._world.fault("rebalance")
        self._broker.group.prepare()

    def leave(self) -> None:
        """One ends in good order and comes back."""
        self._world.fault("left")
        self._one().leave()

    def turn_clock(self) -> None:
        """One's clock jumps: some seconds, or beyond reason."""
        worker, dice = self._one(), self._world.dice
        by = dice.choice((-1, 1)) * dice.choice((20 * SECOND, 4 * MINUTE, 12 * MINUTE))
        self._world.fault("clock jump", f"{by // SECOND} s", process=worker.process)
        if by > 0:
            self.are_clocks_sane = False
        worker.skew += by

    # --- servers --------------------------------------------------------------------------

    def set_weather(self, lost: float, slow: float) -> None:
        """How it is with both servers until it is set again."""
        for server in (self._database, self._broker):
            server.weather = Weather(lost=lost, slow=slow)

    def lose_messages(self) -> None:
        """Connections break for a while."""
        dice = self._world.dice
        server = dice.choice((self._database, self._database, self._broker))
        server.weather = Weather(lost=dice.choice((0.05, 0.15, 0.4)), slow=0.05)
        self._world.fault("storm")
        self._world.loop.outside(0.3 * dice.random(), setattr, server, "weather", Weather())

    def lose_commits(self) -> None:
        """Connections break while transactions end: nobody hears whether they have."""
        self._world.fault("commits lost")
        self._database.weather = Weather(commits=0.6)
        seconds = 0.3 * self._world.dice.random()
        self._world.loop.outside(seconds, setattr, self._database, "weather", Weather())

    def hold_up_commit(self) -> None:
        """A commit takes long, while others are given the partitions that it writes."""

        def hold_up(own: Transaction) -> float:
            self._world.fault("commit held up", process=own.process)
            self._broker.group.prepare()
            return float(self._world.dice.choice((0.05, 0.2, 0.6)))

        self._database.held_up = hold_up

    def slow_down(self) -> None:
        """Some messages take very long."""
        self._world.fault("slow")
        self.set_weather(0.0, 0.2)
        self._world.loop.outside(0.5, self.set_weather, 0.0, 0.0)

    def stop_ingest(self) -> None:
        """Nothing comes to the event log for a while."""
        self._world.fault("ingest stopped")
        loop, dice = self._world.loop, self._world.dice
        self._feeding.stopped_until[None] = loop.time() + 0.8 * dice.random()

    def stop_ingest_of_one(self) -> None:
        """One partition of the input topics is not read for a while."""
        self._stop_ingest_of(self._world.dice.choice([*self._broker.inputs]))

    def _stop_ingest_of(self, place: TopicPartition) -> None:
        loop, dice = self._world.loop, self._world.dice
        self._world.fault("ingest of a partition stopped", f"{place}")
        self._feeding.stopped_until[place] = loop.time() + 0.8 * dice.random()

    def grow(self) -> None:
        """An input topic gets another partition."""
        self._world.fault("input topic grown")
        place = self._broker.grow(self._world.dice.choice(INPUTS))
        if self._world.chance(0.5):
            self._stop_ingest_of(place)

    # --- documents ------------------------------------------------------------------------

    def change_documents(self) -> None:
        """Other documents are proposed, or those before again."""
        self.documents = 1 - self.documents
        if self._database.tables.in_state("current") is not None:
            self._world.fault("documents changed")
            propose(self._database, documents()[self.documents])
            if self._world.chance(0.5):
                # Its partitions are built all the same, and are behind at the switch.
                self.starve()

    # --- the event log --------------------------------------------------------------------

    def expire(self) -> None:
        """Records that have been folded are deleted."""
        part = self._world.dice.choice([*self._broker.logs])
        log, row = self._broker.logs[part], self._database.tables.progress.get(part)
        if row is not None and part not in self.lost:
            self._world.fault("records expired", f"partition {part} up to {row.next_offset}")
            log.begin = max(log.begin, row.next_offset - self._world.dice.randint(0, 3))

    def lose_records(self) -> None:
        """Records are deleted that have not been folded."""
        part = self._world.dice.choice([*self._broker.logs])
        log, row = self._broker.logs[part], self._database.tables.progress.get(part)
        if row is None or log.end <= row.next_offset + 1:
            return
        self._world.fault("records lost", f"partition {part} up to {log.end}")
        log.begin = log.end
        self.lost[part] = "records_lost"
        self._database.may_stop.add(part)

    def make_anew(self) -> None:
        """The topic is deleted and made again; perhaps somebody brings the old one back."""
        dice = self._world.dice
        part = dice.choice([*self._broker.logs])
        log, row = self._broker.logs[part], self._database.tables.progress.get(part)
        if row is None or row.next_offset < 1:
            return
        self._world.fault("topic made anew", f"partition {part}")
        anew = Log(begin=0)
        for _ in range(dice.randint(0, row.next_offset)):
            anew.append(b'{"another": "log"}', None)
        self._broker.logs[part] = anew
        if anew.end >= row.next_offset - 1:
            # Nobody can tell it from the old one before its last record is looked at again.
            self._broker.group.prepare()
            self._database.alike[part] = row.epoch
        self.lost[part] = "other_log"
        self._database.may_stop.add(part)
        if dice.random() < 0.5:
            self._world.loop.outside(dice.choice((0.2, 2.0)), self._bring_back, part, log)

    def _bring_back(self, part: int, log: Log) -> None:
        self._world.note(f"the log of partition {part} is back")
        self._broker.logs[part] = log
        self._database.alike.pop(part, None)
        del self.lost[part]

    def heal(self) -> None:
        """Let everybody run, hear and be heard, with clocks that are nearly right."""
        world = self._world
        world.healed = True
        world.note("heals")
        self.set_weather(0.0, 0.0)
        self._feeding.stopped_until.clear()
        self._database.held_up = None
        self._feeding.crash = 0.0
        for worker in self._workers:
            worker.wake()
            if worker.consumer is not None:
                worker.consumer.is_deaf = False
            worker.skew = world.dice.randint(-ORDERLY_SKEW, ORDERLY_SKEW)
            worker.start()
