"""What one transaction of the fold writes, and the difference that an item adds to it.

An item's contributions are compared with those posted before; a change is a reversing entry and a
new one in the ledger, and the same sums in the panes. What is running is in the panes only. The
times of the stopped clocks of a percentile are counted by buckets beside them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Final

from services.evaluator.breaches import BreachRow, item_breach
from services.evaluator.rows import ItemRow, LedgerRow, Move, QuarantineRow, Window, ledger_row
from shared.domain.agreement import objective_id
from shared.domain.contribution import Contribution
from shared.domain.instant import Instant, Micros
from shared.domain.measure import UNIT, Measure, Outcome, bucket_of, exact
from shared.wire.groups import group_text
from shared.wire.pane_keys import pane_key
from shared.wire.stored_item import Placed

Posted = Sequence[tuple[Contribution, Placed]]
"""An item's contributions as posted, each with where it was posted to."""

Place = Callable[[Contribution], Placed]
"""Where a contribution counts."""


class Cause(StrEnum):
    """Why numbers that were final change; the later in this list, the stronger."""

    LATE = "late"
    CORRECTED = "corrected"
    DOCUMENTS = "documents"


_STRENGTH: Final = {cause.value: rank for rank, cause in enumerate(Cause)}
AMOUNT: Final = Measure._fields.index("amount")
"""Where the amount is in a pane's numbers, which are those of a `Measure`."""
_ADDS: Final = {
    outcome: tuple((column, int(number)) for column, number in enumerate(unit) if number)
    for outcome, unit in UNIT.items()
}
# What a walk sees: met, missed and counted alike in both states of a breach.
_WALKED: Final[Mapping[Outcome, str]] = {
    outcome: "missed" if outcome in (Outcome.BREACHED_OPEN, Outcome.BREACHED_CLOSED) else outcome
    for outcome in UNIT
    if outcome is not Outcome.EXCLUDED
}
# Of which the amounts matter to a walk: how long a clock took that was missed does not.
_WEIGHED: Final = frozenset((Outcome.MET, Outcome.COUNTED))


@dataclass(slots=True)
class Mark:
    """From which instant on a window is judged again, and why.

    `later` is the latest instant that it has to be walked from: judging may not have come to it
    when it comes to the earliest.
    """

    dirty_from: Instant
    cause: str
    later: Instant | None = None


@dataclass(slots=True)
class _Pane:
    """A pane that contributions are posted to, as it is found again for the next one."""

    window: Window
    key: str
    numbers: list[int | Fraction]


@dataclass(slots=True)
class Posting:
    """Everything that one transaction writes."""

    posted_at: Instant
    moves: list[Move] = field(default_factory=list)
    items: list[ItemRow] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    panes: dict[tuple[str, str, Instant, int], list[int | Fraction]] = field(default_factory=dict)
    buckets: dict[tuple[str, str, Instant, int, int], int] = field(default_factory=dict)
    dirty: dict[Window, Mark] = field(default_factory=dict)
    breaches: dict[str, BreachRow] = field(default_factory=dict)
    beside: dict[tuple[int, str], BreachRow] = field(default_factory=dict)
    quarantined: list[QuarantineRow] = field(default_factory=list)
    _known: dict[tuple[str, str, tuple[str, ...], Placed, int], _Pane] = field(default_factory=dict)

    def pane(self, own: Contribution, placed: Placed, part: int) -> _Pane:
        """The pane of a partition that a contribution is placed in."""
        place = (own.agreement, own.objective, own.group, placed, part)
        found = self._known.get(place)
        if found is None:
            objective = objective_id(own.agreement, own.objective)
            window = Window(objective, group_text(own.group), placed.pane_start)
            key = pane_key(objective, placed.built)
            numbers = self.panes.setdefault(
                (key, window.grp, window.start, part), [0] * len(Measure._fields)
            )
            found = self._known[place] = _Pane(window, key, numbers)
        return found

    def mark(self, window: Window, dirty_from: Instant, cause: str) -> Mark:
        """Have what a pane counts in judged again."""
        known = self.dirty.get(window)
        if known is None:
            known = self.dirty[window] = Mark(dirty_from, cause)
            return known
        known.dirty_from = min(known.dirty_from, dirty_from)
        if cause != known.cause:
            known.cause = stronger(cause, known.cause)
        return known

    def mark_walk(self, window: Window, at: Instant, cause: str) -> None:
        """Have it judged again, and walked from the earliest of these instants on."""
        mark = self.mark(window, at, cause)
        if mark.later is None or at > mark.later:
            mark.later = at

    def marks(self) -> Iterator[tuple[Window, Instant, str]]:
        """Windows and the instants from which on they are judged, in the order of windows."""
        for window in sorted(self.dirty):
            mark = self.dirty[window]
            yield window, mark.dirty_from, mark.cause
            if mark.later is not None and mark.later > mark.dirty_from:
                yield window, mark.later, mark.cause


def stronger(one: str, other: str) -> str:
    """The cause that is named when there are two."""
    return one if _STRENGTH[one] >= _STRENGTH[other] else other


@dataclass(frozen=True, slots=True)
class Source:
    """Whose contributions are posted, as of which instant, and why they changed.

    `beside` is the generation of documents that they are posted for while it is being built:
    nobody sees them yet, and nothing is judged for them.
    """

    part: int
    item: str
    now: Instant
    cause: str
    beside: int | None = None


