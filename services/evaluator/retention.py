"""What is kept of the past: months of the ledger made ahead, old records let go of (ADR 22; SQL).

Only records of how numbers came about go: entries of the ledger, revisions that later ones have
replaced, texts of former documents, and what the change log told days ago. Items, panes and values
stay, so no number changes, however late an event comes. `retention` says from when on the records
are whole.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from services.evaluator import change_log
from services.evaluator.deleting import ROWS_MAX, delete_some
from shared.domain.instant import DAY, Instant
from shared.runtime import advisory_locks
from shared.runtime.database import PASSING, Connection, Pool, transaction
from shared.runtime.months import DEFAULT, Month, drop_month, make_months, months_of
from shared.runtime.wall_clock import WallClock

EVERY_S: Final = 3_600.0
PAUSE_S: Final = 0.5
_LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '2s'"
_logger: Final = logging.getLogger(__name__)


class Retention:
    """Makes months ahead and lets old ones go; of all evaluators one at a time does so."""

    def __init__(self, pool: Pool, days: int | None, *, clock: WallClock) -> None:
        """Keep records for so many days, or all of them (None)."""
        self._pool = pool
        self._days = days
        self._clock = clock

    async def run(self, stopping: asyncio.Event) -> None:
        """Look once an hour until told to stop."""
        while not stopping.is_set():
            pause = EVERY_S
            try:
                if await self.keep():
                    pause = PAUSE_S
            except ValueError:
                raise
            except PASSING as error:
                pause = EVERY_S / 60
                _logger.warning(
                    "What is kept of the past is looked at again in a minute: %r",
                    error,
                    extra={"action": "retention_again"},
                )
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)

    async def begin(self) -> None:
        """Have the present month's table before anything is recorded, if the database allows it.

        Without it nothing is lost: the default table takes all.
        """
        with suppress(*PASSING):
            async with transaction(self._pool) as connection:
                await connection.execute(_LOCK_TIMEOUT)
                await advisory_locks.wait_for_turn(connection, advisory_locks.RETENTION)
                await make_months(connection, self._clock())

    async def keep(self) -> bool:
        """Make months, drop those that are over, delete some old rows; whether more are left."""
        now = self._clock()
        async with transaction(self._pool) as connection:
            await connection.execute(_LOCK_TIMEOUT)
            if not await advisory_locks.take_turn(connection, advisory_locks.RETENTION):
                return False
            await make_months(connection, now)
            left = await change_log.prune(connection, now=now)
            if self._days is None:
                return left
            until = now - self._days * DAY
            left = await _forget_entries(connection, Month.of(until)) or left
            left = await _forget_revisions(connection, until) or left
            await connection.execute(_FORGET_GENERATIONS, until)
            return left


async def _forget_entries(connection: Connection, first: Month) -> bool:
    """Let go of the ledger before a month; whether more is left."""
    over = [month for month in await months_of(connection) if month < first]
    for month in over:
        await drop_month(connection, month)
        _logger.info(
            "The ledger of %d-%02d is dropped: it is older than ACCORD_RETENTION.",
            *month,
            extra={"action": "ledger_dropped"},
        )
    deleted = await delete_some(connection, _FORGET_ASTRAY, first.start)
    if over or deleted:
        await connection.execute(_NOTE_LEDGER, first.start)
    return deleted == ROWS_MAX


async def _forget_revisions(connection: Connection, until: Instant) -> bool:
    """Let go of revisions that had been replaced by then; whether more are left."""
    deleted = await delete_some(connection, _FORGET_REVISIONS, until)
    if deleted:
        await connection.execute(_NOTE_REVISIONS, until)
    return deleted == ROWS_MAX


_FORGET_ASTRAY: Final = f"""
DELETE FROM {DEFAULT} WHERE ctid IN (
    SELECT ctid FROM {DEFAULT} WHERE posted_at < $1 LIMIT $2
)
"""  # noqa: S608 - our own name
# What is said of a window at any instant after `until` is a revision that stays.
_FORGET_REVISIONS: Final = """
DELETE FROM value_revision WHERE ctid IN (
    SELECT r.ctid FROM value_revision r
    JOIN value_revision n ON n.objective = r.objective AND n.grp = r.grp
        AND n.window_start = r.window_start AND n.revision = r.revision + 1
    WHERE n.known_at <= $1 AND r.known_at <= $1 LIMIT $2
)
"""
_FORGET_GENERATIONS: Final = """
DELETE FROM generation g WHERE g.cleaned AND g.state IN ('retired', 'abandoned')
    AND EXISTS (SELECT FROM generation n WHERE n.number > g.number AND n.switched_at <= $1)
"""
_NOTE_LEDGER: Final = """
INSERT INTO retention AS r (id, ledger_from, revisions_from) VALUES (1, $1, 0)
ON CONFLICT (id) DO UPDATE SET ledger_from = greatest(r.ledger_from, EXCLUDED.ledger_from)
"""
_NOTE_REVISIONS: Final = """
INSERT INTO retention AS r (id, ledger_from, revisions_from) VALUES (1, 0, $1)
ON CONFLICT (id) DO UPDATE SET revisions_from = greatest(r.revisions_from, EXCLUDED.revisions_from)
"""
