"""Random documents and random events of the contract's slice, one case for each seed.

Few items, few instants, many collisions: what is rare in life is common here.
"""

import datetime as dt
import json
from dataclasses import dataclass, replace
from random import Random
from typing import Any

Json = Any
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# Around each date something happens to local time in its zone (or to the calendar year).
PLACES = (
    ("2026-03-02", "UTC"),
    ("2026-03-28", "Europe/Berlin"),
    ("2026-10-24", "Europe/Berlin"),
    ("2026-03-07", "America/New_York"),
    ("2026-04-04", "Australia/Lord_Howe"),
    ("2026-10-03", "Australia/Lord_Howe"),
    ("2011-12-28", "Pacific/Apia"),
    ("2026-10-31", "America/Havana"),
    ("2026-04-23", "Africa/Cairo"),
    ("2026-10-29", "Africa/Cairo"),
    ("2025-12-30", "Asia/Kolkata"),
    ("2026-09-05", "America/Santiago"),
    ("2026-05-30", "Europe/Berlin"),
)
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = (
    ["09:00-17:00"],
    ["08:00-12:00", "13:00-16:30"],
    ["00:00-24:00"],
    ["00:00-01:00", "02:30-04:00"],
    ["02:00-03:00", "03:00-03:30"],
    ["02:15-02:45", "22:00-24:00"],
    ["00:30-02:30", "02:30-05:00", "23:00-24:00"],
    ["12:00-12:10"],
    ["01:30-02:00", "02:00-02:10"],
)
ATTRIBUTES: dict[str, list[Json]] = {
    "priority": ["p1", "p2", "p3", None],
    "status": ["open", "pending", "solved", "closed", "new", None],
    "team": ["a", "b", None, ["not", "a", "scalar"]],
    "customer": ["acme", "acme", "other", None],
    "score": [1, 1.0, "1", 2, True, 1.5, None],
    "actor": ["agent", "customer", None],
}
TYPES = [
    "ticket.created",
    "ticket.created",
    "ticket.assigned",
    "ticket.replied",
    "ticket.replied",
    "ticket.commented",
    "ticket.status_changed",
    "ticket.status_changed",
    "ticket.priority_changed",
    "ticket.priority_changed",
    "ticket.solved",
    "ticket.solved",
    "ticket.reopened",
    "ticket.reopened",
    "ticket.closed",
    "ticket.rated",
    "ticket.solved",
    "ticket.reopened",
    "ticket.assigned",
    "ticket.commented",
    "ticket.replied",
    "ticket.retracted",
    "lead.created",
    "lead.won",
]
WHERE: tuple[dict[str, Json], ...] = (
    *({}, {}, {}, {}, {}),
    {"priority": "p1"},
    {"priority": ["p1", "p2"]},
    {"priority": {"not": "p1"}},
    {"priority": None},
    {"team": {"not": ["a", None]}},
    {"team": "a", "priority": {"not": "p3"}},
    {"score": 1},
    {"score": ["1", True]},
    {"status": {"not": ["solved", "closed"]}},
    {"actor": None},
)
APPLIES: tuple[dict[str, Json], ...] = (
    {"customer": "acme"},
    {"customer": ["acme", None]},
    {"customer": {"not": "other"}},
    {"customer": ["other", "acme"], "priority": {"not": "p3"}},
    {"team": {"not": "b"}},
)
WITHIN: tuple[Json, ...] = (
    *("PT10M", "PT30M", "PT1H", "PT90M", "PT4H", "PT8H", "PT24H", "PT100H", "PT1H0.5S"),
    *({"workingDays": 1}, {"workingDays": 2}, {"endOfWorkingDay": 0}, {"endOfWorkingDay": 1}),
)