def post_difference(
    posting: Posting,
    source: Source,
    posted: Posted,
    contributions: Sequence[Contribution],
    place: Place,
) -> Posted:
    """Add to `posting` what turns the contributions posted before into these.

    The result is what is posted then. Most of an item's contributions are the very objects that
    were posted before, the first ones mostly in the same order: these stay where they are. Panes of
    what was posted under other documents may have moved, so a posted contribution keeps its place,
    and an equal one may get another.
    """
    known: dict[int, tuple[Contribution, Placed]] | None = None
    current: list[tuple[Contribution, Placed]] = []
    fresh: list[tuple[Contribution, Placed]] = []
    for number, own in enumerate(contributions):
        if known is None:
            if number < len(posted) and posted[number][0] is own:
                current.append(posted[number])
                continue
            known = {id(pair[0]): pair for pair in posted[number:]}
        pair = known.pop(id(own), None)
        if pair is None:
            pair = (own, place(own))
            fresh.append(pair)
        current.append(pair)
    if known is None:
        if len(contributions) == len(posted):
            return posted
        known = {id(pair[0]): pair for pair in posted[len(contributions) :]}
    removed = dict(known.values())
    added: list[tuple[Contribution, Placed]] = []
    for own, placed in fresh:
        if removed.get(own) == placed:
            del removed[own]
        else:
            added.append((own, placed))
    if added or removed:
        _post(posting, source, tuple(removed.items()), added)
    return current


def _post(
    posting: Posting,
    source: Source,
    removed: Posted,
    added: Posted,
) -> None:
    gone = [(own, _enter(posting, source, own, placed, -1)) for own, placed in removed]
    come = [(own, _enter(posting, source, own, placed, 1)) for own, placed in added]
    _post_breaches(posting, source, removed, added)
    if source.beside is None:
        _mark(posting, source, gone, come)


_Entered = Sequence[tuple[Contribution, Window]]
"""Contributions, each with the window that it was entered in."""


def _mark(posting: Posting, source: Source, gone: _Entered, come: _Entered) -> None:
    """Have what changed judged again.

    Counts changed even where no walk did: judged again, walked only from now on.
    """
    nets: dict[_Walked, int | Fraction] = {}
    settled = False
    for own, window in gone:
        posting.mark(window, source.now, source.cause)
        if own.at is not None:
            _walk(nets, own, window, -1)
            settled = True
    for own, window in come:
        posting.mark(window, source.now, source.cause)
        if settled:
            _walk(nets, own, window, 1)
        elif own.at is not None and own.outcome in _WALKED:
            posting.mark_walk(window, own.at, source.cause)  # nothing can make up for it
    for (window, at, _), net in nets.items():
        if net:
            posting.mark_walk(window, at, source.cause)


_Walked = tuple[Window, Instant, str]
"""What a walk over a window sees, by instant."""


def _walk(
    nets: dict[_Walked, int | Fraction], own: Contribution, window: Window, sign: int
) -> None:
    """Add what a walk over the window sees of a contribution."""
    at, seen = own.at, _WALKED.get(own.outcome)
    if seen is None or at is None:
        return
    key = (window, at, seen)
    nets[key] = nets.get(key, 0) + sign
    if own.amount is not None and own.outcome in _WEIGHED:
        key = (window, at, "amount")
        nets[key] = nets.get(key, 0) + sign * exact(own.amount)


def _post_breaches(posting: Posting, source: Source, removed: Posted, added: Posted) -> None:
    for own, _ in removed:
        if own.breaches:
            row = _breach(posting, source, own)._replace(withdrawn_at=posting.posted_at)
            _put_breach(posting, source, row)
    for own, _ in added:
        if own.breaches:
            _put_breach(posting, source, _breach(posting, source, own))


def _put_breach(posting: Posting, source: Source, row: BreachRow) -> None:
    if source.beside is None:
        posting.breaches[row.breach_id] = row
    else:
        posting.beside[source.beside, row.breach_id] = row


def _breach(posting: Posting, source: Source, own: Contribution) -> BreachRow:
    return item_breach(source.item, source.part, own, group_text(own.group), posting.posted_at)


def _enter(
    posting: Posting, source: Source, own: Contribution, placed: Placed, sign: int
) -> Window:
    """Count a contribution, or take it back; the window that it counts in."""
    pane = posting.pane(own, placed, source.part)
    numbers, outcome, amount = pane.numbers, own.outcome, own.amount
    for column, number in _ADDS[outcome]:
        numbers[column] += sign * number
    window = pane.window
    if amount is not None:
        numbers[AMOUNT] += sign * exact(amount)
        if placed.bucketed and isinstance(amount, int):
            bucket = (pane.key, window.grp, window.start, source.part, bucket_of(amount))
            posting.buckets[bucket] = posting.buckets.get(bucket, 0) + sign
    if own.at is None:
        return window
    elapsed: Micros | None = None
    if isinstance(amount, int) and outcome is not Outcome.COUNTED:
        elapsed, amount = amount, None
    posting.ledger.append(
        ledger_row(
            (
                pane.key,
                window.grp,
                window.start,
                own.at,
                outcome,
                sign,
                source.item,
                own.cycle,
                own.ordinal,
                elapsed,
                amount,
                source.part,
                max(posting.posted_at, source.now),
            )
        )
    )
    return window
