"""The windows that are current, of every objective at once: what the exporter reads (SQL).

Thousands of objectives are asked for each second. They are handed over as text, one a line: the
driver looks at each element of an array several times.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from services.api.reading.queries import VALUE_COLUMNS
from shared.domain.instant import Instant
from shared.runtime.database import Connection


class CurrentWindows:
    """The window of each objective, by its start, in an order of the objectives."""

    def __init__(self, starts: Mapping[str, Instant]) -> None:
        """`starts` by the key of the objective."""
        self._keys = "\n".join(starts)
        self._starts = "\n".join(map(str, starts.values()))

    async def read(self, connection: Connection, most: int) -> Sequence[asyncpg.Record]:
        """The stored judgements, by the order of the objectives, then by group."""
        return await connection.fetch(_READ, self._keys, self._starts, most)

    async def count(self, connection: Connection) -> dict[str, int]:
        """How many there are, by state."""
        rows = await connection.fetch(_COUNT, self._keys, self._starts)
        return {row["state"]: row["number"] for row in rows}


_FOUND: Final = """
FROM unnest(string_to_array($1, chr(10)), string_to_array($2, chr(10))::bigint[]) WITH ORDINALITY
     AS wanted(objective, window_start, place)
JOIN value v ON v.objective = wanted.objective AND v.window_start = wanted.window_start
WHERE v.listed
"""
_READ: Final = f"SELECT {VALUE_COLUMNS} {_FOUND} ORDER BY place, v.grp LIMIT $3"
_COUNT: Final = f"SELECT v.state, count(*) AS number {_FOUND} GROUP BY v.state"
