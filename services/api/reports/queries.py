"""The SQL of reports: windows, revisions, breaches and exclusions of several objectives at once.

Each statement reads one row more than may be reported, so that the caller sees that it is too much.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from services.api.reading import sealed
from services.api.reading.objectives import Choice
from services.api.reading.queries import VALUE_COLUMNS
from services.api.reports.sealed_breaches import SEALED_BREACHES
from shared.domain.instant import Instant
from shared.domain.window import Span
from shared.runtime.database import Connection
from shared.wire.groups import group_text


@dataclass(frozen=True, slots=True)
class Wish:
    """One objective: which windows are wanted (by their starts), and which breaches.

    A breach of a window is wanted with its window, or when it lasted in `period`; one of an item
    when it opened in `opened`. `of_windows` are the starts of the windows whose breaches are
    wanted: of rolling ones more than are listed. `ended` is when those end that are listed, its own
    end included: sealed ones may be of another length.
    """

    choice: Choice
    starts: Span
    of_windows: Span
    ended: Span
    period: Span
    opened: Span

    @property
    def key(self) -> str:
        """The objective's key."""
        return self.choice.served.key


async def read_windows(
    connection: Connection,
    wishes: Sequence[Wish],
    customers: Sequence[str],
    limit: int,
    *,
    is_sealed: bool,
) -> list[asyncpg.Record]:
    """The judgements of the wanted windows; `is_sealed`: some may be in sealed periods."""
    return await connection.fetch(
        _WINDOWS[is_sealed],
        [wish.key for wish in wishes],
        [wish.starts.start for wish in wishes],
        [wish.starts.end for wish in wishes],
        [wish.choice.customer_at for wish in wishes],
        list(customers),
        limit,
        *(_of_sealed(wishes) if is_sealed else ()),
    )


def _of_sealed(wishes: Sequence[Wish]) -> tuple[object, ...]:
    return (
        _grouping(wishes),
        [wish.ended.start for wish in wishes],
        [wish.ended.end for wish in wishes],
    )


def _grouping(wishes: Sequence[Wish]) -> list[str]:
    return [group_text(wish.choice.served.group_by) for wish in wishes]


# Who may see certain customers alone, or asks for some, sees no groups of former documents.
_OTHERWISE: Final = "customer_at IS NULL AND cardinality($5::text[]) = 0"
_WANTED: Final = """own.objective = wanted.objective
    AND own.window_start >= wanted.starts AND own.window_start < wanted.ends"""
_ENDED: Final = """own.objective = wanted.objective
    AND own.window_end > wanted.ended_from AND own.window_end <= wanted.ended_until"""
_SHOWN: Final = sealed.shown(_WANTED, "wanted.group_by", gone=_ENDED, otherwise=_OTHERWISE)
_WINDOWS: Final = {
    is_sealed: f"""
SELECT {columns}
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[]{arrays})
     AS wanted (objective, starts, ends, customer_at{names})
{joined}
WHERE v.listed
  AND (customer_at IS NULL OR (v.grp::jsonb ->> customer_at) = ANY($5::text[]))
LIMIT $6
"""  # noqa: S608 - columns are ours
    for is_sealed, (columns, arrays, names, joined) in {
        False: (VALUE_COLUMNS, "", "", f"JOIN value v ON {_WANTED.replace('own.', 'v.')}"),
        True: (
            sealed.COLUMNS,
            ", $7::text[], $8::bigint[], $9::bigint[]",
            ", group_by, ended_from, ended_until",
            f"CROSS JOIN LATERAL {_SHOWN} v",
        ),
    }.items()
}


async def read_revisions(
    connection: Connection, windows: Sequence[asyncpg.Record], limit: int
) -> list[asyncpg.Record]:
    """What was said of these windows since they became final, in order."""
    said = [row for row in windows if row["revision"] or row.get("now_revision")]
    return await connection.fetch(
        _REVISIONS,
        [row["objective"] for row in said],
        [row["grp"] for row in said],
        [row["window_start"] for row in said],
        limit,
    )


_REVISIONS: Final = """
SELECT r.objective, r.grp, r.window_start, r.revision, r.cause, r.known_at, r.state, r.value,
       r.budget_remaining, r.counts
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS wanted (objective, grp, window_start)
JOIN value_revision r USING (objective, grp, window_start)
ORDER BY r.objective, r.grp, r.window_start, r.revision
LIMIT $4
"""


