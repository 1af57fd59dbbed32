"""What happens in the company of a run: its documents, and events by the instant they are sent."""

from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Final

from shared.documents import File, Loaded, load_texts
from shared.domain.event import Event
from shared.domain.instant import MINUTE, SECOND, Instant, Micros
from shared.wire import cloudevents
from tests.simulation.world import BASE

DAY: Final[Micros] = 24 * 60 * MINUTE
FIRST: Final = """
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
metadata: {name: resolution}
spec:
  item: ticket
  measure: duration
  start: {event: ticket.created}
  stop: {event: ticket.solved}
  pause: {status: pending}
  reopen: new-cycle
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: leads}
spec: {item: lead, measure: count, event: {event: lead.created}}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: revenue}
spec: {item: lead, measure: sum, event: {event: lead.won}, field: amount}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: conversion}
spec:
  item: lead
  measure: ratio
  good: {event: lead.won}
  total: {event: lead.created}
  cohort: true
  within: PT4M
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: support}
spec:
  level: corporate
  parties: {provider: support, customer: all}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: response
      kpi: response
      target: {within: PT2M}
      window: {tumbling: PT5M}
    - name: resolution
      kpi: resolution
      target: {within: RESOLUTION, ratio: "0.9"}
      window: {calendar: day, timeZone: UTC}
      groupBy: [team]
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: sales}
spec:
  level: corporate
  parties: {provider: sales, customer: all}
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - name: leads
      kpi: leads
      target: {atLeast: 3}
      window: {tumbling: PT5M}
    - name: conversion
      kpi: conversion
      target: {atLeast: "0.5"}
      window: {tumbling: PT5M}
    - name: revenue
      kpi: revenue
      target: {atLeast: 100}
      window: {calendar: day, timeZone: UTC}
"""
_MORE: Final = """
    - name: slow-response
      kpi: response
      target: {within: PT5M}
      window: {tumbling: PT10M}
"""


@cache
def documents() -> tuple[Loaded, Loaded]:
    """The documents of every run, and those they change to: of one agreement, not the other."""
    first = FIRST.replace("RESOLUTION", "PT4M")
    second = FIRST.replace("RESOLUTION", "PT3M").replace(
        "      groupBy: [team]\n", "      groupBy: [team]" + _MORE
    )
    loaded = [load_texts([File("documents.yaml", text)]) for text in (first, second)]
    for one in loaded:
        assert one.catalogue is not None, one.problems
    return loaded[0], loaded[1]


@dataclass(frozen=True)
class Sent:
    """A record that is sent to an input topic at an instant; no event when it is garbage."""

    at: Instant
    topic: str
    place: int
    value: bytes
    event: Event | None


@dataclass(frozen=True)
class Story:
    """Everything that is sent; `orderly` are items of which all came in time, and uncorrected."""

    sent: tuple[Sent, ...]
    orderly: frozenset[str]
    until: Instant


def story(dice: Random, *, span: Micros, disorder: Micros) -> Story:
    """Items whose events happen within `span` and mostly come within `disorder`."""
    sent: list[Sent] = []
    late: set[str] = set()
    events: list[Event] = []
    for number in range(dice.randint(7, 15)):
        kind = dice.choice(("ticket", "ticket", "ticket", "lead"))
        begun = BASE + dice.randrange(0, span)
        life = _ticket if kind == "ticket" else _lead
        events += life(dice, f"{kind[0].upper()}-{number}", begun)
    for event in events:
        delay = dice.choice((0, 0, 1 * SECOND, disorder // 4, disorder))
        at = event.time + (dice.randrange(0, delay) if delay else 0)
        if dice.random() < 0.03:
            at = event.time + dice.randrange(0, span)
            late.add(event.item)
        sent.append(_sent(dice, at, event))
        if dice.random() < 0.08:
            sent.append(_sent(dice, at + dice.randrange(0, span // 3), event))
        if dice.random() < 0.03:
            other = _contradicting(dice, event)
            late.add(event.item)
            sent.append(_sent(dice, at + dice.randrange(0, span // 3), other))
    for _ in range(dice.choice((0, 0, 1, 2))):
        at = BASE + dice.randrange(0, span)
        sent.append(Sent(at, "tickets", 0, b'{"specversion": 1}', None))
    until = max(own.at for own in sent)
    orderly = frozenset(own.item for own in events) - late
    return Story(tuple(sorted(sent, key=lambda own: own.at)), orderly, until)


def _sent(dice: Random, at: Instant, event: Event) -> Sent:
    topic = f"{event.kind}s"
    return Sent(at, topic, dice.randrange(0, 4), cloudevents.encode(event), event)


def _contradicting(dice: Random, event: Event) -> Event:
    """A correction, a retraction, or another content of the same identity."""
    what = dice.randrange(3)
    if what == 0:
        return replace(event, time=event.time + dice.choice((-1, 1)) * 7 * SECOND)
    if what == 1:
        time = event.time + 5 * SECOND
        return replace(event, id=f"{event.id}-c", time=time, replaces=event.id)
    type_ = f"{event.kind}.retracted"
    return replace(event, id=f"{event.id}-r", type=type_, data={}, replaces=event.id)


def _ticket(dice: Random, subject: str, begun: Instant) -> list[Event]:
    time = begun
    found = [_event("ticket", subject, "created", time, team=dice.choice("ab"), status="new")]
    for number in range(dice.randint(1, 8)):
        time += dice.randrange(1, 150) * SECOND
        what = dice.choice(("replied", "updated", "updated", "solved", "reopened", "replied"))
        data = {"status": dice.choice(("open", "pending"))} if what == "updated" else {}
        if dice.random() < 0.1:
            data["team"] = dice.choice("ab")
        found.append(_event("ticket", subject, what, time, number, **data))
    return found


def _lead(dice: Random, subject: str, begun: Instant) -> list[Event]:
    found = [_event("lead", subject, "created", begun, team=dice.choice("ab"))]
    if dice.random() < 0.6:
        time = begun + dice.randrange(1, 400) * SECOND
        found.append(_event("lead", subject, "won", time, amount=dice.randrange(1, 90)))
    return found


def _event(
    kind: str, subject: str, what: str, time: Instant, number: int = 0, /, **data: object
) -> Event:
    return Event(kind, subject, "/s", f"{subject}-{what}-{number}", f"{kind}.{what}", time, data)
