"""Mistakes that one could make, each put into the running code; a run has to notice every one.

No product code knows of them: they replace parts of it for as long as a run lasts. Where the
product's guard is a condition of an SQL statement, the simulated server has the same condition, and
the mistake is put there.
"""

# ruff: noqa: ANN401, SLF001 - what is replaced on purpose is private and of any type

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from aiokafka import TopicPartition

from services.evaluator import fold, partition, posting, stops
from services.evaluator.breaches import Told, news
from services.evaluator.partition import Held, Partition, Proof
from services.evaluator.partitions import Partitions
from services.evaluator.posting import Move, Posting
from services.evaluator.prover import Prover
from services.evaluator.store import PASSING, Progress
from shared.domain import item
from shared.domain.event import Event
from shared.domain.instant import Instant
from tests.simulation import judging
from tests.simulation.database import Database
from tests.simulation.database import Progress as Row
from tests.simulation.held import MemoryStore

Put = Callable[[object, str, object], None]
Bug = Callable[[Put], None]
BUGS: Final[dict[str, Bug]] = {}


@contextmanager
def installed(name: str) -> Iterator[None]:
    """Make this mistake until the block ends."""
    before: list[tuple[object, str, object]] = []

    def put(owner: object, attribute: str, new: object) -> None:
        before.append((owner, attribute, vars(owner)[attribute]))
        setattr(owner, attribute, new)

    try:
        BUGS[name](put)
        yield
    finally:
        for owner, attribute, old in reversed(before):
            setattr(owner, attribute, old)


def _was(owner: object, name: str) -> Any:
    return getattr(owner, name)


def _bug(install_it: Bug) -> Bug:
    BUGS[install_it.__name__.replace("_", "-")] = install_it
    return install_it


def _claimed_as(put: Put, changed: Callable[[Progress], Progress]) -> None:
    """Have claimed partitions begin with something else than what is stored."""
    claimed = Partition.claimed
    put(Partition, "claimed", staticmethod(lambda row: claimed(changed(row))))


# --- statements -------------------------------------------------------------------------------


@_bug
def fencing_off(put: Put) -> None:
    """Progress is set without being compared: whoever comes last is right."""
    put(Database, "is_continued", staticmethod(lambda _row, _move: True))


@_bug
def epoch_not_raised(put: Put) -> None:
    """A claim leaves the epoch as it was: the former owner writes on."""
    put(MemoryStore, "next_epoch", staticmethod(lambda row: row.epoch))


@_bug
def generation_not_compared(put: Put) -> None:
    """What was folded under the documents before is written after the switch."""

    def by_owner(row: Row, move: Move) -> bool:
        return (row.epoch, row.next_offset) == (move.epoch, move.start)

    put(Database, "is_continued", staticmethod(by_owner))


@_bug
def timers_read_before_waiting(put: Put) -> None:
    """A claim reads when items are due before it waits for the former owner's commit."""
    claim = MemoryStore.claim

    async def read_first(self: MemoryStore, parts: Iterable[int], owner: str) -> list[Progress]:
        wanted = sorted(parts)
        dues = await self.next_due(wanted)
        return [replace(row, next_due=dues[row.part]) for row in await claim(self, wanted, owner)]

    put(MemoryStore, "claim", read_first)


@_bug
def offset_before_effects(put: Put) -> None:
    """Progress is stored in a transaction of its own, before the effects."""
    post = MemoryStore.post

    async def moved_first(self: MemoryStore, own: Posting) -> None:
        await post(self, Posting(own.posted_at, moves=own.moves))
        own.moves = [move._replace(start=move.next_offset) for move in own.moves]
        await post(self, own)

    put(MemoryStore, "post", moved_first)


