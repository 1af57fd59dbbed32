"""What documents become: KPIs, agreements and their versions, objectives, series, targets, levels.

Everything here is a value; `shared.documents` builds it from YAML and refuses what is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Final
from urllib.parse import quote

from shared.domain.business_calendar import BusinessCalendar
from shared.domain.instant import Instant, Micros
from shared.domain.matcher import EVERYTHING, Matcher, Milestone
from shared.domain.window import Window


class Level(StrEnum):
    """Who a promise is for; the more specific one binds."""

    CORPORATE = "corporate"
    CUSTOMER = "customer"
    SERVICE = "service"

    __hash__ = str.__hash__

    @property
    def specificity(self) -> int:
        """0 for corporate, 2 for service."""
        return _SPECIFICITY[self]


_SPECIFICITY: Final = {level: place for place, level in enumerate(Level)}


class AgreementType(StrEnum):
    """External (sla), between teams (ola), with an outside provider (uc)."""

    SLA = "sla"
    OLA = "ola"
    UC = "uc"


class MeasureKind(StrEnum):
    """What a KPI measures on items."""

    DURATION = "duration"
    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    RATIO = "ratio"


class Reopen(StrEnum):
    """What a reopening does to a stopped cycle."""

    IGNORE = "ignore"
    NEW_CYCLE = "new-cycle"
    CONTINUE = "continue"


class OnChange(StrEnum):
    """What leaving an objective does to its undecided clock."""

    CARRY = "carry"
    RESTART = "restart"
    KEEP = "keep"


class Attribution(StrEnum):
    """In which window a clock counts: that of its decision or that of its start."""

    DECIDED = "decided"
    STARTED = "started"


@dataclass(frozen=True, slots=True)
class Kpi:
    """Something measured on items of one kind.

    A duration has `start`, `stop` and perhaps `pause`; a count has `event`; a sum and a mean have
    `event` and `field`; a ratio has `good` and `total`. With `cohort` each item is followed from
    its first `total` event on, for `within` (absolute time in microseconds, None: for ever). Each
    tuple of milestones means any of them.
    """

    name: str
    item: str
    measure: MeasureKind
    start: tuple[Milestone, ...] = ()
    stop: tuple[Milestone, ...] = ()
    pause: tuple[Matcher, ...] = ()
    repeat: bool = False
    reopen: Reopen = Reopen.IGNORE
    event: tuple[Milestone, ...] = ()
    every: bool = False
    field: str = ""
    good: tuple[Milestone, ...] = ()
    total: tuple[Milestone, ...] = ()
    cohort: bool = False
    within: Micros | None = None

    @property
    def milestones(self) -> tuple[Milestone, ...]:
        """Every milestone it names."""
        return (*self.start, *self.stop, *self.event, *self.good, *self.total)


@dataclass(frozen=True, slots=True)
class OpenTime:
    """A length of open time of the calendar, in microseconds (`PT4H`)."""

    micros: Micros


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """`{workingDays: n}`: the same local time, n dates with open time on (n >= 1)."""

    days: int


@dataclass(frozen=True, slots=True)
class EndOfWorkingDay:
    """`{endOfWorkingDay: n}`: the closing of the date n dates with open time on (n >= 0)."""

    days: int


Duration = OpenTime | WorkingDays | EndOfWorkingDay


@dataclass(frozen=True, slots=True)
class Within:
    """`{within: D, ratio: r}`: at least the share `ratio` of the decided clocks met within D."""

    duration: Duration
    ratio: Fraction


@dataclass(frozen=True, slots=True)
class Percentile:
    """`{percentile: p, atMost: D}`: the p-quantile of the decided clocks' times is at most D.

    A clock is met or missed by D, so the promise is kept exactly when the share p of them is met.
    """

    ratio: Fraction
    duration: Duration


@dataclass(frozen=True, slots=True)
class Mean:
    """`{mean: true, atMost: D}`: the mean of the clocks' times; a single clock has no target."""

    at_most: Micros


@dataclass(frozen=True, slots=True)
class AtLeast:
    """`{atLeast: n}`."""

    amount: Fraction


@dataclass(frozen=True, slots=True)
class AtMost:
    """`{atMost: n}`."""

    amount: Fraction


Target = Within | Percentile | Mean | AtLeast | AtMost


@dataclass(frozen=True, slots=True)
class AtRisk:
    """From which share of the budget, or of a clock's target, something is at risk."""

    budget_consumed: Fraction = Fraction(4, 5)
    elapsed: Fraction = Fraction(4, 5)


