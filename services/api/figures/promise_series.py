"""The series of all promises, renewed where something about a promise has changed.

A promise is a group of an objective; at most so many have series of their own, those without
groups first. What is over the limit is shown as one, so that a breach among it is seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from services.api.answering.answers import state_row
from services.api.figures import sla_figures
from services.api.figures.sla_figures import OTHERS, Totals, other_samples, promise_samples
from services.api.reading.objectives import Objectives
from services.api.reading.standing import Standing
from shared.domain.instant import Instant
from shared.runtime.kept_text import KeptFamilies, Sample

Promise = tuple[str, str]
"""An objective's key and a group of it, as the tables hold them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of the promises at one moment of the database.

    `rows` are those that have series of their own, `others` the states of the rest.
    """

    objectives: Objectives
    standing: Standing
    rows: Sequence[asyncpg.Record]
    now: Instant
    totals: Mapping[Promise, Totals] = field(default_factory=dict)
    others: Mapping[str, int] = field(default_factory=dict)


class PromiseSeries(KeptFamilies):
    """Keeps the series of the promises as text."""

    def __init__(self) -> None:
        """There are none yet."""
        super().__init__(sla_figures.GAUGES, sla_figures.COUNTERS)
        self._objectives: Objectives | None = None
        self._marks: dict[str, object] = {}

    def show(self, reading: Reading) -> int:
        """Show what was read; the number of promises that had to be written anew.

        May run in a thread of its own: a scrape shows what was before until all is done.
        """
        if reading.objectives is not self._objectives:
            self._objectives = reading.objectives
            self._marks = dict.fromkeys(self._marks)  # any of them may say something else now
        marks: dict[str, object] = {}
        changed: dict[str, Sequence[Sample]] = {}
        common = _common(reading)
        gaps = reading.standing.gaps
        for row in reading.rows:
            promise = (row["objective"], row["grp"])
            owner = "\t".join(promise)
            mark: tuple[object, ...] = (row, reading.totals.get(promise), common[promise[0]])
            if gaps and not reading.standing.is_complete(row["window_start"], row["window_end"]):
                mark = (*mark, reading.standing.as_of([promise[0]]))
            marks[owner] = mark
            if mark != self._marks.get(owner):
                changed[owner] = _samples(reading, row)
        if reading.others:
            totals = _totals_of_others(reading)
            marks[OTHERS] = mark = (*reading.others, totals)
            if mark != self._marks.get(OTHERS):
                changed[OTHERS] = tuple(other_samples([*reading.others], totals))
        gone = self._marks.keys() - marks.keys()
        self.renew(changed, gone)
        self._marks = marks
        return len(changed)


def _common(reading: Reading) -> dict[str, tuple[object, ...]]:
    """By objective: how fresh it is, and the version that judges it."""
    standing, now = reading.standing, reading.now
    found: dict[str, tuple[object, ...]] = {}
    for served in reading.objectives:
        as_of = standing.as_of([served.key])
        if as_of is not None:
            version, _ = served.judged_by(as_of)
            found[served.key] = (standing.freshness(as_of, now=now), version.start)
    return found


def _samples(reading: Reading, row: asyncpg.Record) -> Sequence[Sample]:
    state = state_row(reading.objectives, reading.standing, row, now=reading.now)
    totals = reading.totals.get((row["objective"], row["grp"]))
    served = reading.objectives[row["objective"]]
    return tuple(promise_samples(served, state, totals, reading.standing.gaps))


def _totals_of_others(reading: Reading) -> Totals:
    shown = {(row["objective"], row["grp"]) for row in reading.rows}
    events = breached = 0
    for promise, own in reading.totals.items():
        if promise not in shown:
            events, breached = events + own[0], breached + own[1]
    return events, breached
