"""The ledger's tables: one for each month of recording in UTC, made ahead (SQL).

What is recorded in a month that has no table goes to the default one, so that nothing is ever
refused; a month that has rows there gets no table of its own any more.
"""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from shared.domain.instant import Instant, as_datetime, as_instant
from shared.runtime.database import AnyConnection

AHEAD: Final = 2
"""Months after the present one that have tables."""
DEFAULT: Final = "ledger_default"
_DECEMBER: Final = 12
_NAME: Final = re.compile(r"ledger_(\d{4})_(\d{2})")


class Month(NamedTuple):
    """A month of the Gregorian calendar in UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, instant: Instant) -> "Month":
        """The month that holds an instant."""
        there = as_datetime(instant)
        return cls(there.year, there.month)

    @property
    def next(self) -> "Month":
        """The one after it."""
        if self.number == _DECEMBER:
            return Month(self.year + 1, 1)
        return Month(self.year, self.number + 1)

    @property
    def start(self) -> Instant:
        """Its first instant."""
        return as_instant(datetime(self.year, self.number, 1, tzinfo=UTC))

    @property
    def table(self) -> str:
        """The name of its part of the ledger."""
        return f"ledger_{self.year:04}_{self.number:02}"


async def months_of(connection: AnyConnection) -> list[Month]:
    """The months that have tables, the earliest first."""
    found = [_NAME.fullmatch(row["relname"]) for row in await connection.fetch(_CHILDREN)]
    return sorted(Month(int(name[1]), int(name[2])) for name in found if name is not None)


async def make_months(connection: AnyConnection, now: Instant) -> list[Month]:
    """Have a table for the month that holds `now` and some after it; those that were made.

    Runs in a transaction. Only what reads the whole ledger waits for it, and that a moment.
    """
    known, made = {*await months_of(connection)}, []
    month = Month.of(now)
    for _ in range(AHEAD + 1):
        own = (month.start, month.next.start)
        if month not in known and not await connection.fetchval(_ASTRAY, *own):
            await connection.execute(_MAKE, month.table, *own)
            made.append(month)
        month = month.next
    return made


async def drop_month(connection: AnyConnection, month: Month) -> None:
    """Drop the table of a month with all that was recorded in it."""
    await connection.execute("SELECT ledger_drop_month($1)", month.table)


_CHILDREN: Final = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'ledger'::regclass
"""
_ASTRAY: Final = f"""
SELECT EXISTS (SELECT FROM {DEFAULT} WHERE posted_at >= $1 AND posted_at < $2)
"""  # noqa: S608 - our own name
# A function of the ledger's owner (migration 0003): the evaluator need not own it. It makes a table
# and attaches it: to make it as a partition at once would lock the whole ledger against everybody.
_MAKE: Final = "SELECT ledger_make_month($1, $2, $3)"
