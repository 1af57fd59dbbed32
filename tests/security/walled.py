"""An api on a real database with what is acme's, what is another customer's, and what is neither's.

All that is not for acme has a canary in its name.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import httpx
from prometheus_client import CollectorRegistry

from services.api.access.gate import Gate
from services.api.access.keys import StoredKey, digest_of, new_key
from services.api.access.settings import AccessSettings, Mode
from services.api.app import create_app, make_sources
from services.api.web.caller import implied
from shared.runtime.database import Pool, create_pool
from shared.runtime.wall_clock import system_clock
from tests.api.stored import NOW, a_catalogue, lead, store, ticket

CANARY: Final = "zzcanary"
FOREIGN: Final = f"{CANARY}corp"

_KPIS: Final = f"""
apiVersion: accord/v1
kind: Kpi
metadata: {{name: first-response}}
spec:
  item: ticket
  measure: duration
  start: {{event: ticket.created}}
  stop: {{event: ticket.replied, where: {{actor: agent}}}}
---
apiVersion: accord/v1
kind: Kpi
metadata: {{name: {CANARY}-leads}}
spec: {{item: lead, measure: count, event: {{event: lead.qualified}}}}
"""


def _agreement(name: str, applies: str, objectives: str, *, party: str, level: str) -> str:
    return f"""---
apiVersion: accord/v1
kind: Agreement
metadata: {{name: {name}}}
spec:
  level: {level}
  parties: {{provider: support, customer: {party}}}
  appliesTo: {applies}
  effective: {{from: "2026-01-01T00:00:00Z"}}
  objectives:
{objectives}
"""


def _objective(name: str, more: str = "", kpi: str = "first-response") -> str:
    target = "{within: PT1H}" if kpi == "first-response" else "{atLeast: 2}"
    head = f"    - {{name: {name}, kpi: {kpi}, target: {target}, window: {{calendar: month}}"
    return f"{head}{', ' + more if more else ''}}}"


DOCUMENTS: Final = _KPIS + "".join(
    (
        _agreement("acme-support", "{customer: acme}", _objective("answer"),
                   party="acme", level="customer"),
        _agreement("acme-mail", "{customer: acme, service: email}", _objective("answer"),
                   party="acme", level="service"),
        _agreement(f"{CANARY}-support", f"{{customer: {FOREIGN}}}", _objective("answer"),
                   party=FOREIGN, level="customer"),
        _agreement("everyone", "{}",
                   _objective("answer", "groupBy: [team, customer]") + "\n"
                   + _objective(f"{CANARY}-total", kpi=f"{CANARY}-leads"),
                   party="company", level="corporate"),
        _agreement("named", f"{{customer: [acme, {FOREIGN}], service: phone}}",
                   _objective("answer", "groupBy: [customer]"),
                   party="company", level="service"),
        _agreement(f"{CANARY}-shared", f"{{customer: [acme, {FOREIGN}], service: chat}}",
                   _objective("answer"), party="company", level="service"),
    )
)  # fmt: skip
EVENTS: Final = (
    *ticket("A-1", "2026-03-02T09:00:00Z", replied="2026-03-02T09:45:00Z",
            customer="acme", service="email", team="emea"),
    *ticket("A-2", "2026-03-02T09:00:00Z", customer="acme", service="phone", team="emea"),
    *ticket("A-3", "2026-03-02T09:00:00Z", customer="acme", service="chat", team="emea"),
    *ticket(f"{CANARY}-1", "2026-03-02T09:00:00Z", customer=FOREIGN, service="phone", team="emea"),
    *ticket(f"{CANARY}-2", "2026-03-02T09:00:00Z", replied="2026-03-02T09:30:00Z",
            customer=FOREIGN, service="chat", team=f"{CANARY}-team"),
    *ticket(f"{CANARY}-3", "2026-03-02T09:00:00Z", team="emea"),
    *lead(f"{CANARY}-L", "2026-03-01T00:00:00Z"),
)  # fmt: skip


@dataclass
class Walled:
    """The api, and a credential for each who asks."""

    http: httpx.AsyncClient
    gate: Gate
    pool: Pool
    credentials: Mapping[str, Mapping[str, str]]

    async def get(
        self, who: str, path: str, asked: Mapping[str, object] | None = None
    ) -> httpx.Response:
        """What `acme`, `all` (who may see everything) or `admin` is answered."""
        params = {name: str(value) for name, value in (asked or {}).items()}
        return await self.http.get(path, params=params or None, headers=self.credentials[who])


@asynccontextmanager
async def a_walled_api(database_url: str, folder: Path) -> AsyncIterator[Walled]:
    """The api over its filled tables."""
    catalogue = a_catalogue(folder, DOCUMENTS)
    await store(database_url, catalogue, EVENTS, now=NOW)
    kept: dict[str, StoredKey] = {}
    shown: dict[str, Mapping[str, str]] = {}
    for who, scope, customers in (
        ("acme", "read", frozenset({"acme"})),
        ("writer", "write", frozenset({"acme"})),
        ("all", "read", None),
        ("admin", "admin", None),
    ):
        key_id, text = new_key()
        digest = digest_of(text)
        kept[key_id] = StoredKey(key_id, digest, who, implied([scope]), customers, None, None)
        shown[who] = {"authorization": f"Bearer {text}"}
    async with await create_pool(database_url, service="test", size_max=2) as pool:
        gate = Gate(AccessSettings(mode=Mode.KEYS), pool, clock=system_clock, elapsed=perf_counter)
        gate.ring.hold(kept, system_clock())
        reviews = [(f"rv_{name}", f"{name}-support", CANARY, NOW) for name in ("acme", CANARY)]
        await pool.executemany(_REVIEW, [*reviews, ("rv_again", "acme-support", CANARY, NOW - 1)])
        sources = make_sources(pool=pool, catalogue=catalogue, clock=lambda: NOW)
        app = create_app(sources, CollectorRegistry(), gate)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            yield Walled(http, gate, pool, shown)


_REVIEW: Final = """
INSERT INTO review (id, agreement, period, starts, ends, time_zone, windows, sealed_at, sealed_by,
                    note)
VALUES ($1, $2, '2026-02', 0, 1, 'UTC', 7, $4, $3, $3)
"""
