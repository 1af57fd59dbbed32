"""The judge's SQL: what has to be judged, the panes and walks of windows, and what is said of them.

All of one judging happens in one transaction on one snapshot (repeatable read): the evaluation
times, the panes and the queue belong together.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import asyncpg

from services.evaluator.posting import Window
from shared.domain.instant import Instant
from shared.domain.judge import Step
from shared.domain.measure import Counts
from shared.runtime.database import Connection
from shared.runtime.tables import RUNNING_WINDOW

BEGINNING: Final = -(1 << 63)
"""Before every instant."""
NEVER: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Moment:
    """As of when objectives can be judged; None of it while documents are being changed."""

    as_of: Instant
    watermark: Instant
    proven: bool


_MOMENT: Final = """
SELECT min(evaluation_time) AS as_of, min(watermark) AS watermark, bool_and(proven) AS proven,
    bool_and(documents = $1) AS same
FROM partition_progress
"""


async def moment(connection: Connection, documents: str) -> Moment | None:
    """The instant of judging, or None when there is none yet or other documents still hold."""
    row = await connection.fetchrow(_MOMENT, documents)
    if row is None or not row["same"] or row["as_of"] <= 0:
        return None
    return Moment(row["as_of"], row["watermark"], row["proven"])


@dataclass(frozen=True, slots=True)
class Due:
    """An objective that has to be judged, as it was judged last."""

    objective: str
    as_of: Instant
    next_turn: Instant
    provisional_until: Instant
    documents: str


_DUE: Final = """
SELECT objective, as_of, next_turn, provisional_until, documents FROM judgement
WHERE next_turn <= $1 OR provisional_until <= $2 OR documents <> $3
    OR objective IN (
        SELECT objective FROM judge_queue WHERE dirty_from <= $1 OR window_start = $4
    )
ORDER BY as_of, objective LIMIT $5
FOR UPDATE OF judgement SKIP LOCKED
"""


async def take_due(connection: Connection, moment: Moment, documents: str, limit: int) -> list[Due]:
    """Lock objectives that have to be judged, those judged longest ago first."""
    rows = await connection.fetch(
        _DUE, moment.as_of, moment.watermark, documents, RUNNING_WINDOW, limit
    )
    return [Due(*row) for row in rows]


class Change(NamedTuple):
    """A row of the queue: a window whose panes changed, its walk from `dirty_from` on."""

    window: Window
    dirty_from: Instant
    cause: str


# What changed later than the instant of judging waits until that has come.
_TAKE: Final = """
DELETE FROM judge_queue
WHERE objective = ANY($1::text[]) AND (dirty_from <= $2 OR window_start = $3)
RETURNING objective, grp, window_start, dirty_from, cause
"""


async def take_changes(
    connection: Connection, objectives: Sequence[str], as_of: Instant
) -> list[Change]:
    """Take the changes of objectives from the queue."""
    rows = await connection.fetch(_TAKE, objectives, as_of, RUNNING_WINDOW)
    return [Change(Window(*row[:3]), *row[3:]) for row in rows]


_OPEN: Final = """
SELECT v.objective, v.grp, v.window_start FROM value v
JOIN unnest($1::text[], $2::bool[]) AS o (objective, only_provisional) USING (objective)
WHERE NOT v.final AND (v.provisional OR NOT o.only_provisional)
"""
_PANES_FROM: Final = """
SELECT DISTINCT p.objective, p.grp, p.window_start FROM pane p
JOIN unnest($1::text[], $2::bigint[]) AS o (objective, beginning)
    ON p.objective = o.objective AND p.window_start >= o.beginning
"""


async def open_windows(connection: Connection, objectives: Mapping[str, bool]) -> list[Window]:
    """Windows that are not final yet, of some objectives only those that are provisional."""
    rows = await connection.fetch(_OPEN, [*objectives], [*objectives.values()])
    return [Window(*row) for row in rows]


async def windows_from(connection: Connection, beginnings: Mapping[str, Instant]) -> list[Window]:
    """Windows with panes that start at or after each objective's beginning, the running one too."""
    rows = await connection.fetch(_PANES_FROM, [*beginnings], [*beginnings.values()])
    return [Window(*row) for row in rows]


_ALL_VALUES: Final = """
SELECT objective, grp, window_start FROM value WHERE objective = ANY($1::text[])
"""


async def all_windows(connection: Connection, objectives: Sequence[str]) -> list[Window]:
    """Every window of the objectives that was judged before."""
    return [Window(*row) for row in await connection.fetch(_ALL_VALUES, objectives)]


_WITH_DATA: Final = """
SELECT p.objective, p.grp, p.window_start FROM pane p
JOIN unnest($1::text[], $2::text[]) AS g (objective, grp) USING (objective, grp)
WHERE p.window_start <> $3
GROUP BY 1, 2, 3
HAVING sum(excluded) <> 0 OR sum(met) <> 0 OR sum(breached_open) <> 0
    OR sum(breached_closed) <> 0 OR sum(counted) <> 0
"""
_LISTED: Final = """
SELECT v.objective, v.grp, v.window_start FROM value v
JOIN unnest($1::text[], $2::text[]) AS g (objective, grp) USING (objective, grp)
WHERE v.listed
"""

Group = tuple[str, str]
"""An objective and the text of one of its groups."""


async def starts_with_data(
    connection: Connection, groups: Sequence[Group]
) -> dict[Group, set[Instant]]:
    """The starts of each group's windows in which something counts."""
    return _starts(await connection.fetch(_WITH_DATA, *zip(*groups, strict=True), RUNNING_WINDOW))


