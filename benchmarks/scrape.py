"""What a scrape of many promises takes, how large it is, and what keeping it ready costs.

A real api over a real PostgreSQL that holds the judged windows of 10,000 objectives, its clock
stopped; nothing folds, so whatever changes does so because this program changes it. Scrapes are
held against 50 ms, and so is what the client library alone takes for the same series, measured in
this process. While some promises change each second, a page that is not there is asked for all the
time: how long that takes is how long the event loop of the api is held up.
"""

import argparse
import asyncio
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import httpx
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from benchmarks.stage import processor_seconds, quantile, report
from services.api.figures.sla_figures import COUNTERS, GAUGES
from services.cli.stack.local_stack import DATA, LocalStack
from services.cli.stack.postgres import create_database
from services.cli.stack.services import Services
from services.cli.terminal import say
from shared.domain.instant import MINUTE, Instant, parse_instant
from shared.runtime.config import driver_url
from shared.runtime.kept_text import KeptFamilies, Sample
from shared.runtime.migrate import migrate
from shared.runtime.registry import Registry

NOW: Final[Instant] = parse_instant("2026-03-20T12:00:00Z")
MONTH: Final = (parse_instant("2026-03-01T00:00:00Z"), parse_instant("2026-04-01T00:00:00Z"))
EACH: Final = 10
"""Objectives of an agreement."""
LIMIT_MS: Final = 50.0
SCRAPES: Final = 40
NEVER: Final = (1 << 62) - 1
OPEN: Final = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"

_HEAD: Final = """\
apiVersion: accord/v1
kind: Agreement
metadata: {{name: customer-{number}}}
spec:
  level: customer
  parties: {{provider: desk-{desk}, customer: customer-{number}}}
  appliesTo: {{customer: customer-{number}}}
  effective: {{from: "2026-01-01T00:00:00Z"}}
  objectives:
"""
_OBJECTIVE: Final = """\
    - {{name: answer-{place}, series: s{place}, kpi: ticket-first-response,
       where: {{priority: p{place}}}, target: {{within: PT{place}H, ratio: "0.9"}},
       window: {{calendar: month}}}}
"""


def main() -> None:
    """Measure, and report."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--objectives", type=int, default=10_000)
    given = asked.parse_args()
    with LocalStack(DATA / "bench", fresh=True, prepare=False, say=say) as stack:
        documents = stack.home / "promises"
        documents.mkdir(parents=True, exist_ok=True)
        write_documents(documents, given.objectives)
        asyncio.run(create_database(stack.database_url, "scrape"))
        url = re.sub(r"/[^/]*$", "/scrape", stack.database_url)
        asyncio.run(fill(url, given.objectives))
        environment = {
            **stack.environment,
            "ACCORD_DATABASE_URL": url,
            "ACCORD_CLOCK": "2026-03-20T12:00:00Z",
            "ACCORD_SERIES_LIMIT": str(given.objectives),
        }
        services = Services(
            stack.home / "scrape", environment, agreements=documents, names=["api"],
            ports=stack.ports,
        )  # fmt: skip
        api = services.launch("api")
        try:
            services.wait_ready("api", 600)
            asyncio.run(measure(services, url, given.objectives, api.pid))
        finally:
            services.stop("api")


def write_documents(folder: Path, objectives: int) -> None:
    """So many promises, ten in an agreement."""
    for number in range(objectives // EACH):
        text = _HEAD.format(number=number, desk=number % 20)
        text += "".join(_OBJECTIVE.format(place=place) for place in range(1, EACH + 1))
        (folder / f"{number}.yaml").write_text(text, encoding="utf-8")


def keys(objectives: int) -> Iterator[str]:
    """The objectives of the documents."""
    for number in range(objectives // EACH):
        for place in range(1, EACH + 1):
            yield f"customer-{number}/answer-{place}"


async def fill(url: str, objectives: int) -> None:
    """Store what an evaluator at rest leaves behind."""
    await migrate(url)
    connection = await asyncpg.connect(driver_url(url))
    try:
        await connection.executemany(
            "INSERT INTO partition_progress (part, evaluation_time, proven, watermark)"
            " VALUES ($1, $2, true, $3)",
            [(part, NOW, NOW - 5 * MINUTE) for part in range(8)],
        )
        await connection.executemany(
            "INSERT INTO judgement (objective, as_of, next_turn, provisional_until, pane_key)"
            " VALUES ($1, $2, $3, $3, $1)",
            [(key, NOW - 1, NEVER) for key in keys(objectives)],
        )
        chance = Random(1)  # noqa: S311 - the same figures each time
        rows = [_row(key, chance.randrange(200, 400), chance) for key in keys(objectives)]
        await connection.executemany(_VALUE, rows)
        await connection.executemany(_PANE, [(row[0], MONTH[0], *row[-2:]) for row in rows])
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


_VALUE: Final = """
INSERT INTO value (objective, grp, window_start, window_end, listed, final, revision, state, since,
    value, budget_remaining, counts, target, level, provisional, as_of, checkpoint)
