"""Random agreements: every kind of target and window, versions that differ where they may."""

import datetime as dt
import json
import re
from typing import Any

from tests.oracle.dice import Dice
from tests.oracle.generate_kpis import WHERE

Json = Any
Spec = dict[str, Json]

APPLIES: tuple[Spec, ...] = (
    {"customer": "acme"},
    {"customer": ["acme", None]},
    {"customer": {"not": "other"}},
    {"customer": ["other", "acme"], "priority": {"not": "p3"}},
    {"team": {"not": "b"}},
)
OPEN_TIME = (
    *("PT10M", "PT30M", "PT1H", "PT90M", "PT4H", "PT8H", "PT24H", "PT100H", "PT1H0.5S", "PT0S"),
)
LIMITS: tuple[Json, ...] = (
    *OPEN_TIME,
    *OPEN_TIME[:4],
    *({"workingDays": 1}, {"workingDays": 2}, {"endOfWorkingDay": 0}, {"endOfWorkingDay": 1}),
)
TUMBLING = ("PT15M", "PT30M", "PT1H", "PT1H", "PT2H", "PT7H", "PT100M", "P1D")
ROLLING = (
    *(("PT2H", "PT30M"), ("P1D", "PT6H"), ("PT1H", "PT1H"), ("PT3H", "PT1H"), ("PT45M", "PT15M")),
    *(("P2D", "P1D"), ("P1D", "PT1H"), ("PT20M", "PT10M"), ("PT6H", "PT2H"), ("PT100M", "PT50M")),
)
NUMBERS: dict[str, tuple[Json, ...]] = {
    "count": (0, 1, 1, 2, 2, 3, 5, "2.5", 1.5),
    "sum": (0, 1, 2, 3, "2.5", 7.5, 10, "0.1", "0.0000000000005", -3),
    "mean": (0, 1, "1.5", 2, 3, 2.5, "0.1", "-1"),
    "ratio": ("0.5", "0.25", "0.75", "0.333", "0.9", 0, 1, 0.5, "1.25"),
    "cohort": ("0.5", "0.25", "0.75", "0.333", "0.9", 0, 1, 0.5),
}
LONG_AGO = "2011-01-01T00:00:00Z"
GROUPS = ("team", "team", "priority", "priority", "status", "status", "score", "actor", "amount")


def agreement(dice: Dice, number: int, calendars: list[str], kpis: dict[str, Spec]) -> list[Spec]:
    """The specs of an Agreement's versions."""
    return _Agreement(dice, number, calendars, kpis).versions()


def _after(start: str) -> str:
    return (dt.datetime.fromisoformat(start) + dt.timedelta(hours=1)).isoformat()


