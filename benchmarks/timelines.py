"""Tickets of a given length, and three agreements about them, for measuring the core."""

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Final

from shared.domain.event import Event
from shared.domain.instant import MINUTE, Instant, parse_instant

DOCUMENTS: Final = """\
apiVersion: accord/v1
kind: Calendar
metadata: {name: office}
spec:
  timeZone: Europe/Berlin
  weekly: {mon: ["09:00-12:30", "13:15-17:00"], tue: ["09:00-17:00"], wed: ["09:00-17:00"],
           thu: ["09:00-17:00"], fri: ["09:00-15:00"]}
  holidays: {countries: [{country: DE, subdivision: BE}]}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: first}
spec: {item: ticket, measure: duration, start: {event: ticket.created},
       stop: {event: ticket.replied, where: {actor: agent}}}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: next}
spec: {item: ticket, measure: duration, start: {event: ticket.replied, where: {actor: customer}},
       stop: {event: ticket.replied, where: {actor: agent}}, repeat: true}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: resolution}
spec: {item: ticket, measure: duration, start: {event: ticket.created},
       stop: {event: ticket.solved}, pause: {status: [pending, on-hold]}, reopen: continue}
""" + "".join(
    f"""\
---
apiVersion: accord/v1
kind: Agreement
metadata: {{name: {level}-promise}}
spec:
  level: {level}
  parties: {{provider: support, customer: acme}}
  appliesTo: {applies}
  calendar: office
  effective: {{from: "2025-01-01T00:00:00Z"}}
  objectives:
    - {{name: urgent, kpi: first, where: {{priority: p1}}, target: {{within: PT1H, ratio: "0.95"}},
       window: {{calendar: month}}}}
    - {{name: first, kpi: first, target: {{within: PT4H, ratio: "0.9"}},
       window: {{calendar: month}}, groupBy: [team]}}
    - {{name: next, kpi: next, target: {{percentile: "0.9", atMost: PT2H}},
       window: {{rolling: P7D, step: PT1H}}}}
    - {{name: resolution, kpi: resolution, target: {{within: {{workingDays: 2}}, ratio: "0.9"}},
       window: {{calendar: month}}}}
"""
    for level, applies in (
        ("corporate", "{}"),
        ("customer", "{customer: acme}"),
        ("service", "{customer: acme, service: email}"),
    )
)

_BEGUN: Final = parse_instant("2026-03-02T09:00:00Z")
_MIDDLE: Final[tuple[tuple[str, dict[str, object]], ...]] = (
    ("assigned", {"team": "emea"}),
    ("replied", {"actor": "agent", "status": "pending"}),
    ("replied", {"actor": "customer", "status": "open"}),
    ("priority_changed", {"priority": "p1"}),
    ("commented", {"actor": "agent"}),
    ("status_changed", {"status": "on-hold"}),
    ("status_changed", {"status": "open"}),
    ("priority_changed", {"priority": "p2"}),
    ("assigned", {"team": "amer"}),
)


def timeline(subject: str, length: int) -> list[Event]:
    """A ticket of so many events: opened, worked on, solved."""
    opened: dict[str, object] = {
        "customer": "acme",
        "service": "email",
        "priority": "p2",
        "team": "first-line",
        "status": "new",
    }
    middle = islice(cycle(_MIDDLE), length - 2)
    steps = [("created", opened), *middle, ("solved", {})]
    return [*_events(subject, steps)]


def _events(subject: str, steps: list[tuple[str, dict[str, object]]]) -> Iterator[Event]:
    at: Instant = _BEGUN
    for number, (what, data) in enumerate(steps):
        yield Event("ticket", subject, "/desk", f"{subject}-{number}", f"ticket.{what}", at, data)
        at += 17 * MINUTE
