"""Documents with every measure, target, window and attribution, and a helpdesk that uses them."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from random import Random

from shared.domain.event import Event
from shared.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant, Micros

_KPIS = """
apiVersion: accord/v1
kind: Calendar
metadata: {name: desk}
spec: {timeZone: UTC, weekly: {sun: ["08:00-20:00"], mon: ["06:00-22:00"], tue: ["09:00-12:00"]}}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: answer}
spec:
  item: ticket
  measure: duration
  start: {event: ticket.created}
  stop: {event: ticket.replied}
  pause: {status: waiting}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: solution}
spec:
  item: ticket
  measure: duration
  start: {event: ticket.created}
  stop: {event: ticket.solved}
  reopen: continue
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: stay}
spec:
  item: ticket
  measure: duration
  start: {changes: team}
  stop: [{changes: team}, {event: ticket.solved}]
  repeat: true
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: replies}
spec: {item: ticket, measure: count, event: {event: ticket.replied}, every: true}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: costs}
spec: {item: ticket, measure: sum, event: {event: ticket.rated}, field: amount}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: grade}
spec: {item: ticket, measure: mean, event: {event: ticket.rated}, field: score}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: solved-share}
spec:
  {item: ticket, measure: ratio, good: {event: ticket.solved}, total: {event: ticket.created}}
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: solved-soon}
spec:
  item: ticket
  measure: ratio
  good: {event: ticket.solved}
  total: {event: ticket.created}
  cohort: true
  within: PT9H
---
apiVersion: accord/v1
kind: Kpi
metadata: {name: solved-ever}
spec:
  item: ticket
  measure: ratio
  good: {event: ticket.solved}
  total: {event: ticket.replied}
  cohort: true
