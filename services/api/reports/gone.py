"""Objectives of a sealed period that the documents no longer have (SQL; ADR 34).

Nothing is computed of them any more: what is told is what was copied when the period was sealed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from services.api.answering.promised import read_promised
from services.api.reading import sealed
from services.api.reports.composing import Asked, Told
from shared.domain.window import Span
from shared.runtime.database import Connection
from shared.wire.groups import group_of


@dataclass(frozen=True, slots=True)
class Gone:
    """One objective as it was, with its rows."""

    told: Told
    windows: Sequence[asyncpg.Record]
    breaches: Sequence[asyncpg.Record]


async def read_gone(connection: Connection, asked: Asked, limit: int) -> list[Gone]:
    """Those of an agreement of whose windows some were sealed in the period, by name."""
    keys = [choice.served.key for choice in asked.choices]
    # Zones differ by a day at most.
    rows = await connection.fetch(_GONE, asked.agreement.name, keys, *asked.span, limit)
    last: dict[str, asyncpg.Record] = {row["objective"]: row for row in rows}
    found = []
    for key, row in last.items():
        promised = read_promised(row["promised"])
        period = _period(asked, promised.window)
        windows = await connection.fetch(_WINDOWS, key, *period, limit)
        if "rolling" in promised.window and not asked.all_windows:
            end = max((own["window_end"] for own in windows), default=0)
            windows = [own for own in windows if own["window_end"] == end]
        breaches = await connection.fetch(_BREACHES, key, *period, limit)
        if windows or breaches:
            group_by = group_of(row["group_by"])
            told = Told(key, group_by, promised, period)
            found.append(Gone(told, windows, breaches))
    return found


def _period(asked: Asked, window: Mapping[str, str]) -> Span:
    zone = window.get("timeZone")
    return asked.span if asked.name is None or zone is None else asked.name.within(zone)


_GONE: Final = """
SELECT p.objective, p.group_by, p.promised
FROM review e JOIN sealed_objective p ON p.review = e.id
WHERE e.agreement = $1 AND p.objective <> ALL($2::text[]) AND p.promised IS NOT NULL
  AND p.starts < $4 + 86400000000 AND p.ends > $3 - 86400000000
ORDER BY p.objective, p.starts
LIMIT $5
"""
_SEALED: Final = sealed.shown("own.objective = $1", "''", otherwise="true")
_WINDOWS: Final = f"""
SELECT {sealed.COLUMNS}
FROM {_SEALED} v
WHERE v.window_end > $2 AND v.window_end <= $3
LIMIT $4
"""  # noqa: S608 - the words are ours
_BREACHES: Final = """
SELECT s.breach_id, s.scope, s.objective, s.grp, s.window_start, s.window_end, s.item, s.cycle,
    s.opened_at, s.closed_at, true AS confirmed, s.detected_at, 'withdrawn' AS change,
    p.group_by AS grouped_by, e.sealed_at, false AS moved
FROM sealed_breach s
JOIN sealed_objective p ON p.review = s.review AND p.objective = s.objective
JOIN review e ON e.id = s.review
WHERE s.objective = $1
  AND (p.starts >= $2 AND p.ends <= $3
       OR coalesce(s.window_end, s.opened_at) > $2 AND coalesce(s.window_end, s.opened_at) <= $3)
LIMIT $4
"""
