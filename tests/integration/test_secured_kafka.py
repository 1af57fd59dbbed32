"""A Kafka that is reached over TLS and by a login: all works by it, or says why it does not."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.cli.background import Background
from services.cli.feed import Feed
from services.cli.simulator.delivery import Record
from services.cli.stack.in_memory import remove
from services.cli.stack.kafka import KafkaServer
from services.cli.stack.local_stack import LocalStack
from services.cli.stack.ports import HOST
from services.cli.stack.services import Services
from services.cli.verification.rest import Progress, System
from shared.runtime.config import read_settings
from shared.runtime.topics import Topics, create_topics
from shared.wire import cloudevents
from tests.integration.certificates import Certificates, made
from tests.integration.evaluating import event

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

AGREEMENTS = Path(__file__).parents[1] / "e2e" / "agreements"
USER, PASSWORD = "accord", "correct-horse"
PREFIX = "secured."


@dataclass(frozen=True)
class Secured:
    """A broker that only lets in who has a name, and the settings by which it does."""

    environment: dict[str, str]

    @property
    def servers(self) -> str:
        """The addresses, with how they are spoken to."""
        return read_settings("test", self.environment).kafka_bootstrap_servers


@pytest.fixture(scope="module")
def broker(
    stack: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Certificates]]:
    """The address of its secured way in, and the certificates."""
    folder = tmp_path_factory.mktemp("secured")
    certificates = made(folder / "certificates")
    port = stack.ports.take("kafka")
    server = KafkaServer(
        folder,
        stack.ports,
        lambda _: None,
        listener=f"SECURED://{HOST}:{port}",
        settings=_settings(certificates),
        format_options=(
            "--add-scram",
            f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]",
        ),
        durable=False,
    )
    server.launch()
    try:
        server.wait_ready()
        yield f"{HOST}:{port}", certificates
    finally:
        server.stop()
        remove(folder / "kafka")


@pytest.fixture
def secured(broker: tuple[str, Certificates], database_url: str) -> Secured:
    address, certificates = broker
    return Secured(
        {
            "ACCORD_KAFKA_BOOTSTRAP_SERVERS": address,
            "ACCORD_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "ACCORD_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "ACCORD_KAFKA_SASL_USERNAME": USER,
            "ACCORD_KAFKA_SASL_PASSWORD": PASSWORD,
            "ACCORD_KAFKA_CA_FILE": str(certificates.authority),
            "ACCORD_DATABASE_URL": database_url,
            "ACCORD_TOPIC_PREFIX": PREFIX,
        }
    )


def _settings(certificates: Certificates) -> dict[str, str]:
    """A second way in, beside the plain one by which the stack sees that the broker is there."""
    store = certificates.key.with_name("store.pem")
    store.write_bytes(certificates.key.read_bytes() + certificates.certificate.read_bytes())
    own = "listener.name.secured"
    return {
        "listener.security.protocol.map": (
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL"
        ),
        f"{own}.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        f"{own}.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        f"{own}.ssl.keystore.type": "PEM",
        f"{own}.ssl.keystore.location": str(store),
    }


def checks(services: Services, name: str) -> str:
    """The reasons why a service is not ready, or nothing."""
    url = f"{services.health_url(name)}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address
            return ""
    except urllib.error.HTTPError as refused:
        return str(json.loads(refused.read())["checks"])
    except OSError:
        return "it does not listen yet"


async def _sent(servers: str) -> None:
    ticket = event("ticket.created", "T-1", "03-02T09:00", customer="acme")
    async with Feed(servers, Topics(PREFIX)) as feed:
        record = Record(ticket.time, "tickets", b"T-1", cloudevents.encode(ticket))
        await feed.send([record], sent=lambda _: None)


async def _folded(system: System) -> int:
    async with Progress(system) as progress:
        return await progress.folded()


def test_an_event_goes_all_the_way(secured: Secured, tmp_path: Path) -> None:
    system = System(secured.servers, secured.environment["ACCORD_DATABASE_URL"], Topics(PREFIX))
    with Background() as background:
        background.run(create_topics(secured.servers, prefix=PREFIX))
        names = ("ingest", "evaluator")
        with Services(
            tmp_path, secured.environment, agreements=AGREEMENTS, names=names
        ) as services:
            background.run(_sent(secured.servers))
            end = time.monotonic() + 60
            while background.run(_folded(system)) < 1:
                assert time.monotonic() < end, "the event was not folded"
                time.sleep(0.2)
            for name in names:
                assert PASSWORD not in services.child(name).log.read_text(encoding="utf-8")


@pytest.mark.parametrize("wrong", ["password", "authority"])
def test_who_is_not_let_in_says_so_and_waits(secured: Secured, tmp_path: Path, wrong: str) -> None:
    environment = dict(secured.environment)
    if wrong == "password":
        environment["ACCORD_KAFKA_SASL_PASSWORD"] = "horse"  # noqa: S105 - a wrong one
    else:
        other = made(tmp_path / "other").authority
        environment["ACCORD_KAFKA_CA_FILE"] = str(other)
    services = Services(tmp_path, environment, names=["ingest"])
    child = services.launch("ingest")
    try:
        child.wait_until(
            lambda: "Kafka cannot be used yet" in checks(services, "ingest"), "it said so", 60.0
        )
    finally:
        services.stop("ingest")
    assert child.code() == 0
