"""The change log as this process reads it: one reader, however many streams there are.

The latest changes are kept in memory with their bytes as a stream sends them, so that a change is
read and encoded once. Streams hold a position and no queue: one that is slow costs nothing more.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from services.api.board.board import UNREACHABLE
from services.api.stream.changes import Change, Head, read_after, read_head
from shared.runtime.database import Pool

POLL_S: Final = 0.2
RETRY_S: Final = 1.0
PAGE: Final = 500
RECENT: Final = 10_000
"""Changes that are kept in memory at least; older ones are read from the log."""
AHEAD_S: Final = 3.0
"""How far another process may be ahead of this one in reading the log."""
READERS: Final = 2
"""Streams that read older changes from the log at the same time."""
_logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """A change and its bytes on a stream."""

    change: Change
    frame: bytes


def sent(change: Change) -> Sent:
    """A change as an event of `text/event-stream`."""
    text = f"id: {change.seq}\nevent: {change.type}\ndata: {change.body}\n\n"
    return Sent(change, text.encode())


class ChangeFeed:
    """Follows the log while it runs; numbers have no gaps, so a position is a place in memory."""

    def __init__(self, pool: Pool) -> None:
        """Nothing is read yet."""
        self._pool = pool
        self._recent: list[Sent] = []
        self._head: Head | None = None
        self._moved = asyncio.Event()
        self._readers = asyncio.Semaphore(READERS)
        self._looking = asyncio.Lock()
        self.is_closed = False

    @property
    def last(self) -> int:
        """The number of the last change that is known."""
        return 0 if self._head is None else self._head.last

    @property
    def forgotten(self) -> int:
        """The number of the last change that is not kept any more."""
        return 0 if self._head is None else self._head.forgotten

    async def ready(self) -> None:
        """Read how far the log goes, unless that is known."""
        if self._head is None:
            self._head = await read_head(self._pool)

    async def follow(self, stopping: asyncio.Event) -> None:
        """Read what is appended until told to stop; then every stream ends."""
        try:
            while not stopping.is_set():
                pause = POLL_S
                try:
                    await self.look()
                except UNREACHABLE as error:
                    pause = RETRY_S
                    _logger.warning(
                        "The change log is read again in a moment: %r",
                        error,
                        extra={"action": "read_changes_again"},
                    )
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), pause)
        finally:
            self.is_closed = True
            self._wake()

    async def look(self) -> None:
        """Read what was appended since the last look."""
        async with self._looking:
            await self._look()

    async def _look(self) -> None:
        head = await read_head(self._pool)
        if self._head is None or head.last < self._head.last:
            # The first look, or another log than before: a database that was restored.
            self._recent.clear()
            self._head = head
            self._wake()
            return
        while self._head.last < head.last:
            found = await read_after(self._pool, self._head.last, PAGE)
            if not found:
                break
            if found[0].seq != self._head.last + 1:
                self._recent.clear()
            self._recent += map(sent, found)
            self._head = Head(found[-1].seq, head.forgotten)
            self._wake()
        self._head = Head(self._head.last, head.forgotten)
        if len(self._recent) > 2 * RECENT:
            del self._recent[:-RECENT]

    def recent(self, after: int, limit: int) -> Sequence[Sent] | None:
        """The next changes after a number; None when they are not in memory any more."""
        first = self._recent[0].change.seq if self._recent else self.last + 1
        if after + 1 < first:
            return None
        place = after + 1 - first
        return self._recent[place : place + limit]

    async def stored(self, after: int, limit: int) -> Sequence[Sent]:
        """The same from the log itself."""
        async with self._readers:
            return [sent(own) for own in await read_after(self._pool, after, limit)]

    async def reach(self, seq: int) -> bool:
        """Whether the log has a number that another process, which was ahead, may have sent."""
        end = asyncio.get_running_loop().time() + AHEAD_S
        while self.last < seq and asyncio.get_running_loop().time() < end:
            await self.look()
            await asyncio.sleep(0 if self.last >= seq else POLL_S)
        return self.last >= seq

    async def wait(self, after: int, seconds: float) -> bool:
        """Wait until there is a change after a number, or the feed ends; False: not in time."""
        if self.is_closed or self.last != after:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._moved.wait()
        except TimeoutError:
            return False
        return True

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