VALUES ($1, '[]', $2, $3, true, false, 0, $4, $2, $5, $6, $7,
    '{"within":"PT1H","ratio":"0.9"}', 'customer', true, $8, $9::bigint || '/' || $10::bigint)
"""
_PANE: Final = """
INSERT INTO pane (objective, grp, pane_start, part, met, breached_closed, excluded, running,
    breached_open, counted, good, total, pending, amount)
VALUES ($1, '[]', $2, 0, $3, $4, 0, 0, 0, 0, 0, 0, 0, 0)
"""


def _row(key: str, decided: int, chance: Random) -> tuple[object, ...]:
    missed = chance.randrange(decided // 8)
    state = "breached" if missed * 10 > decided else "ok"
    remaining = f"{1 - missed * 10 / decided:.12f}"
    counts = (
        f'{{"eligible":{decided},"excluded":0,"running":0,"met":{decided - missed},'
        f'"breached_open":0,"breached_closed":{missed}}}'
    )
    value = f"{1 - missed / decided:.12f}"
    return (key, *MONTH, state, value, remaining, counts, NOW, decided - missed, missed)


async def measure(services: Services, url: str, objectives: int, pid: int) -> None:
    """Scrape at rest and while a share of the promises changes, and report all of it."""
    async with httpx.AsyncClient(timeout=60) as http:
        address = f"{services.health_url('api')}/metrics"
        for name, encoding in (("plain", "identity"), ("gzip", "gzip")):
            times, size = await scrapes(address, encoding)
            tell(f"scrape of {objectives} objectives, {name}", times)
            report(f"size of the scrape, {name}", size / 1e6, "MB")
        text = (await http.get(address, headers={"accept": OPEN})).text
        report("series of the scrape", text.count("\n") - text.count("\n# ") - 1, "series")
        for share in (0.0, 0.01, 0.1):
            await renewing(http, services, url, round(share * objectives), pid)
    in_this_process(text, objectives)


def scrape(address: str, encoding: str) -> tuple[float, int]:
    """One scrape, over a plain socket: its milliseconds, and the bytes of the body."""
    place = urlsplit(address)
    request = (
        f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nAccept: {OPEN}\r\n"
        f"Accept-Encoding: {encoding}\r\n\r\n"
    )
    room, size, head = bytearray(1 << 20), 0, b""
    begun = time.perf_counter()
    with socket.create_connection((place.hostname or "", place.port or 0)) as connection:
        connection.sendall(request.encode())
        while got := connection.recv_into(room):
            head = head or bytes(room[:1024]).partition(b"\r\n\r\n")[0]
            size += got
    return (time.perf_counter() - begun) * 1000, size - len(head) - 4


async def scrapes(address: str, encoding: str) -> tuple[list[float], int]:
    """How long each took in milliseconds, and how many bytes came."""
    found = []
    for _ in range(SCRAPES):
        found.append(await asyncio.to_thread(scrape, address, encoding))
        await asyncio.sleep(0.1)
    return sorted(taken for taken, _ in found), found[-1][1]


def tell(name: str, times: list[float]) -> None:
    """Report the median and the slow end of sorted milliseconds."""
    report(f"{name}, median", quantile(times, 0.5), "ms", of=LIMIT_MS)
    report(f"{name}, 95th percentile", quantile(times, 0.95), "ms", of=LIMIT_MS)


async def renewing(
    http: httpx.AsyncClient, services: Services, url: str, changed: int, pid: int
) -> None:
    """Let so many promises change each second, and report what that costs the api."""
    address = f"{services.health_url('api')}/metrics"
    name = f"{changed} promises change a second"
    async with asyncpg.create_pool(driver_url(url), min_size=1, max_size=1) as pool:
        before, used, begun = (
            await figures(http, address),
            processor_seconds([pid]),
            time.perf_counter(),
        )
        held: list[float] = []
        times: list[float] = []
        for _ in range(SECONDS):
            second = time.perf_counter()
            await pool.execute(_CHANGE, changed)
            times.append((await asyncio.to_thread(scrape, address, "gzip"))[0])
            while time.perf_counter() - second < 1:
                asked = time.perf_counter()
                await http.get(f"{services.api_url}/none")
                held.append((time.perf_counter() - asked) * 1000)
                await asyncio.sleep(0.005)
        used, took = processor_seconds([pid]) - used, time.perf_counter() - begun
        after = await figures(http, address)
    count, seconds, renewed = (after[own] - before[own] for own in FIGURES)
    report(f"{name}: a renewal", seconds / max(1, count) * 1000, "ms")
    report(f"{name}: promises written anew in one", renewed / max(1, count), "promises")
    report(f"{name}: processor of the api", used / took, "cores")
    report(f"{name}: the event loop is held up at most", max(held), "ms")
    tell(f"{name}: scrape, gzip", sorted(times))


FIGURES: Final = (
    "accord_snapshot_duration_seconds_count",
    "accord_snapshot_duration_seconds_sum",
    "accord_snapshot_promises_renewed_total",
)
SECONDS: Final = 20
_CHANGE: Final = """
UPDATE value SET value = round(random()::numeric, 6)::text
WHERE objective IN (SELECT objective FROM value ORDER BY random() LIMIT $1)
"""


async def figures(http: httpx.AsyncClient, address: str) -> dict[str, float]:
    """What the api says of its renewals."""
    asked = "&".join(f"name[]={name}" for name in FIGURES)
    lines = (await http.get(f"{address}?{asked}")).text.splitlines()
    pairs = (line.split() for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


class _Families(Collector):
    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> list[Family]:
        return self._families


def in_this_process(text: str, objectives: int) -> None:
    """The same series, kept and by the client library alone: processor time without a network."""
    found: list[Family] = list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    families = [own for own in found if own.name.startswith("accord_sla_")]
    library = CollectorRegistry(auto_describe=False)
    library.register(_Families(families))
    whole = f"{objectives} objectives, processor time"
    encode, _ = choose_encoder(OPEN)
    report(f"{whole}: the client library's encoder", spent(lambda: encode(library)), "ms")
    owners = by_owner(families)
    registry, kept = Registry(), KeptFamilies(GAUGES, COUNTERS)
    registry.register(kept)
    report(f"{whole}: all series written anew", spent(lambda: kept.renew(owners), 1), "ms")
    for gzip in (False, True):
        name = f"{whole}: a scrape from memory, {'gzip' if gzip else 'plain'}"
        taken = spent(lambda: b"".join(registry.scrape(OPEN, gzip=gzip).body))  # noqa: B023
        report(name, taken, "ms", of=LIMIT_MS)
    some = dict(list(owners.items())[:: max(1, len(owners) // 100)])
    changed = {
        owner: [own._replace(value=own.value + 1) for own in samples]
        for owner, samples in some.items()
    }
    taken = spent(lambda: kept.renew(changed), 1)
    report(f"{whole}: {len(some)} of them written anew", taken, "ms")


def spent(call: Callable[[], object], times: int = 5) -> float:
    """The least processor time of a call, in milliseconds."""
    least = float("inf")
    for _ in range(times):
        begun = time.process_time()
        call()
        least = min(least, time.process_time() - begun)
    return least * 1000


def by_owner(families: Iterable[Family]) -> dict[str, list[Sample]]:
    """The samples of each promise."""
    known = {own.name: own for own in (*GAUGES, *COUNTERS)}
    owners: dict[str, list[Sample]] = {}
    for family in families:
        metric = known[family.name]
        for sample in family.samples:
            labels = tuple(sample.labels.get(label, "") for label in metric.labels)
            owners.setdefault(labels[0], []).append(Sample(metric, labels, sample.value))
    return owners


if __name__ == "__main__":
    main()
