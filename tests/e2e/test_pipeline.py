"""Three real processes on a real Kafka and a real PostgreSQL, held against `evaluate`."""

import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.cli.simulator.delivery import Noise, Record
from services.cli.simulator.stream import Simulation, history_start
from services.cli.trial import Trial
from services.cli.verification.accepted import KafkaRecord, records_of
from shared.domain.instant import HOUR, SECOND, Instant, format_instant, parse_instant
from shared.runtime.topics import dead_letters
from shared.runtime.wall_clock import system_clock

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

NOW = parse_instant("2026-03-31T21:30:00Z")
SMALL = Simulation(seed=3, start=history_start(NOW, days=5), now=NOW, volume=0.2, live_rate=2)


def read(trial: Trial, topic: str) -> list[KafkaRecord]:
    async def everything() -> list[KafkaRecord]:
        servers = trial.system.bootstrap_servers
        return [record async for record in records_of(servers, [topic])]

    return trial.background.run(everything())


def wait_for(trial: Trial, topic: str, wanted: Callable[[KafkaRecord], bool]) -> KafkaRecord:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for record in read(trial, topic):
            if wanted(record):
                return record
        time.sleep(0.5)
    pytest.fail(f"nothing of the kind came to {topic}")


def a_record(subject: str, what: str, at: Instant, **data: object) -> Record:
    body = {
        "specversion": "1.0",
        "id": f"{subject}-{what}",
        "source": "/helpdesk",
        "type": f"ticket.{what}",
        "subject": subject,
        "time": format_instant(at),
        "data": data,
    }
    return Record(at, "tickets", subject.encode(), json.dumps(body).encode())


def test_at_rest_the_pipeline_says_what_evaluate_says(
    a_trial: Callable[[str], Trial],
) -> None:
    trial = a_trial("at_rest")
    noisy = replace(SMALL, noise=Noise(broken=0.005, conflicting=0.01))
    with trial.services(clock=NOW) as services:
        assert trial.send_history(noisy) > 2000
        verdict = trial.verify(services, at=NOW)
    assert verdict.items > 300
    assert verdict.differences == 0


def test_what_came_before_the_services_is_judged_as_if_they_had_been_there(
    a_trial: Callable[[str], Trial],
) -> None:
    trial = a_trial("backfill")
    trial.send_history(SMALL)
    earlier, later = NOW, NOW + 6 * HOUR
    with trial.services(clock=earlier) as services:
        assert trial.verify(services, at=earlier).differences == 0
    with trial.services(clock=later) as services:
        assert trial.verify(services, at=later).differences == 0


def test_a_broken_record_lies_unchanged_in_the_dead_letters(
    a_trial: Callable[[str], Trial],
) -> None:
    trial = a_trial("broken")
    broken = replace(a_record("T-1", "created", NOW), value=b'{"specversion":"1.0","id":')
    with trial.services(clock=NOW, names=("ingest",)):
        trial.send([broken, a_record("T-2", "created", NOW)])
        letter = wait_for(trial, dead_letters(trial.topics.tickets), lambda _: True)
    assert letter.value == broken.value
    assert letter.key == broken.key
    headers = dict(letter.headers)
    assert headers["__dlq.errors.topic"] == trial.topics.tickets.encode()
    assert headers["__dlq.errors.offset"] is not None


def test_a_deadline_that_passes_in_silence_is_announced(
    a_trial: Callable[[str], Trial],
) -> None:
    trial = a_trial("silence")
    with trial.services() as _:
        begun = system_clock() - 8 * SECOND  # seven of its fifteen seconds are left
        created = a_record("C-9", "created", begun, channel="chat", customer="acme", priority="p4")
        trial.send([created])

        def announces(record: KafkaRecord) -> bool:
            event = json.loads(record.value or b"{}")
            of = (event["type"], event["data"].get("item"), event["data"]["objective"])
            return of == ("accord.breach.opened", "ticket:C-9", "chat-response")

        event = json.loads(wait_for(trial, trial.topics.breaches, announces).value or b"")
    assert event["specversion"] == "1.0"
    assert event["data"]["opened_at"] == format_instant(begun + 15 * SECOND)
