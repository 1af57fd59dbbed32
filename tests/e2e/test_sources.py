"""The three processes on topics of other systems, held against `evaluate` on what these hold."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from services.cli.api_client import Api
from services.cli.trial import Trial
from services.cli.verify import verify
from shared.documents.source_files import load_sources
from shared.domain.instant import parse_instant
from shared.runtime.topics import create_topics
from tests.documents.examples import example

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

NOW = parse_instant("2026-03-31T21:30:00Z")
AGREEMENT = """
apiVersion: accord/v1
kind: Agreement
metadata: {name: acme-support}
spec:
  level: customer
  parties: {provider: support, customer: acme}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: first-response
      kpi: ticket-first-response
      target: {within: PT1H, ratio: "0.5"}
      window: {calendar: month, timeZone: UTC}
    - name: qualified-leads
      kpi: qualified-leads
      target: {atLeast: 1}
      window: {calendar: month, timeZone: UTC}
"""


ANSWERED = {
    "eligible": 20,
    "excluded": 0,
    "running": 0,
    "met": 19,
    "breached_open": 1,
    "breached_closed": 0,
}


def update(number: int, minute: int, what: str, **members: object) -> bytes:
    """An update of a ticket as the help desk of the page tells it."""
    value = json.loads(example("A help desk").payload)
    value["ticket"] |= {"id": number, "status": "open"}
    at = f"2026-03-02T09:{minute:02}:00Z"
    value["audit"] |= {"id": number * 100 + minute, "created_at": at}
    value["audit"]["events"] = [{"type": what, **members}]
    return json.dumps(value).encode()


def payloads() -> list[bytes]:
    """Twenty tickets, opened and answered, each after another time."""
    created = [update(n, n, "Create", field_name="status") for n in range(20)]
    answered = [update(n, 20 + 2 * n, "Comment", public=True) for n in range(19)]
    return [*answered, *created, b"{}", update(3, 59, "Tag")]


async def send(servers: str, records: dict[str, list[bytes]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True)
    async with producer:
        for topic, values in records.items():
            for number, value in enumerate(values):
                await producer.send_and_wait(topic, value, partition=number % 8)


def test_what_other_systems_send_is_judged_as_evaluate_judges_it(
    a_trial: Callable[[str], Trial], tmp_path: Path
) -> None:
    desk, crm = example("A help desk"), example("A CRM")
    documents = tmp_path / "documents"
    documents.mkdir()
    text = f"{AGREEMENT}---\n{desk.document}---\n{crm.document}"
    (documents / "all.yaml").write_text(text, encoding="utf-8")
    trial = a_trial("sources")
    trial.agreements = documents
    sources = load_sources(documents).sources
    system = replace(trial.system, sources=sources)
    inputs = [source.topic for source in sources]
    asyncio.run(create_topics(system.bootstrap_servers, prefix=system.topics.prefix, inputs=inputs))
    with (
        trial.services(clock=NOW, ACCORD_SOURCES=str(documents)) as services,
        Api(services.api_url) as api,
    ):
        topic = system.topics.input
        records = {topic("zendesk.tickets"): payloads(), topic("hubspot.contacts"): [crm.payload]}
        asyncio.run(send(system.bootstrap_servers, records))
        verdict = verify(system, api, documents, at=NOW, patience_s=120)
        assert str(verdict) == "2 objectives, 21 items, 0 differences"
        [response] = api.each("/v1/states", objective="first-response")
        [qualified] = api.each("/v1/states", objective="qualified-leads")
    assert response["counts"] == ANSWERED
    assert (qualified["value"], qualified["state"]) == ("1", "ok")
