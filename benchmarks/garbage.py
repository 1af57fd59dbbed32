"""A thousand broken records among ten thousand good ones.

All good ones have to be counted, each broken one has to lie in the dead letters with its reason,
and no process may have ended.
"""

import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from benchmarks.stage import a_trial, report
from services.cli.api_client import Answer, Api
from services.cli.simulator.delivery import Record
from services.cli.stack.services import Services
from services.cli.trial import Trial
from services.cli.verification.accepted import records_of
from services.cli.verification.rest import wait_for_rest
from shared.domain.instant import DAY, SECOND, Instant, format_instant
from shared.runtime.topics import dead_letters
from shared.runtime.wall_clock import system_clock

_GOOD: Final = 10_000
_BAD: Final = 1_000
_LARGE: Final = 2 * 1024 * 1024
_SORTS: Final = (
    "truncated",
    "wrong type",
    "not UTF-8",
    "empty",
    "2 MB",
    "unknown envelope",
    "no time",
    "far future",
    "a list",
    "no type",
)
_AGREEMENTS: Final = """
apiVersion: accord/v1
kind: Kpi
metadata: {name: every-qualification}
spec: {item: lead, measure: count, event: {event: lead.qualified}, every: true}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: garbage}
spec:
  level: corporate
  parties: {provider: marketing, customer: sales}
  effective: {from: "2020-01-01T00:00:00Z"}
  objectives:
    - name: counted
      kpi: every-qualification
      target: {atLeast: 1}
      window: {calendar: year}
"""
_FEW_LARGE: Final = 5
"""So many of the broken ones are as large as 2 MB; one would do, a hundred only fill the disk."""


def good(number: int, at: Instant) -> Record:
    """An event of a lead, three to a lead."""
    return _record(f"L-{number // 3}", f"e-{number}", at)


def _record(subject: str, event: str, at: Instant) -> Record:
    body = {
        "specversion": "1.0",
        "id": event,
        "source": "/bench",
        "type": "lead.qualified",
        "subject": subject,
        "time": format_instant(at),
        "data": {"site": "berlin", "text": "größer"},
    }
    return Record(at, "leads", subject.encode(), json.dumps(body, ensure_ascii=False).encode())


def bad(number: int, at: Instant) -> Record:
    """A broken record; which sort goes by its number."""
    sent = _record(f"B-{number}", f"b-{number}", at)
    text = sent.value
    sort = _SORTS[number % len(_SORTS)]
    values = {
        "truncated": text[: len(text) // 2],
        "wrong type": text.replace(b'"subject":', b'"subject": 5, "was":', 1),
        "not UTF-8": text.replace("ö".encode(), b"\xf6", 1),
        "empty": b"",
        "2 MB": _large(text) if number < _FEW_LARGE * len(_SORTS) else text[:-1],
        "unknown envelope": b'{"hello": "world"}',
        "no time": text.replace(b'"time"', b'"when"', 1),
        "far future": _record(f"B-{number}", f"b-{number}", at + 400 * DAY).value,
        "a list": b"[" + text + b"]",
        "no type": text.replace(b"lead.qualified", b"qualified", 1),
    }
    return Record(at, "leads", sent.key, values[sort])


def _large(text: bytes) -> bytes:
    return text.replace("größer".encode(), b"x" * _LARGE, 1)


def mixed(at: Instant) -> Iterator[Record]:
    """Good and broken ones in any order."""
    order = [True] * _GOOD + [False] * _BAD
    Random(1).shuffle(order)  # noqa: S311 - only an order
    numbers = {True: iter(range(_GOOD)), False: iter(range(_BAD))}
    return (
        good(next(numbers[True]), at) if is_good else bad(next(numbers[False]), at)
        for is_good in order
    )


def main() -> None:
    """Run it, print counts, and fail when something is missing."""
    at = system_clock() - 60 * SECOND
    now = system_clock()
    with a_trial("garbage") as trial, services_with(_AGREEMENTS, trial, now) as services:
        trial.background.run(_allow_large(trial))
        trial.send(mixed(at), largest_bytes=2 * _LARGE)
        trial.background.run(wait_for_rest(trial.system, at=now, patience_s=120))
        ended = services.dead()
        with Api(services.api_url) as api:
            counted = sum(_count(row) for row in api.each("/v1/values", sla_id="garbage/counted"))
        reasons = trial.background.run(_reasons(trial))
    report("garbage_good_counted", counted, "events", of=_GOOD)
    report("garbage_dead_letters", sum(reasons.values()), "records", of=_BAD)
    for reason, count in sorted(reasons.items()):
        report(f"garbage_reason_{reason}", count, "records")
    report("garbage_processes_ended", len(ended), "processes")
    if counted != _GOOD or sum(reasons.values()) != _BAD or ended:
        raise SystemExit(1)


async def _allow_large(trial: Trial) -> None:
    """Let the input topic take what Kafka's own limit would keep away from us."""
    admin = AIOKafkaAdminClient(bootstrap_servers=trial.system.bootstrap_servers)
    await admin.start()
    try:
        limit = {"max.message.bytes": str(2 * _LARGE)}
        topic = ConfigResource(ConfigResourceType.TOPIC, trial.topics.leads, configs=limit)
        await admin.alter_configs([topic])
    finally:
        await admin.close()


def services_with(agreements: str, trial: Trial, clock: Instant) -> Services:
    """The services under these documents, at a stopped clock."""
    trial.agreements = trial.folder("agreements")
    (trial.agreements / "documents.yaml").write_text(agreements, encoding="utf-8")
    return trial.services(clock=clock)


def _count(row: Answer) -> int:
    counts = row["counts"]
    return int(counts["count"]) if isinstance(counts, dict) else 0


async def _reasons(trial: Trial) -> Counter[str]:
    """How many distinct places of the input lie in the dead letters, by reason."""
    places: dict[tuple[bytes | None, bytes | None], str] = {}
    letters = dead_letters(trial.topics.leads)
    async for record in records_of(trial.system.bootstrap_servers, [letters]):
        headers = dict(record.headers)
        place = (headers["__dlq.errors.partition"], headers["__dlq.errors.offset"])
        reason = headers.get("__dlq.errors.reason") or headers.get("__dlq.errors.exception.class")
        places[place] = (reason or b"(none)").decode()
    return Counter(places.values())


if __name__ == "__main__":
    main()