@dataclass(frozen=True)
class Case:
    """Documents, event lines and the instant of evaluation."""

    documents: tuple[dict[str, Json], ...]
    events: tuple[dict[str, Json], ...]
    now: str

    @property
    def yaml(self) -> str:
        """The documents as one YAML text (JSON is YAML)."""
        return "\n---\n".join(json.dumps(d, indent=1) for d in self.documents) + "\n"

    @property
    def lines(self) -> list[str]:
        """The events as NDJSON."""
        return [json.dumps(e) for e in self.events]

    def with_events(self, events: list[dict[str, Json]]) -> "Case":
        """The same with other events."""
        return replace(self, events=tuple(events))


def case(seed: int) -> Case:
    """The case of a seed."""
    return _Maker(Random(seed)).case()  # noqa: S311 - a test's dice


class _Maker:
    def __init__(self, dice: Random) -> None:
        self.dice = dice
        date, self.zone = dice.choice(PLACES)
        self.first = dt.datetime.fromisoformat(f"{date}T00:00:00+00:00")
        self.hours = dice.choice((6, 30, 72))
        self.step = dice.choice((10, 30, 60))
        self.wanted = TYPES

    def maybe(self, chance: float) -> bool:
        return self.dice.random() < chance

    def at(self) -> str:
        minutes = self.dice.randrange(0, self.hours * 60, self.step)
        moment = self.first + dt.timedelta(minutes=minutes)
        if self.maybe(0.03):
            moment += dt.timedelta(microseconds=self.dice.choice((-1, 1)))
        return moment.replace(tzinfo=None).isoformat() + "Z"

    def case(self) -> Case:
        calendars = {f"cal-{n}": self.calendar() for n in range(self.dice.randint(0, 2))}
        kpis = {f"kpi-{n}": self.kpi() for n in range(self.dice.randint(1, 3))}
        self.wanted = [t for t in TYPES if f'"{t}"' in json.dumps(kpis)] or TYPES
        documents = [_document("Calendar", k, v) for k, v in calendars.items()]
        documents += [_document("Kpi", k, v) for k, v in kpis.items()]
        for n in range(self.dice.randint(1, 3)):
            for spec in self.agreement(n, [*calendars, "always"], kpis):
                documents.append(_document("Agreement", f"deal-{n}", spec))
        events = self.events()
        now = self.at()
        if self.maybe(0.5):
            now = max([now, *(e["time"] for e in events)], key=dt.datetime.fromisoformat)
        if self.maybe(0.3):  # where a target, or a share of it, is just used up
            now = self.used_up(self.dice.choice(events)["time"])
        if self.maybe(0.25):
            later = dt.datetime.fromisoformat(now) + dt.timedelta(days=self.dice.randint(1, 40))
            now = later.isoformat()
        return Case(tuple(documents), tuple(events), now)

    def used_up(self, start: str) -> str:
        share = self.dice.choice((1, 1, 1, 0.8, 0.5, 0.9))
        length = dt.timedelta(minutes=self.dice.choice((10, 30, 60, 90, 240, 480)) * share)
        length += dt.timedelta(microseconds=self.dice.choice((-1, 0, 0, 1)))
        return (dt.datetime.fromisoformat(start) + length).isoformat()

    def calendar(self) -> dict[str, Json]:
        dice = self.dice
        weekly = {d: dice.choice(HOURS) for d in WEEK if self.maybe(0.8)}
        spec: dict[str, Json] = {
            "timeZone": self.zone if self.maybe(0.8) else dice.choice(PLACES)[1],
            "weekly": weekly or {"mon": ["09:00-17:00"]},
        }
        dates = [str((self.first + dt.timedelta(days=n)).date()) for n in range(-1, 8)]
        if self.maybe(0.3):
            spec["holidays"] = {"dates": dice.sample(dates, 2), "yearly": [dice.choice(dates)[5:]]}
        if self.maybe(0.3):
            spec["shifts"] = {d: dice.choice((*HOURS, [])) for d in dice.sample(dates, 2)}
        return spec

    def milestone(self, types: list[str]) -> dict[str, Json]:
        dice = self.dice
        spec: dict[str, Json] = {}
        if self.maybe(0.75):
            spec["event"] = dice.choice(types)
        if not spec or self.maybe(0.1):
            spec["changes"] = dice.choice(("team", "priority", "status", "score"))
        if self.maybe(0.25):
            spec["where"] = dice.choice(
                (*WHERE[2:], {"actor": "agent"}, {"actor": {"not": "agent"}})
            )
        if self.maybe(0.1):
            spec["nth"] = dice.randint(1, 3)
        return spec

    def milestones(self, types: list[str]) -> Json:
        if self.maybe(0.7):
            return self.milestone(types)
        return [self.milestone(types) for _ in range(self.dice.randint(1, 2))]

    def kpi(self) -> dict[str, Json]:
        dice = self.dice
        if self.maybe(0.25):
            types = ["ticket.reopened", "ticket.replied", "ticket.rated", "ticket.created"]
            spec = {"item": "ticket", "measure": "count", "event": self.milestones(types)}
            return spec | ({"every": True} if self.maybe(0.6) else {})
        starts = ["ticket.created"] * 6 + ["ticket.replied", "ticket.assigned", "ticket.reopened"]
        stops = ["ticket.solved"] * 3 + ["ticket.replied", "ticket.closed", "ticket.merged"]
        spec = {
            "item": "ticket",
            "measure": "duration",
            "start": self.milestones(starts),
            "stop": self.milestones(stops),
        }
        if self.maybe(0.4):
            pauses = [{"status": "pending"}, {"status": ["pending", "solved"]}, {"team": None}]
            chosen = dice.sample(pauses, dice.randint(1, 2))
            spec["pause"] = chosen if len(chosen) > 1 or self.maybe(0.5) else chosen[0]
        if self.maybe(0.6):
            spec["repeat"] = True
        if self.maybe(0.6):
            spec["reopen"] = dice.choice(("new-cycle", "continue", "continue", "ignore"))
        return spec

    def agreement(
        self, n: int, calendars: list[str], kpis: dict[str, Json]
    ) -> list[dict[str, Json]]:
        dice = self.dice
        level = ("customer", "corporate", "service")[n]
        spec: dict[str, Json] = {
            "level": level,
            "type": dice.choice(("sla", "sla", "sla", "ola", "uc")),
            "parties": {"provider": "support", "customer": "acme"},
            "calendar": dice.choice(calendars),
            "effective": {"from": "2011-01-01T00:00:00Z"},
        }
        if self.maybe(0.4):
            spec["appliesTo"] = dice.choice(APPLIES)
        if self.maybe(0.3):
            spec["precedence"] = dice.randint(0, 2)
        names = dice.sample(["gold", "silver", "bronze", "iron"], dice.randint(1, 4))
        few = kpis
        if self.maybe(0.6):  # alternatives for one clock
            few = dict([dice.choice(list(kpis.items()))])
        fixed = {name: self.fixed(few) for name in names}
        versions = [{**spec, "objectives": self.objectives(names, fixed, spec)}]
        if self.maybe(0.3):
            edge = self.at()
            versions[0]["effective"] = {**spec["effective"], "until": edge}
            later = edge
            if self.maybe(0.3):
                later = max(edge, self.at(), key=dt.datetime.fromisoformat)
            chosen = [name for name in names if self.maybe(0.8)] or names
            other = {**spec, "calendar": dice.choice(calendars), "effective": {"from": later}}
            if self.maybe(0.3):
                other["level"] = level if spec["type"] == "sla" else "service"
            zones = {c: f["window"].get("timeZone") for c, f in fixed.items()}
            if any(z is None for z in zones.values()):
                other["calendar"] = spec["calendar"]
            other["objectives"] = self.objectives(chosen, fixed, other)
            versions.append(other)
        return versions

    def fixed(self, kpis: dict[str, Json]) -> dict[str, Json]:
        """What an objective keeps in all versions."""
        dice = self.dice
        kpi = dice.choice(list(kpis))
        window = {"calendar": dice.choice(("day", "day", "week", "month", "quarter", "year"))}
        if self.maybe(0.7):
            window["timeZone"] = self.zone
        kind = "within"
        if kpis[kpi]["measure"] == "count":
            kind = dice.choice(("atLeast", "atMost"))
        spec: dict[str, Json] = {"kpi": kpi, "window": window, "kind": kind}
        if self.maybe(0.4):
            spec["groupBy"] = dice.sample(["team", "priority", "score", "status", "actor"], 2)[
                : dice.randint(1, 2)
            ]
        return spec

    def objectives(
        self, names: list[str], fixed: dict[str, Json], agreement: dict[str, Json]
    ) -> list[dict[str, Json]]:
        found = []
        for name in names:
            kept = dict(fixed[name])
            kind = kept.pop("kind")
            spec = {"name": name, **kept, "target": self.target(kind, agreement["calendar"])}
            spec |= self.options(kind)
            found.append(spec)
        return found

    def target(self, kind: str, calendar: str) -> dict[str, Json]:
        dice = self.dice
        if kind != "within":
            return {kind: dice.choice((0, 1, 2, 3, 5, "2.5"))}
        within = dice.choice(WITHIN + (("P1D",) if calendar == "always" else ()))
        ratio = dice.choice((None, "0.5", "0.75", "0.9", "1", "0.333"))
        return {"within": within} | ({} if ratio is None else {"ratio": ratio})

    def options(self, kind: str) -> dict[str, Json]:
        dice = self.dice
        spec: dict[str, Json] = {"where": dice.choice(WHERE)}
        if kind == "within":
            if self.maybe(0.5):
                spec["onChange"] = dice.choice(("carry", "restart", "keep"))
            if self.maybe(0.2):
                spec["series"] = dice.choice(("one", "two"))
            if self.maybe(0.2):
                spec["minimum"] = dice.randint(1, 3)
        if self.maybe(0.3):
            spec["atRisk"] = {"budgetConsumed": "0.5", "elapsed": dice.choice(("0.5", "0.9"))}
        if kind == "atLeast" and self.maybe(0.6):
            spec["pace"] = dice.choice(({}, {"tolerance": "0.1"}, {"tolerance": "0.5"}))
        return spec

    def events(self) -> list[dict[str, Json]]:
        found: list[dict[str, Json]] = []
        for n in range(self.dice.randint(2, 40)):
            found.append(self.event(n, found))
            if n == 0:
                found[0]["time"] = self.first.replace(tzinfo=None).isoformat() + "Z"
            if self.maybe(0.05):
                found.append(dict(self.dice.choice(found)))
        self.dice.shuffle(found)
        return found

    def type(self) -> str:
        if self.maybe(0.015):
            return "ticket.merged"
        return self.dice.choice(self.wanted if self.maybe(0.6) else TYPES)

    def event(self, n: int, before: list[dict[str, Json]]) -> dict[str, Json]:
        dice = self.dice
        event: dict[str, Json] = {
            "specversion": "1.0",
            "id": f"e-{n}",
            "source": dice.choice(("/a", "/a", "/a", "/b")),
            "subject": dice.choice(("T-1", "T-1", "T-1", "T-2", "T-3")),
            "type": self.type() if n else "ticket.created",
            "time": self.at(),
        }
        names = [k for k in ATTRIBUTES if self.maybe(0.5 if n == 0 else 0.2)]
        if names or self.maybe(0.5):
            event["data"] = {k: dice.choice(ATTRIBUTES[k]) for k in names}
        if before and self.maybe(0.06):
            event |= {k: dice.choice(before)[k] for k in ("id", "source", "subject")}
        if self.maybe(0.1):
            event["sequence"] = dice.choice(("1", "2", "10", "02", "x"))
        if before and (event["type"].endswith("retracted") or self.maybe(0.06)):
            event["replaces"] = dice.choice([e["id"] for e in before] + ["nowhere"])
        return event


def _document(kind: str, name: str, spec: dict[str, Json]) -> dict[str, Json]:
    return {"apiVersion": "accord/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
