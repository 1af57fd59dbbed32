"""One micro-batch: decode -> load the items it touches -> fold its events in -> post what changed.

Everything here happens in memory and may be thrown away; `Store.post` makes it true.
"""

import asyncio
from collections import Counter as Counts
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, Protocol, TypeAlias

from aiokafka import ConsumerRecord
from prometheus_client import Counter

from services.evaluator.garbage import acyclic, search_all
from services.evaluator.generations import Compiled
from services.evaluator.lateness import Lateness
from services.evaluator.partition import Held, Partition, items_each
from services.evaluator.posting import Cause, Posting, Source, post_difference
from services.evaluator.rows import ItemRow, QuarantineRow
from services.evaluator.store import Store
from services.evaluator.unreadable import UnreadableError
from shared.domain.event import Event
from shared.domain.instant import Instant
from shared.domain.item import Item, Outcomes
from shared.wire import cloudevents
from shared.wire.stored_item import UnreadableItemError, pack_item, unpack_item

Record: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"

DUE_MAX: Final = 1_000
"""Items of one partition that are settled in one transaction because of time."""

BUILD_MAX: Final = 250
"""Items that are folded under documents to come in one transaction: events wait for it."""

BUILD_READ_MAX: Final = 4_000
"""About so many are read for that: agreements that change may be about few of the items."""

SLICE: Final = 64
"""Items read or settled before other tasks get their turn: heartbeats, judging, and the commit of
the batch before, which needs its turn after each of its statements."""

DECODE_SLICE: Final = 1_000
"""Records decoded before they do."""


class Compiling(Protocol):
    """Where the fold finds the generations of documents that it has to know."""

    def __getitem__(self, number: int) -> Compiled:
        """One that has been looked up."""


_Arrival: TypeAlias = tuple[int, str, Event]
"""The offset of a record, the key of the item that it is about, and the event that it is."""


