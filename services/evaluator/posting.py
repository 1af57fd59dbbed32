"""What one transaction of the fold writes, and the difference that an item adds to it.

An item's contributions are compared with those posted before; a change is a reversing entry and a
new one in the ledger, and the same sums in the panes. What is running is in the panes only. The
times of the stopped clocks of a percentile are counted by buckets beside them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Final, NamedTuple

from services.evaluator.breaches import BreachRow, item_breach
from shared.domain.agreement import objective_id
from shared.domain.contribution import Contribution
from shared.domain.instant import Instant
from shared.domain.measure import UNIT, Amount, Measure, Outcome, bucket_of, exact
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


class Window(NamedTuple):
    """A window or a pane of one group of an objective, as the tables name it."""

    objective: str
    grp: str
    start: Instant


class LedgerRow(NamedTuple):
    """A row of the ledger in the order of its columns."""

    objective: str
    grp: str
    pane_start: Instant
    at: Instant
    outcome: str
    sign: int
    item: str
    cycle: int
    ordinal: int
    amount: Amount | None
    part: int
    posted_at: Instant


class ItemRow(NamedTuple):
    """A row of `item`."""

    part: int
    key: str
    next_due: Instant | None
    body: bytes


class QuarantineRow(NamedTuple):
    """A row of `quarantine`."""

    part: int
    record_offset: int
    item: str
    reason: str
    record: bytes
    quarantined_at: Instant


class Move(NamedTuple):
    """How a partition's progress goes on: compared with `epoch` and `start`, then set.

    `held_at` is the evaluation time that the database knew before.
    """

    part: int
    epoch: int
    start: int
    next_offset: int
    evaluation_time: Instant
    proven: bool
    watermark: Instant
    record_digest: bytes | None
    generation: int
    building: int | None
    built_until: str | None
    built: bool
    held_at: Instant


@dataclass(slots=True)
class Posting:
    """Everything that one transaction writes."""

    posted_at: Instant
    moves: list[Move] = field(default_factory=list)
    items: list[ItemRow] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    panes: dict[tuple[str, str, Instant, int], list[int | Fraction]] = field(default_factory=dict)
    buckets: dict[tuple[str, str, Instant, int, int], int] = field(default_factory=dict)
    dirty: dict[Window, tuple[Instant, str]] = field(default_factory=dict)
    later: dict[Window, Instant] = field(default_factory=dict)
    breaches: dict[str, BreachRow] = field(default_factory=dict)
    beside: dict[tuple[int, str], BreachRow] = field(default_factory=dict)
    quarantined: list[QuarantineRow] = field(default_factory=list)

    def mark(self, window: Window, dirty_from: Instant, cause: str) -> None:
        """Have what a pane counts in judged again."""
        known = self.dirty.get(window)
        if known is not None:
            if known[0] <= dirty_from and known[1] == cause:
                return
            dirty_from = min(dirty_from, known[0])
            cause = stronger(cause, known[1])
        self.dirty[window] = (dirty_from, cause)

    def mark_walk(self, window: Window, at: Instant, cause: str) -> None:
        """Have it judged again, and walked from the earliest of these instants on.

        Judging may not have come to the latest of them when it comes to the earliest: it is
        marked for itself.
        """
        self.mark(window, at, cause)
        later = self.later.get(window)
        if later is None or at > later:
            self.later[window] = at

    def marks(self) -> Iterator[tuple[Window, Instant, str]]:
        """Windows and the instants from which on they are judged, in the order of windows."""
        for window, (dirty_from, cause) in sorted(self.dirty.items()):
            yield window, dirty_from, cause
            later = self.later.get(window, dirty_from)
            if later > dirty_from:
                yield window, later, cause


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
    were posted before: these stay where they are. Panes of what was posted under other documents
    may have moved, so a posted contribution keeps its place, and an equal one may get another.
    """
    known = {id(pair[0]): pair for pair in posted}
    current: list[tuple[Contribution, Placed]] = []
    fresh: list[tuple[Contribution, Placed]] = []
    for own in contributions:
        pair = known.pop(id(own), None)
        if pair is None:
            pair = (own, place(own))
            fresh.append(pair)
        current.append(pair)
    if not fresh and not known:
        return posted
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
    touched: dict[Window, None] = {}
    nets: dict[_Walked, int | Fraction] = {}
    for sign, changes in ((-1, removed), (1, added)):
        for own, placed in changes:
            window = Window(
                objective_id(own.agreement, own.objective), group_text(own.group), placed.pane_start
            )
            touched[window] = None
            key = pane_key(window.objective, placed.built)
            pane = window if key == window.objective else window._replace(objective=key)
            _enter(posting, source, own, pane, sign, bucketed=placed.bucketed)
            _walk(nets, own, window, sign)
    _post_breaches(posting, source, removed, added)
    if source.beside is not None:
        return
    for window in touched:
        # Counts changed even if no walk did: judged again, walked only from now on.
        posting.mark(window, source.now, source.cause)
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
    posting: Posting,
    source: Source,
    own: Contribution,
    window: Window,
    sign: int,
    *,
    bucketed: bool,
) -> None:
    pane = posting.panes.get((*window, source.part))
    if pane is None:
        pane = posting.panes[*window, source.part] = [0] * len(Measure._fields)
    for column, number in _ADDS[own.outcome]:
        pane[column] += sign * number
    if own.amount is not None:
        pane[AMOUNT] += sign * exact(own.amount)
        if bucketed and isinstance(own.amount, int):
            bucket = (*window, source.part, bucket_of(own.amount))
            posting.buckets[bucket] = posting.buckets.get(bucket, 0) + sign
    if own.at is None:
        return
    posting.ledger.append(
        LedgerRow(
            *window,
            own.at,
            own.outcome.value,
            sign,
            source.item,
            own.cycle,
            own.ordinal,
            own.amount,
            source.part,
            posting.posted_at,
        )
    )
