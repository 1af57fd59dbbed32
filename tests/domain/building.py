"""Domain values with defaults, for tests that are about one of their members."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction

from shared.domain.agreement import (
    Agreement,
    AgreementType,
    AtLeast,
    AtMost,
    AtRisk,
    Attribution,
    Catalogue,
    Kpi,
    Level,
    Mean,
    MeasureKind,
    Objective,
    OnChange,
    OpenTime,
    Percentile,
    Target,
    Version,
    Within,
)
from shared.domain.business_calendar import ALWAYS, BusinessCalendar, CalendarRules, LocalInterval
from shared.domain.event import Event, Scalar
from shared.domain.instant import DAY, HOUR, Instant, parse_instant
from shared.domain.matcher import Choice, Matcher, Milestone
from shared.domain.window import CalendarWindow, Period, Window

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MARCH = CalendarWindow(Period.MONTH, "UTC")


def at(text: str) -> Instant:
    """`09:00` on 2026-03-02, `03-07 09:00` of 2026, or a whole instant; UTC."""
    if "T" in text:
        return parse_instant(text)
    day, _, time = text.rpartition(" ")
    return parse_instant(f"2026-{day or '03-02'}T{time}:00Z")


def minutes(text: str) -> LocalInterval:
    """`09:00-17:00` in minutes of the day."""
    first, last = (end.split(":") for end in text.split("-"))
    return int(first[0]) * 60 + int(first[1]), int(last[0]) * 60 + int(last[1])


def a_calendar(
    hours: Mapping[str, str],
    zone: str = "UTC",
    *,
    dates: tuple[str, ...] = (),
    yearly: tuple[str, ...] = (),
    shifts: Mapping[str, str] | None = None,
) -> BusinessCalendar:
    """A calendar; hours by days as `{"mon-fri": "09:00-12:00 13:00-17:00"}`."""
    weekly: list[tuple[LocalInterval, ...]] = [()] * 7
    for days, intervals in hours.items():
        first, _, last = days.partition("-")
        for day in range(WEEK.index(first), WEEK.index(last or first) + 1):
            weekly[day] = tuple(map(minutes, intervals.split()))
    rules = CalendarRules(
        "office",
        zone,
        tuple(weekly),
        frozenset(map(date.fromisoformat, dates)),
        frozenset((int(d[:2]), int(d[3:])) for d in yearly),
        {
            date.fromisoformat(day): tuple(map(minutes, intervals.split()))
            for day, intervals in (shifts or {}).items()
        },
    )
    return BusinessCalendar(rules)


ANSWER = Kpi(
    "answer",
    "ticket",
    MeasureKind.DURATION,
    start=(Milestone("ticket.created"),),
    stop=(Milestone("ticket.replied"),),
)
RETURNS = Kpi(
    "returns", "ticket", MeasureKind.COUNT, event=(Milestone("ticket.reopened"),), every=True
)
HOURS_SPENT = Kpi(
    "hours-spent", "ticket", MeasureKind.SUM, event=(Milestone("ticket.rated"),), field="amount"
)
RATING = Kpi(
    "rating", "ticket", MeasureKind.MEAN, event=(Milestone("ticket.rated"),), field="amount"
)
SOLVED = Kpi(
    "solved",
    "ticket",
    MeasureKind.RATIO,
    good=(Milestone("ticket.solved"),),
    total=(Milestone("ticket.created"),),
)
COHORT = replace(SOLVED, name="cohort", cohort=True, within=DAY)
ENDLESS = replace(SOLVED, name="endless", cohort=True)


def within(micros: int = HOUR, ratio: str = "1") -> Within:
    """A target of open time."""
    return Within(OpenTime(micros), Fraction(ratio))


def percentile(share: str, micros: int = HOUR) -> Percentile:
    """A target of the share's quantile."""
    return Percentile(Fraction(share), OpenTime(micros))


def mean(micros: int = HOUR) -> Mean:
    """A target of the mean of durations."""
    return Mean(micros)


def only(name: str, *values: Scalar, negated: bool = False) -> Matcher:
    """A matcher of one attribute."""
    return Matcher(((name, Choice(values, negated)),))


def an_objective(
    name: str = "o",
    kpi: Kpi = ANSWER,
    target: Target | None = None,
    *,
    minimum: int = 1,
    pace: str | None = None,
    where: Matcher = Matcher(),  # noqa: B008 - a frozen value
    window: Window = MARCH,
    group_by: tuple[str, ...] = (),
    budget_consumed: str = "0.8",
    on_change: OnChange = OnChange.CARRY,
    started: bool = False,
    series: str | None = None,
) -> Objective:
    """An objective; a first answer within an hour unless said otherwise."""
    return Objective(
        name,
        kpi,
        target or within(),
        {},
        window,
        series or name,
        where=where,
        group_by=group_by,
        minimum=minimum,
        at_risk=AtRisk(Fraction(budget_consumed)),
        on_change=on_change,
        pace=None if pace is None else Fraction(pace),
        attribution=Attribution.STARTED if started else Attribution.DECIDED,
    )


def promising(*objectives: Objective, calendar: BusinessCalendar = ALWAYS) -> Agreement:
    """An agreement of one version with these objectives."""
    return an_agreement(a_version(*objectives, calendar=calendar))


def a_version(
    *objectives: Objective,
    start: str = "2026-01-01T00:00:00Z",
    until: str | None = None,
    calendar: BusinessCalendar = ALWAYS,
    applies_to: Matcher = Matcher(),  # noqa: B008 - a frozen value
    name: str = "a",
) -> Version:
    """A version of an agreement."""
    return Version(
        name,
        Level.CUSTOMER,
        AgreementType.SLA,
        "support",
        "acme",
        applies_to,
        0,
        calendar,
        at(start),
        None if until is None else at(until),
        objectives or (an_objective(),),
        {},
    )


def an_agreement(*versions: Version) -> Agreement:
    """An agreement of these versions."""
    return Agreement(versions[0].agreement, versions)


def a_catalogue(*agreements: Agreement) -> Catalogue:
    """A catalogue of agreements and what they use."""
    objectives = [o for a in agreements for v in a.versions for o in v.objectives]
    calendars = {v.calendar.name: v.calendar for a in agreements for v in a.versions}
    kpis = {o.kpi.name: o.kpi for o in objectives}
    return Catalogue({a.name: a for a in agreements}, kpis, calendars, "digest")


def an_event(
    what: str,
    time: str,
    *,
    event_id: str | None = None,
    source: str = "/desk",
    subject: str = "T-1",
    sequence: str | None = None,
    replaces: str | None = None,
    **data: object,
) -> Event:
    """An event of a ticket; its id is what happened and when unless said otherwise."""
    own = event_id or f"{what}@{time}"
    type_ = f"ticket.{what}"
    return Event("ticket", subject, source, own, type_, at(time), data, sequence, replaces)


def at_least(amount: int | str) -> AtLeast:
    """A volume to reach."""
    return AtLeast(Fraction(amount))


def at_most(amount: int | str) -> AtMost:
    """A volume not to pass."""
    return AtMost(Fraction(amount))
