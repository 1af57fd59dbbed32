"""Mistakes that one could make, each put into a running service by patching it before it starts.

No product code knows of them: `seeded/sitecustomize.py` calls `install` where a run asks for one.
Several take two places at once, for one of the product's defences alone holds them: without the
comparison of progress a blind repetition does harm, with it none.
"""

import asyncio
import random
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import aiokafka
import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.evaluator import judge_store, judging, partition, partitions, prover, relay, store
from services.evaluator.partition import Partition
from services.evaluator.posting import Posting
from services.ingest import consume, publish
from shared.domain import item
from shared.domain.event import Event
from shared.runtime import database
from shared.runtime.database import PASSING
from shared.runtime.topics import TopicError

Bug = Callable[[], None]

BUGS: Final[dict[str, Bug]] = {}
_SLOW_S: Final = 0.25
"""What makes a gap between two steps wide enough to be hit."""


def install(name: str) -> None:
    """Put the mistake into this process."""
    BUGS[name]()


def _put(owner: object, name: str, new: object) -> None:
    if not hasattr(owner, name):
        message = f"{owner!r} has no {name!r}: this mistake would change nothing"
        raise LookupError(message)
    setattr(owner, name, new)


def _was(owner: object, name: str) -> Any:
    return getattr(owner, name)


def _text(owner: object, name: str) -> str:
    return str(getattr(owner, name))


def _bug(install_it: Bug) -> Bug:
    BUGS[install_it.__name__.replace("_", "-")] = install_it
    return install_it


def _move_without(*conditions: str) -> str:
    """The statement that sets progress, with less that it compares."""
    text = _text(store, "_MOVE")
    for condition in conditions:
        if condition not in text:
            message = f"{condition!r} is not compared: {text}"
            raise LookupError(message)
        text = text.replace(condition, "")
    return text


async def _move_blindly(connection: database.Connection, moves: Iterable[Any]) -> None:
    rows = sorted(moves)
    text = _move_without("AND p.epoch = m.epoch", "AND p.next_offset = m.start")
    await connection.execute(text, *zip(*rows, strict=True))


@_bug
def fencing_off() -> None:
    """Progress is set without being compared: whoever comes last is right."""
    _put(store, "_move", _move_blindly)


@_bug
def offset_before_effects() -> None:
    """Progress is stored in a transaction of its own, before the effects."""
    post = store.Store.post

    async def moved_first(self: store.Store, posting: Posting) -> None:
        moves = posting.moves
        async with database.transaction(self._pool) as connection:
            await _was(store, "_move")(connection, moves)
        await asyncio.sleep(_SLOW_S if posting.items else 0)
        again = [own._replace(start=own.next_offset) for own in moves]
        posting.moves = again
        await post(self, posting)

    _put(store.Store, "post", moved_first)


@_bug
def positions_from_kafka() -> None:
    """The group's committed offset is believed, and committed before the database has the batch."""

    async def move_by_epoch(connection: database.Connection, moves: Iterable[Any]) -> None:
        text = _move_without("AND p.next_offset = m.start")
        rows = sorted(moves)
        status = await connection.execute(text, *zip(*rows, strict=True))
        if status != f"UPDATE {len(rows)}":
            raise store.FencedError(status)

    claim, post = (
        _was(partitions.Partitions, "_try_to_claim"),
        _was(partitions.Partitions, "_post"),
    )

    async def at_kafkas(self: partitions.Partitions, parts: list[int], token: int) -> None:
        await claim(self, parts, token)
        places = [TopicPartition(self._topic, part) for part in parts if part in self._owned]
        for place in places:
            own = self._owned[place.partition]
            with suppress(KafkaError):
                own.next_offset = await self._consumer.committed(place) or 0
                own.unchecked = False
        self._sought += 1
        self._read_again(places)

    async def told_first(self: partitions.Partitions, posting: Posting, started: float) -> None:
        await self.tell_kafka()
        await asyncio.sleep(_SLOW_S if posting.items else 0)
        await post(self, posting, started)

    _put(store, "_move", move_by_epoch)
    _put(partitions.Partitions, "_try_to_claim", at_kafkas)
    _put(partitions.Partitions, "_post", told_first)


@_bug
def timer_lost() -> None:
    """What is due next is not read when a partition is claimed."""
    claimed = Partition.claimed

    def without_due(row: store.Progress) -> Partition:
        return claimed(replace(row, next_due=None))

    _put(Partition, "claimed", staticmethod(without_due))


@_bug
def duplicate_not_detected() -> None:
    """An event that is there already is taken in once more."""
    admit = item.Item.admit

    def admit_again(self: item.Item, event: Event) -> Any:
        admission = admit(self, event)
        if admission.outcome is item.Outcomes.DUPLICATE:
            return admit(self, replace(event, id=f"{event.id} again"))
        return admission

    _put(item.Item, "admit", admit_again)


@_bug
def commit_repeated_blindly() -> None:
    """After a lost connection the batch is written again, whatever became of the first time."""
    post, move = store.Store.post, _was(store, "_move")

    async def again(self: store.Store, posting: Posting) -> None:
        try:
            await post(self, posting)
        except PASSING:
            _put(store, "_move", _move_blindly)
            try:
                await post(self, posting)
            finally:
                _put(store, "_move", move)

    _put(store.Store, "post", again)


