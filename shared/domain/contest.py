"""The agreements that promise something of one item, KPI and cycle, side by side: which one binds.

All of them are evaluated alike; of type `sla` the most specific binds, then the one of the highest
precedence (contract section 3).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.domain.agreement import Agreement, AgreementType, Level, Version
from shared.domain.clock import GONE
from shared.domain.clock_reading import ClockReading
from shared.domain.contribution import Contribution
from shared.domain.history import ClockKey, History, clock_key
from shared.domain.measure import Outcome
from shared.domain.wording import listed_words

_CLOCKS = frozenset(
    {
        Outcome.EXCLUDED,
        Outcome.RUNNING,
        Outcome.MET,
        Outcome.BREACHED_OPEN,
        Outcome.BREACHED_CLOSED,
    }
)
_GONE = frozenset(state.value for state in GONE)


@dataclass(frozen=True, slots=True)
class Contender:
    """One objective's clock or counted event; `state` is the clock's, or what the event counts as.

    `ordinal` tells the clocks of one series in one cycle apart.
    """

    agreement: str
    objective: str
    type: AgreementType
    level: Level
    precedence: int
    state: str
    ordinal: int
    binding: bool
    why: str


@dataclass(frozen=True, slots=True)
class Contest:
    """Everything that is promised of one KPI in one cycle of an item; binding ones come first."""

    kpi: str
    cycle: int
    contenders: tuple[Contender, ...]

    @property
    def standing(self) -> tuple[Contender, ...]:
        """Those that stand, and of each objective's superseded or cancelled clocks the last."""
        last: dict[tuple[str, str], int] = {}
        for own in self.contenders:
            if own.state in _GONE:
                place = (own.agreement, own.objective)
                last[place] = max(own.ordinal, last.get(place, 0))
        return tuple(
            own
            for own in self.contenders
            if own.state not in _GONE or own.ordinal == last[own.agreement, own.objective]
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    version: Version
    objective: str
    state: str
    ordinal: int
    gone: bool

    @property
    def rank(self) -> tuple[int, int] | None:
        """How strongly it claims to bind; None if it never does."""
        return None if self.gone else self.version.claim


def contests(
    readings: Iterable[ClockReading],
    found: Mapping[ClockKey, History],
    contributions: Iterable[Contribution],
    agreements: Mapping[str, Agreement],
) -> list[Contest]:
    """The contests of an item's clocks and counted events, by KPI and cycle."""
    entries: dict[tuple[str, int], dict[tuple[str, str, int], _Entry]] = {}
    for reading in readings:
        history = found[clock_key(reading)]
        place = entries.setdefault((history.objective.kpi.name, reading.cycle), {})
        place[reading.agreement, reading.objective, reading.ordinal] = _Entry(
            history.version,
            reading.objective,
            reading.state.value,
            reading.ordinal,
            reading.state in GONE,
        )
    for own in contributions:
        if own.outcome in _CLOCKS or own.counts_at is None:
            continue
        version = agreements[own.agreement].version_at(own.counts_at)
        objective = None if version is None else version.objective(own.objective)
        if version is None or objective is None:
            continue
        place = entries.setdefault((objective.kpi.name, own.cycle), {})
        entry = _Entry(version, own.objective, own.outcome.value, own.ordinal, gone=False)
        place[own.agreement, own.objective, own.ordinal] = entry
    return [
        Contest(kpi, cycle, _judged([*several.values()]))
        for (kpi, cycle), several in sorted(entries.items())
    ]


def _judged(entries: Sequence[_Entry]) -> tuple[Contender, ...]:
    ranks = [rank for own in entries if (rank := own.rank) is not None]
    best = max(ranks, default=None)
    contenders = [
        Contender(
            agreement=own.version.agreement,
            objective=own.objective,
            type=own.version.type,
            level=own.version.level,
            precedence=own.version.precedence,
            state=own.state,
            ordinal=own.ordinal,
            binding=best is not None and own.rank == best,
            why=_why(own, entries, best),
        )
        for own in entries
    ]
    return tuple(
        sorted(
            contenders,
            key=lambda c: (
                not c.binding,
                -c.level.specificity,
                -c.precedence,
                c.agreement,
                c.objective,
                c.ordinal,
            ),
        )
    )


def _why(own: _Entry, entries: Sequence[_Entry], best: tuple[int, int] | None) -> str:
    version = own.version
    if version.type is not AgreementType.SLA:
        return f"of type {version.type.value}, which never binds"
    if own.gone:
        return f"{own.state}, and what is {own.state} never binds"
    rank = own.rank
    if rank == best:
        return f"binds: {_wins(own, entries)}"
    winner = next(other.version for other in entries if other.rank == best)
    if winner.level is not version.level:
        return (
            f"{version.level.value} is less specific than {winner.level.value}"
            f" ({winner.agreement} binds)"
        )
    return (
        f"precedence {version.precedence} is lower than {winner.precedence}"
        f" ({winner.agreement} binds)"
    )


def _wins(own: _Entry, entries: Sequence[_Entry]) -> str:
    version = own.version
    others = {
        other.version.agreement: other.version
        for other in entries
        if other.rank is not None and other.version.agreement != version.agreement
    }
    if not others:
        return "no other agreement of type sla has a claim here"
    lower = {one.level for one in others.values() if one.level is not version.level}
    reasons = []
    if lower:
        levels = [level.value for level in sorted(lower, key=lambda level: -level.specificity)]
        reasons.append(f"{version.level.value} is more specific than {listed_words(levels)}")
    equal = [one for one in others.values() if one.level is version.level]
    below = [one for one in equal if one.precedence < version.precedence]
    if below:
        names = listed_words(sorted(f"{one.precedence} of {one.agreement}" for one in below))
        reasons.append(f"precedence {version.precedence} is higher than {names}")
    return "; ".join(reasons) or "the last claims of one rank all bind"
