"""Mistakes in owning partitions and in the statements of the fold.

Where the product's guard is a condition of an SQL statement, the simulated server has the same
condition, and the mistake is put there.
"""

# ruff: noqa: ANN401, SLF001 - what is replaced on purpose is private and of any type

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from aiokafka import TopicPartition

from services.evaluator import stops
from services.evaluator.partition import Held, Partition
from services.evaluator.partitions import Partitions
from services.evaluator.posting import Posting
from services.evaluator.rows import Move
from services.evaluator.store import Progress
from shared.domain.instant import NEVER
from shared.runtime.database import PASSING
from tests.simulation.database import Database
from tests.simulation.database import Progress as Row
from tests.simulation.held import MemoryStore
from tests.simulation.seeding import Put, bug, put_for_now, was


def _claimed_as(put: Put, changed: Callable[[Progress], Progress]) -> None:
    """Have claimed partitions begin with something else than what is stored."""
    claimed = Partition.claimed
    put(Partition, "claimed", staticmethod(lambda row: claimed(changed(row))))


# --- statements -------------------------------------------------------------------------------


@bug
def fencing_off(put: Put) -> None:
    """Progress is set without being compared: whoever comes last is right."""
    put(Database, "is_continued", staticmethod(lambda _row, _move: True))


@bug
def epoch_not_raised(put: Put) -> None:
    """A claim leaves the epoch as it was: the former owner writes on."""
    put(MemoryStore, "next_epoch", staticmethod(lambda row: row.epoch))


@bug
def generation_not_compared(put: Put) -> None:
    """What was folded under the documents before is written after the switch."""

    def by_owner(row: Row, move: Move) -> bool:
        return (row.epoch, row.next_offset) == (move.epoch, move.start)

    put(Database, "is_continued", staticmethod(by_owner))


@bug
def timers_read_before_waiting(put: Put) -> None:
    """A claim reads when items are due before it waits for the former owner's commit."""
    claim = MemoryStore.claim

    async def read_first(self: MemoryStore, parts: Iterable[int], owner: str) -> list[Progress]:
        wanted = sorted(parts)
        dues = await self.next_due([(part, -NEVER) for part in wanted])
        return [replace(row, next_due=dues[row.part]) for row in await claim(self, wanted, owner)]

    put(MemoryStore, "claim", read_first)


@bug
def offset_before_effects(put: Put) -> None:
    """Progress is stored in a transaction of its own, before the effects."""
    post = MemoryStore.post

    async def moved_first(self: MemoryStore, own: Posting) -> None:
        await post(self, Posting(own.posted_at, moves=own.moves))
        own.moves = [move._replace(start=move.next_offset) for move in own.moves]
        await post(self, own)

    put(MemoryStore, "post", moved_first)


@bug
def posted_twice_after_a_lost_reply(put: Put) -> None:
    """After a lost connection a batch is written again, whatever became of the first time."""
    post = MemoryStore.post

    async def again(self: MemoryStore, own: Posting) -> None:
        try:
            await post(self, own)
        except PASSING:
            with put_for_now(Database, "is_continued", staticmethod(lambda _row, _move: True)):
                await post(self, own)

    put(MemoryStore, "post", again)


# --- partitions -------------------------------------------------------------------------------


@bug
def timer_lost_at_claim(put: Put) -> None:
    """What is due next is forgotten when a partition is claimed."""
    _claimed_as(put, lambda row: replace(row, next_due=None))


@bug
def time_goes_back_at_claim(put: Put) -> None:
    """The evaluation time begins anew when a partition is claimed."""
    _claimed_as(put, lambda row: replace(row, evaluation_time=0))


@bug
def last_record_not_checked(put: Put) -> None:
    """Nobody looks whether the log is the one that was folded."""
    _claimed_as(put, lambda row: replace(row, record_digest=None))
    put(stops.Stops, "_break", lambda *_: None)


@bug
def lost_records_not_noticed(put: Put) -> None:
    """Records that were deleted unread are passed over."""

    def from_there_is(row: Progress, begins: int) -> Progress:
        return replace(row, record_digest=None) if row.next_offset < begins else row

    checked = stops.Stops.checked
    put(stops.Stops, "_break", lambda *_: None)

    async def moved(self: stops.Stops, rows: Sequence[Progress]) -> list[Partition]:
        places = {row.part: TopicPartition(self._topic, row.part) for row in rows}
        begins = await self._observer.beginning_offsets([*places.values()])
        fresh = [from_there_is(row, begins[places[row.part]]) for row in rows]
        return await checked(self, fresh)

    put(stops.Stops, "checked", moved)
    seek = was(Partitions, "_read_again")

    def from_the_beginning(self: Partitions, places: Iterable[TopicPartition]) -> None:
        seek(self, places)
        for place in places:
            log = was(self._consumer, "_broker").logs[place.partition]
            own = self._owned.get(place.partition)
            if own is not None and own.next_offset < log.begin:
                self._consumer.seek(place, log.begin)

    put(Partitions, "_read_again", from_the_beginning)


@bug
def items_kept_after_failure(put: Put) -> None:
    """What memory holds of items outlives a commit that failed."""
    adopted, claimed = Partitions._try_to_claim, Partition.claimed
    held: list[dict[int, dict[str, Held]]] = [{}]

    async def of_this_process(self: Partitions, parts: list[int], token: int) -> None:
        held[0] = self.__dict__.setdefault("kept", {})
        await adopted(self, parts, token)

    def with_items(row: Progress) -> Partition:
        own = claimed(row)
        own.items = held[0].setdefault(row.part, own.items)
        return own

    put(Partition, "claimed", staticmethod(with_items))
    put(Partitions, "_try_to_claim", of_this_process)
    put(Partition, "adopt", _adopt_and_keep)


def _adopt_and_keep(self: Partition, generation: int, building: int | None) -> bool:
    if (self.generation, self.building) == (generation, building):
        return False
    self.generation = generation
    self.building, self.built_until, self.built = building, None, False
    self.built_items = None
    return True


@bug
def items_kept_at_a_switch(put: Put) -> None:
    """Items that were folded under the documents before are gone on with."""
    put(Partition, "adopt", _adopt_and_keep)


@bug
def items_let_go_too_soon(put: Put) -> None:
    """Items are read again before what changed of them is stored."""
    put(Partition, "end_batch", lambda self, _: self.items.clear())


@bug
def records_on_their_way_are_folded(put: Put) -> None:
    """Nobody looks whether records were read before the partitions were claimed anew."""
    folded = Partitions._fold

    async def whatever_came(self: Partitions, records: Any, _sought: int) -> None:
        await folded(self, records, self._sought)

    put(Partitions, "_fold", whatever_came)


@bug
def not_read_again_after_a_claim(put: Put) -> None:
    """A claim leaves the consumer where it was."""
    put(Partitions, "_read_again", lambda *_: None)
