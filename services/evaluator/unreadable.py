"""Partitions with an item whose stored body this program cannot read: a newer one has written it.

Such a partition stops alone. It goes on when its item can be read: by a newer program, or since
the item was restored.
"""

from collections.abc import Sequence

from services.evaluator.stops import Stops
from services.evaluator.store import Progress, Store
from shared.wire.stored_item import UnreadableItemError, unpack_item


class UnreadableError(Exception):
    """An item of a partition that cannot be read; the text says why."""

    def __init__(self, part: int, key: str, why: str) -> None:
        """`key` is the item's."""
        super().__init__(f"{key}: {why}")
        self.part = part
        self.key = key


class Unreadable:
    """The items that could not be read, as long as they cannot."""

    def __init__(self, held: Store) -> None:
        """None is known yet."""
        self._store = held
        self._items: dict[int, str] = {}

    def note(self, error: UnreadableError) -> None:
        """Have its partition stopped when it is claimed."""
        self._items[error.part] = error.key

    async def sorted_out(self, rows: Sequence[Progress], stops: Stops) -> list[Progress]:
        """Of partitions just claimed those that may go on; the others are stopped."""
        wanted = [(row.part, self._items[row.part]) for row in rows if row.part in self._items]
        if not wanted:
            return [*rows]
        found: dict[int, str] = {}
        for part, key, body in await self._store.load_items(wanted):
            try:
                unpack_item(key, body)
            except UnreadableItemError as error:
                found[part] = f"{key}: {error}"
        for part, _ in wanted:
            if part not in found:
                del self._items[part]
        for row in rows:
            if row.part in found:
                await stops.unreadable(row, found[row.part])
        return [row for row in rows if row.part not in found]
