"""What the search for cycles looks at, and what it leaves alone."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from services.evaluator.garbage import Garbage, acyclic, search_all


class Knot:
    """An object that refers to itself."""

    def __init__(self) -> None:
        """Tie it."""
        self.own = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_what_is_made_in_the_block_is_never_looked_at() -> None:
    with acyclic():
        inside = [Knot()]
    assert not any(found is inside for found in gc.get_objects())


def test_what_was_let_go_of_before_the_block_is_found() -> None:
    gc.disable()
    gone = weakref.ref(Knot())
    assert gone() is not None
    with acyclic():
        pass
    assert gone() is None


async def test_cycles_of_everything_else_are_found_within_the_period(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.evaluator.garbage.PERIOD_S", 0.01)
    stopping = asyncio.Event()
    running = asyncio.create_task(Garbage().run(stopping))
    await asyncio.sleep(0)
    gone = weakref.ref(Knot())
    await asyncio.sleep(0.2)
    stopping.set()
    await running
    assert gone() is None


async def test_told_to_stop_it_does_not_wait_for_the_period_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.evaluator.garbage.PERIOD_S", 60.0)
    stopping = asyncio.Event()
    running = asyncio.create_task(Garbage().run(stopping))
    await asyncio.sleep(0)
    stopping.set()
    async with asyncio.timeout(10):
        await running


def test_what_was_set_apart_is_found_when_everything_is_looked_at() -> None:
    with acyclic():
        knot = Knot()
        gone = weakref.ref(knot)
    del knot
    gc.collect()
    assert gone() is not None
    search_all()
    assert gone() is None
