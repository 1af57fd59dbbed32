"""Which windows are listed: those with data, the current one, and the last ones of a volume.

An `atLeast` of a count or sum lists windows without data too (contract section 4).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from services.evaluator import panes
from services.evaluator.agenda import UNGROUPED, Subject, Work, pane_keys
from services.evaluator.judge_store import Said
from services.evaluator.panes import Group
from services.evaluator.rows import Window
from shared.domain.instant import NEVER, Instant
from shared.domain.judge import MOST_WINDOWS, windows
from shared.domain.measure import Measure
from shared.runtime.database import Connection


async def list_volumes(
    connection: Connection, work: Work, subjects: Mapping[str, Subject], as_of: Instant
) -> dict[Group, set[Instant]]:
    """Of groups whose listed windows may be others now: which are so with or without data.

    An `atLeast` of a count or sum lists the last windows that exist, from the first with data on.
    They are others when time turns, or when a pane at or before the first listed window changes.
    Those that become listed or are no longer so are judged too.
    """
    touched: dict[Group, Instant] = {}
    for window in work.changed:
        if subjects[window.objective].own.is_volume:
            group = window[:2]
            touched[group] = min(window.start, touched.get(group, NEVER))
    for group, stretches in work.rolled.items():
        rolling = subjects[group[0]].rolling
        if rolling is not None and subjects[group[0]].own.is_volume:
            touched[group] = min(first for first, _ in stretches.causes) - rolling.length
    known = await _first_listed(connection, [*touched])
    again = [
        group
        for group, start in touched.items()
        if group[0] in work.turned or start <= known.get(group, NEVER)
    ]
    counted = await panes.first_counted(connection, pane_keys(subjects), again)
    listed = {
        group: _listed(subjects[group[0]], group, counted.get(group), as_of) for group in again
    }
    # The first may be far from the others.
    beginnings = {group: min(sorted(starts)[1:], default=NEVER) for group, starts in listed.items()}
    before = await _starts_listed(connection, beginnings)
    for group, starts in listed.items():
        for start in starts ^ before.get(group, set()):
            work.look_at(Window(*group, start), subjects[group[0]])
    return listed


def _listed(
    subject: Subject, group: Group, counted: Instant | None, as_of: Instant
) -> set[Instant]:
    """The starts of a group's listed windows, the first event of which counts in that pane."""
    starts = []
    if counted is not None and counted <= as_of:
        rolling = subject.rolling
        starts = [counted if rolling is None else rolling.pane(counted).end - rolling.length]
    grouped = group[1] != UNGROUPED
    shown = windows(subject.agreement, subject.name, starts, grouped=grouped, now=as_of)
    return {span.start for span in shown}


def is_listed(
    subject: Subject,
    window: Window,
    measure: Measure,
    said: Said | None,
    listed: Mapping[Group, set[Instant]],
) -> bool:
    """Whether `evaluate` would list the window; `listed` has the groups that were looked up."""
    if measure.has_data:
        return True
    group = window[:2]
    if not subject.own.is_volume:
        return subject.is_shown and window == (subject.id, UNGROUPED, subject.current.start)
    if group in listed:
        return window.start in listed[group]
    return said is not None and said.listed and _is_recent(subject, window.start)


def _is_recent(subject: Subject, start: Instant) -> bool:
    """Whether a window is among the last that are listed without data."""
    now = subject.current.end - 1
    since = windows(subject.agreement, subject.name, [start], grouped=True, now=now)
    return len(since) <= MOST_WINDOWS


_FIRST_LISTED: Final = """
SELECT g.objective, g.grp, first.window_start
FROM unnest($1::text[], $2::text[]) AS g (objective, grp)
CROSS JOIN LATERAL (
    SELECT v.window_start FROM value v
    WHERE v.objective = g.objective AND v.grp = g.grp AND v.listed
    ORDER BY v.window_start LIMIT 1
) first
"""
_LISTED: Final = """
SELECT v.objective, v.grp, v.window_start FROM value v
JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS g (objective, grp, beginning)
    ON v.objective = g.objective AND v.grp = g.grp AND v.window_start >= g.beginning
WHERE v.listed
UNION
SELECT v.objective, v.grp, v.window_start FROM value v
JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS g (objective, grp, beginning)
    ON v.objective = g.objective AND v.grp = g.grp AND v.window_start < g.beginning
WHERE v.empty
"""


async def _first_listed(connection: Connection, groups: Sequence[Group]) -> dict[Group, Instant]:
    """The start of each group's first window that is listed so far."""
    if not groups:
        return {}
    rows = await connection.fetch(_FIRST_LISTED, *zip(*groups, strict=True))
    return {(row["objective"], row["grp"]): row["window_start"] for row in rows}


async def _starts_listed(
    connection: Connection, beginnings: Mapping[Group, Instant]
) -> dict[Group, set[Instant]]:
    """The starts of the windows that are listed so far, of older ones only those without data."""
    found: dict[Group, set[Instant]] = {}
    if beginnings:
        rows = [(*group, beginning) for group, beginning in beginnings.items()]
        for objective, grp, start in await connection.fetch(_LISTED, *zip(*rows, strict=True)):
            found.setdefault((objective, grp), set()).add(start)
    return found
