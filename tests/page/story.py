"""Half a year of a small company, some of whose names are hostile, for the page to show."""

from collections.abc import Iterator
from typing import Final

from shared.domain.event import Event
from shared.domain.instant import HOUR, Instant, parse_instant

SCRIPT: Final = "<script>alert('provider')</script>"
IMAGE: Final = '"><img src=x onerror=alert(1)>'
SUBJECT: Final = "T-<b onclick=alert(2)>9</b>/x?a=1&b=#2"
LATE: Final = "T-late-3"
FIRST_WORKING_DAY: Final = {
    "2025-10": 1, "2025-11": 3, "2025-12": 1, "2026-01": 2, "2026-02": 2, "2026-03": 2,
}  # fmt: skip
NOW: Final = parse_instant("2026-03-18T12:00:00Z")

DOCUMENTS: Final = f"""
apiVersion: accord/v1
kind: Calendar
metadata: {{name: berlin}}
spec:
  timeZone: Europe/Berlin
  weekly: {{mon: ["09:00-17:00"], tue: ["09:00-17:00"], wed: ["09:00-17:00"],
            thu: ["09:00-17:00"], fri: ["09:00-17:00"]}}
  holidays: {{dates: ["2026-03-16"]}}
---
apiVersion: accord/v1
kind: Kpi
metadata: {{name: first-response}}
spec:
  item: ticket
  measure: duration
  start: {{event: ticket.created}}
  stop: {{event: ticket.replied, where: {{actor: agent}}}}
  pause: {{status: pending}}
---
apiVersion: accord/v1
kind: Kpi
metadata: {{name: qualified-leads}}
spec: {{item: lead, measure: count, event: {{event: lead.qualified}}}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {{name: acme-support}}
spec:
  level: customer
  parties: {{provider: support, customer: acme}}
  appliesTo: {{customer: acme}}
  calendar: berlin
  effective: {{from: "2025-10-01T00:00:00Z"}}
  objectives:
    - name: first-response
      kpi: first-response
      target: {{within: PT4H, ratio: "0.9"}}
      window: {{calendar: month}}
---
apiVersion: accord/v1
kind: Agreement
metadata: {{name: everyone}}
spec:
  level: corporate
  parties: {{provider: "{SCRIPT}", customer: everyone}}
  calendar: berlin
  effective: {{from: "2026-01-01T00:00:00Z"}}
  objectives:
    - name: leads
      kpi: qualified-leads
      target: {{atLeast: 100}}
      window: {{calendar: month}}
      pace: {{tolerance: "0.1"}}
    - name: response
      kpi: first-response
      target: {{within: PT8H, ratio: "0.5"}}
      window: {{calendar: month, timeZone: UTC}}
      groupBy: [customer]
---
apiVersion: accord/v1
kind: Agreement
metadata: {{name: hosting-desk}}
spec:
  level: service
  type: ola
  parties: {{provider: desk, customer: support}}
  appliesTo: {{service: hosting}}
  effective: {{from: "2026-01-01T00:00:00Z"}}
  objectives:
    - name: response
      kpi: first-response
      target: {{percentile: "0.9", atMost: PT30M}}
      window: {{calendar: month}}
      minimum: 50
"""


def _event(kind: str, subject: str, what: str, at: Instant, **data: str) -> Event:
    return Event(
        kind=kind,
        subject=subject,
        source="/test",
        id=f"{subject}-{what}-{at}",
        type=f"{kind}.{what}",
        time=at,
        data=data,
    )


def _ticket(subject: str, opened: str, hours: int, **data: str) -> Iterator[Event]:
    """A ticket that an agent answers so many hours of the wall after it came."""
    at = parse_instant(opened)
    yield _event("ticket", subject, "created", at, **data)
    yield _event("ticket", subject, "replied", at + hours * HOUR, actor="agent")


def _months() -> Iterator[Event]:
    """Ten tickets a month from October on; how many of them are late differs."""
    months = ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03")
    for month, late in zip(months, (0, 2, 1, 3, 0, 2), strict=True):
        for number in range(10):
            hours = 7 if number < late else 1
            opened = f"{month}-{FIRST_WORKING_DAY[month]:02d}T09:0{number}:00Z"
            yield from _ticket(f"T-{month}-{number}", opened, hours, customer="acme")


def events() -> list[Event]:
    """All of it, as of `NOW`."""
    late = parse_instant("2026-03-12T13:00:00Z")  # a Thursday, 14 h in Berlin
    leads = [
        _event("lead", f"L-{number}", "qualified", parse_instant("2026-03-02T10:00:00Z"))
        for number in range(40)
    ]
    return [
        *_months(),
        _event("ticket", LATE, "created", late, customer="acme"),
        _event("ticket", LATE, "updated", late + HOUR, status="pending"),
        _event("ticket", LATE, "updated", late + 2 * HOUR, status="open"),
        _event("ticket", LATE, "replied", parse_instant("2026-03-17T12:00:00Z"), actor="agent"),
        _event("ticket", "T-running", "created", NOW - HOUR, customer="acme"),
        *_ticket(SUBJECT, "2026-03-03T10:00:00Z", 1, customer=IMAGE, service="hosting"),
        *leads,
    ]