class Folder:
    """Folds events into items under the documents in use, and under those being built."""

    def __init__(
        self,
        store: Store,
        generations: Compiling,
        events: Counter,
        lateness: Lateness | None = None,
    ) -> None:
        """`events` counts the events by what became of them, `lateness` by how late they are."""
        self._lateness = lateness
        self._store = store
        self._generations = generations
        self._sharing: dict[int, Partition] = {}
        self._counted = {name: events.labels(outcome=name) for name in (*Outcomes, "refused")}

    def share(self, partitions: Iterable[Partition]) -> None:
        """Share the items that are kept in memory out among these; others' are let go of."""
        before, self._sharing = self._sharing, {own.part: own for own in partitions}
        lost = any(self._sharing.get(part) is not own for part, own in before.items())
        del before
        if lost:
            search_all()

    async def fold(
        self,
        posting: Posting,
        batch: Sequence[tuple[Partition, Sequence[Record]]],
    ) -> None:
        """Fold the records of some partitions in, each settled at its evaluation time."""
        arrived: list[tuple[Partition, list[_Arrival]]] = []
        for partition, records in batch:
            arrivals: list[_Arrival] = []
            for begin in range(0, len(records), DECODE_SLICE):
                with acyclic():
                    some = records[begin : begin + DECODE_SLICE]
                    arrivals += self._decode(posting, partition.part, some)
                await asyncio.sleep(0)
            arrived.append((partition, arrivals))
        await self._load(arrived)
        for partition, arrivals in arrived:
            times = [event.time for _, _, event in arrivals]
            if self._lateness is not None:
                self._lateness.note(partition, times, (event.kind for _, _, event in arrivals))
            partition.latest = max(times, default=partition.latest)
            partition.advance(now=posting.posted_at)
            with acyclic():
                touched = [*self._admit(posting, partition, arrivals).items()]
            for begin in range(0, len(touched), SLICE):
                with acyclic():
                    for key, cause in touched[begin : begin + SLICE]:
                        self._settle(posting, partition, key, cause)
                await asyncio.sleep(0)
        self._end_batch(partition for partition, _ in batch)

    async def fold_due(
        self, posting: Posting, partitions: Sequence[Partition], sent: Sequence[ItemRow] = ()
    ) -> None:
        """Settle items that are due, about DUE_MAX of each partition at most.

        `sent` are the rows of the batch before, which may not be stored yet: they count, whatever
        the database says of these items, and memory holds the items themselves.
        """
        owned = {own.part: own for own in partitions if own.is_due}
        if not owned:
            return
        until = [(part, owned[part].evaluation_time) for part in sorted(owned)]
        rows = await self._store.load_due(until, DUE_MAX)
        later = await self._store.next_due(until)
        under_way = {(row.part, row.key): row.next_due for row in sent if row.part in owned}
        found = Counts(row[0] for row in rows)
        due: list[tuple[Partition, str, bytes | None]] = [
            (owned[part], key, body) for part, key, body in rows if (part, key) not in under_way
        ]
        for part, partition in owned.items():
            # Found again below: the first of what is stored, under way, and settled here.
            partition.due = later[part] if found[part] < DUE_MAX else partition.evaluation_time
        for (part, key), at in under_way.items():
            if at is not None and at <= owned[part].evaluation_time:
                due.append((owned[part], key, None))
            else:
                owned[part].expect(at)
        for begin in range(0, len(due), SLICE):
            with acyclic():
                for partition, key, body in due[begin : begin + SLICE]:
                    if body is None or key in partition.items:
                        held = partition.items[key]
                    else:
                        held = self._unpack(partition, key, body)
                    partition.hold(key, held)  # used now: what is not stored yet has to stay
                    self._settle(posting, partition, key, Cause.LATE)
            await asyncio.sleep(0)
        self._end_batch(owned.values())

    def _end_batch(self, partitions: Iterable[Partition]) -> None:
        """Let go of items everywhere: those of partitions that are quiet are committed by now."""
        every = {**self._sharing, **{own.part: own for own in partitions}}
        for own in every.values():
            own.end_batch(items_each(len(every)))

    async def count(self, partitions: Sequence[Partition]) -> None:
        """Know how many items are to be built; counted once, for it takes a while."""
        unknown = {own.part: own for own in partitions if own.built_items is None}
        if unknown:
            keys = [own.built_until or "" for own in unknown.values()]
            for part, done, every in await self._store.count_items([*unknown], keys):
                unknown[part].built_items = done, every

    async def build(self, posting: Posting, partition: Partition) -> int:
        """Fold the next stored items under the documents that are being built too; how many.

        All must be stored. `partition.built` says that no more are left.
        """
        if partition.building is None or not self._generations[partition.building].fresh:
            partition.built = True
            return 0
        read = folded = 0
        while not partition.built and folded < BUILD_MAX and read < BUILD_READ_MAX:
            after = partition.built_until or ""
            rows = await self._store.load_after(partition.part, after, BUILD_MAX)
            read += len(rows)
            for _, key, body, next_due in rows:
                folded += self._build_item(posting, partition, key, body, next_due)
                partition.built_until = key
            partition.built = len(rows) < BUILD_MAX
        if partition.built_items is not None:
            done, every = partition.built_items
            done += read
            # Items that came since are built when they are folded.
            partition.built_items = done, done if partition.built else max(done, every)
        return read

    def _build_item(
        self,
        posting: Posting,
        partition: Partition,
        key: str,
        body: bytes,
        next_due: Instant | None,
    ) -> bool:
        """Fold a stored item under the documents that are being built; whether they are about it.

        Under those in use nothing changes, neither what is posted nor what is due.
        """
        building = partition.building
        kind, _, _ = key.partition(":")
        if building is None or kind not in self._generations[building].fresh_plan:
            return False
        held = partition.items.get(key) or self._unpack(partition, key, body)
        before = held.posted_beside
        source = Source(partition.part, key, partition.evaluation_time, Cause.LATE)
        due = _earlier(next_due, self._settle_beside(posting, held, source, building))
        if held.posted_beside is not before or due != next_due:
            self._put(posting, partition, key, held, due)
        return True

    def _decode(self, posting: Posting, part: int, records: Sequence[Record]) -> list[_Arrival]:
        arrivals: list[_Arrival] = []
        for record in records:
            try:
                event = cloudevents.decode_record(record.headers, record.value)
            except cloudevents.InvalidEvent as error:
                self._quarantine(posting, part, record.offset, "", error.reason, record.value)
                self._counted["refused"].inc()
                continue
            arrivals.append((record.offset, event.item, event))
        return arrivals

    async def _load(self, arrived: Sequence[tuple[Partition, list[_Arrival]]]) -> None:
        """Have every item that the batch touches in memory."""
        missing = {
            (partition.part, key): partition
            for partition, arrivals in arrived
            for _, key, _ in arrivals
            if key not in partition.items
        }
        if not missing:
            return
        stored = {(part, key): body for part, key, body in await self._store.load_items([*missing])}
        wanted = [*missing.items()]
        for begin in range(0, len(wanted), SLICE):
            with acyclic():
                for (part, key), partition in wanted[begin : begin + SLICE]:
                    body = stored.get((part, key))
                    partition.hold(
                        key,
                        self._new(partition, key)
                        if body is None
                        else self._unpack(partition, key, body),
                    )
            await asyncio.sleep(0)

    def _admit(
        self, posting: Posting, partition: Partition, arrivals: Sequence[_Arrival]
    ) -> dict[str, Cause]:
        """Take the events in; the items that they change, and why."""
        touched: dict[str, Cause] = {}
        counts = dict.fromkeys(Outcomes, 0)
        for offset, key, event in arrivals:
            held = partition.items[key]
            partition.hold(key, held)
            admission = held.item.admit(event)
            if held.beside is not None:
                held.beside.admit(event)
            counts[admission.outcome] += 1
            loser = admission.loser
            if loser is not None:
                self._quarantine(
                    posting,
                    partition.part,
                    offset,
                    key,
                    Outcomes.CONFLICT,
                    cloudevents.encode(loser),
                )
            if admission.outcome is Outcomes.DUPLICATE or loser is event:
                continue
            if loser is not None or event.replaces is not None:
                touched[key] = Cause.CORRECTED
            else:
                touched.setdefault(key, Cause.LATE)
        for outcome, count in counts.items():
            self._counted[outcome].inc(count)
        return touched

    def _settle(self, posting: Posting, partition: Partition, key: str, cause: Cause) -> None:
        """Post what an item contributes at the evaluation time beyond what has been posted."""
        held = partition.items[key]
        now = partition.evaluation_time
        settled = held.item.settle(now=now)
        source = Source(partition.part, key, now, cause)
        held.posted = post_difference(
            posting,
            source,
            held.posted,
            settled.contributions,
            self._generations[partition.generation].place,
        )
        due = settled.next_due
        if partition.building is not None:
            due = _earlier(due, self._settle_beside(posting, held, source, partition.building))
        self._put(posting, partition, key, held, due)

    @staticmethod
    def _put(
        posting: Posting, partition: Partition, key: str, held: Held, due: Instant | None
    ) -> None:
        body = pack_item(held.item.events, (*held.posted, *held.posted_beside))
        customer = held.item.sole("customer")
        posting.items.append(ItemRow(partition.part, key, due, body, customer))
        partition.expect(due)

    def _settle_beside(
        self, posting: Posting, held: Held, source: Source, building: int
    ) -> Instant | None:
        """The same under the documents that are being built, as far as they change anything."""
        compiled = self._generations[building]
        item = held.item
        if item.kind not in compiled.fresh_plan:
            return None
        if held.beside is None:
            held.beside = Item(compiled.fresh_plan, item.kind, item.subject, item.events)
        settled = held.beside.settle(now=source.now)
        held.posted_beside = post_difference(
            posting,
            replace(source, beside=building),
            held.posted_beside,
            [own for own in settled.contributions if own[:2] in compiled.fresh],
            compiled.place,
        )
        return settled.next_due

    def _new(self, partition: Partition, key: str) -> Held:
        kind, _, subject = key.partition(":")
        return Held(Item(self._generations[partition.generation].plan, kind, subject), ())

    def _unpack(self, partition: Partition, key: str, body: bytes) -> Held:
        """A stored item; what was posted of it for documents that were given up is let go."""
        kind, _, subject = key.partition(":")
        try:
            events, posted = unpack_item(key, body)
        except UnreadableItemError as error:
            raise UnreadableError(partition.part, key, str(error)) from None
        current = self._generations[partition.generation]
        held = Held(
            Item(current.plan, kind, subject, events),
            [pair for pair in posted if current.holds(*pair)],
        )
        if partition.building is not None and len(held.posted) < len(posted):
            beside = partition.building
            held.posted_beside = [pair for pair in posted if pair[1].built == beside]
        return held

    @staticmethod
    def _quarantine(
        posting: Posting, part: int, offset: int, item: str, reason: str, record: bytes | None
    ) -> None:
        posting.quarantined.append(
            QuarantineRow(part, offset, item, reason, record or b"", posting.posted_at)
        )


def _earlier(one: Instant | None, other: Instant | None) -> Instant | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
