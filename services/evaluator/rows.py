"""The rows that the fold writes, in the order of their columns."""

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from shared.domain.instant import Instant, Micros
from shared.domain.measure import Amount


class Window(NamedTuple):
    """A window or a pane of one group of an objective, as the tables name it."""

    objective: str
    grp: str
    start: Instant


class LedgerRow(NamedTuple):
    """A row of the ledger in the order of its columns.

    `elapsed` is the time that a stopped clock took, `amount` the number of an event that counts.
    It is never recorded before its own instant, whatever the clock of the host: readers look for
    a window's entries only in what was recorded since its start.
    """

    objective: str
    grp: str
    pane_start: Instant
    at: Instant
    outcome: str
    sign: int
    item: str
    cycle: int
    ordinal: int
    elapsed: Micros | None
    amount: Amount | None
    part: int
    posted_at: Instant


ledger_row: Final[
    Callable[
        [
            tuple[
                str,
                str,
                Instant,
                Instant,
                str,
                int,
                str,
                int,
                int,
                Micros | None,
                Amount | None,
                int,
                Instant,
            ]
        ],
        LedgerRow,
    ]
] = partial(tuple.__new__, LedgerRow)
"""A row of its members in order: in a fifth of the time that calling the class takes."""


class ItemRow(NamedTuple):
    """A row of `item`; `customer` is the only one that it has been about, else empty."""

    part: int
    key: str
    next_due: Instant | None
    body: bytes
    customer: str = ""


class QuarantineRow(NamedTuple):
    """A row of `quarantined`, but for the digest: the database knows it."""

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
