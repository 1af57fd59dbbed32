"""How long a process keeps items in memory."""

import gc
import weakref
from typing import cast

import pytest
from prometheus_client import Counter

from services.evaluator import partition as partitions
from services.evaluator.fold import Folder
from services.evaluator.partition import Held, Partition
from services.evaluator.posting import Posting
from services.evaluator.store import Progress, Store
from shared.domain.item import Item


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
