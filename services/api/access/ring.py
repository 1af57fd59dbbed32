"""The keys in memory: renewed about once a second, so that no request asks the database for one.

A key that is made or revoked anywhere is so for every replica within two seconds.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from services.api.access import key_store
from services.api.access.keys import StoredKey, key_id_of, proves
from services.api.board.board import UNREACHABLE
from shared.domain.instant import MINUTE, SECOND, Instant, Micros
from shared.runtime.database import Pool, transaction
from shared.runtime.wall_clock import WallClock

RENEW_S: Final = 1.0
WHOLE_EVERY: Final = 30
"""Renewals between two that read every key: what was changed by hand is seen then."""
BELIEVED: Final[Micros] = MINUTE
"""How old the copy may be: when the database is away for longer, no key can be told from a revoked
one."""
_OVERLAP: Final[Micros] = MINUTE
"""A change is seen though the transaction that made it took so long to commit."""
_logger: Final = logging.getLogger(__name__)


class KeyRing:
    """The keys, and which of them were used since that was noted last."""

    def __init__(self, pool: Pool, clock: WallClock) -> None:
        """Nothing is read yet; `clock` is the machine's also where the service's is stopped."""
        self._pool = pool
        self._clock = clock
        self._keys: dict[str, StoredKey] = {}
        self._used: dict[str, Instant] = {}
        self._renewed_at: Instant | None = None
        self._rounds = 0
        self.problem: str | None = "the keys have not been read yet"

    @property
    def is_believed(self) -> bool:
        """Whether the copy is young enough to decide by."""
        return self._renewed_at is not None and self._clock() - self._renewed_at <= BELIEVED

    def find(self, text: str) -> StoredKey | str:
        """The key of this text, or why it is not taken in one word."""
        key_id = key_id_of(text)
        key = None if key_id is None else self._keys.get(key_id)
        if key is None:
            return "unknown"
        if not proves(key, text):
            return "wrong"
        now = self._clock()
        refused = key.refused(now)
        if refused is not None:
            return refused
        self._used[key.id] = now
        return key

    async def renew_until(self, stopping: asyncio.Event) -> None:
        """Renew the copy about once a second; a database that is away is waited for."""
        while not stopping.is_set():
            await self.renew_or_say()
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), RENEW_S)

    async def renew_or_say(self) -> None:
        """Renew the copy; what keeps it from being so is said once in the log."""
        try:
            await self.renew()
        except UNREACHABLE as error:
            problem = f"the keys cannot be read: {error}"
            if problem != self.problem:
                _logger.warning(
                    "Keys are taken as last read: %s.", error, extra={"action": "keys_not_renewed"}
                )
            self.problem = problem

    async def renew(self) -> None:
        """Read what was changed since the last time."""
        began = self._clock()
        whole = self._renewed_at is None or self._rounds % WHOLE_EVERY == 0
        since = 0 if whole else max(0, (self._renewed_at or 0) - _OVERLAP)
        async with self._pool.acquire() as connection:
            found = {key.id: key for key in await key_store.changed_since(connection, since)}
        self.hold(found if whole else {**self._keys, **found}, began)

    def hold(self, keys: Mapping[str, StoredKey], as_of: Instant) -> None:
        """Take these for all keys that there are, as of an instant."""
        self._keys = dict(keys)
        self._rounds += 1
        self._renewed_at = as_of
        self.problem = None

    async def note_used(self) -> None:
        """Write down when keys were used last."""
        if not self._used:
            return
        used = dict(self._used)
        rows = sorted((key_id, at - at % SECOND) for key_id, at in used.items())
        async with transaction(self._pool) as connection:
            await key_store.note_used(connection, rows)
        self._used = {own: at for own, at in self._used.items() if used.get(own) != at}
