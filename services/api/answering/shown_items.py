"""An explained item as somebody sees it who may not see every promise about it."""

from collections.abc import Iterable
from dataclasses import replace

from services.api.reading.objectives import Objectives
from services.api.reading.restriction import names_others
from shared.domain.agreement import objective_id
from shared.domain.clock_words import clock_words
from shared.domain.contest import Contender, Contest
from shared.domain.explain_item import ExplainedClock, ExplainedItem
from shared.domain.history import Alternative, History

_WITHHELD = "another agreement comes first"


def shown_item(explained: ExplainedItem, objectives: Objectives) -> ExplainedItem:
    """The item without promises that may not be seen; which one binds stays as it is."""
    if objectives.customers is None:
        return explained
    contests = {(own.kpi, own.cycle): _shown(own, objectives) for own in explained.contests}
    clocks = [
        _shown_clock(own, contests[own.contest.kpi, own.contest.cycle], objectives)
        for own in explained.clocks
        if _is_shown(own.reading.agreement, own.reading.objective, objectives)
    ]
    return ExplainedItem(tuple(clocks), tuple(own for own in contests.values() if own.contenders))


def _is_shown(agreement: str, objective: str, objectives: Objectives) -> bool:
    return objectives.get(objective_id(agreement, objective)) is not None


def _shown(contest: Contest, objectives: Objectives) -> Contest:
    hidden = {
        own.agreement for own in contest.contenders if own.agreement not in objectives.agreements
    }
    return replace(
        contest,
        contenders=tuple(
            _shown_contender(own, hidden)
            for own in contest.contenders
            if _is_shown(own.agreement, own.objective, objectives)
        ),
    )


def _shown_contender(own: Contender, hidden: Iterable[str]) -> Contender:
    """The same, its reason without the names of agreements that may not be seen."""
    if not any(name in own.why for name in hidden):
        return own
    return replace(own, why="binds" if own.binding else _WITHHELD)


def _shown_clock(own: ExplainedClock, contest: Contest, objectives: Objectives) -> ExplainedClock:
    reading = own.reading
    history = _shown_history(own.history, objectives)
    place = (reading.agreement, reading.objective, reading.ordinal)
    contender = next(
        one for one in contest.contenders if (one.agreement, one.objective, one.ordinal) == place
    )
    text = clock_words(reading, history, own.intervals, contender)
    return replace(own, history=history, contest=contest, text=text)


def _shown_history(history: History, objectives: Objectives) -> History:
    """Without the alternatives that are about others, nor words about the names of these."""
    version, customers = history.version, objectives.customers or ()
    return replace(
        history,
        alternatives=tuple(
            _shown_alternative(one, named=names_others(version, own, customers))
            for one in history.alternatives
            if _is_shown(version.agreement, one.objective, objectives)
            and (own := version.objective(one.objective)) is not None
        ),
    )


def _shown_alternative(one: Alternative, *, named: bool) -> Alternative:
    if not named:
        return one
    return replace(one, text="applies" if one.chosen else "does not apply")
