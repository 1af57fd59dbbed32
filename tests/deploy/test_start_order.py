"""Services that start before what they stand on: they wait, say for what, and begin then."""

import asyncio
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from services.cli.background import Background
from services.cli.stack.local_stack import LocalStack
from services.cli.stack.postgres import create_database, drop_database
from services.cli.stack.services import ALL, Services
from shared.runtime.migrate import migrate
from shared.runtime.topics import create_topics
from tests.deploy.gate import Gate

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

AGREEMENTS = Path(__file__).parents[1] / "e2e" / "agreements"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Place:
    """Where nothing is yet: no server can be reached, and there is no database and no topic."""

    database: Gate
    kafka: Gate
    services: Services
    background: Background
    bootstrap_servers: str
    admin_url: str
    name: str

    @property
    def database_url(self) -> str:
        """The database, not through its gate."""
        return urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{self.name}"))

    def said(self, name: str, path: str = "/readyz") -> tuple[int, str]:
        """What a service answers."""
        url = f"{self.services.health_url(name)}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, "it does not listen yet"

    def waits(self, name: str, what: str) -> None:
        """Wait until a service says in `/readyz` that this is not there."""

        def says() -> bool:
            status, body = self.said(name)
            return status == 503 and what in " ".join(json.loads(body)["checks"].values())

        self.services.child(name).wait_until(says, f"it said {what!r}", PATIENCE_S)
        assert self.said(name, "/livez")[0] == 200


def close(background: Background, gate: Gate) -> None:
    background.run(gate.close())


@pytest.fixture
def place(stack: LocalStack) -> Iterator[Place]:
    name = f"order_{secrets.token_hex(4)}"
    with ExitStack() as running:
        background = running.enter_context(Background())
        database = Gate(stack.database_url)
        kafka = Gate(f"kafka://{stack.bootstrap_servers}")
        for gate in (database, kafka):
            background.run(gate.shut())
            running.callback(close, background, gate)
        url = urlsplit(background.run(database.listen()))._replace(path=f"/{name}")
        services = Services(
            stack.home / name,
            {
                "ACCORD_DATABASE_URL": urlunsplit(url),
                "ACCORD_KAFKA_BOOTSTRAP_SERVERS": urlsplit(background.run(kafka.listen())).netloc,
                "ACCORD_TOPIC_PREFIX": f"{name}.",
            },
            agreements=AGREEMENTS,
            ports=stack.ports,
        )
        running.callback(lambda: asyncio.run(drop_database(stack.database_url, name)))
        for own in ALL:
            services.launch(own)
            running.callback(services.stop, own)
        yield Place(
            database, kafka, services, background, stack.bootstrap_servers, stack.database_url, name
        )


def test_they_start_in_any_order_and_wait_for_each_thing_that_is_missing(place: Place) -> None:
    pids = {name: place.services.child(name).pid for name in ALL}
    for name in ALL:
        place.waits(name, "PostgreSQL cannot be" if name != "api" else "database cannot be read")

    place.background.run(place.database.open())
    for name in ALL:
        place.waits(name, f'database "{place.name}" does not exist')

    asyncio.run(create_database(place.admin_url, place.name))
    for name in ALL:
        place.waits(name, "accord migrate")

    asyncio.run(migrate(place.database_url))
    place.services.wait_ready("api")
    for name in ("ingest", "evaluator"):
        place.waits(name, "Kafka cannot be used yet: KafkaConnectionError")

    place.background.run(place.kafka.open())
    for name in ("ingest", "evaluator"):
        place.waits(name, "Kafka has no topic")

    asyncio.run(create_topics(place.bootstrap_servers, prefix=f"{place.name}."))
    for name in ALL:
        place.services.wait_ready(name)
    assert {name: place.services.child(name).pid for name in ALL} == pids
    assert place.services.dead() == {}


def test_one_that_waits_ends_in_order_when_it_is_told_to(place: Place) -> None:
    for name in ("ingest", "evaluator"):
        place.waits(name, "PostgreSQL cannot be used yet")
        place.services.stop(name)
    assert place.services.dead() == {"ingest": 0, "evaluator": 0}
