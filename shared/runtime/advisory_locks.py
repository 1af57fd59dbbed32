"""The database's advisory locks: what one process at a time does, or one after the other.

Here so that no two of them are the same; 0x4143434F524B is the audit log's, in migration 0003.
"""

from typing import Final

from shared.runtime.database import Connection

MIGRATING: Final = 0x4143434F5244
RELAYING: Final = 0x4143434F5245
PROPOSING: Final = 0x4143434F5246
"""Other documents."""
TIDYING: Final = 0x4143434F5247
RETENTION: Final = 0x4143434F5248
CHANGE_LOG: Final = 0x4143434F5249


async def take_turn(connection: Connection, lock: int) -> bool:
    """Whether this transaction has the lock until it ends; else another one has it."""
    taken: bool = await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", lock)
    return taken


async def wait_for_turn(connection: Connection, lock: int) -> None:
    """Have the lock until this transaction ends, once no other one has it."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", lock)
