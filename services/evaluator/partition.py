"""An owned partition in memory: how far it is folded, its evaluation time, the items it holds."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple, Self

from services.evaluator.posting import Posted
from services.evaluator.rows import Move
from services.evaluator.store import Progress
from shared.domain.instant import MINUTE, SECOND, Instant, Micros
from shared.domain.item import Item

ALLOWED_DISORDER: Final[Micros] = 5 * MINUTE
"""How far the watermark stays behind the proven evaluation time (ADR 8)."""

PROOF_LAG_MAX: Final[Micros] = 2 * SECOND
"""How far events may take the evaluation time ahead of the last proof of a partition that keeps
up: under load a proof is always a few batches old."""

ITEMS_HELD_MAX: Final = 40_000
"""Items kept in memory by a process, shared out among its partitions; those of the last two batches
are kept besides, for they may not be committed yet."""


@dataclass(slots=True)
class Held:
    """An item in memory, and what has been posted of it.

    `beside` is the same item under the generation of documents that is being built, and
    `posted_beside` what has been posted of it to panes that are built for that one. `used` numbers
    the batch of its partition that used it last.
    """

    item: Item
    posted: Posted
    beside: Item | None = None
    posted_beside: Posted = ()
    used: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """That a partition is complete up to `instant` once it has consumed up to offset `end`."""

    instant: Instant
    end: int


@dataclass(slots=True)
class Partition:
    """A partition as of the last batch that was handed to the database.

    `reached` is the evaluation time (ADR 8) that the database knows: it follows `evaluation_time`
    once nothing is due before it. `latest` is the largest event time consumed; `due` an instant
    before which no item is due (None: none at all). `unchecked` says that the last folded record
    has not been seen again yet. `generation` are the documents in use, `building` those under
    which items are folded as well: all up to the key `built_until`, or all there are (`built`).
    `built_items` says how many that are, of how many, as counted when this process began with it.
    """

    part: int
    epoch: int
    next_offset: int
    evaluation_time: Instant
    reached: Instant
    watermark: Instant
    generation: int
    building: int | None
    built_until: str | None
    built: bool
    due: Instant | None
    record_digest: bytes | None
    unchecked: bool
    latest: Instant = 0
    proven_until: Instant = 0
    proven: bool = False
    proof: Proof | None = None
    items: dict[str, Held] = field(default_factory=dict)
    batch: int = 0
    built_items: tuple[int, int] | None = None

    @classmethod
    def claimed(cls, row: Progress) -> "Partition":
        """The partition as the database knows it."""
        return cls(
            part=row.part,
            epoch=row.epoch,
            next_offset=row.next_offset,
            evaluation_time=row.evaluation_time,
            reached=row.evaluation_time,
            watermark=row.watermark,
            generation=row.generation,
            building=row.building,
            built_until=row.built_until,
            built=row.built,
            due=row.next_due,
            record_digest=row.record_digest,
            unchecked=row.record_digest is not None,
        )

    def advance(self, *, now: Instant) -> None:
        """Move the evaluation time on: to a proven instant, else to the largest event time.

        `now` is the wall clock, which it never passes; it never goes back.
        """
        proof = self.proof
        if proof is not None and self.next_offset >= proof.end and not self.unchecked:
            self.proven_until = max(self.proven_until, proof.instant)
            self.proof = None
        self.evaluation_time = max(self.evaluation_time, self.proven_until, min(self.latest, now))

    @property
    def is_due(self) -> bool:
        """Whether some item may be due at the evaluation time."""
        return self.due is not None and self.due <= self.evaluation_time

    @property
    def is_moved(self) -> bool:
        """Whether the database does not know the evaluation time or its proof yet."""
        return self.reached != self.evaluation_time or self.proven is not self.is_proven

    @property
    def is_proven(self) -> bool:
        """Whether the partition is known to keep up with its evaluation time."""
        return self.evaluation_time <= self.proven_until + PROOF_LAG_MAX

    def move(self, start: int) -> Move:
        """The progress to write for a batch that began at offset `start`.

        The evaluation time counts as reached only when no item is due before it.
        """
        held_at = self.reached
        if self.is_due:
            self.proven = False
        else:
            self.reached = self.evaluation_time
            self.proven = self.is_proven
            self.watermark = max(self.watermark, self.proven_until - ALLOWED_DISORDER)
        return Move(
            part=self.part,
            epoch=self.epoch,
            start=start,
            next_offset=self.next_offset,
            evaluation_time=self.reached,
            proven=self.proven,
            watermark=self.watermark,
            record_digest=self.record_digest,
            generation=self.generation,
            building=self.building,
            built_until=self.built_until,
            built=self.built,
            held_at=held_at,
        )

    def is_through_with(self, generation: int, building: int | None) -> bool:
        """Whether it is folded under the documents in use, and built for those to come."""
        is_known = (self.generation, self.building) == (generation, building)
        return is_known and (building is None or self.built)

    def adopt(self, generation: int, building: int | None) -> bool:
        """Fold under the documents in use, and under those being built; whether that is news."""
        if (self.generation, self.building) == (generation, building):
            return False
        self.generation = generation
        self.building, self.built_until, self.built = building, None, False
        self.built_items = None
        # What memory holds was folded under the documents before.
        self.items.clear()
        return True

    def expect(self, due: Instant | None) -> None:
        """Remember that an item is due then."""
        if due is not None and (self.due is None or due < self.due):
            self.due = due

    def hold(self, key: str, held: Held) -> None:
        """Keep an item as the one used last."""
        held.used = self.batch
        self.items.pop(key, None)
        self.items[key] = held

    def end_batch(self, most: int) -> None:
        """Let go of the items used longest ago, down to `most`; never of the last two batches'."""
        excess = len(self.items) - most
        if excess > 0:
            for key, held in [*islice(self.items.items(), excess)]:
                if held.used >= self.batch - 1:
                    break
                del self.items[key]
        self.batch += 1


def items_each(partitions: int) -> int:
    """How many items each of a process's partitions keeps."""
    return ITEMS_HELD_MAX // max(1, partitions)


class Built(NamedTuple):
    """How much of some partitions is built for the documents to come.

    Items are counted while something is being built, else there are none.
    """

    partitions: int
    owned: int
    items: int
    stored: int

    @classmethod
    def of(cls, owned: Iterable[Partition]) -> Self:
        """That of the partitions owned."""
        every = [*owned]
        counted = [own.built_items for own in every if own.built_items is not None]
        items, stored = (sum(own[of] for own in counted) for of in (0, 1))
        return cls(sum(own.built for own in every), len(every), items, stored)