@_bug
def posted_twice_after_a_lost_reply(put: Put) -> None:
    """After a lost connection a batch is written again, whatever became of the first time."""
    post = MemoryStore.post

    async def again(self: MemoryStore, own: Posting) -> None:
        try:
            await post(self, own)
        except PASSING:
            compared, Database.is_continued = Database.is_continued, staticmethod(_always)  # type: ignore[assignment]
            try:
                await post(self, own)
            finally:
                Database.is_continued = staticmethod(compared)  # type: ignore[assignment]

    put(MemoryStore, "post", again)


def _always(*_: object) -> bool:
    return True


# --- partitions -------------------------------------------------------------------------------


@_bug
def timer_lost_at_claim(put: Put) -> None:
    """What is due next is forgotten when a partition is claimed."""
    _claimed_as(put, lambda row: replace(row, next_due=None))


@_bug
def time_goes_back_at_claim(put: Put) -> None:
    """The evaluation time begins anew when a partition is claimed."""
    _claimed_as(put, lambda row: replace(row, evaluation_time=0))


@_bug
def last_record_not_checked(put: Put) -> None:
    """Nobody looks whether the log is the one that was folded."""
    _claimed_as(put, lambda row: replace(row, record_digest=None))
    put(stops.Stops, "_break", lambda *_: None)


@_bug
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
    seek = _was(Partitions, "_read_again")

    def from_the_beginning(self: Partitions, places: Iterable[TopicPartition]) -> None:
        seek(self, places)
        for place in places:
            log = _was(self._consumer, "_broker").logs[place.partition]
            own = self._owned.get(place.partition)
            if own is not None and own.next_offset < log.begin:
                self._consumer.seek(place, log.begin)

    put(Partitions, "_read_again", from_the_beginning)


@_bug
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


@_bug
def items_kept_at_a_switch(put: Put) -> None:
    """Items that were folded under the documents before are gone on with."""
    put(Partition, "adopt", _adopt_and_keep)


@_bug
def items_let_go_too_soon(put: Put) -> None:
    """Items are read again before what changed of them is stored."""
    put(Partition, "forget_oldest", lambda self: self.items.clear())


@_bug
def records_on_their_way_are_folded(put: Put) -> None:
    """Nobody looks whether records were read before the partitions were claimed anew."""
    folded = Partitions._fold

    async def whatever_came(self: Partitions, records: Any, _sought: int) -> None:
        await folded(self, records, self._sought)

    put(Partitions, "_fold", whatever_came)


@_bug
def not_read_again_after_a_claim(put: Put) -> None:
    """A claim leaves the consumer where it was."""
    put(Partitions, "_read_again", lambda *_: None)


# --- time -------------------------------------------------------------------------------------


@_bug
def idle_partition_never_proven(put: Put) -> None:
    """A partition to which nothing comes is not believed to be complete."""
    advance = Partition.advance

    def after_events(self: Partition, *, now: Instant) -> None:
        self.proof = self.proof if self.latest else None
        advance(self, now=now)

    put(Partition, "advance", after_events)


@_bug
def proven_without_ingest(put: Put) -> None:
    """The clock is taken for proven, whatever ingest has still to read."""

    async def always(_self: Prover, _ends: object) -> bool:
        return True

    put(Prover, "_is_ingested", always)


@_bug
def proven_without_reading(put: Put) -> None:
    """A proof is taken over before the partition has been read up to its end."""
    advance = Partition.advance

    def at_once(self: Partition, *, now: Instant) -> None:
        if self.proof is not None:
            self.proof = Proof(self.proof.instant, 0)
        advance(self, now=now)

    put(Partition, "advance", at_once)


@_bug
def clock_read_after_the_ends(put: Put) -> None:
    """The proven instant is later than the ends that prove it."""
    prove = Prover._prove

    async def later(self: Prover) -> dict[int, Proof]:
        if self._noted is None and self._partitions.positions:
            ends = await self._observer.end_offsets(await self._input_places())
            self._noted = (self._clock(), ends)
        return await prove(self)

    put(Prover, "_prove", later)


