"""The JSON shapes that everything else is made of, and those of the member `explain`."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.agreement import AgreementType, Level
from shared.domain.clock import ClockState
from shared.domain.explain_clock import Activity
from shared.domain.history import What
from shared.domain.judge import State
from shared.domain.measure import Outcome

At = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Ratio = Annotated[
    str, Field(pattern=r"^-?[0-9]+(\.[0-9]{1,12})?$", description="A plain decimal, exact text.")
]
Amount = Annotated[
    str,
    Field(
        pattern=r"^-?[0-9]+(\.[0-9]{1,12})?$",
        description="A ratio, a count, a sum, a mean, or seconds: a plain decimal, exact text.",
    ),
]
Seconds = Annotated[
    int | float | Decimal, Field(json_schema_extra={"type": "number"}, description="Seconds.")
]
Freshness = Annotated[
    Literal["live", "stale"],
    Field(
        description="`stale` when `as_of` is more than a minute behind the wall clock, or not "
        "everything that had been produced by then has been read."
    ),
]


class Shape(BaseModel):
    """A JSON object with exactly these members."""

    model_config = ConfigDict(extra="forbid")


class Window(Shape):
    """Half-open: `start` is in it, `end` is not."""

    start: At
    end: At


class DurationCounts(Shape):
    """Six numbers that add up."""

    eligible: int
    excluded: int
    running: int
    met: int
    breached_open: int
    breached_closed: int


class CountCounts(Shape):
    """The events that count."""

    count: int


class RatioCounts(Shape):
    """The good ones, and all; of a cohort also those that may still become good."""

    good: int
    total: int
    pending: int | None = Field(default=None, description="Only of a cohort.")


Counts = DurationCounts | CountCounts | RatioCounts


SEALED: Final = "Only of a window in a period that a review has signed off: its numbers stay."
ADJUSTED: Final = (
    "Only beside `sealed`: what the numbers would be now; null where they are the same."
)


class Sealed(Shape):
    """A review has signed off the period in which the window ended."""

    at: At
    by: str | None = Field(
        description="The name of the key or token that did so; null for callers who see certain "
        "customers alone."
    )


class Adjusted(Shape):
    """A sealed window by the numbers of now."""

    level: Level
    final: bool
    value: Amount | None
    target: dict[str, Any]
    state: State
    budget_remaining: Ratio | None
    counts: Counts
    breach_id: str | None
    revision: int
    provisional: bool
    cause: str = Field(
        description="`late`, `corrected`, `documents`, or `closed`: what was open when the period "
        "was sealed has ended."
    )


class Acknowledged(Shape):
    """Somebody has seen a breach."""

    at: At
    by: str = Field(description="The name of the key or token that said so.")
    note: str


class Applied(Shape):
    """The version of an agreement that was applied, and to what."""

    kpi: str
    type: AgreementType
    level: Level
    precedence: int
    provider: str
    customer: str
    version_from: At = Field(description="From when the applied version is effective.")
    version_until: At | None
    calendar: str
    time_zone: str


class Rank(Shape):
    """Of a percentile: the `place`-th of `of` times in order is the value."""

    share: Ratio
    of: int
    place: int


class Budget(Shape):
    """What was missed of what may be missed; `consumed` is their quotient."""

    missed: Amount
    allowed: Amount
    consumed: Ratio | None


class Pace(Shape):
    """Of a volume: what should be there by now, and below what it is at risk."""

    expected: Amount
    at_risk_below: Amount
    tolerance: Ratio
    open_s: Seconds = Field(description="Open time of the window.")
    elapsed_open_s: Seconds = Field(description="What of it is over.")


class WindowExplanation(Applied):
    """Why a window reads as it does."""

    text: list[str] = Field(description="The same in sentences.")
    formula: str = Field(description="The formula of the value with its numbers.")
    rule: str = Field(description="The rule that gave the state, with its numbers.")
    minimum: int
    rank: Rank | None
    budget: Budget | None
    pace: Pace | None


class Member(Shape):
    """A clock or event that counts in a window."""

    item: str
    cycle: int = Field(description="The clock's, or 1, 2, … of the item's events that count.")
    outcome: Outcome
    at: At | None = Field(description="When it was decided or happened.")
    amount: Amount | None = Field(description="The number in the field of a sum or a mean.")
    elapsed_s: Seconds | None = Field(description="The time of a stopped clock.")


class Interval(Shape):
    """A part of a clock's life."""

    start: At
    end: At
    activity: Activity
    seconds: Seconds
    cause: str = Field(
        description="`pause`, or how the calendar opens or closes the time: `open`, "
        "`open_by_shift`, `closed_by_shift`, `public_holiday`, `holiday_date`, `yearly_holiday`, "
        "`closed_weekday`, `outside_hours`."
    )
    reason: str = Field(description="The same in words: what pauses, which holiday.")


class EventName(Shape):
    """Which event."""

    id: str
    source: str
    type: str


class Happening(Shape):
    """What an event did to a clock; nothing but time breaches it."""

    at: At
    what: What
    event: EventName | None
    text: str


class Alternative(Shape):
    """An objective of the series when the clock came under its own."""

    objective: str
    chosen: bool
    text: str = Field(description="Why it applied, or why not.")


class Contender(Shape):
    """One of the promises about the same item, KPI and cycle."""

    agreement: str
    objective: str
    type: AgreementType
    level: Level
    precedence: int
    state: ClockState | Outcome
    binding: bool
    why: str


class Contest(Shape):
    """All that is promised of one KPI in one cycle of an item, the binding ones first."""

    kpi: str
    cycle: int
    promises: list[Contender]


class ClockExplanation(Applied):
    """Why a clock reads as it does."""

    target: dict[str, Any] = Field(description="As written in the document.")
    came_under_at: At = Field(description="When the clock came under its objective.")
    target_open_s: Seconds | None = Field(description="The target in open time.")
    text: list[str] = Field(description="The same in sentences.")
    intervals: list[Interval] = Field(
        description="Without gaps; those running add up to `elapsed_s`, the paused to `paused_s`."
    )
    happened: list[Happening] = Field(description="In order.")
    alternatives: list[Alternative] = Field(
        description="The objectives of its series in document order, its own among them."
    )
    levels: list[Contender] = Field(
        description="Every promise about the same KPI and cycle, its own among them."
    )
