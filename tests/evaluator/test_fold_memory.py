"""How long a process keeps items in memory, and keeps others from their turn to read them."""

import asyncio
import gc
import weakref
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import Counter

from services.evaluator import fold
from services.evaluator import partition as partitions
from services.evaluator.fold import Folder, Record
from services.evaluator.partition import Held, Partition
from services.evaluator.posting import Posting
from services.evaluator.store import Progress, Store
from shared.domain.event import Event
from shared.domain.item import Item
from shared.wire import cloudevents
from shared.wire.stored_item import pack_item, unpack_item


def a_partition(part: int) -> Partition:
    building = (1, None, None, False)
    return Partition.claimed(Progress(part, 1, 10, 0, 0, None, "cluster", *building, None))


async def test_a_partition_without_records_lets_go_of_its_items_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partitions, "ITEMS_HELD_MAX", 2)
    quiet, busy = a_partition(0), a_partition(1)
    folder = Folder(cast("Store", None), {}, Counter("events", "", ["outcome"], registry=None))
    folder.share([quiet, busy])
    for key in "abc":
        quiet.hold(key, Held(Item({}, "ticket", key), ()))
    kept = []
    for _ in range(3):
        await folder.fold(Posting(0), [(busy, [])])
        kept.append(len(quiet.items))
    # Those of the batch before may not be committed yet.
    assert kept == [3, 3, 1]


class Stored:
    """A store that has every item."""

    async def load_items(self, wanted: list[tuple[int, str]]) -> list[tuple[int, str, bytes]]:
        """Each without an event."""
        return [(*own, pack_item([], ())) for own in wanted]


async def test_others_have_their_turn_while_a_batch_reads_thousands_of_items(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once = 0
    most = 0

    def unpacked(key: str, body: bytes) -> object:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        return unpack_item(key, body)

    async def others() -> None:
        nonlocal at_once
        while True:
            at_once = 0
            await asyncio.sleep(0)

    monkeypatch.setattr(fold, "unpack_item", unpacked)
    compiled = cast("Any", SimpleNamespace(plan={}, place=None, holds=None))
    events = Counter("events", "", ["outcome"], registry=None)
    folder = Folder(cast("Store", Stored()), {1: compiled}, events)
    records = [a_record(number) for number in range(1_000)]
    running = asyncio.create_task(others())
    await folder.fold(Posting(0), [(a_partition(0), records)])
    running.cancel()
    assert most == fold.SLICE


def a_record(number: int) -> Record:
    """One event of an item of its own."""
    event = Event(
        kind="ticket",
        subject=f"T-{number}",
        source="/helpdesk",
        id=str(number),
        type="ticket.created",
        time=1,
        data={},
    )
    record = SimpleNamespace(offset=10 + number, headers=(), value=cloudevents.encode(event))
    return cast("Record", record)


class Failure(Exception):  # noqa: N818 - what it is
    """An error that refers to itself by what its traceback holds."""

    def __init__(self, held: object) -> None:
        """Hold something."""
        self.held = (held, self)


def test_what_a_failed_batch_of_a_lost_partition_held_is_let_go_of() -> None:
    lost, kept = a_partition(0), a_partition(1)
    folder = Folder(cast("Store", None), {}, Counter("events", "", ["outcome"], registry=None))
    folder.share([lost, kept])
    failure = Failure(lost)
    gone = weakref.ref(failure)
    gc.freeze()
    try:
        del failure
        gc.collect()
        folder.share([lost, kept])
        assert gone() is not None
        folder.share([kept])
        assert gone() is None
    finally:
        gc.unfreeze()
