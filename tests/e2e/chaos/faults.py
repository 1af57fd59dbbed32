"""Each kind of fault: how it is done, and how one knows that it really happened."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
from aiokafka import TopicPartition

from services.cli.stack.server import Server
from shared.runtime.config import driver_url
from shared.runtime.database import PASSING
from shared.runtime.topics import DEAD_LETTER_BYTES, UNLIMITED, dead_letters
from tests.e2e.chaos.administering import Administrator
from tests.e2e.chaos.feeder import GARBAGE_KEY, Feeder, garbage
from tests.e2e.chaos.fleet import Fleet, Member
from tests.e2e.chaos.proxy import Action, Role, Trap
from tests.e2e.chaos.reader import Reader
from tests.e2e.chaos.schedule import Fault, Kind

_TRAPPED_S: Final = 15.0
_CHOSEN_S: Final = 8.0
"""So long a transaction of the role is waited for; then any that moves a partition on will do."""
_ZOMBIE_S: Final = 11.5
"""Less than what PostgreSQL lets a transaction wait in mid-air."""
_FENCED_S: Final = 4.0
_TRIES: Final = 8
"""As others disturb it: the last ones are alone."""
_REFUSED_S: Final = 12.0
_LOOK_S: Final = 0.2
_AWAY_S: Final = (0.2, 1.5)
_SESSION_OVER_S: Final = 8.0
_OUT: Final = (b"Heartbeat", b"commit_late", b'"action":"assigned"')
_CHANGES: Final = {True: ("within: PT30M", "within: PT20M"), False: ("atLeast: 20", "atLeast: 25")}
_BROKEN_S: Final = 3.0
_SWITCHED_S: Final = 45.0
_REFUSALS: Final = (b"MessageSizeTooLarge", b"NotEnoughReplicas", b"dead letter", b"sending_again")
_FULL: Final = {"max.message.bytes": "10"}
_UNAVAILABLE: Final = {"min.insync.replicas": "2"}
_SOUND: Final = {
    "retention.ms": UNLIMITED,
    "retention.bytes": UNLIMITED,
    "max.message.bytes": str(DEAD_LETTER_BYTES),
}


class VoidError(Exception):
    """The fault did not happen; the text says what was missing."""


@dataclass(slots=True)
class Faults:
    """Does the faults of a schedule to a fleet; `happened` and `void` say what came of it."""

    fleet: Fleet
    feeder: Feeder
    reader: Reader
    administrator: Administrator
    happened: list[Kind] = field(default_factory=list)
    void: list[str] = field(default_factory=list)
    took: list[tuple[float, Kind]] = field(default_factory=list)
    """How many seconds each fault took."""
    _servers: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def run(self, fault: Fault, started: float) -> None:
        """Wait for its moment, do it, wait until it is over."""
        await asyncio.sleep(max(0.0, started + fault.at - time.monotonic()))
        begun = time.monotonic()
        try:
            await self._deed(fault)(fault)
        except VoidError as missing:
            self.void.append(f"{fault.kind}: {missing}")
        else:
            self.happened.append(fault.kind)
        self.took.append((round(time.monotonic() - begun, 1), fault.kind))

    def _deed(self, fault: Fault) -> Callable[[Fault], Awaitable[None]]:
        return {
            Kind.KILL: self._kill,
            Kind.KILL_INGEST: self._kill_ingest,
            Kind.ZOMBIE: self._zombie,
            Kind.ZOMBIE_INGEST: self._zombie_ingest,
            Kind.BROKER_KILL: self._broker,
            Kind.BROKER_STOP: self._broker,
            Kind.DATABASE_KILL: self._database,
            Kind.DATABASE_STOP: self._database,
            Kind.CUT_BEFORE: self._cut,
            Kind.CUT_AFTER: self._cut,
            Kind.CUT_SENT: self._cut,
            Kind.GROW: self._grow,
            Kind.DLQ: self._fill_letters,
            Kind.DOCUMENTS: self._change_documents,
        }[fault.kind]

    # --- processes ----------------------------------------------------------------------------

    async def _kill(self, fault: Fault) -> None:
        await self.fleet.kill(self.fleet.choose(self.fleet.evaluators, fault.choice), _away(fault))

    async def _kill_ingest(self, fault: Fault) -> None:
        await self.fleet.kill(self.fleet.choose(self.fleet.ingests, fault.choice), _away(fault))

    async def _zombie(self, fault: Fault) -> None:
        """Stop an evaluator that is about to write; wake it when others own its partitions."""
        for _ in range(_TRIES):
            if await self._try_zombie(self.fleet.choose(self.fleet.evaluators, fault.choice)):
                self.fleet.counted["fenced"] += 1
                return
        message = "no evaluator woke up to find itself fenced"
        raise VoidError(message)

    async def _zombie_ingest(self, fault: Fault) -> None:
        """Stop an ingest for longer than its group waits; it has to hear that it is out."""
        for _ in range(_TRIES):
            member = self.fleet.choose(self.fleet.ingests, fault.choice)
            process = member.child
            self.fleet.freeze(member)
            await asyncio.sleep(_SESSION_OVER_S)
            begun = member.log_end
            self.fleet.wake(member)
            if member.child is process and await self._logs(member, begun, _OUT, _REFUSED_S):
                self.fleet.counted["ingests put out"] += 1
                return
        message = "no ingest was put out of its group"
        raise VoidError(message)

    async def _try_zombie(self, member: Member) -> bool:
        trap = Trap(Role.MOVE, Action.HOLD)
        proxy = member.proxy
        if proxy is None:
            return False
        proxy.set_trap(trap)
        try:
            await asyncio.wait_for(trap.sprung.wait(), _TRAPPED_S)
        except TimeoutError:
            proxy.lift(trap)
            return False
        if member.child.code() is not None or member.down:
            proxy.lift(trap)
            return False
        self.fleet.freeze(member)
        begun = member.log_end
        try:
            taken = await self._taken_over(member.child.pid)
        finally:
            self.fleet.wake(member)
            trap.go_on.set()
        return taken and await self._logs(member, begun, (b"FencedError(",), _FENCED_S)

    async def _taken_over(self, pid: int) -> bool:
        """Whether nothing belongs to the process any more, within the time there is."""
        end = time.monotonic() + _ZOMBIE_S
        url = driver_url(self.fleet.trial.system.database_url)
        had = None
        while time.monotonic() < end:
            await asyncio.sleep(_LOOK_S)
            try:
                database = await asyncpg.connect(url, timeout=2, command_timeout=5)
                try:
                    owned = await database.fetchval(
                        "SELECT count(*) FROM partition_progress WHERE owner LIKE $1", f"%:{pid}"
                    )
                finally:
                    database.terminate()
            except PASSING:
                continue
            if had is None:
                had = owned
            if not owned:
                return bool(had)
        return False

    async def _logs(
        self, member: Member, begun: int, words: tuple[bytes, ...], patience_s: float
    ) -> bool:
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            found = member.log_since(begun)
            if any(word in found for word in words):
                return True
            await asyncio.sleep(_LOOK_S)
        return False

    # --- servers ------------------------------------------------------------------------------

    async def _broker(self, fault: Fault) -> None:
        await self._restart(self.fleet.stack.kafka, fault, hard=fault.kind is Kind.BROKER_KILL)

    async def _database(self, fault: Fault) -> None:
        await self._restart(self.fleet.stack.postgres, fault, hard=fault.kind is Kind.DATABASE_KILL)

    async def _restart(self, server: Server | None, fault: Fault, *, hard: bool) -> None:
        if server is None:
            message = "the server is not ours to restart"
            raise VoidError(message)
        async with self._restarting(server.name):
            before = self.fleet.counted[f"{server.name} restarts"]
            await self.fleet.restart(server, hard=hard, away_s=_away(fault))
            if self.fleet.counted[f"{server.name} restarts"] == before:
                message = f"{server.name} was not started again"
                raise VoidError(message)

    # --- connections --------------------------------------------------------------------------

    def _restarting(self, server: str) -> asyncio.Lock:
        """Held by whoever restarts a server, and by whom that would disturb."""
        return self._servers.setdefault(server, asyncio.Lock())

    async def _cut(self, fault: Fault) -> None:
        """Set a trap before every evaluator; the first to come is cut."""
        if fault.kind is Kind.CUT_SENT:
            role, action = Role.SENT, Action.REFUSE
        else:
            roles = (Role.FOLD, Role.FOLD, Role.FOLD, Role.JUDGE, Role.ANNOUNCE)
            role = roles[int(fault.choice * len(roles)) % len(roles)]
            action = Action.BEFORE if fault.kind is Kind.CUT_BEFORE else Action.AFTER
        patience_s = 2 * _TRAPPED_S if role is Role.SENT else _CHOSEN_S
        if await self._trap(Trap(role, action), patience_s):
            self.fleet.counted[f"{role} cut {action}"] += 1
        elif role is not Role.SENT and await self._trap(Trap(Role.MOVE, action), _TRAPPED_S):
            self.fleet.counted[f"{Role.MOVE} cut {action}"] += 1
        else:
            message = f"no transaction of {role} came to be cut {action}"
            raise VoidError(message)

    async def _trap(self, shared: Trap, patience_s: float) -> bool:
        proxies = [own.proxy for own in self.fleet.evaluators if own.proxy is not None]
        for proxy in proxies:
            proxy.set_trap(shared)
        try:
            return await self._comes(shared.sprung.is_set, patience_s)
        finally:
            for proxy in proxies:
                proxy.lift(shared)

    async def _comes(self, there: Callable[[], bool], patience_s: float) -> bool:
        """Whether it comes true in time; what a server is away for does not count."""
        left = patience_s
        while left > 0 and not there():
            left -= await self._counting_pause()
        return there()

    async def _counting_pause(self) -> float:
        """Wait a moment; how much of it counts."""
        await asyncio.sleep(_LOOK_S)
        away = any(lock.locked() for lock in self._servers.values())
        return 0.0 if away else _LOOK_S

    # --- topics -------------------------------------------------------------------------------

    async def _grow(self, fault: Fault) -> None:
        """Give an input topic two more partitions, and wait until they hold something."""
        topics = self.fleet.trial.topics
        topic = topics.tickets if fault.choice < 1 / 2 else topics.leads
        before = await self.administrator.partitions(topic)
        self.reader.grown.setdefault(topic, before)
        await self.administrator.grow(topic, before + 2)

        def is_used() -> bool:
            every = self.feeder.acknowledged
            return any(own.topic == topic and own.partition >= before for own in every)

        if not await self._comes(is_used, _TRAPPED_S):
            message = f"nothing came to the new partitions of {topic}"
            raise VoidError(message)

    async def _fill_letters(self, fault: Fault) -> None:
        """Let the dead letters take nothing while garbage comes: ingest has to wait, not drop."""
        letters = dead_letters(self.fleet.trial.topics.tickets)
        wrong = _FULL if fault.choice < 1 / 2 else _UNAVAILABLE
        # A broker that starts again finds no leader for a partition with fewer replicas than its
        # topic asks for: not before this is over.
        async with self._restarting("kafka"):
            await self.administrator.configure(letters, {**_SOUND, **wrong})
            try:
                refused = await self._refused(letters)
            finally:
                await self.administrator.configure(letters, _SOUND)
        if not refused:
            message = "no ingest was refused a dead letter"
            raise VoidError(message)
        self.fleet.counted["dead letters refused"] += 1

    async def _refused(self, letters: str) -> bool:
        """Send garbage; whether an ingest says that it cannot put it aside. None may be passed."""
        begun = [member.log_end for member in self.fleet.ingests]
        buried = await self.administrator.ends(letters)
        count = len(self.feeder.acknowledged)
        await self.feeder.send([garbage("tickets", number) for number in range(4)])
        sent = [own for own in self.feeder.acknowledged[count:] if own.key == GARBAGE_KEY]
        if not sent:
            message = "the broker did not take the garbage"
            raise VoidError(message)
        refused = await asyncio.gather(
            *(
                self._logs(member, since, _REFUSALS, _REFUSED_S)
                for member, since in zip(self.fleet.ingests, begun, strict=True)
            )
        )
        committed = await self.administrator.committed(self.fleet.trial.topics.group("ingest"))
        if await self.administrator.ends(letters) == buried:
            for own in sent:
                done = committed.get(TopicPartition(own.topic, own.partition), 0)
                if done > own.offset:
                    place = f"{own.topic}/{own.partition}@{own.offset}"
                    self.reader.wrong.append(f"{place} was dropped: {done} is committed")
        return any(refused)

    # --- documents ----------------------------------------------------------------------------

    async def _change_documents(self, fault: Fault) -> None:
        """Break the documents, which are to stay in use as they were; then change them."""
        path = self.fleet.trial.agreements / "company.yaml"
        sound, (before, after) = path.read_text(encoding="utf-8"), _CHANGES[fault.choice < 1 / 2]
        used = await self._documents_used()
        self.reader.documents_changed = True
        _write(path, f"{sound}---\nkind: [")
        await asyncio.sleep(_BROKEN_S)
        if await self._documents_used() != used:
            self.reader.wrong.append("documents that do not load are in use")
        _write(path, sound.replace(before, after))
        left = _SWITCHED_S
        while await self._documents_used() == used and left > 0:
            left -= await self._counting_pause()
        if left <= 0:
            message = f"the changed documents were not in use within {_SWITCHED_S:g} s"
            raise VoidError(message)
        self.fleet.counted["documents switched"] += 1

    async def _documents_used(self) -> int:
        url = driver_url(self.fleet.trial.system.database_url)
        while True:
            try:
                database = await asyncpg.connect(url, timeout=2, command_timeout=5)
                try:
                    number: int = await database.fetchval(
                        "SELECT number FROM generation WHERE state = 'current'"
                    )
                finally:
                    database.terminate()
            except PASSING:
                await asyncio.sleep(_LOOK_S)
            else:
                return number


def _write(path: Path, text: str) -> None:
    """All of it at once, as who edits documents should."""
    fresh = path.with_suffix(".fresh")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _away(fault: Fault) -> float:
    low, high = _AWAY_S
    return low + (high - low) * fault.choice
