"""The events of an item that count: of counts, sums and means, ratios, and cohorts (section 2).

A contribution here is settled once its event has been seen; only an item of a cohort waits, until
a good event comes or its time is over.
"""

import re
from decimal import Decimal
from typing import Final

from shared.domain.agreement import MeasureKind
from shared.domain.contribution import Contribution, contribution_of
from shared.domain.event import Scalar
from shared.domain.instant import Instant
from shared.domain.matcher import group_values
from shared.domain.measure import Amount, Outcome
from shared.domain.milestone import Moment
from shared.domain.plan import KpiPlan

NUMBER_TEXT_MAX: Final = 400
"""Characters of a text that is taken for a number."""
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


class Tally:
    """One KPI over events on one item.

    `due` is the last instant before time alone adds something, None if it never will.
    """

    __slots__ = ("_plan", "contributions", "due")

    def __init__(self, plan: KpiPlan) -> None:
        """Nothing has counted yet."""
        self._plan = plan
        self.contributions: list[Contribution] = []
        self.due: Instant | None = None

    def step(self, moment: Moment) -> None:
        """One event of a type that the KPI watches."""
        raise NotImplementedError

    def run_out(self, now: Instant) -> Instant | None:
        """Let time pass; the instant at which it added something, if it did."""
        del now
        return None

    def _add(self, outcome: Outcome, moment: Moment, number: int, amount: Amount | None) -> None:
        """Count an event for each objective that applies as of it."""
        at = moment.event.time
        for candidate in self._plan.matches(moment.after, at).values():
            own = candidate.objective
            self.contributions.append(
                contribution_of(
                    (
                        candidate.version.agreement,
                        own.name,
                        group_values(own.group_by, moment.after),
                        number,
                        0,  # ordinal
                        outcome,
                        at,  # counts_at
                        at,
                        None,  # stopped_at
                        amount,
                        False,
                    )
                )
            )


class CountTally(Tally):
    """A count: each item once, at its first such event ever, or (`every`) every such event."""

    __slots__ = ("_counted", "_events", "_every")

    def __init__(self, plan: KpiPlan) -> None:
        """Nothing has counted yet."""
        super().__init__(plan)
        self._events = plan.event.counter()
        self._every = plan.kpi.every
        self._counted = 0

    def step(self, moment: Moment) -> None:
        """Count the event if it is one."""
        if self._events.hits(moment) and (self._every or self._counted == 0):
            self._counted += 1
            self._add(Outcome.COUNTED, moment, self._counted, None)


class SumTally(Tally):
    """A sum or a mean: every such event whose field is a number."""

    __slots__ = ("_counted", "_events", "_field")

    def __init__(self, plan: KpiPlan) -> None:
        """Nothing has counted yet."""
        super().__init__(plan)
        self._events = plan.event.counter()
        self._field = plan.kpi.field
        self._counted = 0

    def step(self, moment: Moment) -> None:
        """Add the field as of the event."""
        if not self._events.hits(moment):
            return
        number = as_number(moment.after.get(self._field))
        if number is not None:
            self._counted += 1
            self._add(Outcome.COUNTED, moment, self._counted, number)


class RatioTally(Tally):
    """A ratio of two counts, each item once in each."""

    __slots__ = ("_sides",)

    def __init__(self, plan: KpiPlan) -> None:
        """Nothing has counted yet."""
        super().__init__(plan)
        self._sides = {
            Outcome.TOTAL: plan.total.counter(),
            Outcome.GOOD: plan.good.counter(),
        }

    def step(self, moment: Moment) -> None:
        """Count the event on the sides that it is the first of."""
        for outcome in [own for own, events in self._sides.items() if events.hits(moment)]:
            del self._sides[outcome]
            self._add(outcome, moment, 1, None)


class CohortTally(Tally):
    """A ratio that follows each item: from its first `total` event to a good one, or for `within`.

    All that it adds counts in the window and group of the total event, at the instant of its own.
    """

    __slots__ = ("_entered", "_good", "_total")

    def __init__(self, plan: KpiPlan) -> None:
        """The item has not entered."""
        super().__init__(plan)
        self._total = plan.total.counter()
        self._good = plan.good.counter()
        self._entered = False

    def step(self, moment: Moment) -> None:
        """Enter at the first total event; a good event after it ends the wait."""
        good = self._good.hits(moment)
        if self._entered:
            if good:
                self._settle(Outcome.REACHED, moment.event.time)
            return
        if self._total.hits(moment):
            self._entered = True
            self._add(Outcome.ENTERED, moment, 1, None)
            within = self._plan.kpi.within
            if self.contributions and within is not None:
                self.due = moment.event.time + within

    def run_out(self, now: Instant) -> Instant | None:
        """An item whose time is over without a good event is lost, as of the end of that time."""
        due = self.due
        if due is None or now <= due:
            return None
        self._settle(Outcome.LOST, due)
        return due

    def _settle(self, outcome: Outcome, at: Instant) -> None:
        if self.contributions and self.contributions[-1].outcome is Outcome.ENTERED:
            self.contributions += [
                entry._replace(outcome=outcome, at=at) for entry in self.contributions
            ]
        self.due = None


def tally_of(plan: KpiPlan) -> Tally:
    """The tally of a KPI's measure."""
    match plan.kpi.measure:
        case MeasureKind.COUNT:
            return CountTally(plan)
        case MeasureKind.SUM | MeasureKind.MEAN:
            return SumTally(plan)
        case MeasureKind.RATIO:
            return CohortTally(plan) if plan.kpi.cohort else RatioTally(plan)
        case MeasureKind.DURATION:
            message = "a duration is measured by clocks"
            raise TypeError(message)


def as_number(value: Scalar) -> Amount | None:
    """The exact number that an attribute is or writes, None when it is none (section 2)."""
    if isinstance(value, str):
        is_number = len(value) <= NUMBER_TEXT_MAX and _NUMBER.fullmatch(value)
        return Decimal(value) if is_number else None
    return None if value is None or isinstance(value, bool) else value
