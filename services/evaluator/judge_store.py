"""The judge's SQL: what has to be judged, and what is said of windows.

All of one judging happens in one transaction on one snapshot (repeatable read): the evaluation
times, the panes and the queue belong together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import asyncpg

from services.evaluator.panes import Group, Stretch
from services.evaluator.rows import Window
from shared.domain.instant import Instant
from shared.runtime.conventions import RUNNING_PANE
from shared.runtime.database import Connection

BEGINNING: Final = -(1 << 63)
"""Before every instant."""


@dataclass(frozen=True, slots=True)
class Moment:
    """As of when objectives can be judged; the ledger is whole from `ledger_from` on."""

    as_of: Instant
    watermark: Instant
    proven: bool
    ledger_from: Instant = 0


_MOMENT: Final = """
SELECT min(evaluation_time) AS as_of, min(watermark) AS watermark, bool_and(proven) AS proven,
    bool_and(generation = $1) AS same,
    coalesce((SELECT ledger_from FROM retention), 0) AS ledger_from
FROM partition_progress
"""


async def moment(connection: Connection, generation: int) -> Moment | None:
    """The instant of judging; None when there is none yet, or other documents are in use."""
    row = await connection.fetchrow(_MOMENT, generation)
    if row is None or not row["same"] or row["as_of"] <= 0:
        return None
    return Moment(row["as_of"], row["watermark"], row["proven"], row["ledger_from"])


@dataclass(frozen=True, slots=True)
class Due:
    """An objective that has to be judged, as it was judged last: from the panes of that key.

    `watermark` is the one that was known then.
    """

    objective: str
    as_of: Instant
    next_turn: Instant
    provisional_until: Instant
    pane_key: str
    watermark: Instant


_DUE: Final = """
SELECT j.objective, j.as_of, j.next_turn, j.provisional_until, j.pane_key, j.watermark
FROM judgement j JOIN unnest($3::text[], $4::text[]) AS own (objective, pane_key) USING (objective)
WHERE j.next_turn <= $1 OR j.provisional_until <= $2 OR j.pane_key <> own.pane_key
    OR j.objective IN (
        SELECT objective FROM judge_queue WHERE dirty_from <= $1 OR pane_start = $5
    )
ORDER BY j.as_of, j.objective LIMIT $6
FOR UPDATE OF j SKIP LOCKED
"""


async def take_due(
    connection: Connection, moment: Moment, keys: Mapping[str, str], limit: int | None
) -> list[Due]:
    """Lock objectives that have to be judged, those judged longest ago first.

    `keys` are those of the panes of all objectives now.
    """
    rows = await connection.fetch(
        _DUE,
        moment.as_of,
        moment.watermark,
        [*keys],
        [*keys.values()],
        RUNNING_PANE,
        limit,
    )
    return [Due(*row) for row in rows]


class Change(NamedTuple):
    """A row of the queue: a pane that changed, the walk over it from `dirty_from` on."""

    pane: Window
    dirty_from: Instant
    cause: str


# What changed later than the instant of judging waits until that has come.
_TAKE: Final = """
DELETE FROM judge_queue
WHERE objective = ANY($1::text[]) AND (dirty_from <= $2 OR pane_start = $3)
RETURNING objective, grp, pane_start, dirty_from, cause
"""


async def take_changes(
    connection: Connection, objectives: Sequence[str], as_of: Instant
) -> list[Change]:
    """Take the changes of objectives from the queue."""
    rows = await connection.fetch(_TAKE, objectives, as_of, RUNNING_PANE)
    return [Change(Window(*row[:3]), *row[3:]) for row in rows]


# Windows that may have ended since, the present ones among them; of a cohort also those whose last
# items have had their time since.
_TURNED: Final = """
SELECT v.objective, v.grp, v.window_start FROM value v
JOIN unnest($1::text[], $2::bigint[], $3::bigint[]) AS o (objective, after, until)
    ON v.objective = o.objective AND v.window_end > o.after AND v.window_end <= o.until