class _Agreement:
    def __init__(
        self, dice: Dice, number: int, calendars: list[str], kpis: dict[str, Spec]
    ) -> None:
        self.dice, self.calendars = dice, calendars
        self.level = ("customer", "corporate", "service")[number]
        few = kpis
        if dice.maybe(0.6):  # alternatives for one clock
            few = dict([dice.choice(list(kpis.items()))])
        names = dice.some(["gold", "silver", "bronze", "iron"], 1, 4)
        self.kpis = kpis
        self.measures = {
            name: "cohort" if "cohort" in kpi else kpi["measure"] for name, kpi in kpis.items()
        }
        self.kept = {name: self.keep(few) for name in names}
        # So that another calendar does not change the zone of the windows.
        self.zoned = any(
            "calendar" in k["window"] and "timeZone" not in k["window"] for k in self.kept.values()
        )

    def versions(self) -> list[Spec]:
        dice = self.dice
        spec: Spec = {
            "level": self.level,
            "type": dice.choice(("sla", "sla", "sla", "ola", "uc")),
            "parties": {"provider": "support", "customer": "acme"},
            "calendar": dice.choice(self.calendars),
        }
        if dice.seldom(0.4):
            spec["appliesTo"] = dice.choice(APPLIES)
        if dice.maybe(0.3):
            spec["precedence"] = dice.random.randint(0, 2)
        more = 0 if dice.plain else dice.choice((0, 0, 0, 1, 1, 2))
        edges = sorted({dice.at() for _ in range(more)})
        begin = dice.at() if dice.seldom(0.2) else LONG_AGO
        edges = sorted({begin, *edges}, key=dt.datetime.fromisoformat)
        found = []
        for n, start in enumerate(edges):
            later, period = n > 0, {"from": start}
            if n + 1 < len(edges):
                period["until"] = edges[n + 1]
            elif dice.seldom(0.2):
                period["until"] = max(dice.at(), _after(start), key=dt.datetime.fromisoformat)
            version = {**spec, "effective": period}
            if later and not self.zoned:
                version["calendar"] = dice.choice(self.calendars)
            if later and dice.maybe(0.3) and spec["type"] != "sla":
                version["level"] = "service"
            names = [name for name in self.kept if dice.maybe(0.8)] if later else []
            version["objectives"] = self.objectives(names or list(self.kept), version["calendar"])
            found.append(version)
        if len(found) > 1 and dice.maybe(0.2):  # a time without any version
            found.pop(dice.random.randrange(len(found)))
        return found

    def keep(self, kpis: dict[str, Spec]) -> Spec:
        """What an objective keeps in all versions."""
        dice = self.dice
        kpi = dice.choice(list(kpis))
        kinds: tuple[str, ...] = ("atLeast", "atMost")
        if self.measures[kpi] == "duration":
            kinds = ("within", "within", "within", "percentile", "percentile", "mean")
        spec: Spec = {"kpi": kpi, "window": self.window(), "kind": dice.choice(kinds)}
        if dice.maybe(0.4):
            spec["groupBy"] = list(dict.fromkeys(dice.some(GROUPS, 1, 2)))
            if changed := re.findall(r'"changes": "(\w+)"', json.dumps(self.kpis[kpi].get("stop"))):
                spec["groupBy"] = [changed[-1]]
        return spec

    def window(self) -> Spec:
        dice = self.dice
        if dice.crowd and dice.maybe(0.5):  # much in each of several windows
            return {"tumbling": dice.choice(("PT1H", "PT2H", "PT7H", "P1D"))}
        way = dice.random.random()
        if way < 0.4:
            spec = {"calendar": dice.choice(("day", "day", "week", "month", "quarter", "year"))}
            return spec | ({"timeZone": dice.zone} if dice.maybe(0.7) else {})
        if way < 0.65:
            return {"tumbling": dice.choice(TUMBLING)}
        rolling, step = dice.choice(ROLLING) if dice.maybe(0.99) else ("PT2500M", "PT1M")
        return {"rolling": rolling, "step": step}

    def objectives(self, names: list[str], calendar: str) -> list[Spec]:
        found = []
        for name in names:
            kept = dict(self.kept[name])
            kind, measure = kept.pop("kind"), self.measures[kept["kpi"]]
            spec = {"name": name, **kept, "target": self.target(kind, measure, calendar)}
            found.append(spec | self.options(kind, measure))
        return found

    def target(self, kind: str, measure: str, calendar: str) -> Spec:
        dice = self.dice
        day = ("P1D",) if calendar == "always" else ()
        if kind == "within":
            ratio = dice.choice((None, "0.5", "0.75", "0.9", "1", "0.333", 0.5, "0.25", "0.1"))
            within = self.limit((*LIMITS, *day))
            return {"within": within} | ({} if ratio is None else {"ratio": ratio})
        if kind == "percentile":
            p = dice.choice(("0.5", "0.9", "0.28", "1", "0.95", "0.55", "0.35", 0.75, "0.1"))
            return {"percentile": p, "atMost": self.limit((*LIMITS, *day))}
        if kind == "mean":
            return {"mean": True, "atMost": self.limit((*OPEN_TIME, *day))}
        return {kind: dice.choice(NUMBERS[measure])}

    def limit(self, among: tuple[Json, ...]) -> Json:
        """Of a clock's target: often so long that some meet it and others do not."""
        if self.dice.maybe(0.5):
            return self.dice.choice(among)
        return f"PT{self.dice.hours * 60 // self.dice.choice((20, 12, 8, 5, 3))}M"

    def options(self, kind: str, measure: str) -> Spec:
        dice = self.dice
        spec: Spec = {"where": {} if dice.plain else dice.choice(WHERE)}
        if measure == "duration":
            if dice.maybe(0.5):
                spec["onChange"] = dice.choice(("carry", "restart", "keep"))
            if dice.maybe(0.8 if dice.crowd else 0.4):
                spec["attribution"] = dice.choice(("started", "started", "decided"))
        if kind in {"within", "percentile"} and dice.maybe(0.2):
            spec["series"] = dice.choice(("one", "two"))
        if dice.maybe(0.25):
            spec["minimum"] = dice.random.randint(1, 4)
        if dice.maybe(0.5):
            budget, elapsed = (
                dice.choice(("0.5", "0.25", 0.1, "1", 0)),
                dice.choice(("0.5", "0.9", 0)),
            )
            spec["atRisk"] = {"budgetConsumed": budget, "elapsed": elapsed}
        if kind == "atLeast" and measure in {"count", "sum"} and dice.maybe(0.8):
            spec["pace"] = dice.choice(({}, {"tolerance": "0.1"}, {"tolerance": "0.5"}))
        return spec
