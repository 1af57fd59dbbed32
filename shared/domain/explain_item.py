"""An item explained: each of its clocks, and which of all promises about it bind."""

from dataclasses import dataclass

from shared.domain.agreement import Catalogue
from shared.domain.clock_reading import ClockReading
from shared.domain.clock_words import clock_words
from shared.domain.contest import Contest, contests
from shared.domain.explain_clock import Interval, explain_clock
from shared.domain.history import Happening, History, clock_key, histories, whole_story
from shared.domain.instant import Instant
from shared.domain.item import Item
from shared.domain.plan import Plan


@dataclass(frozen=True, slots=True)
class ExplainedClock:
    """A clock with its history, its life in intervals, its rivals, and all of it in words.

    `happened` is what happened to it, its breach among that. `contest` has every promise about the
    same KPI and cycle, its own too.
    """

    reading: ClockReading
    history: History
    happened: list[Happening]
    intervals: tuple[Interval, ...]
    contest: Contest
    text: list[str]


@dataclass(frozen=True, slots=True)
class ExplainedItem:
    """The clocks in the contract's order, and the promises side by side, by KPI and cycle."""

    clocks: tuple[ExplainedClock, ...]
    contests: tuple[Contest, ...]


def explain_item(item: Item, plan: Plan, catalogue: Catalogue, *, now: Instant) -> ExplainedItem:
    """Explain everything about an item as of `now`; `plan` is the catalogue compiled."""
    readings = item.clocks(now=now)
    found = histories(plan, item.kind, item.events, now=now)
    contributions = item.settle(now=now).contributions
    several = contests(readings, found, contributions, catalogue.agreements)
    by_cycle = {(own.kpi, own.cycle): own for own in several}
    contenders = {
        (contest.kpi, contest.cycle, own.agreement, own.objective, own.ordinal): own
        for contest in several
        for own in contest.contenders
    }
    clocks = []
    for reading in readings:
        history = found[clock_key(reading)]
        calendar = history.version.calendar
        intervals = explain_clock(reading, calendar, history.modes, now=now)
        place = (history.objective.kpi.name, reading.cycle)
        own = contenders[*place, reading.agreement, reading.objective, reading.ordinal]
        text = clock_words(reading, history, intervals, own)
        happened = whole_story(history, reading)
        contest = by_cycle[place]
        clocks.append(ExplainedClock(reading, history, happened, intervals, contest, text))
    return ExplainedItem(tuple(clocks), tuple(several))
