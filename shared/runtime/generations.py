"""Generations of documents: which are in use, which are being built beside them (SQL).

The texts of the documents are kept with them, so that all processes work under the same ones,
whatever their folders hold. What a generation does not change it shares with the one before: each
objective is known by the generation that it was built for.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.instant import Instant
from shared.runtime import advisory_locks
from shared.runtime.database import Connection

CURRENT: Final = "current"
BUILDING: Final = "building"
FIRST: Final = 0
"""What objectives of the very first generation were built for."""


@dataclass(frozen=True, slots=True)
class Documents:
    """What can be said of documents without looking into them.

    `files` are names and texts, `contents` the digests of agreements by name, `objectives` the
    agreement of each objective (`<agreement>/<objective>`).
    """

    digest: str
    files: Sequence[tuple[str, str]]
    contents: Mapping[str, str]
    objectives: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Generation:
    """A row of `generation`; `built` says for which generation each objective was built."""

    number: int
    state: str
    digest: str
    files: Sequence[tuple[str, str]]
    built: Mapping[str, int]


async def numbers(connection: Connection) -> tuple[int | None, int | None]:
    """The numbers of the generation in use and of the one being built."""
    rows = await connection.fetch(_NUMBERS)
    found = {row["state"]: row["number"] for row in rows}
    return found.get(CURRENT), found.get(BUILDING)


_NUMBERS: Final = "SELECT number, state FROM generation WHERE state IN ('current', 'building')"


async def read(connection: Connection, number: int) -> Generation:
    """One generation; `LookupError` when there is none of that number."""
    row = await connection.fetchrow(_READ, number)
    if row is None:
        message = f"there is no generation {number} of the documents"
        raise LookupError(message)
    files = [(name, text) for name, text in json.loads(row["files"])]
    return Generation(number, row["state"], row["digest"], files, dict(json.loads(row["built"])))


_READ: Final = "SELECT state, digest, files, built FROM generation WHERE number = $1"


async def propose(
    connection: Connection, documents: Documents, *, by: str, now: Instant
) -> int | None:
    """Have these documents built and then used; the number, None when they are already.

    The very first are used at once. What is being built for others is given up. Runs in a
    transaction.
    """
    await advisory_locks.wait_for_turn(connection, advisory_locks.PROPOSING)
    rows = {row["state"]: row for row in await connection.fetch(_KNOWN)}
    current, building = rows.get(CURRENT), rows.get(BUILDING)
    if building is not None and building["digest"] == documents.digest:
        return None
    await connection.execute(_GIVE_UP)
    if current is not None and current["digest"] == documents.digest:
        return None
    state = CURRENT if current is None else BUILDING
    number: int = await connection.fetchval(
        _ADD,
        documents.digest,
        json.dumps(list(documents.files)),
        json.dumps(dict(documents.contents)),
        state,
        now,
        by,
    )
    if current is None:
        built = dict.fromkeys(documents.objectives, FIRST)
        await connection.execute(_BEGIN, number)
    else:
        built = _built(documents, number, current["contents"], current["built"])
    await connection.execute(_SET_BUILT, number, json.dumps(built))
    return number


def _built(documents: Documents, number: int, contents: str, built: str) -> dict[str, int]:
    """What is unchanged is shared with the generation in use."""
    before, known = json.loads(contents), json.loads(built)
    return {
        objective: known[objective]
        if objective in known and before.get(agreement) == documents.contents[agreement]
        else number
        for objective, agreement in documents.objectives.items()
    }


_KNOWN: Final = """
SELECT state, digest, contents, built FROM generation WHERE state IN ('current', 'building')
"""
_GIVE_UP: Final = "UPDATE generation SET state = 'abandoned' WHERE state = 'building'"
_ADD: Final = """
INSERT INTO generation (digest, files, contents, built, state, proposed_at, proposed_by,
    switched_at)
VALUES ($1, $2, $3, '{}', $4, $5, $6, CASE WHEN $4 = 'current' THEN $5::bigint END)
RETURNING number
"""
_SET_BUILT: Final = "UPDATE generation SET built = $2 WHERE number = $1"
_BEGIN: Final = "UPDATE partition_progress SET generation = $1"


async def switch(connection: Connection, number: int, *, now: Instant) -> None:
    """Use what was built from now on; the partitions have all built it."""
    await connection.execute("UPDATE generation SET state = 'retired' WHERE state = 'current'")
    await connection.execute(_USE, number, now)
    await connection.execute(_MOVE_ON, number)


_USE: Final = "UPDATE generation SET state = 'current', switched_at = $2 WHERE number = $1"
_MOVE_ON: Final = """
UPDATE partition_progress SET generation = $1, building = NULL, built_until = NULL, built = false
"""


async def built(connection: Connection) -> int | None:
    """The generation that is being built, once all partitions have built it."""
    number: int | None = await connection.fetchval(_BUILT)
    return number


_BUILT: Final = """
SELECT number FROM generation g WHERE state = 'building' AND NOT EXISTS (
    SELECT FROM partition_progress WHERE building IS DISTINCT FROM g.number OR NOT built
)
"""