@_bug
def log_ends_read_before_ingest(put: Put) -> None:
    """How far the event log goes is asked before ingest is known to be through."""
    prove = Prover._prove

    async def earlier(self: Prover) -> dict[int, Proof]:
        places = [TopicPartition(self._topic, part) for part in self._partitions.positions]
        ends = await self._observer.end_offsets(places)
        found = await prove(self)
        early = {place.partition: end for place, end in ends.items()}
        return {part: replace(own, end=early[part]) for part, own in found.items() if part in early}

    put(Prover, "_prove", earlier)


@_bug
def growth_not_noticed(put: Put) -> None:
    """The partitions of the input topics are looked up once."""
    look_up = Prover._input_places

    async def once(self: Prover) -> list[TopicPartition]:
        return self._places or await look_up(self)

    put(Prover, "_input_places", once)


@_bug
def no_time_for_disorder(put: Put) -> None:
    """The watermark is the proven instant itself."""
    put(partition, "ALLOWED_DISORDER", 0)


@_bug
def due_items_skipped(put: Put) -> None:
    """Time passes although more items are due than are settled at once."""
    fold_due = fold.Folder.fold_due

    async def some(self: fold.Folder, own: Posting, parts: Sequence[Partition]) -> None:
        await fold_due(self, own, parts)
        for one in parts:
            one.due = one.evaluation_time + 1

    put(fold.Folder, "fold_due", some)


# --- items, panes, breaches -------------------------------------------------------------------


@_bug
def duplicate_not_detected(put: Put) -> None:
    """An event that is there already is taken in once more."""
    admit = item.Item.admit

    def admit_again(self: item.Item, event: Event) -> Any:
        admission = admit(self, event)
        if admission.outcome is item.Outcomes.DUPLICATE:
            return admit(self, replace(event, id=f"{event.id} again"))
        return admission

    put(item.Item, "admit", admit_again)


@_bug
def corrections_ignored(put: Put) -> None:
    """What was corrected or retracted stands."""
    put(item, "effective", lambda events: events)


@_bug
def queue_row_lost(put: Put) -> None:
    """A window that changed at two instants is marked for the first one only."""
    marks = Posting.marks

    def first(self: Posting) -> Iterator[tuple[Any, Instant, str]]:
        seen = set()
        for window, since, cause in marks(self):
            if window not in seen:
                seen.add(window)
                yield window, since, cause

    put(Posting, "marks", first)


@_bug
def withdrawal_not_written(put: Put) -> None:
    """A breach that an earlier event undoes is left standing."""
    was = _was(posting, "_post_breaches")
    put(posting, "_post_breaches", lambda own, source, _removed, added: was(own, source, (), added))


@_bug
def quarantine_lost(put: Put) -> None:
    """A record that is no event is skipped without a word."""
    put(fold.Folder, "_quarantine", staticmethod(lambda *_: None))


@_bug
def built_after_the_first_step(put: Put) -> None:
    """A partition counts as built for documents to come when some of it is."""
    build = fold.Folder.build

    async def some(self: fold.Folder, own: Posting, one: Partition) -> int:
        count = await build(self, own, one)
        one.built = True
        return count

    put(fold.Folder, "build", some)


@_bug
def events_not_folded_beside(put: Put) -> None:
    """What comes while documents are built is folded under those in use alone."""
    settle = _was(fold.Folder, "_settle")

    def alone(self: fold.Folder, own: Posting, one: Partition, key: str, cause: Any) -> None:
        building, one.building = one.building, None
        settle(self, own, one, key, cause)
        one.building = building

    put(fold.Folder, "_settle", alone)


@_bug
def announced_the_wrong_way_round(put: Put) -> None:
    """Of two things to be said of a breach the later one is said first."""
    put(judging, "news", lambda before, now: reversed([*news(before, now)]))


@_bug
def announcement_not_noted(put: Put) -> None:
    """What was said of a breach is not kept, and said again."""
    put(Told, "write", lambda _self: "")