async def starts_listed(
    connection: Connection, groups: Sequence[Group]
) -> dict[Group, set[Instant]]:
    """The starts of each group's windows that are listed so far."""
    return _starts(await connection.fetch(_LISTED, *zip(*groups, strict=True)))


def _starts(rows: Iterable[asyncpg.Record]) -> dict[Group, set[Instant]]:
    found: dict[Group, set[Instant]] = {}
    for objective, grp, start in rows:
        found.setdefault((objective, grp), set()).add(start)
    return found


_PANES: Final = """
SELECT p.objective, p.grp, p.window_start, sum(excluded)::bigint, sum(running)::bigint,
    sum(met)::bigint, sum(breached_open)::bigint, sum(breached_closed)::bigint,
    sum(counted)::bigint
FROM pane p
JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS w (objective, grp, window_start)
    USING (objective, grp, window_start)
GROUP BY 1, 2, 3
"""


async def counts_of(connection: Connection, windows: Sequence[Window]) -> dict[Window, Counts]:
    """The panes of windows, merged over the partitions."""
    rows = await connection.fetch(_PANES, *zip(*windows, strict=True))
    return {Window(*row[:3]): Counts(*row[3:]) for row in rows}


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a window last."""

    final: bool
    revision: int
    state: str
    since: Instant
    value: str | None
    budget_remaining: str | None
    counts: str
    checkpoint: str


_SAID: Final = """
SELECT v.objective, v.grp, v.window_start, v.final, v.revision, v.state, v.since, v.value,
    v.budget_remaining, v.counts, v.checkpoint
FROM value v
JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS w (objective, grp, window_start)
    USING (objective, grp, window_start)
"""


async def said_of(connection: Connection, windows: Sequence[Window]) -> dict[Window, Said]:
    """The latest judgement of windows."""
    rows = await connection.fetch(_SAID, *zip(*windows, strict=True))
    return {Window(*row[:3]): Said(*row[3:]) for row in rows}


_STEPS: Final = """
SELECT w.number, l.at,
    coalesce(sum(l.sign) FILTER (WHERE l.outcome = 'met'), 0),
    coalesce(sum(l.sign) FILTER (WHERE l.outcome IN ('breached_open', 'breached_closed')), 0),
    coalesce(sum(l.sign) FILTER (WHERE l.outcome = 'counted'), 0)
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
    AS w (objective, grp, window_start, after, number)
JOIN ledger l ON l.objective = w.objective AND l.grp = w.grp
    AND l.window_start = w.window_start AND l.at > w.after AND l.at <= $5
WHERE l.outcome <> 'excluded'
GROUP BY w.number, l.at ORDER BY w.number, l.at
"""


async def steps_of(
    connection: Connection, walks: Sequence[tuple[Window, Instant]], as_of: Instant
) -> dict[Window, list[Step]]:
    """The ledger of windows by instant, each after the instant it has been walked to."""
    rows = [(*window, after) for window, after in walks]
    found: dict[Window, list[Step]] = {window: [] for window, _ in walks}
    for number, *step in await connection.fetch(_STEPS, *zip(*rows, strict=True), as_of):
        found[walks[number - 1][0]].append(Step(*step))
    return found


class ValueRow(NamedTuple):
    """A row of `value` in the order of its columns."""

    objective: str
    grp: str
    window_start: Instant
    window_end: Instant
    listed: bool
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


_WRITE_VALUES: Final = f"""
INSERT INTO value ({", ".join(ValueRow._fields)})
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bool[], $6::bool[],
    $7::int[], $8::text[], $9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[],
    $14::text[], $15::text[], $16::bool[], $17::bigint[], $18::text[])
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


_WRITE_JUDGED: Final = """
UPDATE judgement j SET as_of = n.as_of, next_turn = n.next_turn,
    provisional_until = n.provisional_until, documents = n.documents
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[])
    AS n (objective, as_of, next_turn, provisional_until, documents)
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
        [row.documents for row in rows],
    )


_FORGET_WINDOWS: Final = """
DELETE FROM value v USING unnest($1::text[], $2::text[], $3::bigint[])
    AS w (objective, grp, window_start)
WHERE (v.objective, v.grp, v.window_start) = (w.objective, w.grp, w.window_start)
"""
_WITHDRAW_WINDOWS: Final = """
UPDATE breach b SET withdrawn_at = $4, unannounced = true
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS w (objective, grp, window_start)
WHERE b.scope = 'window' AND b.withdrawn_at IS NULL
    AND (b.objective, b.grp, b.window_start) = (w.objective, w.grp, w.window_start)
"""


async def forget_windows(
    connection: Connection, windows: Sequence[Window], *, now: Instant
) -> None:
    """Say nothing more of windows that the documents no longer have."""
    columns = [*zip(*windows, strict=True)]
    await connection.execute(_FORGET_WINDOWS, *columns)
    await connection.execute(_WITHDRAW_WINDOWS, *columns, now)


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
_RECORD: Final = """
INSERT INTO document (digest, applied_at, agreements) VALUES ($1, $2, $3)
ON CONFLICT (digest) DO NOTHING
"""


async def register(
    connection: Connection,
    objectives: Sequence[str],
    documents: str,
    agreements: Sequence[str],
    *,
    now: Instant,
) -> None:
    """Have exactly these objectives judged from now on."""
    await connection.execute(_REGISTER, objectives)
    for statement in _FORGET:
        await connection.execute(statement, objectives)
    await connection.execute(_WITHDRAW, objectives, now)
    await connection.execute(_RECORD, documents, now, json.dumps(agreements))
