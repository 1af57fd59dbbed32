"""Mistakes in what is proven, folded, posted and told."""

# ruff: noqa: ANN401, SLF001 - what is replaced on purpose is private and of any type

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from aiokafka import TopicPartition

from services.evaluator import fold, partition, posting
from services.evaluator.breaches import Told, news
from services.evaluator.partition import Partition, Proof
from services.evaluator.posting import Posting
from services.evaluator.prover import Prover
from services.evaluator.rows import ItemRow
from shared.domain import item
from shared.domain.event import Event
from shared.domain.instant import Instant
from tests.simulation import judging
from tests.simulation.seeding import Put, bug, was

# --- time -------------------------------------------------------------------------------------


@bug
def idle_partition_never_proven(put: Put) -> None:
    """A partition to which nothing comes is not believed to be complete."""
    advance = Partition.advance

    def after_events(self: Partition, *, now: Instant) -> None:
        self.proof = self.proof if self.latest else None
        advance(self, now=now)

    put(Partition, "advance", after_events)


@bug
def proven_without_ingest(put: Put) -> None:
    """The clock is taken for proven, whatever ingest has still to read."""

    async def always(_self: Prover, _ends: object) -> bool:
        return True

    put(Prover, "_is_ingested", always)


@bug
def proven_without_reading(put: Put) -> None:
    """A proof is taken over before the partition has been read up to its end."""
    advance = Partition.advance

    def at_once(self: Partition, *, now: Instant) -> None:
        if self.proof is not None:
            self.proof = Proof(self.proof.instant, 0)
        advance(self, now=now)

    put(Partition, "advance", at_once)


@bug
def clock_read_after_the_ends(put: Put) -> None:
    """The proven instant is later than the ends that prove it."""
    prove = Prover._prove

    async def later(self: Prover) -> dict[int, Proof]:
        if self._noted is None and self._partitions.positions:
            ends = await self._observer.end_offsets(await self._input_places())
            self._noted = (self._clock(), ends)
        return await prove(self)

    put(Prover, "_prove", later)


@bug
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


@bug
def growth_not_noticed(put: Put) -> None:
    """The partitions of the input topics are looked up once."""
    look_up = Prover._input_places
    known: dict[Prover, list[TopicPartition]] = {}

    async def once(self: Prover) -> list[TopicPartition]:
        if self not in known:
            known[self] = await look_up(self)
        return known[self]

    put(Prover, "_input_places", once)


@bug
def no_time_for_disorder(put: Put) -> None:
    """The watermark is the proven instant itself."""
    put(partition, "ALLOWED_DISORDER", 0)


@bug
def due_items_skipped(put: Put) -> None:
    """Time passes although more items are due than are settled at once."""
    fold_due = fold.Folder.fold_due

    async def some(
        self: fold.Folder,
        own: Posting,
        parts: Sequence[Partition],
        sent: Sequence[ItemRow] = (),
    ) -> None:
        await fold_due(self, own, parts, sent)
        for one in parts:
            one.due = one.evaluation_time + 1

    put(fold.Folder, "fold_due", some)


@bug
def due_items_under_way_forgotten(put: Put) -> None:
    """What is due is asked of the database alone, while a batch is on its way there."""
    fold_due = fold.Folder.fold_due

    async def stored_only(
        self: fold.Folder,
        own: Posting,
        parts: Sequence[Partition],
        sent: Sequence[ItemRow] = (),
    ) -> None:
        del sent
        await fold_due(self, own, parts)

    put(fold.Folder, "fold_due", stored_only)


# --- items, panes, breaches -------------------------------------------------------------------


@bug
def duplicate_not_detected(put: Put) -> None:
    """An event that is there already is taken in once more."""
    admit = item.Item.admit

    def admit_again(self: item.Item, event: Event) -> Any:
        admission = admit(self, event)
        if admission.outcome is item.Outcomes.DUPLICATE:
            return admit(self, replace(event, id=f"{event.id} again"))
        return admission

    put(item.Item, "admit", admit_again)


@bug
def corrections_ignored(put: Put) -> None:
    """What was corrected or retracted stands."""
    put(item, "effective", lambda events: events)


@bug
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


@bug
def nothing_queued_at_a_switch(put: Put) -> None:
    """What partitions have decided ahead of a switch of documents is never judged."""
    put(judging.Judging, "queue_ahead", lambda *_: None)


@bug
def withdrawal_not_written(put: Put) -> None:
    """A breach that an earlier event undoes is left standing."""
    posted = was(posting, "_post_breaches")
    put(
        posting,
        "_post_breaches",
        lambda own, source, _removed, added: posted(own, source, (), added),
    )


@bug
def quarantine_lost(put: Put) -> None:
    """A record that is no event is skipped without a word."""
    put(fold.Folder, "_quarantine", staticmethod(lambda *_: None))


@bug
def built_after_the_first_step(put: Put) -> None:
    """A partition counts as built for documents to come when some of it is."""
    build = fold.Folder.build

    async def some(self: fold.Folder, own: Posting, one: Partition) -> int:
        count = await build(self, own, one)
        one.built = True
        return count

    put(fold.Folder, "build", some)


@bug
def events_not_folded_beside(put: Put) -> None:
    """What comes while documents are built is folded under those in use alone."""
    settle = was(fold.Folder, "_settle")

    def alone(self: fold.Folder, own: Posting, one: Partition, key: str, cause: Any) -> None:
        building, one.building = one.building, None
        settle(self, own, one, key, cause)
        one.building = building

    put(fold.Folder, "_settle", alone)


@bug
def announced_the_wrong_way_round(put: Put) -> None:
    """Of two things to be said of a breach the later one is said first."""
    put(judging, "news", lambda before, now: reversed([*news(before, now)]))


@bug
def announcement_not_noted(put: Put) -> None:
    """What was said of a breach is not kept, and said again."""
    put(Told, "write", lambda _self: "")
