"""Topics of other systems on a real Kafka: their payloads become events, the rest dead letters."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from services.cli.stack.local_stack import LocalStack
from services.cli.stack.services import Services
from services.cli.verification.accepted import KafkaRecord, read_accepted, records_of
from services.cli.verification.rest import Progress, System
from services.ingest.__main__ import Service
from shared.documents.source_files import load_sources
from shared.runtime.config import process_environment, read_settings
from shared.runtime.topics import Topics, create_topics, dead_letters
from shared.wire.cloudevents import decode_record
from tests.documents.examples import example
from tests.integration.evaluating import Pipeline, event
from tests.integration.test_topics import partitions_and_replicas

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

NAME = "ingest"
DESK, CRM = example("A help desk"), example("A CRM")
TICKETS = """
apiVersion: accord/v1
kind: Source
metadata: {name: other-desk}
spec: {topic: other.tickets, subjectPrefix: "O-"}
"""
SKIPPED = DESK.payload.replace(b'"Comment"', b'"Tag"').replace(b'"Change"', b'"Tag"')


@dataclass(frozen=True, slots=True)
class Sourced:
    """Topics of sources, and a database of their own."""

    system: System
    file: Path
    environment: dict[str, str]

    def topic(self, name: str) -> str:
        """The full name of a topic."""
        return self.system.topics.input(name)

    async def send(self, name: str, *values: bytes) -> None:
        """Put values into one partition of a topic, in order."""
        producer = AIOKafkaProducer(bootstrap_servers=self.system.bootstrap_servers)
        async with producer:
            for value in values:
                await producer.send_and_wait(self.topic(name), value, b"key", partition=0)

    async def rest(self, patience_s: float = 60.0) -> None:
        """Wait until ingest has read everything."""
        end = time.monotonic() + patience_s
        async with Progress(self.system) as progress:
            while unread := await progress.unread():
                assert time.monotonic() < end, f"{unread} records were not read"
                await asyncio.sleep(0.1)

    async def read(self, topic: str) -> Sequence[KafkaRecord]:
        """Everything in a topic, given its full name."""
        return [one async for one in records_of(self.system.bootstrap_servers, [topic])]


@pytest.fixture
async def sourced(stack: LocalStack, topics: Topics, database_url: str, tmp_path: Path) -> Sourced:
    file = tmp_path / "sources.yaml"
    documents = (DESK.document, CRM.document, TICKETS)
    file.write_text("---\n".join(documents), encoding="utf-8")
    sources = load_sources(file).sources
    inputs = [source.topic for source in sources]
    await create_topics(stack.bootstrap_servers, prefix=topics.prefix, inputs=inputs)
    environment = {
        **stack.environment,
        "ACCORD_DATABASE_URL": database_url,
        "ACCORD_TOPIC_PREFIX": topics.prefix,
        "ACCORD_SOURCES": str(file),
    }
    system = System(stack.bootstrap_servers, database_url, topics, sources)
    return Sourced(system, file, environment)


def metric(services: Services, name: str, topic: str) -> float:
    with urllib.request.urlopen(f"{services.health_url(NAME)}/metrics") as answer:  # noqa: S310 - our own address
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if line.startswith(f"{name}{{") and f'topic="{topic}"' in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


async def test_payloads_become_events_and_what_is_none_is_a_dead_letter(
    sourced: Sourced, tmp_path: Path
) -> None:
    unknown = DESK.payload.replace(b'"high"', b'"highest"')
    cloud = json.dumps(DESK.events[0] | {"subject": "7", "id": "e-1"}).encode()
    with Services(tmp_path, sourced.environment, names=[NAME]) as services:
        await sourced.send(
            "zendesk.tickets", DESK.payload, b"{", SKIPPED, unknown, DESK.payload, b"{}"
        )
        await sourced.send("hubspot.contacts", CRM.payload, DESK.payload)
        await sourced.send("other.tickets", cloud, DESK.payload)
        await sourced.rest()
        desk = sourced.topic("zendesk.tickets")
        assert metric(services, "accord_kafka_records_skipped_total", desk) == 1
        assert metric(services, "accord_kafka_records_processed_total", desk) == 3
        assert metric(services, "accord_dlq_records_total", desk) == 3
        assert metric(services, "accord_dlq_records_total", sourced.topic("hubspot.contacts")) == 1
        assert metric(services, "accord_kafka_consumer_lag", desk) == 0

    events = await sourced.read(sourced.system.topics.events)
    told = Counter((one.key, decode_record(one.headers, one.value).id) for one in events)
    assert told == {
        (b"ticket:Z-35436", "2127301143:replied#0"): 2,
        (b"ticket:Z-35436", "2127301143:solved#1"): 2,
        (b"lead:H-1246965", "3816279340/1772442000123:stage"): 1,
        (b"lead:H-1246965", "3816279477/1772442060000:amount"): 1,
        (b"ticket:O-7", "e-1"): 1,
    }
    letters = await sourced.read(dead_letters(desk))
    assert [one.value for one in letters] == [b"{", unknown, b"{}"]
    reasons = [dict(one.headers)["__dlq.errors.reason"] for one in letters]
    assert reasons == [b"not_json", b"unmapped_data", b"missing_each"]
    accepted = await read_accepted(
        sourced.system.bootstrap_servers, sourced.system.topics, sourced.system.sources
    )
    assert (accepted.events.count, accepted.invalid, accepted.missing) == (7, 5, [])


def ended(sourced: Sourced, **changes: str) -> subprocess.CompletedProcess[str]:
    """A start of ingest that cannot succeed."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "services.ingest"],
        env=process_environment(**{**sourced.environment, "ACCORD_METRICS_PORT": "0", **changes}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_it_does_not_start_with_documents_that_do_not_load(sourced: Sourced) -> None:
    text = sourced.file.read_text(encoding="utf-8")
    sourced.file.write_text(text.replace("each:", "eahc:", 1), encoding="utf-8")
    done = await asyncio.to_thread(ended, sourced)
    assert done.returncode == 2
    assert 'unknown field "eahc" in a mapping; did you mean "each"?' in done.stderr
    assert done.stderr.startswith(f"{sourced.file}:")


async def test_it_waits_for_its_topics_and_says_which_is_missing(sourced: Sourced) -> None:
    sourced.file.write_text(TICKETS.replace("other.tickets", "nowhere"), encoding="utf-8")
    settings = read_settings(NAME, sourced.environment)
    service = Service(settings, load_sources(sourced.file).sources)
    stopping = asyncio.Event()
    running = asyncio.ensure_future(service.serve(stopping))
    missing = f"Kafka has no topic {sourced.topic('nowhere')}; `accord topics` makes it"
    while service.readiness() != {"started": missing}:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.05)
    await create_topics(
        settings.kafka_bootstrap_servers, prefix=settings.topic_prefix, inputs=["nowhere"]
    )
    while service.readiness().get("assigned", missing) is not None:  # noqa: ASYNC110 - the same
        await asyncio.sleep(0.05)
    stopping.set()
    await running


