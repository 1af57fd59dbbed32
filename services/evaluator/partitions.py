"""The partitions that this process owns: claimed, folded batch by batch, given up.

A batch is folded in memory while the one before it is being committed. Whatever goes wrong on the
way to the database (fenced by another owner, a lost connection, a lost reply to COMMIT) has one
answer: forget what memory holds, claim again, and go on from what the database says. The claim
waits for a commit that is still under way, so what it reads is how that ended.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from services.evaluator import store
from services.evaluator.batch_size import BatchSize
from services.evaluator.figures import Figures
from services.evaluator.fold import Folder, Record
from services.evaluator.generations import Generations
from services.evaluator.partition import Built, Partition, Proof
from services.evaluator.patience import Patience
from services.evaluator.posting import Posting
from services.evaluator.rows import ItemRow
from services.evaluator.stops import Stops, digest_of, not_folded
from services.evaluator.unreadable import Unreadable, UnreadableError
from shared.runtime.database import PASSING
from shared.runtime.wall_clock import WallClock

POLL_MS: Final = 500
FENCED_PAUSE_S: Final = 1.0
_logger: Final = logging.getLogger(__name__)


class Partitions(ConsumerRebalanceListener):  # type: ignore[misc]
    """Owns the partitions that the group assigns to this process."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        observer: AIOKafkaConsumer,
        held: store.Store,
        folder: Folder,
        generations: Generations,
        figures: Figures,
        stops: Stops,
        *,
        patience: Patience,
        clock: WallClock,
        topic: str,
        owner: str,
    ) -> None:
        """`observer` asks for offsets and consumes nothing."""
        self._consumer = consumer
        self._observer = observer
        self._store = held
        self._unreadable = Unreadable(held)
        self._folder = folder
        self._generations = generations
        self._figures = figures
        self._clock = clock
        self._topic = topic
        self._owner = owner
        self.stops = stops
        self._owned: dict[int, Partition] = {}
        self._token = 0
        self._turn = asyncio.Lock()
        self._pending: asyncio.Task[None] | None = None
        self._sent: Sequence[ItemRow] = ()
        self._takeovers: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._size = BatchSize()
        self._patience = patience
        self._sought = 0
        self.settled = False
        """Whether every partition that is assigned is claimed (or stopped, loudly)."""

    @property
    def owned(self) -> Sequence[int]:
        """The partitions that are claimed and folded."""
        return sorted(self._owned)

    @property
    def positions(self) -> dict[int, int]:
        """The next offset of each of these, as of the last batch handed to the database."""
        return {part: self._owned[part].next_offset for part in self.owned}

    # --- assignment ---------------------------------------------------------------------------

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Fold nothing more; what is under way is fenced by the next owner's claim."""
        del revoked
        self._token += 1
        self._owned = {}
        self.stops.forget()
        self.settled = False

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Stop the flow first, then claim in a task: the client delivers while this runs."""
        places = sorted(assigned)
        try:
            self._consumer.pause(*places)
            for place in places:
                # Any position will do: without one the client looks for a committed one, and fails.
                self._consumer.seek(place, 0)
        except KafkaError as error:
            self._failure = error  # the client would swallow it
            return
        self._token += 1
        self._owned = {}
        parts = [place.partition for place in places]
        task = asyncio.create_task(self._take_over(parts, self._token))
        self._takeovers.add(task)
        task.add_done_callback(self._taken_over)

    def _taken_over(self, task: asyncio.Task[None]) -> None:
        self._takeovers.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()

    async def _take_over(self, parts: list[int], token: int) -> None:
        async with self._turn:
            await self._abandon()
            await self._claim(parts, token)

    async def _claim(self, parts: list[int], token: int) -> None:
        """Claim, check, and let the records flow."""
        while True:
            try:
                await self._try_to_claim(parts, token)
            except ValueError:
                raise
            except (KafkaError, *PASSING) as error:
                self._log_retry("claim its partitions", error)
                await self._patience.after(error)
            else:
                return

    async def _try_to_claim(self, parts: list[int], token: int) -> None:
        if token != self._token:
            return
        rows = await self._store.claim(parts, self._owner) if parts else []
        claimed = await self.stops.checked(await self._unreadable.sorted_out(rows, self.stops))
        # Looked up after the claim: nothing that a former owner began to build is unknown here.
        await self._generations.look_up()
        for partition in claimed:
            self._adopt(partition)
        if token != self._token:
            return
        places = [TopicPartition(self._topic, own.part) for own in claimed]
        self._owned.update((partition.part, partition) for partition in claimed)
        self._folder.share(self._owned.values())
        self._sought += 1
        self._read_again(places)
        self._consumer.resume(*places)
        self.settled = True
        self._patience.rest()
        extra = {"action": "claimed", "next_offsets": {p.part: p.next_offset for p in claimed}}
        _logger.info("Claimed partitions %s of %s.", self.owned, self._topic, extra=extra)

    def _hold(self, part: int) -> None:
        """Fold nothing more of a partition; the others go on."""
        self._owned.pop(part, None)
        place = TopicPartition(self._topic, part)
        if place in self._consumer.assignment():
            self._consumer.pause(place)

    async def _look_again(self) -> None:
        """Claim stopped partitions anew: those whose log is whole by now go on."""
        parts = self.stops.due()
        if not parts:
            return

        async def step() -> None:
            await self._committed()
            assigned = {place.partition for place in self._consumer.assignment()}
            with contextlib.suppress(KafkaError):  # it is asked again
                await self._try_to_claim([p for p in parts if p in assigned], self._token)

        await self._guarded(step)

    # --- documents ----------------------------------------------------------------------------

    async def follow(self) -> bool:
        """Go over to the documents in use, and build some more for those to come.

        The result says whether items are left to build.
        """
        left = False

        async def step() -> None:
            nonlocal left
            left = await self._follow()

        await self._guarded(step)
        return left

    @property
    def built_so_far(self) -> Built:
        """How much is built for the documents to come."""
        return Built.of(self._owned.values())

    async def _follow(self) -> bool:
        in_use = self._generations.in_use
        if all(
            own.is_through_with(in_use.current.number, in_use.building_number)
            for own in self._owned.values()
        ):
            return False
        await self._committed()
        moved = [own for own in self._owned.values() if self._adopt(own)]
        building = self._generations.in_use.building
        waiting = [own for own in self._owned.values() if building is not None and not own.built]
        started = time.perf_counter()
        posting = Posting(self._clock())
        await self._folder.count(waiting)
        for partition in waiting if building is not None and not building.fresh else waiting[:1]:
            await self._folder.build(posting, partition)
            moved.append(partition)
        each = {own.part: own for own in moved}
        posting.moves = [own.move(own.next_offset) for own in each.values()]
        await self._post(posting, started)
        return any(not own.built for own in waiting)

    def _adopt(self, partition: Partition) -> bool:
        """Have a partition folded under what is in use and being built; whether that is news."""
        in_use = self._generations.in_use
        return partition.adopt(in_use.current.number, in_use.building_number)

    # --- records ------------------------------------------------------------------------------

    async def consume(self, stopping: asyncio.Event) -> None:
        """Fold what the log brings until told to stop."""
        while not stopping.is_set():
            if self._failure is not None:
                raise self._failure
            sought = self._sought
            try:
                records = await self._consumer.getmany(
                    timeout_ms=POLL_MS, max_records=self._size.most
                )
            except OffsetOutOfRangeError as error:
                for place in error.args[0]:
                    self._hold(place.partition)
                    self.stops.doubt(place.partition)
                records = {}
            if records:
                await self._guarded(partial(self._fold, records, sought))
            await self._look_again()
            self._size.adapt(sum(map(len, records.values())))
        async with self._turn:
            await self._abandon()

    async def _fold(self, records: dict[TopicPartition, list[Record]], sought: int) -> None:
        started = time.perf_counter()
        if sought != self._sought:
            self._read_again(records)
            return
        batch: list[tuple[Partition, list[Record]]] = []
        for place, several in sorted(records.items()):
            partition = self._owned.get(place.partition)
            if partition is not None and (fresh := await self._continued(partition, several)):
                batch.append((partition, fresh))
        if not batch:
            return
        posting = Posting(self._clock())
        starts = {partition.part: partition.next_offset for partition, _ in batch}
        for partition, several in batch:
            partition.next_offset = several[-1].offset + 1
            partition.record_digest = digest_of(several[-1])
        await self._folder.fold(posting, batch)
        posting.moves = [own.move(starts[own.part]) for own, _ in batch]
        # Others whose times went on are written along, not in a transaction of their own.
        others = [own for own in self._owned.values() if own.part not in starts and own.is_moved]
        posting.moves += [own.move(own.next_offset) for own in others]
        await self._send(posting, started)
        offsets = {own.part: [one.offset for one in several] for own, several in batch}
        for part in self.stops.poisonous(posting, offsets):
            await self._committed()
            own = self._owned.get(part)
            if own is not None:  # else it was taken from us meanwhile
                self._hold(part)
                await self.stops.poisoned(own)

    def _read_again(self, places: Iterable[TopicPartition]) -> None:
        """Let go of records that were on their way when partitions were claimed anew."""
        for place in places:
            if (own := self._owned.get(place.partition)) is not None:
                self._consumer.seek(place, own.next_offset - own.unchecked)

    async def _continued(self, partition: Partition, records: list[Record]) -> list[Record]:
        """The records to fold; none of a partition that has to stop."""
        was_unchecked = partition.unchecked
        fresh = not_folded(partition, records)
        if was_unchecked and not partition.unchecked:
            await self.stops.whole(partition.part, noted=True)
        elif was_unchecked and partition.unchecked:
            self._hold(partition.part)
            await self.stops.another_log(partition)
        return fresh

    async def _post(self, posting: Posting, started: float) -> None:
        await self._store.post(posting)
        self._figures.batch(posting, time.perf_counter() - started)

    # --- time ---------------------------------------------------------------------------------

    async def pass_time(self, proofs: dict[int, Proof], *, write: bool, lagging: bool) -> bool:
        """Take proofs over and move the evaluation times on; whether more items are due.

        `write` says to store evaluation times that moved though no item is due, `lagging` to
        settle what is due in partitions that are behind too.
        """
        more = False

        async def step() -> None:
            nonlocal more
            more = await self._pass_time(proofs, write=write, lagging=lagging)

        await self._guarded(step)
        return more

    async def _pass_time(self, proofs: dict[int, Proof], *, write: bool, lagging: bool) -> bool:
        if self._pending is not None and self._pending.done():
            await self._committed()
        now = self._clock()
        for part, partition in self._owned.items():
            if partition.proof is None:
                partition.proof = proofs.get(part)
            partition.advance(now=now)
        moved = [own for own in self._owned.values() if own.is_moved or own.is_due]
        due = [own for own in moved if own.is_due and (own.is_proven or lagging)]
        # While a batch is on its way to the database, the next one writes what moved.
        if not due and not (write and moved and self._pending is None):
            return False
        started = time.perf_counter()
        posting = Posting(now)
        await self._folder.fold_due(posting, due, self._sent)
        posting.moves = [own.move(own.next_offset) for own in moved]
        await self._send(posting, started)
        return any(own.is_due for own in due)

    # --- faults -------------------------------------------------------------------------------

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> None:
        """One step at a time; when the database refuses it, start over from what it holds."""
        async with self._turn:
            token, parts = self._token, self.owned
            try:
                await step()
            except ValueError:
                raise
            except (store.FencedError, UnreadableError, *PASSING) as error:
                self._log_retry("fold a batch", error)
                if isinstance(error, UnreadableError):
                    self._unreadable.note(error)
                self._figures.restarts.inc()
                self._owned = {}
                self.settled = False
                await self._abandon()
                if isinstance(error, store.FencedError):
                    await asyncio.sleep(FENCED_PAUSE_S)
                if token == self._token:
                    self._consumer.pause(*(TopicPartition(self._topic, part) for part in parts))
                    await self._claim(list(parts), token)

    async def _send(self, posting: Posting, started: float) -> None:
        """Have a batch written, once the one before is committed; nobody waits for it here."""
        await self._committed()
        self._pending = asyncio.create_task(self._post(posting, started))
        self._sent = posting.items

    async def _committed(self) -> None:
        """Wait for the batch before; raises what went wrong with it."""
        pending, self._pending, self._sent = self._pending, None, ()
        if pending is not None:
            await pending

    async def _abandon(self) -> None:
        """Wait for the batch before, however it ends: the database knows."""
        with contextlib.suppress(store.FencedError, *PASSING):
            await self._committed()

    def _log_retry(self, what: str, error: BaseException) -> None:
        text = "The evaluator could not %s and starts over from what is stored: %r"
        _logger.warning(text, what, error, extra={"action": "start_over"})

    async def tell_kafka(self) -> None:
        """Commit the offsets to Kafka, for tools that show lag; nothing here reads them."""
        offsets = {TopicPartition(self._topic, p): at for p, at in self.positions.items()}
        if offsets:
            with contextlib.suppress(KafkaError):
                await self._consumer.commit(offsets)
