"""The breaches of windows that stand: what was found of them before, as rows of `breach`."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from services.evaluator.panes import Group, Stretch
from services.evaluator.rows import Window
from shared.domain.instant import Instant
from shared.domain.window import Span
from shared.runtime.database import Connection


class Standing(NamedTuple):
    """A breach that stands; `window` is the one that it is keyed by."""

    window: Span
    opened_at: Instant
    closed_at: Instant | None


# A group's breaches over rolling windows follow each other: of those that opened before the stretch
# only the last can reach into it.
_TOUCHING: Final = """
SELECT s.objective, s.grp, b.window_start, b.window_end, b.opened_at, b.closed_at
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
    AS s (objective, grp, first, until)
CROSS JOIN LATERAL (
    (SELECT * FROM breach
    WHERE objective = s.objective AND grp = s.grp AND opened_at < s.first
        AND scope = 'window' AND withdrawn_at IS NULL
    ORDER BY opened_at DESC LIMIT 1)
    UNION ALL
    (SELECT * FROM breach
    WHERE objective = s.objective AND grp = s.grp
        AND opened_at >= s.first AND opened_at < s.until
        AND scope = 'window' AND withdrawn_at IS NULL)
) b
"""


async def breaches_touching(
    connection: Connection, stretches: Sequence[Stretch]
) -> dict[Group, set[Standing]]:
    """The breaches of each group that opened in its stretches, and the last before each."""
    found: dict[Group, set[Standing]] = {}
    if stretches:
        rows = await connection.fetch(_TOUCHING, *zip(*stretches, strict=True))
        for objective, grp, start, end, opened_at, closed_at in rows:
            own = Standing(Span(start, end), opened_at, closed_at)
            found.setdefault((objective, grp), set()).add(own)
    return found


_OF: Final = """
SELECT b.objective, b.grp, b.window_start, b.window_end, b.opened_at, b.closed_at FROM breach b
JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS w (objective, grp, window_start)
    USING (objective, grp, window_start)
WHERE b.scope = 'window' AND b.withdrawn_at IS NULL ORDER BY b.opened_at
"""


async def breaches_of(
    connection: Connection, windows: Sequence[Window]
) -> dict[Window, tuple[tuple[Instant, Instant | None], ...]]:
    """The breaches of windows, (opened_at, closed_at) each, in order."""
    found: dict[Window, tuple[tuple[Instant, Instant | None], ...]] = {}
    if windows:
        rows = await connection.fetch(_OF, *zip(*windows, strict=True))
        for objective, grp, start, _, opened_at, closed_at in rows:
            window = Window(objective, grp, start)
            found[window] = (*found.get(window, ()), (opened_at, closed_at))
    return found


_OPEN: Final = """
SELECT DISTINCT objective, grp FROM breach
WHERE objective = ANY($1::text[]) AND scope = 'window' AND withdrawn_at IS NULL
    AND closed_at IS NULL
"""


async def groups_in_breach(connection: Connection, objectives: Sequence[str]) -> list[Group]:
    """The groups of objectives that have an open breach of a window."""
    rows = await connection.fetch(_OPEN, objectives) if objectives else []
    return [(row["objective"], row["grp"]) for row in rows]


_FORGET: Final = """
DELETE FROM value v USING unnest($1::text[], $2::text[], $3::bigint[])
    AS w (objective, grp, window_start)
WHERE (v.objective, v.grp, v.window_start) = (w.objective, w.grp, w.window_start)
"""
_WITHDRAW: Final = """
UPDATE breach b SET withdrawn_at = $4, unannounced = true
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS w (objective, grp, window_start)
WHERE b.scope = 'window' AND b.withdrawn_at IS NULL
    AND (b.objective, b.grp, b.window_start) = (w.objective, w.grp, w.window_start)
"""


async def forget_windows(
    connection: Connection, windows: Sequence[Window], *, now: Instant
) -> None:
    """Say nothing more of windows that the documents no longer have, nor of their breaches."""
    columns = [*zip(*windows, strict=True)]
    await connection.execute(_FORGET, *columns)
    await connection.execute(_WITHDRAW, *columns, now)
