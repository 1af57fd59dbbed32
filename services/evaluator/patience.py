"""How long a process that cannot reach the database keeps its partitions.

Kafka hears from it all the while and gives them to nobody else. When this process alone has lost
the database, others could go on: so it leaves the group, and comes back with the database.
"""

import asyncio
import time
from typing import Final

from aiokafka.errors import KafkaError

RETRY_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class LostDatabaseError(Exception):
    """The database could not be reached for so long that others are to have the partitions."""


class Patience:
    """Pauses between tries, until there have been too many."""

    def __init__(self, let_go_s: float) -> None:
        """Nothing has failed. `let_go_s`: as long as Kafka waits for a member that is silent."""
        self._let_go_s = let_go_s
        self._tries = 0
        self._since: float | None = None

    def rest(self) -> None:
        """Note that the database has answered."""
        self._tries, self._since = 0, None

    async def after(self, error: Exception) -> None:
        """Wait before the next try; raises what no try cures, and LostDatabaseError in the end."""
        if isinstance(error, KafkaError):
            if not error.retriable:
                raise error
        else:
            now = time.monotonic()
            self._since = now if self._since is None else self._since
            if now - self._since > self._let_go_s:
                message = f"the database has not answered for {now - self._since:.0f} s: {error!r}"
                raise LostDatabaseError(message) from error
        pause = RETRY_S[min(self._tries, len(RETRY_S) - 1)]
        self._tries += 1
        await asyncio.sleep(pause)
