"""Kafka and PostgreSQL together: started, given topics and a schema, stopped.

Start it from a program's main thread: on Linux a child ends with the thread that made it.
"""

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from services.cli.stack.child import StackError, end_leftovers
from services.cli.stack.in_memory import remove
from services.cli.stack.kafka import KafkaServer
from services.cli.stack.ports import Ports
from services.cli.stack.postgres import PostgresServer
from services.cli.stack.server import Server
from shared.runtime.config import EVENT_PARTITIONS, environment_brokers, environment_value
from shared.runtime.migrate import migrate
from shared.runtime.topics import DEFAULT_INPUTS, create_topics

DATA: Final = Path(".accord")
_BROKER_DECIDES: Final = -1

Say = Callable[[str], None]


class LocalStack:
    """A Kafka and a PostgreSQL while its block runs; data stay in `home` for the next time.

    A server that the environment names (`ACCORD_KAFKA_BOOTSTRAP_SERVERS`, `ACCORD_DATABASE_URL`)
    is used instead of one of our own; `kafka` or `postgres` is None then.
    """

    def __init__(
        self,
        home: Path = DATA,
        *,
        port_base: int | None = None,
        fresh: bool = False,
        keep: bool = True,
        durable: bool = True,
        prepare: bool = True,
        event_partitions: int = EVENT_PARTITIONS,
        inputs: Iterable[str] = DEFAULT_INPUTS,
        say: Say = lambda _: None,
    ) -> None:
        """`fresh` forgets the data first, not `keep` afterwards.

        Not `durable` is for a run of minutes: quicker, and no data outlive a power cut.
        `prepare` makes the topics (`inputs` are those of the sources) and the schema; `say` is
        told what takes long.
        """
        self.home = home.resolve()
        self.ports = Ports(port_base)
        self._fresh = fresh
        self._keep = keep
        self._prepare = prepare
        self._event_partitions = event_partitions
        self._inputs = tuple(inputs)
        self._say = say
        self._given_kafka = environment_brokers()
        self._given_database = environment_value("DATABASE_URL")
        self.kafka: KafkaServer | None = None
        self.postgres: PostgresServer | None = None
        if self._given_kafka is None:
            self.kafka = KafkaServer(self.home, self.ports, say, durable=durable)
        if self._given_database is None:
            self.postgres = PostgresServer(self.home, self.ports, say, durable=durable)
        self._lock: IO[str] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Where Kafka's clients find it."""
        return self.kafka.bootstrap_servers if self.kafka else self._given_kafka or ""

    @property
    def database_url(self) -> str:
        """The URL of the database."""
        return self.postgres.database_url if self.postgres else self._given_database or ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a service to this stack."""
        return {
            "ACCORD_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "ACCORD_DATABASE_URL": self.database_url,
            "ACCORD_EVENT_PARTITIONS": str(self._event_partitions),
        }

    def __enter__(self) -> Self:
        """Start both servers at once, wait until they serve, make topics and schema."""
        with ExitStack() as undo:
            undo.callback(self._leave)
            if self._servers():
                self._take_home()
            for server in self._servers():
                server.launch()
            for server in self._servers():
                server.wait_ready()
            if self._prepare:
                asyncio.run(self._make_topics_and_schema())
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what was started."""
        self._leave()

    @staticmethod
    def is_running(home: Path) -> bool:
        """Whether a stack runs with this folder."""
        lock = _lock(home)
        if lock is not None:
            lock.close()
        return lock is None

    def forget(self) -> None:
        """Remove the data; for a stack that does not run."""
        if self.kafka is not None:
            remove(self.home / "kafka")
        if self.postgres is not None:
            remove(self.home / "postgres")

    def dead(self) -> list[str]:
        """The servers that ended though nobody stopped them."""
        return [
            server.name
            for server in self._servers()
            if server.child is not None and server.child.code() is not None
        ]

    def ended(self) -> str:
        """What to tell of the servers that ended: each one's code and the end of its log."""
        children = [server.running() for server in self._servers() if server.name in self.dead()]
        return "\n".join(
            f"{child.name} ended with code {child.code()}; {child.log} ends:\n{child.tail()}"
            for child in children
        )

    def _servers(self) -> tuple[Server, ...]:
        return tuple(server for server in (self.kafka, self.postgres) if server is not None)

    async def _make_topics_and_schema(self) -> None:
        self._say("making the topics and the schema")
        await create_topics(
            self.bootstrap_servers,
            inputs=self._inputs,
            event_partitions=self._event_partitions,
            replication_factor=1 if self.kafka else _BROKER_DECIDES,
        )
        await migrate(self.database_url)

    def _take_home(self) -> None:
        lock = _lock(self.home)
        if lock is None:
            holder = (self.home / "lock").read_text(encoding="ascii").strip() or "unknown"
            message = (
                f"{self.home} is in use by process {holder}; use the stack that runs there, "
                "or stop it first"
            )
            raise StackError(message)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock
        end_leftovers(self.home, self._say)
        if self._fresh:
            self.forget()
        for log in (self.home / "logs").glob("*.log"):
            log.unlink()

    def _leave(self) -> None:
        for server in reversed(self._servers()):
            with suppress(ProcessLookupError):
                server.stop()
        if self._lock is not None:
            if not self._keep:
                self.forget()
            self._lock.close()
            self._lock = None


def _lock(home: Path) -> IO[str] | None:
    """The lock of the folder, held until it is closed; None when another process holds it."""
    home.mkdir(parents=True, exist_ok=True)
    lock = (home / "lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock
