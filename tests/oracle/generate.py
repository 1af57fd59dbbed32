"""Random documents and random events of the contract's sections 1 to 4, one case for each seed.

What is rare in life is common here. Every document is a valid one.
"""

import datetime as dt
import json
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from tests.oracle.days import duration
from tests.oracle.dice import Dice
from tests.oracle.generate_agreements import LONG_AGO, agreement
from tests.oracle.generate_events import events
from tests.oracle.generate_kpis import calendar, kpis

Json = Any


@dataclass(frozen=True)
class Case:
    """Documents, event lines, the instant of evaluation, and which windows are asked for."""

    documents: tuple[dict[str, Json], ...]
    events: tuple[dict[str, Json], ...]
    now: str
    all_windows: bool = False

    @property
    def yaml(self) -> str:
        """The documents as one YAML text (JSON is YAML)."""
        return "\n---\n".join(json.dumps(d, indent=1) for d in self.documents) + "\n"

    @property
    def lines(self) -> list[str]:
        """The events as NDJSON."""
        return [json.dumps(e) for e in self.events]

    @property
    def text(self) -> str:
        """Everything a reader needs to try it again."""
        documents = "\n---\n".join(json.dumps(d) for d in self.documents)
        flag = " --all-windows" if self.all_windows else ""
        return "\n".join((documents, *self.lines, f"--now {self.now}{flag}"))

    def with_events(self, chosen: list[dict[str, Json]]) -> "Case":
        """The same with other events."""
        return replace(self, events=tuple(chosen))

    def with_documents(self, chosen: list[dict[str, Json]]) -> "Case":
        """The same with other documents."""
        return replace(self, documents=tuple(chosen))


def case(seed: int) -> Case:
    """The case of a seed."""
    dice = Dice(seed)
    calendars = {f"cal-{n}": calendar(dice) for n in range(dice.random.randint(0, 2))}
    measured = kpis(dice)
    documents = [_document("Calendar", k, v) for k, v in calendars.items()]
    documents += [_document("Kpi", k, v) for k, v in measured.items()]
    for n in range(dice.random.randint(1, 3)):
        for spec in agreement(dice, n, [*calendars, "always"], measured):
            documents.append(_document("Agreement", f"deal-{n}", spec))
    chosen = events(dice, measured)
    return Case(tuple(documents), tuple(chosen), _now(dice, chosen, documents), dice.maybe(0.5))


def _now(dice: Dice, chosen: list[dict[str, Json]], documents: list[dict[str, Json]]) -> str:
    now = dice.at()
    if dice.maybe(0.7):
        now = max([now, *(e["time"] for e in chosen)], key=dt.datetime.fromisoformat)
    if dice.maybe(0.3):  # where a length of the documents, or a share of it, is just over
        now = _over(dice, dice.choice(chosen)["time"], documents)
    periods = [d["spec"]["effective"] for d in documents if d["kind"] == "Agreement"]
    edges = [edge for period in periods for edge in period.values() if edge != LONG_AGO]
    if edges and dice.maybe(0.15):
        now = dice.choice(edges)
    if dice.maybe(0.2):
        days = dice.choice((1, 1, 2, 3, 7, 40))
        now = (dt.datetime.fromisoformat(now) + dt.timedelta(days=days)).isoformat()
    return now


def _over(dice: Dice, start: str, documents: list[dict[str, Json]]) -> str:
    cohorts = [d for d in documents if d["kind"] == "Kpi" and "within" in d["spec"]]
    speaking = cohorts if cohorts and dice.maybe(0.7) else documents
    lengths = re.findall(r'"(PT?[0-9.HMSD]+)"', json.dumps(speaking))
    micros = duration(dice.choice(lengths or ["PT1H"])) or 0
    share = dice.choice(("1", "1", "1", "1", "0.8", "0.5", "0.9"))
    length = dt.timedelta(microseconds=int(micros * Fraction(share)))
    length += dt.timedelta(microseconds=dice.choice((-1, 0, 0, 1)))
    return (dt.datetime.fromisoformat(start) + length).isoformat()


def _document(kind: str, name: str, spec: dict[str, Json]) -> dict[str, Json]:
    return {"apiVersion": "accord/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
