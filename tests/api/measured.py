"""A company with a promise of every measure, target and kind of window, and events for each."""

from typing import Final

from shared.domain.event import Event
from shared.domain.instant import parse_instant

DOCUMENTS: Final = """
apiVersion: accord/v1
kind: Kpi
metadata: {name: repair}
spec:
  item: ticket
  measure: duration
  start: {event: ticket.created}
  stop: {event: ticket.solved}
  pause: {status: pending}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: revenue}
spec: {item: lead, measure: sum, event: {event: lead.won}, field: amount}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: rating}
spec: {item: ticket, measure: mean, event: {event: ticket.rated}, field: score}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: reopened-share}
spec:
  item: ticket
  measure: ratio
  good: {event: ticket.reopened}
  total: {event: ticket.solved}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: conversion}
spec:
  item: lead
  measure: ratio
  good: {event: lead.won}
  total: {event: lead.qualified}
  cohort: true
  within: P1D
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: qualified}
spec: {item: lead, measure: count, event: {event: lead.qualified}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: figures}
spec:
  level: corporate
  parties: {provider: sales, customer: board}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - {name: revenue, kpi: revenue, target: {atLeast: "100.5"}, window: {calendar: month}, pace: {}}
    - {name: refunds, kpi: revenue, target: {atMost: 1000}, window: {calendar: quarter}}
    - {name: rating, kpi: rating, target: {atLeast: "3.5"}, window: {tumbling: PT24H}}
    - {name: reopened, kpi: reopened-share, target: {atMost: "0.5"}, window: {calendar: month}}
    - {name: conversion, kpi: conversion, target: {atLeast: "0.5"}, window: {calendar: month}}
    - {name: qualified, kpi: qualified, target: {atLeast: 5}, window: {rolling: P2D, step: PT1H}}
    - {name: p90, kpi: repair, target: {percentile: "0.9", atMost: PT2H},
       window: {rolling: P7D, step: PT24H}}
    - {name: days, kpi: repair, target: {percentile: "0.5", atMost: {workingDays: 1}},
       window: {calendar: year}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: own-repair}
spec:
  level: service
  type: ola
  parties: {provider: operations, customer: support}
  appliesTo: {provider: operations}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - {name: repair, kpi: repair, target: {within: PT2H, ratio: "0.5"}, window: {calendar: month}}
    - {name: mean, kpi: repair, target: {mean: true, atMost: PT2H},
       window: {calendar: week}, groupBy: [site]}
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: vendor-repair}
spec:
  level: service
  type: uc
  parties: {provider: vendor, customer: support}
  appliesTo: {provider: vendor}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - {name: repair, kpi: repair, target: {within: PT2H, ratio: "0.5"}, window: {calendar: month}}
    - {name: mean, kpi: repair, target: {mean: true, atMost: PT2H},
       window: {calendar: week}, groupBy: [site]}
"""


def _events() -> list[Event]:
    found: list[Event] = []
    for kind, subject, what, time, data in _HAPPENED:
        found.append(
            Event(
                kind=kind,
                subject=subject,
                source="/test",
                id=f"{subject}-{len(found)}",
                type=f"{kind}.{what}",
                time=parse_instant(f"2026-03-0{time}:00Z"),
                data=data,
            )
        )
    return found


_Happened = tuple[str, str, str, str, dict[str, object]]
_HAPPENED: Final[list[_Happened]] = [
    ("ticket", "T-1", "created", "2T09:00", {"provider": "operations", "site": "x"}),
    ("ticket", "T-1", "solved", "2T10:00", {}),
    ("ticket", "T-1", "rated", "2T11:00", {"score": 4}),
    ("ticket", "T-1", "reopened", "2T12:00", {}),
    ("ticket", "T-2", "created", "2T09:00", {"provider": "vendor", "site": "x"}),
    ("ticket", "T-2", "status_changed", "2T09:30", {"status": "pending"}),
    ("ticket", "T-2", "status_changed", "2T10:00", {"status": "open"}),
    ("ticket", "T-2", "solved", "2T10:45", {}),
    ("ticket", "T-2", "rated", "3T11:00", {"score": "2.5"}),
    ("ticket", "T-3", "created", "3T08:00", {"provider": "vendor", "site": "y"}),
    ("ticket", "T-4", "created", "3T11:30", {"provider": "operations", "site": "y"}),
    ("lead", "L-1", "qualified", "2T09:00", {}),
    ("lead", "L-1", "won", "2T15:00", {"amount": "60.25"}),
    ("lead", "L-2", "qualified", "2T09:00", {}),
    ("lead", "L-3", "qualified", "3T09:00", {}),
    ("lead", "L-4", "won", "3T09:00", {"amount": 10}),
]
EVENTS: Final = tuple(_events())
NOW: Final = parse_instant("2026-03-03T12:00:00Z")
