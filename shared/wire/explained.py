"""The JSON forms of explanations: the member `explain` of windows and clocks, and what is in it."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec

from shared.domain.agreement import MeasureKind, Objective, Version
from shared.domain.contest import Contender, Contest
from shared.domain.explain_clock import Interval
from shared.domain.explain_item import ExplainedClock
from shared.domain.explain_window import Budget, Pace, Rank, WindowReasons
from shared.domain.history import Alternative, Happening
from shared.domain.instant import Instant, format_instant
from shared.domain.judge import Judgement
from shared.domain.measure import Amount, exact
from shared.domain.membership import Members
from shared.wire.results import (
    ClockRow,
    ObjectiveRow,
    Seconds,
    clock_row,
    decimal_text,
    instant_text,
    seconds,
)


class AppliedForm(msgspec.Struct, frozen=True, kw_only=True):
    """The version of an agreement that was applied, and to what."""

    kpi: str
    type: str
    level: str
    precedence: int
    provider: str
    customer: str
    version_from: str
    version_until: str | None
    calendar: str
    time_zone: str


class IntervalForm(msgspec.Struct, frozen=True):
    """A part of a clock's life: running, paused, or closed, with its reason."""

    start: str
    end: str
    activity: str
    seconds: Seconds
    cause: str
    reason: str


class EventForm(msgspec.Struct, frozen=True):
    """Which event: its identity and type."""

    id: str
    source: str
    type: str


class HappeningForm(msgspec.Struct, frozen=True):
    """What an event did to a clock; nothing but time breaches it."""

    at: str
    what: str
    event: EventForm | None
    text: str


class AlternativeForm(msgspec.Struct, frozen=True):
    """An objective of the series, and why it applied or not when the clock came under its own."""

    objective: str
    chosen: bool
    text: str


class ContenderForm(msgspec.Struct, frozen=True, kw_only=True):
    """One of the promises about the same item, KPI and cycle."""

    agreement: str
    objective: str
    type: str
    level: str
    precedence: int
    state: str
    binding: bool
    why: str


class ContestForm(msgspec.Struct, frozen=True):
    """All that is promised of one KPI in one cycle of an item, the binding ones first."""

    kpi: str
    cycle: int
    promises: list[ContenderForm]


class ClockExplanation(AppliedForm, frozen=True, kw_only=True):
    """Why a clock shows what it shows; the running intervals add up to its elapsed."""

    target: Mapping[str, object]
    came_under_at: str
    target_open_s: Seconds | None
    text: list[str]
    intervals: list[IntervalForm]
    happened: list[HappeningForm]
    alternatives: list[AlternativeForm]
    levels: list[ContenderForm]


class ExplainedClockRow(ClockRow, frozen=True, kw_only=True):
    """A clock with its explanation."""

    explain: ClockExplanation


class RankForm(msgspec.Struct, frozen=True):
    """Of a percentile: the `place`-th of `of` times in order is the value."""

    share: str | None
    of: int
    place: int


class BudgetForm(msgspec.Struct, frozen=True):
    """What was missed of what may be missed."""

    missed: str | None
    allowed: str | None
    consumed: str | None


class PaceForm(msgspec.Struct, frozen=True):
    """Of a volume: what should be there by now, and below what it is at risk."""

    expected: str | None
    at_risk_below: str | None
    tolerance: str | None
    open_s: Seconds
    elapsed_open_s: Seconds


class MemberForm(msgspec.Struct, frozen=True, kw_only=True):
    """A contribution to a window: `amount` of a sum or a mean, `elapsed_s` of a stopped clock."""

    item: str
    cycle: int
    outcome: str
    at: str | None
    amount: str | None
    elapsed_s: Seconds | None


class MembersForm(msgspec.Struct, frozen=True):
    """The first of the contributions to a window, and how many there are."""

    total: int
    shown: list[MemberForm]


class WindowExplanation(AppliedForm, frozen=True, kw_only=True):
    """Why a window shows what it shows: its formula with numbers, the rule of its state."""

    text: list[str]
    formula: str
    rule: str
    minimum: int
    rank: RankForm | None
    budget: BudgetForm | None
    pace: PaceForm | None


class WholeWindowExplanation(WindowExplanation, frozen=True, kw_only=True):
    """The same with the items that made it up."""

    items: MembersForm


class ExplainedObjectiveRow(ObjectiveRow, frozen=True, kw_only=True):
    """A window with its explanation."""

    explain: WholeWindowExplanation