WHERE NOT v.final
"""
_PROVISIONAL: Final = """
SELECT objective, grp, window_start FROM value WHERE objective = ANY($1::text[]) AND provisional
UNION
SELECT objective, grp, window_start FROM value
WHERE objective = ANY($1::text[]) AND restated_since IS NOT NULL
"""
_ALL_VALUES: Final = """
SELECT objective, grp, window_start FROM value WHERE objective = ANY($1::text[])
"""


async def windows_ending(
    connection: Connection, spans: Sequence[tuple[str, Instant, Instant]]
) -> list[Window]:
    """Windows that are not final and end in `(after, until]`: (objective, after, until)."""
    if not spans:
        return []
    return [Window(*row) for row in await connection.fetch(_TURNED, *zip(*spans, strict=True))]


async def provisional_windows(connection: Connection, objectives: Sequence[str]) -> list[Window]:
    """Windows that wait for the watermark."""
    if not objectives:
        return []
    return [Window(*row) for row in await connection.fetch(_PROVISIONAL, objectives)]


async def all_windows(connection: Connection, objectives: Sequence[str]) -> list[Window]:
    """Every window of the objectives that was judged before."""
    if not objectives:
        return []
    return [Window(*row) for row in await connection.fetch(_ALL_VALUES, objectives)]


_NEXT_END: Final = """
SELECT o.objective, (
    SELECT min(v.window_end) FROM value v
    WHERE v.objective = o.objective AND NOT v.final AND v.window_end > o.after
)
FROM unnest($1::text[], $2::bigint[]) AS o (objective, after)
"""


async def next_ends(
    connection: Connection, after: Mapping[str, Instant]
) -> dict[str, Instant | None]:
    """The first end after an instant of the windows of each objective that are not final."""
    if not after:
        return {}
    rows = await connection.fetch(_NEXT_END, [*after], [*after.values()])
    return {row["objective"]: row["min"] for row in rows}


_GROUPS_LISTED: Final = """
SELECT DISTINCT objective, grp FROM value WHERE objective = ANY($1::text[]) AND listed
"""


async def groups_listed(connection: Connection, objectives: Sequence[str]) -> list[Group]:
    """The groups of objectives of which some window is listed."""
    if not objectives:
        return []
    rows = await connection.fetch(_GROUPS_LISTED, objectives)
    return [(row["objective"], row["grp"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a window last.

    `restated_since` is there when no revision says so yet: as of when that began, and why.
    """

    listed: bool
    final: bool
    revision: int
    state: str
    since: Instant
    value: str | None
    budget_remaining: str | None
    counts: str
    checkpoint: str
    restated_since: Instant | None = None
    restated_cause: str | None = None


_SAID_COLUMNS: Final = """
v.objective, v.grp, v.window_start, v.listed, v.final, v.revision, v.state, v.since, v.value,
    v.budget_remaining, v.counts, v.checkpoint, v.restated_since, v.restated_cause
"""
_SAID: Final = f"""
SELECT {_SAID_COLUMNS} FROM value v
JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS w (objective, grp, window_start)
    USING (objective, grp, window_start)
"""  # noqa: S608 - our own column names
_SAID_OVER: Final = f"""
SELECT {_SAID_COLUMNS} FROM value v
JOIN unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS s (objective, grp, first, until)
    ON v.objective = s.objective AND v.grp = s.grp
    AND v.window_start >= s.first AND v.window_start < s.until
"""  # noqa: S608 - our own column names


async def said_of(connection: Connection, windows: Sequence[Window]) -> dict[Window, Said]:
    """The latest judgement of windows."""
    if not windows:
        return {}
    return _said(await connection.fetch(_SAID, *zip(*windows, strict=True)))


async def said_over(connection: Connection, stretches: Sequence[Stretch]) -> dict[Window, Said]:
    """The latest judgement of the windows that start in some stretches of time."""
    if not stretches:
        return {}
    return _said(await connection.fetch(_SAID_OVER, *zip(*stretches, strict=True)))


def _said(rows: Iterable[asyncpg.Record]) -> dict[Window, Said]:
    return {Window(*row[:3]): Said(*row[3:]) for row in rows}


class ValueRow(NamedTuple):
    """A row of `value` in the order of its columns."""

    objective: str
    grp: str
    window_start: Instant
    window_end: Instant
    listed: bool
    empty: bool
    final: bool
    revision: int
    state: str
    since: Instant
    value: str | None
    budget_remaining: str | None
    counts: str
    target: str
    level: str
    breach_id: str | None
    provisional: bool
    as_of: Instant
    checkpoint: str
    restated_since: Instant | None
    restated_cause: str | None


