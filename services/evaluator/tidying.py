"""What was built for documents that are no longer in use is deleted, a little at a time (SQL).

The ledger stays, for it says what was said: only of documents that never came into use it goes.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from services.evaluator.deleting import ROWS_MAX, delete_some
from shared.domain.instant import MINUTE, Instant
from shared.runtime import advisory_locks
from shared.runtime.database import Connection, Pool, transaction
from shared.wire.pane_keys import pane_key

SETTLED: Final = MINUTE
"""How long after a change nothing of it can be on its way any more."""


async def tidy(pool: Pool, *, now: Instant) -> bool:
    """Delete some rows of generations that were retired or given up; whether some may be left."""
    async with transaction(pool) as connection:
        if not await advisory_locks.take_turn(connection, advisory_locks.TIDYING):
            return False
        live: set[str] = set()
        dead: dict[int, set[str]] = {}
        given_up: set[str] = set()
        changed_at = 0
        for row in await connection.fetch(_GENERATIONS):
            keys = _keys(json.loads(row["built"]))
            changed_at = max(changed_at, row["changed_at"])
            if row["state"] in ("current", "building"):
                live |= keys
            else:
                dead[row["number"]] = keys
            if row["state"] == "abandoned":
                given_up |= keys
        if not dead:
            return False
        await connection.execute(_BREACHES, [*dead])
        keys = set().union(*dead.values()) - live
        if await _deleted(connection, _PANES, sorted(keys)):
            return True
        if await _deleted(connection, _LEDGER, sorted(given_up & keys)):
            return True
        if now - changed_at >= SETTLED:
            await connection.execute(_CLEANED, [*dead])
        return False


async def _deleted(connection: Connection, statements: Sequence[str], keys: list[str]) -> bool:
    more = False
    for statement in statements if keys else ():
        more = await delete_some(connection, statement, keys) == ROWS_MAX or more
    return more


def _keys(built: Mapping[str, int]) -> set[str]:
    return {pane_key(name, since) for name, since in built.items()}


_GENERATIONS: Final = """
SELECT number, state, built, coalesce(switched_at, proposed_at) AS changed_at FROM generation
WHERE NOT cleaned ORDER BY number
"""
_BREACHES: Final = "DELETE FROM breach_next WHERE generation = ANY($1::int[])"


def _delete(table: str) -> str:
    # In one partition of a table a row's place may be that of another row in the next.
    return f"""
DELETE FROM {table} WHERE (tableoid, ctid) IN (
    SELECT tableoid, ctid FROM {table} WHERE objective = ANY($1::text[]) LIMIT $2
)
"""  # noqa: S608 - our own names


_PANES: Final = (_delete("pane"), _delete("pane_bucket"))
_LEDGER: Final = (_delete("ledger"),)
_CLEANED: Final = "UPDATE generation SET cleaned = true WHERE number = ANY($1::int[])"
