"""When Python looks for cycles among its objects: now and then, and never among old ones.

Items are many, live long and form no cycles: they go with the last reference to them. At Python's
own pace the search through them takes a third of the folding time.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Final

PERIOD_S: Final = 2.0
"""How often cycles are looked for: so often that it is done within milliseconds."""
BUSY_S: Final = 60.0
"""How often while there is a backlog."""


class Garbage:
    """Looks for cycles among the objects made since the last time; older ones are left alone."""

    def __init__(self, is_busy: Callable[[], bool]) -> None:
        """`is_busy` says whether there is a backlog."""
        self._is_busy = is_busy

    async def run(self, stopping: asyncio.Event) -> None:
        """Take it over from Python until told to stop."""
        gc.disable()
        collected = float("-inf")
        while not stopping.is_set():
            if time.monotonic() - collected >= (BUSY_S if self._is_busy() else PERIOD_S):
                gc.collect()
                gc.freeze()
                collected = time.monotonic()
            await asyncio.sleep(PERIOD_S / 2)