@dataclass(frozen=True, slots=True)
class Objective:
    """KPI, filter, target and window inside one version of an agreement.

    `series` names its alternatives: objectives of one version with equal `series` are tried in
    document order. `target_text` is the target as written, for output. `pace` is the tolerance of
    a volume target, None when there is no pace.
    """

    name: str
    kpi: Kpi
    target: Target
    target_text: Mapping[str, object]
    window: Window
    series: str
    where: Matcher = EVERYTHING
    group_by: tuple[str, ...] = ()
    minimum: int = 1
    at_risk: AtRisk = AtRisk()
    on_change: OnChange = OnChange.CARRY
    pace: Fraction | None = None
    attribution: Attribution = Attribution.DECIDED

    @property
    def started(self) -> bool:
        """Whether its clocks count in the window of their start."""
        return self.attribution is Attribution.STARTED

    @property
    def is_volume(self) -> bool:
        """Whether it promises an amount: windows without data are judged too (section 4)."""
        volume = self.kpi.measure in (MeasureKind.COUNT, MeasureKind.SUM)
        return volume and isinstance(self.target, AtLeast)


@dataclass(frozen=True, slots=True)
class Version:
    """One Agreement document: what holds in its effective period `[start, until)`."""

    agreement: str
    level: Level
    type: AgreementType
    provider: str
    customer: str
    applies_to: Matcher
    precedence: int
    calendar: BusinessCalendar
    start: Instant
    until: Instant | None
    objectives: tuple[Objective, ...]
    document: Mapping[str, object]

    def effective_at(self, instant: Instant) -> bool:
        """Whether the instant lies in the effective period."""
        return self.start <= instant and (self.until is None or instant < self.until)

    @property
    def claim(self) -> tuple[int, int] | None:
        """How strongly it claims to bind; None if it never does (contract section 3)."""
        if self.type is not AgreementType.SLA:
            return None
        return (self.level.specificity, self.precedence)

    def objective(self, name: str) -> Objective | None:
        """Its objective of that name, if it has one."""
        return next((own for own in self.objectives if own.name == name), None)


@dataclass(frozen=True)
class Agreement:
    """All versions of one agreement, in the order of their effective periods."""

    name: str
    versions: tuple[Version, ...]

    def version_at(self, instant: Instant) -> Version | None:
        """The version effective at the instant, if there is one."""
        for version in self.versions:
            if version.effective_at(instant):
                return version
        return None

    def version_nearest(self, instant: Instant) -> Version:
        """The version effective at the instant, else the latest begun, else the first."""
        begun = [version for version in self.versions if version.start <= instant]
        return self.version_at(instant) or (begun[-1] if begun else self.versions[0])

    @cached_property
    def objective_names(self) -> tuple[str, ...]:
        """The names of its objectives in all versions, each once, in document order."""
        names = (own.name for version in self.versions for own in version.objectives)
        return tuple(dict.fromkeys(names))

    def judging(self, objective: str, instant: Instant) -> tuple[Version, Objective]:
        """The version that judges at the instant.

        The one effective then; where it has no such objective or there is none, the latest begun
        that has it, else the first (contract section 2). `KeyError` if no version has it.
        """
        having = self._having[objective]
        chosen = having[0]
        for pair in having:
            if pair[0].start > instant:
                break
            chosen = pair
        return chosen

    @cached_property
    def _having(self) -> Mapping[str, list[tuple[Version, Objective]]]:
        """The versions that have each objective, in the order of their periods."""
        found: dict[str, list[tuple[Version, Objective]]] = {}
        for version in self.versions:
            for own in version.objectives:
                found.setdefault(own.name, []).append((version, own))
        return found


@dataclass(frozen=True)
class Catalogue:
    """Everything the documents of a folder say; `digest` names their content.

    `contents` names that of each agreement, with the KPIs and calendars that it uses: where it is
    the same, the same events give the same numbers.
    """

    agreements: Mapping[str, Agreement]
    kpis: Mapping[str, Kpi]
    calendars: Mapping[str, BusinessCalendar]
    digest: str
    contents: Mapping[str, str] = field(default_factory=dict)


def objective_id(agreement: str, objective: str) -> str:
    """`<agreement>/<objective>`."""
    return f"{agreement}/{objective}"


def sla_id(agreement: str, objective: str, group: tuple[str, ...] = ()) -> str:
    """The contract's identity of an objective's group (section 6).

    Group values follow percent-encoded in upper case hex except `A-Za-z0-9._-`; empty is `~`.
    """
    return "/".join((agreement, objective, *(_encoded(value) for value in group)))


def _encoded(value: str) -> str:
    # `quote` never encodes the tilde, which stands for the empty value here.
    return quote(value, safe="").replace("~", "%7E") if value else "~"
