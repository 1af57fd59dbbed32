"""What one transaction of the fold writes, and the difference that an item adds to it.

An item's contributions are compared with those posted before; a change is a reversing entry and a
new one in the ledger, and the same sums in the panes. What is running is in the panes only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from services.evaluator.breaches import BreachRow, item_breach
from shared.domain.agreement import objective_id
from shared.domain.instant import Instant
from shared.domain.item import Contribution
from shared.domain.measure import Outcome
from shared.wire.groups import group_text

Posted = dict[Contribution, Instant]
"""An item's contributions as posted, each with the start of the window it was posted to."""

Place = Callable[[Contribution], Instant]
"""The start of the window that a contribution counts in."""


class Cause(StrEnum):
    """Why numbers that were final change; the later in this list, the stronger."""

    LATE = "late"
    CORRECTED = "corrected"
    DOCUMENTS = "documents"


_STRENGTH: Final = {cause.value: rank for rank, cause in enumerate(Cause)}
PANE_COLUMNS: Final = {
    Outcome.EXCLUDED: 0,
    Outcome.RUNNING: 1,
    Outcome.MET: 2,
    Outcome.BREACHED_OPEN: 3,
    Outcome.BREACHED_CLOSED: 4,
    Outcome.COUNTED: 5,
}
"""The order of a pane's counts."""
# What a walk sees: met, missed and counted alike in both states of a breach.
_WALKED: Final = {
    Outcome.MET: "met",
    Outcome.BREACHED_OPEN: "missed",
    Outcome.BREACHED_CLOSED: "missed",
    Outcome.COUNTED: "counted",
}


class Window(NamedTuple):
    """A window of one group of an objective, as the tables name it."""

    objective: str
    grp: str
    start: Instant


class LedgerRow(NamedTuple):
    """A row of the ledger in the order of its columns."""

    objective: str
    grp: str
    window_start: Instant
    at: Instant
    outcome: str
    sign: int
    item: str
    cycle: int
    ordinal: int
    amount: int | None
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
    """How a partition's progress goes on: compared with `epoch` and `start`, then set."""

    part: int
    epoch: int
    start: int
    next_offset: int
    evaluation_time: Instant
    proven: bool
    watermark: Instant
    record_digest: bytes | None
    documents: str


@dataclass(slots=True)
class Posting:
    """Everything that one transaction writes."""

    posted_at: Instant
    moves: list[Move] = field(default_factory=list)
    items: list[ItemRow] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    panes: dict[tuple[str, str, Instant, int], list[int]] = field(default_factory=dict)
    dirty: dict[Window, tuple[Instant, str]] = field(default_factory=dict)
    breaches: dict[str, BreachRow] = field(default_factory=dict)
    quarantined: list[QuarantineRow] = field(default_factory=list)

    def mark(self, window: Window, dirty_from: Instant, cause: str) -> None:
        """Have a window judged again, its walk from `dirty_from` on."""
        known = self.dirty.get(window)
        if known is not None:
            dirty_from = min(dirty_from, known[0])
            cause = stronger(cause, known[1])
        self.dirty[window] = (dirty_from, cause)


def stronger(one: str, other: str) -> str:
    """The cause that is named when there are two."""
    return max(one, other, key=_STRENGTH.__getitem__)


@dataclass(frozen=True, slots=True)
class Source:
    """Whose contributions are posted, as of which instant, and why they changed."""

    part: int
    item: str
    now: Instant
    cause: str


def post_difference(
    posting: Posting,
    source: Source,
    posted: Mapping[Contribution, Instant],
    contributions: Sequence[Contribution],
    place: Place,
) -> Posted:
    """Add to `posting` what turns the contributions posted before into these.

    The result is what is posted then. Windows of what was posted under other documents may have
    moved, so a posted contribution keeps its window.
    """
    current: Posted = {}
    added: list[tuple[Contribution, Instant]] = []
    for own in contributions:
        start = place(own)
        current[own] = start
        if posted.get(own) != start:
            added.append((own, start))
    removed = [(own, start) for own, start in posted.items() if current.get(own) != start]
    if added or removed:
        _post(posting, source, removed, added)
    return current


def _post(
    posting: Posting,
    source: Source,
    removed: list[tuple[Contribution, Instant]],
    added: list[tuple[Contribution, Instant]],
) -> None:
    nets: dict[tuple[Window, Instant, str], int] = {}
    for sign, changes in ((-1, removed), (1, added)):
        for own, start in changes:
            window = Window(
                objective_id(own.agreement, own.objective), group_text(own.group), start
            )
            _enter(posting, source, own, window, sign)
            walked = _WALKED.get(own.outcome)
            if walked is not None and own.at is not None:
                key = (window, own.at, walked)
                nets[key] = nets.get(key, 0) + sign
            # Counts changed even if no walk did: judged again, walked only from now on.
            posting.mark(window, source.now, source.cause)
    for (window, at, _), net in nets.items():
        if net:
            posting.mark(window, at, source.cause)
    for own, _ in removed:
        if own.breaches:
            row = _breach(posting, source, own)
            posting.breaches[row.breach_id] = row._replace(withdrawn_at=posting.posted_at)
    for own, _ in added:
        if own.breaches:
            row = _breach(posting, source, own)
            posting.breaches[row.breach_id] = row


def _breach(posting: Posting, source: Source, own: Contribution) -> BreachRow:
    return item_breach(source.item, source.part, own, group_text(own.group), posting.posted_at)


def _enter(posting: Posting, source: Source, own: Contribution, window: Window, sign: int) -> None:
    pane = posting.panes.setdefault((*window, source.part), [0, 0, 0, 0, 0, 0])
    pane[PANE_COLUMNS[own.outcome]] += sign
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