async def read_breaches(
    connection: Connection,
    wishes: Sequence[Wish],
    customers: Sequence[str],
    limit: int,
    *,
    is_sealed: bool,
) -> list[asyncpg.Record]:
    """The wanted breaches that stand; `is_sealed`: some may be in sealed periods."""
    return await connection.fetch(
        SEALED_BREACHES if is_sealed else _STANDING,
        [wish.key for wish in wishes],
        [wish.of_windows.start for wish in wishes],
        [wish.of_windows.end for wish in wishes],
        [wish.period.start for wish in wishes],
        [wish.period.end for wish in wishes],
        [wish.opened.start for wish in wishes],
        [wish.opened.end for wish in wishes],
        [wish.choice.customer_at for wish in wishes],
        list(customers),
        limit,
        *([_grouping(wishes)] if is_sealed else ()),
    )


# Two branches, each with an index of its own.
_STANDING: Final = """
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
                         $6::bigint[], $7::bigint[], $8::int[])
        AS w (objective, starts, ends, since, until, opened_from, opened_until, customer_at)
), standing AS (
    SELECT b.*, customer_at
    FROM wanted JOIN breach b USING (objective)
    WHERE b.scope = 'window'
      AND (b.window_start >= starts AND b.window_start < ends
           OR b.opened_at < until AND (b.closed_at IS NULL OR b.closed_at > since))
    UNION ALL
    SELECT b.*, customer_at
    FROM wanted JOIN breach b ON b.objective = wanted.objective
        AND b.opened_at >= wanted.opened_from AND b.opened_at < wanted.opened_until
    WHERE b.scope = 'item'
)
SELECT breach_id, scope, objective, grp, window_start, window_end, item, cycle, opened_at,
       closed_at, confirmed, detected_at
FROM standing
WHERE withdrawn_at IS NULL
  AND (customer_at IS NULL OR (grp::jsonb ->> customer_at) = ANY($9::text[]))
LIMIT $10
"""


async def read_excluded(
    connection: Connection, panes: Sequence[tuple[str, str, Instant, Instant]], limit: int
) -> list[asyncpg.Record]:
    """The excluded clocks in panes: key of the panes, group, and where they start and end."""
    return await connection.fetch(_EXCLUDED, *_columns(panes, 4), limit)


_EXCLUDED: Final = """
SELECT wanted.pane_key, wanted.grp, l.item, l.cycle, l.ordinal, l.at
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
     AS wanted (pane_key, grp, starts, ends)
JOIN ledger l ON l.objective = wanted.pane_key AND l.grp = wanted.grp
    AND l.pane_start >= starts AND l.pane_start < ends AND l.posted_at >= starts
WHERE l.outcome = 'excluded'
GROUP BY wanted.pane_key, wanted.grp, l.item, l.cycle, l.ordinal, l.at
HAVING sum(l.sign) > 0
ORDER BY l.at, l.item, wanted.pane_key, wanted.grp, l.cycle, l.ordinal
LIMIT $5
"""


async def read_missing(connection: Connection, span: Span) -> list[asyncpg.Record]:
    """The gaps in the event log that touch a span."""
    return await connection.fetch(_MISSING, span.start, span.end)


_MISSING: Final = """
SELECT from_time, until_time, reason, resolved_by, why
FROM gap
WHERE reason <> 'poison' AND (resolved_at IS NULL OR resolution = 'accepted')
  AND from_time < $2 AND (until_time IS NULL OR until_time > $1)
ORDER BY from_time, part
"""


async def read_first_windows(connection: Connection, keys: Sequence[str]) -> dict[str, Instant]:
    """When the first listed window of each objective ends."""
    rows = await connection.fetch(_FIRST_WINDOWS, list(keys))
    return {row["objective"]: row["window_end"] for row in rows}


_FIRST_WINDOWS: Final = """
SELECT wanted.objective, v.window_end
FROM unnest($1::text[]) AS wanted (objective)
CROSS JOIN LATERAL (
    SELECT window_end FROM value
    WHERE objective = wanted.objective AND listed
    ORDER BY window_start LIMIT 1
) v
"""


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    return [[row[place] for row in rows] for place in range(width)]
