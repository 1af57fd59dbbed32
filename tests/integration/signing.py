"""A helpdesk whose March is over, folded and judged step by step, and the api over its tables."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from json import loads
from pathlib import Path
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from services.api.app import create_app, make_sources
from services.api.web.caller import Caller
from services.cli.evaluate import evaluation_form
from shared.domain.event import Event
from shared.domain.instant import MINUTE
from shared.runtime.database import Pool
from shared.wire.results import encode
from tests.integration.evaluating import at, catalogue, event
from tests.integration.stepping import Stepping
from tests.integration.streaming import GivenCallers

DOCUMENTS = """
apiVersion: accord/v1
kind: Kpi
metadata: {name: response}
spec:
  item: ticket
  measure: duration
  start: {event: ticket.created}
  stop: {event: ticket.replied}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: answer}
spec:
  item: ticket
  measure: duration
  start: {event: ticket.created}
  stop: {event: ticket.replied}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: tickets}
spec: {item: ticket, measure: count, event: {event: ticket.created}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: desk}
spec:
  level: customer
  parties: {provider: support, customer: everyone}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: month
      kpi: response
      target: {within: PT1H, ratio: "0.5"}
      window: {calendar: month, timeZone: UTC}
    - name: by-customer
      kpi: answer
      target: {within: PT1H, ratio: "0.9"}
      window: {calendar: week, timeZone: Europe/Berlin}
      groupBy: [customer]
    - name: ten-days
      kpi: tickets
      target: {atLeast: 1}
      window: {rolling: P10D, step: P1D}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: other}
spec:
  level: service
  parties: {provider: support, customer: everyone}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: month
      kpi: response
      target: {within: PT1H, ratio: "0.5"}
      window: {calendar: month, timeZone: UTC}
"""
WRITE = frozenset({"read", "write"})
MANAGER = Caller("manager", WRITE)
OF_ACME = Caller("of-acme", WRITE, frozenset({"acme"}))


def ticket(subject: str, opened: str, replied: str, customer: str = "acme") -> list[Event]:
    data = {"customer": customer}
    return [
        event("ticket.created", subject, opened, **data),
        event("ticket.replied", subject, replied, **data),
    ]


MARCH = (
    *ticket("T-1", "02-26T09:00", "02-26T09:30"),
    *ticket("T-2", "03-02T09:00", "03-02T09:30"),
    *ticket("T-3", "03-10T09:00", "03-10T12:00"),
    *ticket("T-4", "03-10T09:00", "03-10T09:10", "globex"),
    *ticket("T-5", "03-31T09:00", "03-31T09:10", "globex"),
)
LATE = ticket("T-6", "03-03T09:00", "03-03T13:00")
"""It makes March of `month` 3 of 5 instead of 3 of 4, and acme's first week missed."""
LATE_GROUP = ticket("T-7", "03-17T09:00", "03-17T09:10", "initech")
"""A customer of whom nothing was known when March was signed off."""

CONFIRM = """
UPDATE breach SET confirmed = true
WHERE withdrawn_at IS NULL AND opened_at <= (SELECT min(watermark) FROM partition_progress)
"""


@dataclass
class Desk:
    """The helpdesk and who asks about it."""

    stepping: Stepping
    pool: Pool

    async def receive(self, events: Iterable[Event], now: str) -> None:
        """Fold some, and judge at an instant; what is late is no revision yet."""
        await self.stepping.fold(events)
        await self.wait(now)

    async def wait(self, now: str) -> None:
        """Let it be that instant."""
        self.stepping.now = at(now)
        await self.stepping.prove()
        await self.stepping.judge()
        await self.pool.execute(CONFIRM)  # as the relay does

    @asynccontextmanager
    async def asking(self, caller: Caller = MANAGER) -> AsyncIterator[httpx.AsyncClient]:
        """The api for somebody."""
        sources = make_sources(
            pool=self.pool, catalogue=self.stepping.catalogue, clock=lambda: self.stepping.now
        )
        gate = GivenCallers(self.pool, caller)
        app = create_app(sources, CollectorRegistry(), gate)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            yield http

    async def get(self, path: str, caller: Caller = MANAGER, /, **asked: str) -> Any:  # noqa: ANN401 - JSON
        """One answer, numbers exact."""
        async with self.asking(caller) as http:
            answer = await http.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        return loads(answer.content, parse_float=Decimal)

    async def values(
        self, sla_id: str, caller: Caller = MANAGER, /, **asked: str
    ) -> dict[str, dict[str, Any]]:
        """The windows of a group by the first ten letters of their start."""
        found = await self.get("/v1/values", caller, sla_id=sla_id, **asked)
        return {row["window"]["start"][:10]: row for row in found["items"]}

    async def seal(
        self, period: str = "2026-03", caller: Caller = MANAGER, /, **headers: str
    ) -> httpx.Response:
        """Sign off a period of `desk`."""
        body = {"agreement": "desk", "period": period, "note": "agreed"}
        async with self.asking(caller) as http:
            return await http.post("/v1/reviews", json=body, headers=headers)

    def evaluated(self) -> dict[tuple[str, str], dict[str, Any]]:
        """What `evaluate` prints of each window by sla_id and start."""
        form = evaluation_form(self.stepping.catalogue, self.stepping.evaluated())
        rows = loads(encode(form), parse_float=Decimal)["objectives"]
        return {(row["sla_id"], row["window"]["start"]): row for row in rows}


async def a_desk(pool: Pool, folder: Path) -> Desk:
    """Its March, as of the middle of it, then half an hour into April."""
    stepping = Stepping(pool, catalogue(DOCUMENTS, folder), at("03-01T00:00"))
    await stepping.start()
    desk = Desk(stepping, pool)
    await desk.receive(MARCH[:2], "03-01T00:00")
    await desk.receive(MARCH[2:8], "03-15T00:00")
    await desk.receive(MARCH[8:], "04-01T00:30")
    stepping.now += MINUTE // 2
    return desk
