"""Random events: few items, few instants, many collisions."""

import json
from typing import Any

from tests.oracle.dice import Dice

Json = Any
Event = dict[str, Json]

ATTRIBUTES: dict[str, list[Json]] = {
    "priority": ["p1", "p2", "p3", None],
    "status": ["open", "pending", "solved", "closed", "new", None],
    "team": ["a", "b", None, ["not", "a", "scalar"]],
    "customer": ["acme", "acme", "other", None],
    "score": [1, 1.0, "1", 2, True, 1.5, None],
    "actor": ["agent", "agent", "customer", None, 5],
}
AMOUNTS: list[Json] = [
    *(0, 1, 2, 3, 3, -1, -2, 2.5, 0.1, 10),
    *("1", "4", "2.50", "-3", "-0.75", "0.1", "007", "-0", "100000000000000000000.5"),
    *("0.0000000000005", "0.0000000000015", "-0.0000000000025"),
    *("1e3", "+5", ".5", "5.", " 5", "5\n", "", "abc", "٣", True, None, [1]),
]
RARE: list[tuple[str, Json]] = [
    ("team", "x" * 201),
    ("team", "x" * 200),
    ("team", "~ü/b c"),
    ("team", ""),
    ("amount", "1" * 400),
    ("amount", "1" * 401),
]
TICKETS = [
    *("ticket.created",) * 2,
    *("ticket.assigned",) * 2,
    *("ticket.replied",) * 3,
    *("ticket.commented",) * 2,
    *("ticket.status_changed",) * 2,
    *("ticket.priority_changed",) * 2,
    *("ticket.solved",) * 3,
    *("ticket.reopened",) * 3,
    *("ticket.closed", "ticket.rated", "ticket.retracted", "lead.created", "lead.won"),
]
LEADS = [
    *("lead.created", "lead.created", "lead.qualified", "lead.qualified", "lead.qualified"),
    *("lead.won", "lead.won", "lead.lost", "lead.lost", "lead.rated"),
]


def events(dice: Dice, kpis: dict[str, Json]) -> list[Event]:
    """The events of a case, mostly of types that its KPIs speak of."""
    return _Events(dice, kpis).all()


class _Events:
    def __init__(self, dice: Dice, kpis: dict[str, Json]) -> None:
        self.dice = dice
        spoken = json.dumps(kpis)
        items = {kpi["item"] for kpi in kpis.values()}
        self.types = TICKETS if items == {"ticket"} else LEADS if items == {"lead"} else []
        self.types = self.types or [*TICKETS, *LEADS, *LEADS]
        self.wanted = [t for t in self.types if f'"{t}"' in spoken] or self.types
        # Clocks are interesting where much happens to one item, ratios where there are many.
        self.subjects = ["T-1", "T-1", "T-1", "T-2", "T-3"]
        self.number = dice.random.randint(*dice.choice(((2, 12), (12, 50))))
        if dice.plain or "lead" in items or dice.maybe(0.3):
            self.subjects = [f"T-{n}" for n in range(1, dice.choice((5, 8, 13)))]
            self.number *= dice.choice((1, 2))
        if dice.crowd:
            self.subjects = [f"T-{n}" for n in range(1, dice.choice((13, 25)))]
            self.number = dice.random.randint(60, 120)
        self.amounts = 0.5 if '"field": "amount"' in spoken else 0.05

    def all(self) -> list[Event]:
        found: list[Event] = []
        for n in range(self.number):
            found.append(self.event(n, found))
            if n == 0:
                found[0]["time"] = self.dice.first.replace(tzinfo=None).isoformat() + "Z"
            if self.dice.maybe(0.05):
                found.append(dict(self.dice.choice(found)))
        self.dice.random.shuffle(found)
        return found

    def type(self) -> str:
        if self.dice.maybe(0.015):
            return "ticket.merged"
        return self.dice.choice(self.wanted if self.dice.maybe(0.75) else self.types)

    def event(self, n: int, before: list[Event]) -> Event:
        dice = self.dice
        event: Event = {
            "specversion": "1.0",
            "id": f"e-{n}",
            "source": dice.choice(("/a", "/a", "/a", "/b")),
            "subject": dice.choice(self.subjects),
            "type": self.type() if n else self.wanted[0],
            "time": dice.at(),
        }
        known = any(e["subject"] == event["subject"] for e in before)
        often = 0.15 if known else 0.5
        data = {k: dice.choice(values) for k, values in ATTRIBUTES.items() if dice.maybe(often)}
        if dice.maybe(self.amounts):
            data["amount"] = dice.choice(AMOUNTS)
        if dice.maybe(0.02):
            data |= dict([dice.choice(RARE)])
        if data or dice.maybe(0.5):
            event["data"] = data
        if before and dice.maybe(0.06):
            event |= {k: dice.choice(before)[k] for k in ("id", "source", "subject")}
        if dice.maybe(0.1):
            event["sequence"] = dice.choice(("1", "2", "10", "02", "x"))
        if before and (event["type"].endswith("retracted") or dice.maybe(0.06)):
            event["replaces"] = dice.choice([e["id"] for e in before] + ["nowhere"])
        return event
