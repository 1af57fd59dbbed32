"""Random calendars and KPIs of every measure."""

import datetime as dt
from typing import Any

from tests.oracle.dice import PLACES, Dice

Json = Any
Spec = dict[str, Json]

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
WHERE: tuple[Spec, ...] = (
    *({},) * 12,
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
COHORT_WITHIN = ("PT10M", "PT30M", "PT1H", "PT2H", "PT6H", "P1D", "P3D", "PT0S")
MEASURES = (  # of a case: where all are of one sort, most events count
    ("duration",),
    ("duration",),
    ("duration", "duration", "count", "sum", "mean", "ratio", "cohort"),
    ("count", "sum", "sum", "mean"),
    ("ratio", "ratio", "cohort", "cohort", "cohort"),
)


def calendar(dice: Dice) -> Spec:
    """The spec of a Calendar."""
    weekly = {d: dice.choice(HOURS) for d in WEEK if dice.maybe(0.8)}
    spec: Spec = {
        "timeZone": dice.zone if dice.maybe(0.8) else dice.choice(PLACES)[1],
        "weekly": weekly or {"mon": ["09:00-17:00"]},
    }
    dates = [str((dice.first + dt.timedelta(days=n)).date()) for n in range(-1, 8)]
    if dice.maybe(0.3):
        spec["holidays"] = {"dates": dice.some(dates, 2, 2), "yearly": [dice.choice(dates)[5:]]}
    if dice.maybe(0.3):
        spec["shifts"] = {d: dice.choice((*HOURS, [])) for d in dice.some(dates, 2, 2)}
    return spec


def kpis(dice: Dice) -> dict[str, Spec]:
    """The specs of the KPIs by name."""
    measures = dice.choice(MEASURES)
    return {f"kpi-{n}": _kpi(dice, dice.choice(measures)) for n in range(dice.random.randint(1, 3))}


def _kpi(dice: Dice, measure: str) -> Spec:
    if measure == "duration":
        return _duration(dice)
    spec: Spec = {"item": "ticket", "measure": measure}
    if measure in {"ratio", "cohort"}:
        return _ratio(dice, cohort=measure == "cohort")
    types = ["ticket.reopened", "ticket.replied", "ticket.rated", "ticket.created"]
    if dice.maybe(0.3):
        spec["item"], types = "lead", ["lead.won", "lead.rated", "lead.created"]
    spec["event"] = _milestones(dice, types)
    if measure == "count":
        return spec | ({"every": True} if dice.maybe(0.6) else {})
    return {**spec, "field": dice.choice(("amount", "amount", "amount", "score", "score", "actor"))}


def _ratio(dice: Dice, *, cohort: bool) -> Spec:
    spec: Spec = {"item": "ticket", "measure": "ratio"}
    good = ["ticket.solved", "ticket.replied", "ticket.rated"]
    total = ["ticket.created", "ticket.assigned", "ticket.reopened", "ticket.replied"]
    if dice.maybe(0.5):
        spec["item"], good, total = "lead", ["lead.won", "lead.lost"], ["lead.qualified"] * 3
        total.append("lead.won")
    spec |= {"good": _milestones(dice, good), "total": _milestones(dice, total)}
    if cohort:
        spec["cohort"] = True
        if dice.maybe(0.8):
            spec["within"] = dice.choice(COHORT_WITHIN)
    return spec


def _duration(dice: Dice) -> Spec:
    starts = ["ticket.created"] * 6 + ["ticket.replied", "ticket.assigned", "ticket.reopened"]
    stops = ["ticket.solved"] * 5 + ["ticket.replied"] * 3 + ["ticket.closed", "ticket.merged"]
    spec: Spec = {
        "item": "ticket",
        "measure": "duration",
        "start": _milestones(dice, starts),
        "stop": _milestones(dice, stops),
    }
    if dice.maybe(0.4):
        pauses: list[Spec] = [
            *({"status": "pending"}, {"status": ["pending", "solved"]}, {"team": None})
        ]
        chosen = dice.some(pauses, 1, 2)
        spec["pause"] = chosen if len(chosen) > 1 or dice.maybe(0.5) else chosen[0]
    if dice.crowd or dice.maybe(0.6):
        spec["repeat"] = True
    if dice.maybe(0.6):
        spec["reopen"] = dice.choice(("new-cycle", "continue", "continue", "ignore"))
    return spec


def _milestones(dice: Dice, types: list[str]) -> Json:
    if dice.maybe(0.7):
        return _milestone(dice, types)
    return [_milestone(dice, types) for _ in range(dice.random.randint(1, 2))]


def _milestone(dice: Dice, types: list[str]) -> Spec:
    spec: Spec = {}
    if not dice.seldom(0.25):
        spec["event"] = dice.choice(types)
    if not spec or dice.seldom(0.1):
        spec["changes"] = dice.choice(("team", "priority", "status", "score"))
    if dice.seldom(0.15):
        spec["where"] = dice.choice((*WHERE[10:], {"actor": "agent"}, {"actor": {"not": "agent"}}))
    if dice.seldom(0.1):
        spec["nth"] = dice.random.randint(1, 3)
    return spec
