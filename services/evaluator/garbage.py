"""When Python looks for cycles among its objects: never among those of the fold.

Items are many, live long and form no cycles: they go with the last reference to them. At Python's
own pace the search through them takes a third of the folding time, and every two seconds it would
make all wait for a tenth of a second. So what is made while an item is read or folded is set apart
at once (`acyclic`), and cycles are looked for among the little that everything else makes.
"""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

PERIOD_S: Final = 2.0
"""How often cycles are looked for."""
_MIDDLE: Final = 1
"""The generation up to which objects are that have come since the last search of all."""


@contextmanager
def acyclic() -> Iterator[None]:
    """Never look among what is made in this block, which waits for nothing.

    What others have made before is looked at first.
    """
    gc.collect(_MIDDLE)
    try:
        yield
    finally:
        gc.freeze()


def search_all() -> None:
    """Look among everything, for once: partitions were lost, and memory holds few items.

    An error keeps alive what its traceback refers to, a whole batch of a lost partition for
    instance, and refers to itself by that. Once set apart it would stay for good.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class Garbage:
    """Looks for cycles among the objects made since the last time; older ones are left alone."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Take it over from Python until told to stop."""
        gc.disable()
        while not stopping.is_set():
            gc.collect()
            gc.freeze()
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), PERIOD_S)
