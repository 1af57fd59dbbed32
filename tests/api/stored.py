"""A small company, and its tables as an evaluator that is at rest leaves them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import msgspec
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.documents.catalogue import load
from shared.domain.agreement import Catalogue, objective_id
from shared.domain.contribution import Contribution
from shared.domain.evaluation import Evaluation, evaluate
from shared.domain.event import Event
from shared.domain.instant import MINUTE, Instant, parse_instant
from shared.domain.item import Item
from shared.domain.measure import Measure, Outcome, measure_of, total_of
from shared.domain.plan import compile_plan
from shared.runtime import tables
from shared.runtime.conventions import PANE_COUNTS, RUNNING_PANE, WINDOW_PART
from shared.runtime.migrate import create_engine
from shared.wire.amounts import amount_to_decimal
from shared.wire.groups import group_text
from shared.wire.results import counts_form, decimal_text, encode
from shared.wire.stored_item import pack_item

PARTS: Final = 2
NEVER: Final = (1 << 62) - 1

DOCUMENTS: Final = """
apiVersion: accord/v1
kind: Kpi
metadata: {name: first-response}
spec:
  item: ticket
  measure: duration
  start: {event: ticket.created}
  stop: {event: ticket.replied, where: {actor: agent}}
  pause: {status: pending}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: qualified-leads}
spec: {item: lead, measure: count, event: {event: lead.qualified}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: acme-support}
spec:
  level: customer
  parties: {provider: support, customer: acme}
  appliesTo: {customer: acme}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: first-response-p1
      kpi: first-response
      where: {priority: p1, service: [email, payments]}
      target: {within: PT1H, ratio: "0.95"}
      window: {calendar: month, timeZone: Europe/Berlin}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: everyone}
spec:
  level: corporate
  parties: {provider: support, customer: everyone}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: leads
      kpi: qualified-leads
      target: {atLeast: 2}
      window: {calendar: month}
    - name: response
      kpi: first-response
      target: {within: PT1H, ratio: "0.5"}
      window: {calendar: day}
      groupBy: [customer, team]
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: hosting-desk}
spec:
  level: service
  type: ola
  parties: {provider: desk, customer: support}
  appliesTo: {service: hosting}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: response
      kpi: first-response
      target: {within: PT30M}
      window: {calendar: week}