"""
_DAY = "window: {calendar: day, timeZone: Europe/Berlin}"
_TUMBLING = "window: {tumbling: PT5H}"
_ROLLING = "window: {rolling: PT12H, step: PT3H}"
_OBJECTIVES = {
    "w-day": f'kpi: answer, target: {{within: PT2H, ratio: "0.6"}}, {_DAY}, minimum: 2',
    "w-roll": f'kpi: answer, target: {{within: PT2H, ratio: "0.6"}}, {_ROLLING}',
    "w-roll-team": f"kpi: answer, target: {{within: PT4H}}, {_ROLLING}, groupBy: [team]",
    "w-began": f'kpi: solution, target: {{within: PT6H, ratio: "0.5"}}, {_DAY},'
    " attribution: started",
    "w-began-roll": f"kpi: solution, target: {{within: PT6H}}, {_ROLLING}, attribution: started",
    "w-keep": f"kpi: solution, target: {{within: PT6H}}, {_TUMBLING}, groupBy: [team],"
    " attribution: started, onChange: keep, where: {priority: [p1, p2]}",
    "p-day": f'kpi: answer, target: {{percentile: "0.7", atMost: PT2H}}, {_DAY}',
    "p-tumbling": f'kpi: solution, target: {{percentile: "0.5", atMost: PT5H}}, {_TUMBLING},'
    " attribution: started",
    "p-roll": f'kpi: solution, target: {{percentile: "0.8", atMost: PT5H}}, {_ROLLING},'
    " groupBy: [team, priority]",
    "p-stay": f'kpi: stay, target: {{percentile: "0.5", atMost: PT1H}}, {_ROLLING}',
    "m-day": f"kpi: answer, target: {{mean: true, atMost: PT3H}}, {_DAY}",
    "m-roll": f"kpi: stay, target: {{mean: true, atMost: PT2H}}, {_ROLLING}, groupBy: [team]",
    "n-day": f'kpi: replies, target: {{atLeast: 3}}, {_DAY}, pace: {{tolerance: "0.2"}}',
    "n-tumbling": f"kpi: replies, target: {{atMost: 2}}, {_TUMBLING}",
    "n-roll": f"kpi: replies, target: {{atLeast: 4}}, {_ROLLING}, pace: {{}}",
    "n-roll-team": f"kpi: replies, target: {{atLeast: 2}}, {_ROLLING}, groupBy: [team]",
    "s-day": f"kpi: costs, target: {{atMost: 40.5}}, {_DAY}, groupBy: [team]",
    "s-tumbling": f"kpi: costs, target: {{atLeast: 10}}, {_TUMBLING}, groupBy: [team]",
    "s-roll": f"kpi: costs, target: {{atLeast: 30.25}}, {_ROLLING}",
    "s-roll-most": f"kpi: costs, target: {{atMost: 30}}, {_ROLLING}, groupBy: [priority]",
    "g-day": f"kpi: grade, target: {{atLeast: 3.5}}, {_DAY}, minimum: 2",
    "g-roll": f"kpi: grade, target: {{atMost: 4}}, {_ROLLING}, groupBy: [team]",
    "r-day": f'kpi: solved-share, target: {{atLeast: "0.5"}}, {_DAY}',
    "r-roll": f'kpi: solved-share, target: {{atMost: "0.9"}}, {_ROLLING}, groupBy: [priority]',
    "c-day": f'kpi: solved-soon, target: {{atLeast: "0.7"}}, {_DAY}',
    "c-tumbling": f'kpi: solved-ever, target: {{atLeast: "0.6"}}, {_TUMBLING}, minimum: 2',
    "c-most": f'kpi: solved-soon, target: {{atMost: "0.4"}}, {_TUMBLING}, groupBy: [team]',
    "c-roll": f'kpi: solved-soon, target: {{atLeast: "0.5"}}, {_ROLLING}, groupBy: [team]',
}


def documents(*, changed: bool = False) -> str:
    """The documents; or the same with other targets, lengths and groups, as if edited in place."""
    objectives = _changed() if changed else _OBJECTIVES
    last = f'from: "2026-03-03T14:00:00Z"{"" if changed else ", until: 2026-03-05T07:30:00Z"}'
    first = 'from: "2026-01-01T00:00:00Z", until: "2026-03-03T05:00:00Z"'
    versions = (_agreement(objectives, effective) for effective in (first, last))
    return "\n---\n".join([_KPIS.strip(), *versions]) + "\n"


def _agreement(objectives: dict[str, str], effective: str) -> str:
    lines = "\n".join(
        f"    - {{name: {name}, series: {name}, {text}}}" for name, text in objectives.items()
    )
    return (
        "apiVersion: accord/v1\nkind: Agreement\nmetadata: {name: all}\nspec:\n"
        "  level: customer\n  parties: {provider: support, customer: acme}\n"
        f"  calendar: desk\n  effective: {{{effective}}}\n  objectives:\n{lines}"
    )


def _changed() -> dict[str, str]:
    """The windows of some objectives trade places, percentiles become ratios and back."""
    own = dict(_OBJECTIVES)
    del own["m-day"], own["g-roll"]
    own["w-day"] = own["w-day"].replace(_DAY, _ROLLING)
    own["w-roll"] = own["w-roll"].replace(_ROLLING, _DAY)
    own["w-roll-team"] = own["w-roll-team"].replace(_ROLLING, "window: {rolling: PT8H, step: PT2H}")
    own["p-day"] = (
        own["p-day"]
        .replace("percentile", "within")
        .replace('within: "0.7", atMost: PT2H', 'within: PT2H, ratio: "0.7"')
    )
    own["w-began"] = own["w-began"].replace(
        'within: PT6H, ratio: "0.5"', 'percentile: "0.5", atMost: PT6H'
    )
    own["s-roll"] = own["s-roll"].replace(_ROLLING, _TUMBLING)
    own["n-day"] = own["n-day"].replace(_DAY, _ROLLING)
    own["s-roll-most"] = own["s-roll-most"].replace("[priority]", "[team]")
    own["c-roll"] = own["c-roll"].replace(", groupBy: [team]", "")
    return own


def life(random: Random, number: int, begin: Instant, length: Micros) -> list[Event]:
    """The events of a ticket that begins at some time of a stretch."""
    at = begin + random.randrange(length // MINUTE) * MINUTE
    events = [_event(random, number, 0, "created", at, team=_team(random), priority="p1")]
    for count in range(1, random.randrange(1, 9)):
        at += random.choice(
            [0, SECOND, 7 * MINUTE, 40 * MINUTE, HOUR, 2 * HOUR, 5 * HOUR, 9 * HOUR]
        )
        what = random.choice(
            ["replied", "replied", "assigned", "rated", "rated", "solved", "reopened", "commented"]
        )
        events.append(_event(random, number, count, what, at, **_data(random, what)))
    if random.random() < 0.05:
        events.append(_event(random, number, 99, "merged", at + HOUR))
    if random.random() < 0.2:
        wrong = random.choice(events[1:] or events)
        kind = _event(random, number, 50, random.choice(["retracted", "rated"]), at + MINUTE)
        events.append(replace(kind, replaces=wrong.id))
    return events


def delivered(
    random: Random, events: list[Event], begin: Instant, instants: list[Instant]
) -> Iterator[list[Event]]:
    """The events that come up to each instant: late, out of order, again, and contradicted."""
    coming = []
    for event in events:
        late = random.choice([0, 0, 0, 2 * MINUTE, HOUR, 10 * HOUR, 30 * HOUR, 3 * DAY])
        coming.append((event.time + late, event))
        if random.random() < 0.1:
            coming.append((event.time + random.choice([HOUR, DAY]), event))
        if random.random() < 0.04:
            other = replace(event, data={**event.data, "amount": 77})
            coming.append((event.time + random.choice([HOUR, DAY]), other))
    for instant in instants:
        some = [event for at, event in coming if begin <= at < instant]
        random.shuffle(some)
        yield some
        begin = instant


def _data(random: Random, what: str) -> dict[str, object]:
    match what:
        case "rated":
            return {"amount": random.choice(_AMOUNTS), "score": random.choice(_SCORES)}
        case "assigned":
            return {"team": _team(random), "priority": random.choice(["p1", "p2", None])}
        case "commented":
            return {"status": random.choice(["waiting", "open"])}
        case _:
            return {}


_AMOUNTS = (
    12,
    Decimal("0.1"),
    "10.25",
    Decimal("1e3"),
    -4,
    "-7.5",
    "n/a",
    True,
    None,
    3 * 10**25,
    "-30000000000000000000000000",
    Decimal("0.000000000000000000000000000000000000001"),
)
_SCORES = (1, 2, 3, 4, 5, Decimal("4.5"), "3", "", 10**20)


def _team(random: Random) -> str:
    return random.choice(["red", "blue", "green"])


def _event(
    random: Random, number: int, count: int, what: str, at: Instant, **data: object
) -> Event:
    source = random.choice(["/desk", "/mail"])
    name = f"T-{number}"
    return Event("ticket", name, source, f"{number}-{count}", f"ticket.{what}", at, data)
