"""The reasons that `accord evaluate --explain` adds to every window and clock."""

from collections.abc import Iterable
from typing import Final

from shared.domain.agreement import Catalogue
from shared.domain.clock_reading import ClockReading
from shared.domain.evaluation import WindowReading
from shared.domain.explain_item import ExplainedClock, explain_item
from shared.domain.explain_window import explain_window
from shared.domain.history import ClockKey, clock_key
from shared.domain.instant import Instant
from shared.domain.item import Item
from shared.domain.membership import Membership
from shared.domain.plan import compile_plan
from shared.domain.window_words import window_words
from shared.wire import results
from shared.wire.explained import (
    ExplainedClockRow,
    ExplainedObjectiveRow,
    explained_clock_row,
    explained_objective_row,
    window_explanation,
)

ITEMS_SHOWN: Final = 100
"""How many of the contributions to a window are listed; their total is always said."""


class Explaining:
    """What is known of all items as of an instant, to explain what was evaluated of them."""

    def __init__(self, catalogue: Catalogue, items: Iterable[Item], *, now: Instant) -> None:
        """Go through every item's timeline once more."""
        plan = compile_plan(catalogue)
        self._catalogue = catalogue
        self._now = now
        self._clocks: dict[tuple[str, ClockKey], ExplainedClock] = {}
        contributed = []
        for item in items:
            for own in explain_item(item, plan, catalogue, now=now).clocks:
                self._clocks[item.key, clock_key(own.reading)] = own
            contributed += [(item.key, own) for own in item.settle(now=now).contributions]
        self._members = Membership(catalogue.agreements, contributed, now=now)

    def clock(self, reading: ClockReading) -> ExplainedClockRow:
        """The row of a clock with its explanation."""
        return explained_clock_row(self._clocks[reading.item, clock_key(reading)])

    def window(self, reading: WindowReading) -> ExplainedObjectiveRow:
        """The row of a window with its explanation and the items that made it up."""
        judgement, span, measure = reading.judgement, reading.window, reading.measure
        name, objective = judgement.version.agreement, judgement.objective
        agreement = self._catalogue.agreements[name]
        reasons = explain_window(agreement, judgement, span, measure, now=self._now)
        text = window_words(judgement, span, measure, reasons)
        members = self._members.of(name, objective.name, reading.group, span, ITEMS_SHOWN)
        row = results.objective_row(judgement, reading.group, span, measure)
        explanation = window_explanation(judgement, reasons, text)
        return explained_objective_row(row, explanation, members, objective.kpi.measure)
