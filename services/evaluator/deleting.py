"""Deleting a little at a time: nobody waits for a transaction that deletes much (SQL)."""

from typing import Final

from shared.runtime.database import Connection

ROWS_MAX: Final = 5_000
"""Rows of one table that are deleted at once."""


async def delete_some(connection: Connection, statement: str, *values: object) -> int:
    """How many rows a DELETE deleted; it has as its last parameter how many it may."""
    status = await connection.execute(statement, *values, ROWS_MAX)
    return int(status.rpartition(" ")[2])