@_bug
def reset_to_latest() -> None:
    """Positions are left to the client, which begins at the end where it knows of none."""
    consumer = aiokafka.AIOKafkaConsumer
    begin = consumer.__init__

    def begin_at_the_end(self: Any, *topics: str, **given: Any) -> None:
        if given.get("client_id") == "accord-evaluator":
            given["auto_offset_reset"] = "latest"
        begin(self, *topics, **given)

    _put(consumer, "__init__", begin_at_the_end)
    _put(consumer, "seek", lambda _self, _place, _offset: None)
    _put(partitions.Partitions, "tell_kafka", _nothing)
    _accept_any_record()


async def _nothing(_self: object) -> None:
    """Tell nobody."""


def _accept_any_record() -> None:
    """Without the digest of the last record and without comparing offsets."""
    _put(store, "_move", _move_blindly)
    claimed = Partition.claimed

    def unchecked(row: store.Progress) -> Partition:
        return claimed(replace(row, record_digest=None))

    _put(Partition, "claimed", staticmethod(unchecked))


@_bug
def flow_before_seek() -> None:
    """Records flow before the claim is done, and are folded by what memory holds."""
    claim = _was(partitions.Partitions, "_try_to_claim")
    _accept_any_record()
    _put(partitions, "not_folded", lambda _own, found: found)

    async def flowing(self: partitions.Partitions, parts: list[int], token: int) -> None:
        kept, self._consumer.seek = self._consumer.seek, lambda _place, _offset: None
        sought = self._sought
        try:
            await claim(self, parts, token)
        finally:
            self._consumer.seek, self._sought = kept, sought
        await asyncio.sleep(_SLOW_S)

    _put(partitions.Partitions, "_try_to_claim", flowing)


@_bug
def items_kept_after_failure() -> None:
    """What memory holds of items outlives a commit that failed."""
    claimed = Partition.claimed
    held: dict[int, dict[str, partition.Held]] = {}

    def with_items(row: store.Progress) -> Partition:
        own = claimed(row)
        own.items = held.setdefault(row.part, own.items)
        return own

    _put(Partition, "claimed", staticmethod(with_items))


@_bug
def no_time_for_disorder() -> None:
    """The watermark is the proven instant itself."""
    _put(partition, "ALLOWED_DISORDER", 0)


@_bug
def time_without_proof() -> None:
    """The wall clock is taken for proven, whatever ingest has still to read."""

    async def always(_self: prover.Prover, _ends: Any) -> bool:
        return True

    _put(prover.Prover, "_is_ingested", always)


@_bug
def outbox_emptied_first() -> None:
    """A row of the outbox goes before the broker has its event."""

    async def delete_then_send(self: relay.Relay, rows: Any) -> None:
        await self._pool.execute(_text(relay, "_SENT"), [row["id"] for row in rows])
        await asyncio.sleep(_SLOW_S)
        for row in rows:
            await (await _was(self, "_running_producer")()).send_and_wait(
                self._topic,
                key=row["key"].encode(),
                value=row["event"],
                headers=_was(relay, "_HEADERS"),
            )

    _put(relay.Relay, "_send", delete_then_send)


@_bug
def committed_before_published() -> None:
    """Ingest commits what it has read before the event log has it."""
    publish_all, run = publish.Publisher.publish, consume.Ingest.run
    running: list[consume.Ingest] = []

    async def commit_first(self: publish.Publisher, handled: Any) -> Any:
        await _was(running[0], "_commit")()
        await asyncio.sleep(_SLOW_S)
        return await publish_all(self, handled)

    async def remembered(self: consume.Ingest, stopping: asyncio.Event) -> None:
        running.append(self)
        await run(self, stopping)

    _put(publish.Publisher, "publish", commit_first)
    _put(consume.Ingest, "run", remembered)


@_bug
def dropped_without_letters() -> None:
    """A record that cannot be put aside is let go."""
    bury = _was(publish.Publisher, "_bury")

    async def or_let_go(self: publish.Publisher, refused: Any) -> None:
        try:
            await asyncio.wait_for(bury(self, refused), 1.0)
        except (KafkaError, TopicError, TimeoutError):
            self.letters.abandon()  # else its client brings it yet

    _put(publish.Publisher, "_bury", or_let_go)


@_bug
def judged_outside_a_snapshot() -> None:
    """The judge reads its instant, the queue and the panes as of different moments."""

    def whatever_is_there(pool: database.Pool, **_: object) -> Any:
        return database.transaction(pool)

    moment = judge_store.moment

    async def slowly(connection: database.Connection, generation: int) -> Any:
        found = await moment(connection, generation)
        await asyncio.sleep(random.choice((0, 0, 0, 2.0)))  # noqa: S311 - a mistake, no secret
        return found

    _put(judging, "transaction", whatever_is_there)
    _put(judge_store, "moment", slowly)


@_bug
def ids_by_chance() -> None:
    """A repeated announcement has another id than the first."""
    send = _was(relay.Relay, "_send")

    async def renamed(self: relay.Relay, rows: Any) -> None:
        fresh = []
        for row in rows:
            event = msgspec.json.decode(row["event"])
            event["id"] = str(uuid.uuid4())
            fresh.append({**row, "event": msgspec.json.encode(event)})
        await send(self, fresh)

    _put(relay.Relay, "_send", renamed)