def explained_clock_row(own: ExplainedClock) -> ExplainedClockRow:
    """The row of one clock with everything that explains it."""
    reading, history = own.reading, own.history
    target = reading.target if reading.working_target is None else reading.working_target
    explanation = ClockExplanation(
        **_applied(history.version, history.objective),
        target=history.objective.target_text,
        came_under_at=format_instant(reading.came_under),
        target_open_s=None if target is None else seconds(target),
        text=own.text,
        intervals=[_interval(one) for one in own.intervals],
        happened=[_happening(one) for one in own.happened],
        alternatives=[_alternative(one) for one in history.alternatives],
        levels=contest_form(own.contest).promises,
    )
    return ExplainedClockRow(**members_of(clock_row(reading)), explain=explanation)


def contest_form(contest: Contest) -> ContestForm:
    """The promises about one KPI and cycle of an item."""
    return ContestForm(contest.kpi, contest.cycle, [_contender(own) for own in contest.standing])


def window_explanation(
    judgement: Judgement, reasons: WindowReasons, text: list[str]
) -> WindowExplanation:
    """The reasons of a window, and the version that judged it."""
    return WindowExplanation(
        **_applied(judgement.version, judgement.objective),
        text=text,
        formula=reasons.formula,
        rule=reasons.rule,
        minimum=judgement.objective.minimum,
        rank=_rank(reasons.rank),
        budget=_budget(reasons.budget),
        pace=_pace(reasons.pace),
    )


def explained_objective_row(
    row: ObjectiveRow, explanation: WindowExplanation, members: Members, measure: MeasureKind
) -> ExplainedObjectiveRow:
    """The row of one window with its explanation and the items that made it up."""
    shown = [
        member_form(item, own.cycle, own.outcome.value, own.at, own.amount, measure)
        for item, own in members.shown
    ]
    whole = WholeWindowExplanation(
        **members_of(explanation), items=MembersForm(members.total, shown)
    )
    return ExplainedObjectiveRow(**members_of(row), explain=whole)


def member_form(
    item: str,
    cycle: int,
    outcome: str,
    at: Instant | None,
    amount: Amount | None,
    measure: MeasureKind,
) -> MemberForm:
    """A contribution of an item: of a clock `amount` is microseconds, else the field's number."""
    elapsed, number = None, None
    if amount is not None and measure is MeasureKind.DURATION:
        elapsed = seconds(int(amount))
    elif amount is not None:
        number = decimal_text(Fraction(exact(amount)))
    return MemberForm(
        item=item,
        cycle=cycle,
        outcome=outcome,
        at=instant_text(at),
        amount=number,
        elapsed_s=elapsed,
    )


def members_of(row: msgspec.Struct) -> dict[str, Any]:
    """The members of a struct by name, for one that has more."""
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _applied(version: Version, objective: Objective) -> dict[str, Any]:
    return {
        "kpi": objective.kpi.name,
        "type": version.type.value,
        "level": version.level.value,
        "precedence": version.precedence,
        "provider": version.provider,
        "customer": version.customer,
        "version_from": format_instant(version.start),
        "version_until": instant_text(version.until),
        "calendar": version.calendar.name,
        "time_zone": version.calendar.zone,
    }


def _interval(own: Interval) -> IntervalForm:
    return IntervalForm(
        format_instant(own.span.start),
        format_instant(own.span.end),
        own.activity.value,
        seconds(own.length),
        own.cause,
        own.reason,
    )


def _happening(own: Happening) -> HappeningForm:
    event = own.event
    named = None if event is None else EventForm(event.id, event.source, event.type)
    return HappeningForm(format_instant(own.at), own.what.value, named, own.text)


def _alternative(own: Alternative) -> AlternativeForm:
    return AlternativeForm(own.objective, own.chosen, own.text)


def _contender(own: Contender) -> ContenderForm:
    return ContenderForm(
        agreement=own.agreement,
        objective=own.objective,
        type=own.type.value,
        level=own.level.value,
        precedence=own.precedence,
        state=own.state,
        binding=own.binding,
        why=own.why,
    )


def _rank(own: Rank | None) -> RankForm | None:
    return None if own is None else RankForm(decimal_text(own.share), own.of, own.place)


def _budget(own: Budget | None) -> BudgetForm | None:
    if own is None:
        return None
    consumed = decimal_text(own.consumed)
    return BudgetForm(decimal_text(own.missed), decimal_text(own.allowed), consumed)


def _pace(own: Pace | None) -> PaceForm | None:
    if own is None:
        return None
    return PaceForm(
        decimal_text(own.expected),
        decimal_text(own.at_risk_below),
        decimal_text(own.tolerance),
        seconds(own.open_time),
        seconds(own.elapsed),
    )
