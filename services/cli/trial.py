"""A pipeline of its own on a running stack: topics under a prefix, a database, services.

For tests and benchmarks: many of them share one Kafka and one PostgreSQL without meeting.
"""

import asyncio
import secrets
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from aiokafka.admin import AIOKafkaAdminClient

from services.cli.api_client import Api
from services.cli.background import Background
from services.cli.feed import Feed
from services.cli.simulator.delivery import Record
from services.cli.simulator.stream import Simulation, simulate
from services.cli.stack.local_stack import LocalStack
from services.cli.stack.postgres import create_database, drop_database
from services.cli.stack.services import ALL, Services
from services.cli.verification.rest import System
from services.cli.verify import Verdict, verify
from shared.domain.instant import Instant, format_instant
from shared.runtime.config import EVENT_PARTITIONS
from shared.runtime.kafka import reaching
from shared.runtime.migrate import migrate
from shared.runtime.topics import Topics, create_topics


class Trial:
    """Topics and a database while its block runs; services as they are started in it."""

    def __init__(
        self,
        stack: LocalStack,
        name: str,
        agreements: Path,
        *,
        event_partitions: int = EVENT_PARTITIONS,
    ) -> None:
        """`name`: letters, digits, underscores; it is made unique."""
        self._stack = stack
        self._name = name = f"{name}_{secrets.token_hex(4)}"
        self._event_partitions = event_partitions
        self._open = ExitStack()
        self.agreements = agreements
        self.topics = Topics(f"{name}.")
        self.system = System(
            stack.bootstrap_servers, _database(stack.database_url, name), self.topics
        )
        self.background = Background()

    def __enter__(self) -> Self:
        """Make the database and the topics."""
        asyncio.run(self._make())
        self._open.callback(lambda: asyncio.run(self._forget()))
        self._open.enter_context(self.background)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget the database and the topics."""
        self._open.close()

    def services(
        self,
        *,
        clock: Instant | None = None,
        names: Iterable[str] = ALL,
        home: str = "services",
        **more: str,
    ) -> Services:
        """Services of this pipeline, to be entered as a block; `home` takes their logs."""
        environment = {
            **self._stack.environment,
            "ACCORD_DATABASE_URL": self.system.database_url,
            "ACCORD_TOPIC_PREFIX": self.topics.prefix,
            "ACCORD_EVENT_PARTITIONS": str(self._event_partitions),
            **more,
        }
        if clock is not None:
            environment["ACCORD_CLOCK"] = format_instant(clock)
        return Services(
            self._stack.home / self._name / home,
            environment,
            agreements=self.agreements,
            names=names,
            ports=self._stack.ports,
        )

    def send(self, records: Iterable[Record], *, largest_bytes: int = 1024 * 1024) -> int:
        """Put records into the input topics; how many there were."""
        return self.background.run(self._send(records, largest_bytes))

    def send_history(self, simulation: Simulation) -> int:
        """Put everything that was produced before the simulation's now into the input topics."""
        return self.send(takewhile(lambda own: own.at < simulation.now, simulate(simulation)))

    def verify(
        self, services: Services, *, at: Instant, patience_s: float = 120.0, items_each: int = 1
    ) -> Verdict:
        """Compare what runs, its clock stopped at `at`, with `evaluate`."""
        with Api(services.api_url) as api:
            return verify(
                self.system,
                api,
                self.agreements,
                at=at,
                patience_s=patience_s,
                items_each=items_each,
            )

    def folder(self, name: str) -> Path:
        """A folder of its own for what a test wants to write."""
        folder = self._stack.home / self._name / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def _send(self, records: Iterable[Record], largest_bytes: int) -> int:
        servers = self.system.bootstrap_servers
        async with Feed(servers, self.topics, largest_bytes=largest_bytes) as feed:
            return await feed.send(records, sent=lambda _: None)

    async def _make(self) -> None:
        await create_database(self._admin, self._name)
        await create_topics(
            self.system.bootstrap_servers,
            prefix=self.topics.prefix,
            event_partitions=self._event_partitions,
        )
        await migrate(self.system.database_url)

    async def _forget(self) -> None:
        await drop_database(self._admin, self._name)
        admin = AIOKafkaAdminClient(**reaching(self.system.bootstrap_servers))
        await admin.start()
        try:
            names = await admin.list_topics()
            await admin.delete_topics([own for own in names if own.startswith(self.topics.prefix)])
        finally:
            await admin.close()

    @property
    def _admin(self) -> str:
        return self._stack.database_url


def _database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