"""


def a_catalogue(folder: Path, documents: str = DOCUMENTS) -> Catalogue:
    """The documents, loaded as a service loads them."""
    (folder / "documents.yaml").write_text(documents, encoding="utf-8")
    loaded = load(folder)
    assert loaded.catalogue is not None, loaded.problems
    return loaded.catalogue


def ticket(subject: str, opened: str, *, replied: str | None = None, **data: str) -> list[Event]:
    """A ticket that is opened, and answered by an agent."""
    events = [_event("ticket", subject, "created", opened, data)]
    if replied is not None:
        events.append(_event("ticket", subject, "replied", replied, {"actor": "agent"}))
    return events


def lead(subject: str, qualified: str) -> list[Event]:
    """A lead that is qualified."""
    return [_event("lead", subject, "qualified", qualified, {})]


def _event(kind: str, subject: str, what: str, time: str, data: dict[str, str]) -> Event:
    return Event(
        kind=kind,
        subject=subject,
        source="/test",
        id=f"{subject}-{what}",
        type=f"{kind}.{what}",
        time=parse_instant(time),
        data=data,
    )


EVENTS: Final = (
    *ticket("T-0", "2026-02-27T09:00:00Z", replied="2026-02-27T09:30:00Z",
            customer="acme", priority="p1", service="email", team="emea"),
    *ticket("T-1", "2026-03-02T09:00:00Z", replied="2026-03-02T09:45:00Z",
            customer="acme", priority="p1", service="email", team="emea"),
    *ticket("T-2", "2026-03-02T09:00:00Z", replied="2026-03-02T11:30:00.25Z",
            customer="acme", priority="p1", service="payments", team="emea"),
    *ticket("T-3", "2026-03-02T10:00:00Z", customer="globex", service="hosting", team="a/b c"),
    *ticket("T 4/x", "2026-03-02T10:00:00Z", replied="2026-03-02T10:05:00Z",
            customer="globex", service="hosting"),
    *lead("L-1", "2026-03-01T00:00:00Z"),
)  # fmt: skip
NOW: Final = parse_instant("2026-03-02T12:00:00Z")


async def store(
    database_url: str, catalogue: Catalogue, events: Iterable[Event], *, now: Instant
) -> Evaluation:
    """Fill the tables as of `now`; the result is what `accord evaluate` would say."""
    plan = compile_plan(catalogue)
    items: dict[tuple[str, str], Item] = {}
    for event in events:
        key = (event.kind, event.subject)
        items.setdefault(key, Item(plan, *key)).admit(event)
    said = evaluate(catalogue, items.values(), now=now, all_windows=True)
    engine = create_engine(database_url)
    try:
        async with engine.begin() as connection:
            await _store_progress(connection, catalogue, now)
            await _store_items(connection, list(items.values()))
            await _store_contributions(connection, catalogue, list(items.values()), now)
            await _store_values(connection, said)
            await _store_breaches(connection, said, list(items.values()))
    finally:
        await engine.dispose()
    return said


async def _store_progress(connection: AsyncConnection, catalogue: Catalogue, now: Instant) -> None:
    progress = [
        {
            "part": part,
            "evaluation_time": now,
            "proven": True,
            "watermark": now - 5 * MINUTE,
        }
        for part in range(PARTS)
    ]
    judgements = [
        {
            "objective": objective_id(agreement.name, name),
            "as_of": now - 1,
            "next_turn": NEVER,
            "provisional_until": NEVER,
            "pane_key": objective_id(agreement.name, name),
        }
        for agreement in catalogue.agreements.values()
        for name in agreement.objective_names
    ]
    await connection.execute(insert(tables.partition_progress), progress)
    await connection.execute(insert(tables.judgement), judgements)


async def _store_items(connection: AsyncConnection, items: list[Item]) -> None:
    rows = [
        {
            "part": place % PARTS,
            "key": item.key,
            "body": pack_item(item.events, ()),
            "customer": item.sole("customer"),
        }
        for place, item in enumerate(items)
    ]
    await connection.execute(insert(tables.item), rows)


async def _store_contributions(
    connection: AsyncConnection, catalogue: Catalogue, items: list[Item], now: Instant
) -> None:
    """The panes, and the ledger with a wrong entry of each item reversed."""
    panes: dict[tuple[str, str, Instant], list[Measure]] = {}
    entries: list[dict[str, object]] = []
    for item in items:
        for own in item.settle(now=now).contributions:
            objective = objective_id(own.agreement, own.objective)
            window = catalogue.agreements[own.agreement].judging(own.objective, now)[1].window
            pane = RUNNING_PANE
            if own.counts_at is not None:
                pane = window.pane(own.counts_at).start
            key = (objective, group_text(own.group), pane)
            panes.setdefault(key, []).append(measure_of(own.outcome, own.amount))
            if own.at is not None:
                entries += _entries(item, own, key, now)
    if entries:
        await connection.execute(insert(tables.ledger), entries)
    rows = [_pane(key, total_of(measures)) for key, measures in panes.items()]
    await connection.execute(insert(tables.pane), rows)


def _entries(
    item: Item, own: Contribution, key: tuple[str, str, Instant], now: Instant
) -> list[dict[str, object]]:
    objective, grp, pane = key
    is_number = own.outcome is Outcome.COUNTED
    entry: dict[str, object] = {
        "objective": objective,
        "grp": grp,
        "pane_start": pane,
        "at": own.at,
        "outcome": own.outcome.value,
        "sign": 1,
        "item": item.key,
        "cycle": own.cycle,
        "ordinal": own.ordinal,
        "elapsed": None if is_number else own.amount,
        "amount": own.amount if is_number else None,
        "part": 0,
        "posted_at": now,
    }
    wrong = {**entry, "outcome": Outcome.MET.value, "elapsed": 1, "amount": None}
    return [wrong, {**wrong, "sign": -1}, entry]


def _pane(key: tuple[str, str, Instant], measure: Measure) -> dict[str, object]:
    objective, grp, pane = key
    counts = {name: getattr(measure, name) for name in PANE_COUNTS}
    amount = amount_to_decimal(measure.amount)
    place = {"objective": objective, "grp": grp, "pane_start": pane, "part": 0}
    return {**place, **counts, "amount": amount}


async def _store_values(connection: AsyncConnection, said: Evaluation) -> None:
    breached = {
        (own.agreement, own.objective, own.group, own.window): own
        for own in said.window_breaches
        if own.closed_at is None
    }
    rows = []
    for own in said.objectives:
        judgement, kpi = own.judgement, own.judgement.objective.kpi
        agreement, objective = judgement.version.agreement, judgement.objective
        is_open = (agreement, objective.name, own.group, own.window) in breached
        rows.append(
            {
                "objective": objective_id(agreement, objective.name),
                "grp": group_text(own.group),
                "window_start": own.window.start,
                "window_end": own.window.end,
                "listed": True,
                "final": judgement.final,
                "revision": int(judgement.final),
                "state": judgement.state.value,
                "since": said.as_of - MINUTE,
                "value": decimal_text(judgement.value),
                "budget_remaining": decimal_text(judgement.budget_remaining),
                "counts": encode(counts_form(kpi, own.measure)).decode(),
                "target": encode(objective.target_text).decode(),
                "level": judgement.version.level.value,
                "breach_id": "open" if is_open else None,
                "provisional": is_open,
                "as_of": said.as_of,
                "checkpoint": "",
            }
        )
    await connection.execute(insert(tables.value), rows)


async def _store_breaches(connection: AsyncConnection, said: Evaluation, items: list[Item]) -> None:
    groups = {
        (own.agreement, own.objective, item.key, own.cycle, own.at): own.group
        for item in items
        for own in item.settle(now=said.as_of).contributions
        if own.breaches
    }
    of_items = [
        {
            "scope": "item",
            "part": 0,
            "objective": objective_id(own.agreement, own.objective),
            "grp": group_text(
                groups[own.agreement, own.objective, own.item, own.cycle, own.opened_at]
            ),
            "window_start": None,
            "window_end": None,
            "item": own.item,
            "cycle": own.cycle,
            "opened_at": own.opened_at,
            "closed_at": own.closed_at,
        }
        for own in said.item_breaches
    ]
    of_windows = [
        {
            "scope": "window",
            "part": WINDOW_PART,
            "objective": objective_id(own.agreement, own.objective),
            "grp": group_text(own.group),
            "window_start": own.window.start,
            "window_end": own.window.end,
            "item": None,
            "cycle": None,
            "opened_at": own.opened_at,
            "closed_at": own.closed_at,
        }
        for own in said.window_breaches
    ]
    rows = [
        {
            **row,
            "breach_id": str(uuid5(NAMESPACE_URL, msgspec.json.encode(row).decode())),
            "detected_at": row["opened_at"],
        }
        for row in (*of_items, *of_windows)
    ]
    await connection.execute(insert(tables.breach), rows)