_WRITE_VALUES: Final = f"""
INSERT INTO value ({", ".join(ValueRow._fields)})
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bool[], $6::bool[],
    $7::bool[], $8::int[], $9::text[], $10::bigint[], $11::text[], $12::text[], $13::text[],
    $14::text[], $15::text[], $16::text[], $17::bool[], $18::bigint[], $19::text[],
    $20::bigint[], $21::text[])
ON CONFLICT (objective, grp, window_start) DO UPDATE
SET {", ".join(f"{name} = EXCLUDED.{name}" for name in ValueRow._fields[3:])}
"""  # noqa: S608 - our own column names


async def write_values(connection: Connection, rows: list[ValueRow]) -> None:
    """Write what is said of windows now."""
    rows.sort(key=lambda row: row[:3])
    await connection.execute(_WRITE_VALUES, *zip(*rows, strict=True))


class RevisionRow(NamedTuple):
    """A row of `value_revision` in the order of its columns."""

    objective: str
    grp: str
    window_start: Instant
    revision: int
    cause: str
    known_at: Instant
    state: str
    value: str | None
    budget_remaining: str | None
    counts: str


_WRITE_REVISIONS: Final = f"""
INSERT INTO value_revision ({", ".join(RevisionRow._fields)})
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::text[], $6::bigint[],
    $7::text[], $8::text[], $9::text[], $10::text[])
"""  # noqa: S608 - our own column names


async def write_revisions(connection: Connection, rows: list[RevisionRow]) -> None:
    """Append what is said of final windows."""
    await connection.execute(_WRITE_REVISIONS, *zip(*rows, strict=True))


_LAST_REVISIONS: Final = """
SELECT r.* FROM unnest($1::text[], $2::text[], $3::bigint[]) AS w (objective, grp, window_start)
CROSS JOIN LATERAL (
    SELECT objective, grp, window_start, revision, cause, known_at, state, value,
        budget_remaining, counts
    FROM value_revision o
    WHERE o.objective = w.objective AND o.grp = w.grp AND o.window_start = w.window_start
    ORDER BY revision DESC LIMIT 1
) r
"""


async def last_revisions(
    connection: Connection, windows: Sequence[Window]
) -> dict[Window, RevisionRow]:
    """The last revision of windows that have some, of former documents for example."""
    if not windows:
        return {}
    rows = await connection.fetch(_LAST_REVISIONS, *zip(*windows, strict=True))
    return {Window(*row[:3]): RevisionRow(*row) for row in rows}


_WRITE_JUDGED: Final = """
UPDATE judgement j SET as_of = n.as_of, next_turn = n.next_turn,
    provisional_until = n.provisional_until, pane_key = n.pane_key, watermark = n.watermark
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[])
    AS n (objective, as_of, next_turn, provisional_until, pane_key, watermark)
WHERE j.objective = n.objective
"""


async def write_judged(connection: Connection, rows: list[Due]) -> None:
    """Write when objectives were judged, and when they have to be again."""
    await connection.execute(
        _WRITE_JUDGED,
        [row.objective for row in rows],
        [row.as_of for row in rows],
        [row.next_turn for row in rows],
        [row.provisional_until for row in rows],
        [row.pane_key for row in rows],
        [row.watermark for row in rows],
    )


_REGISTER: Final = """
INSERT INTO judgement (objective, as_of, next_turn, provisional_until)
SELECT objective, 0, 0, 0 FROM unnest($1::text[]) AS objective ON CONFLICT (objective) DO NOTHING
"""
_FORGET: Final = (
    "DELETE FROM value WHERE objective <> ALL($1::text[])",
    "DELETE FROM judgement WHERE objective <> ALL($1::text[])",
    "DELETE FROM judge_queue WHERE objective <> ALL($1::text[])",
)
_WITHDRAW: Final = """
UPDATE breach SET withdrawn_at = $2, unannounced = true
WHERE scope = 'window' AND withdrawn_at IS NULL AND objective <> ALL($1::text[])
"""


async def register(connection: Connection, objectives: Sequence[str], *, now: Instant) -> None:
    """Have exactly these objectives judged from now on."""
    await connection.execute(_REGISTER, objectives)
    for statement in _FORGET:
        await connection.execute(statement, objectives)
    await connection.execute(_WITHDRAW, objectives, now)