async def test_the_command_makes_the_topics_of_the_sources(
    sourced: Sourced, stack: LocalStack
) -> None:
    prefix = f"{sourced.system.topics.prefix}more."
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "services.cli.main", "topics"],
        env=process_environment(**{**sourced.environment, "ACCORD_TOPIC_PREFIX": prefix}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (await partitions_and_replicas(stack, f"{prefix}zendesk.tickets"))[0] == 8
    assert (await partitions_and_replicas(stack, f"{prefix}other.tickets.dlq"))[0] == 8
    with pytest.raises(IndexError):
        await partitions_and_replicas(stack, f"{prefix}leads")


async def test_an_evaluator_warns_of_topics_that_only_ingest_knows_of(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    topics = pipeline.topics
    await create_topics(pipeline.servers, prefix=topics.prefix, inputs=["desk"])
    consumer = AIOKafkaConsumer(
        bootstrap_servers=pipeline.servers, group_id=topics.group(NAME), enable_auto_commit=False
    )
    async with consumer:
        place = TopicPartition(topics.input("desk"), 0)
        consumer.assign([place])
        await consumer.commit({place: 0})
    async with pipeline.evaluator():
        await pipeline.produce(event("ticket.created", "T-1", "03-02T09:00", customer="acme"))
        await pipeline.rest()
    warned = [one.message for one in caplog.records if "does not know of" in one.message]
    assert len(warned) == 1
    assert place.topic in warned[0]
