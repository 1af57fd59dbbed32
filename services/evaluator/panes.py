"""What counts, as the judge reads it: panes and buckets merged over partitions, and the ledger.

Sums are PostgreSQL's, of integers and exact decimals.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple

from services.evaluator.rows import Window
from shared.domain.instant import Instant
from shared.domain.judge import Step
from shared.domain.measure import NOTHING, UNIT, Measure, Outcome
from shared.runtime.conventions import PANE_COUNTS, RUNNING_PANE
from shared.runtime.database import Connection
from shared.wire.amounts import amount_of_decimal
from shared.wire.pane_keys import objective_of

Group = tuple[str, str]
"""An objective and the text of one of its groups."""


Keys = Mapping[str, str]
"""The key of each objective's panes, by its name."""


class Stretch(NamedTuple):
    """Panes of one group that start in `[start, end)`."""

    objective: str
    grp: str
    start: Instant
    end: Instant


_SUMS: Final = ", ".join(
    [*(f"sum(p.{name})::bigint" for name in PANE_COUNTS), "sum(p.amount) AS amount"]
)
_HAS_DATA: Final = " OR ".join(f"sum(p.{name}) <> 0" for name in PANE_COUNTS)

_OF: Final = f"""
SELECT p.objective, p.grp, p.pane_start, {_SUMS} FROM pane p
JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS w (objective, grp, pane_start)
    USING (objective, grp, pane_start)
GROUP BY 1, 2, 3
"""  # noqa: S608 - our own column names


async def measures_of(
    connection: Connection, keys: Keys, panes: Sequence[Window]
) -> dict[Window, Measure]:
    """What counts in panes; one in which nothing ever did is left out."""
    if not panes:
        return {}
    rows = await connection.fetch(_OF, *zip(*_keyed(keys, panes), strict=True))
    return {Window(objective_of(row[0]), *row[1:3]): _measure(row[3:]) for row in rows}


_OVER: Final = f"""
SELECT s.number, p.pane_start, {_SUMS}
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
    AS s (objective, grp, first, until, number)
JOIN pane p ON p.objective = s.objective AND p.grp = s.grp
    AND p.pane_start >= s.first AND p.pane_start < s.until
GROUP BY 1, 2 HAVING {_HAS_DATA}
"""  # noqa: S608 - our own column names


async def measures_over(
    connection: Connection, keys: Keys, stretches: Sequence[Stretch]
) -> list[dict[Instant, Measure]]:
    """Of each stretch: what counts in its panes, by their starts; empty ones are left out."""
    found: list[dict[Instant, Measure]] = [{} for _ in stretches]
    if stretches:
        columns = zip(*_keyed(keys, stretches), strict=True)
        for number, start, *sums in await connection.fetch(_OVER, *columns):
            found[number - 1][start] = _measure(sums)
    return found


_BUCKETS_OVER: Final = """
SELECT s.number, b.pane_start, b.bucket, sum(b.clocks)::bigint
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
    AS s (objective, grp, first, until, number)
JOIN pane_bucket b ON b.objective = s.objective AND b.grp = s.grp
    AND b.pane_start >= s.first AND b.pane_start < s.until
GROUP BY 1, 2, 3 HAVING sum(b.clocks) <> 0
"""


async def buckets_over(
    connection: Connection, keys: Keys, stretches: Sequence[Stretch]
) -> list[dict[Instant, dict[int, int]]]:
    """Of each stretch: how many stopped clocks took how long, by pane."""
    found: list[dict[Instant, dict[int, int]]] = [{} for _ in stretches]
    if stretches:
        columns = zip(*_keyed(keys, stretches), strict=True)
        rows = await connection.fetch(_BUCKETS_OVER, *columns)
        for number, start, bucket, clocks in rows:
            found[number - 1].setdefault(start, {})[bucket] = clocks
    return found


def _step_sum(column: str) -> str:
    """The SQL of one number of a step: what `UNIT` says of each outcome, with its sign."""
    adds = {outcome: getattr(unit, column) for outcome, unit in UNIT.items()}
    cases = " ".join(f"WHEN '{outcome}' THEN {number}" for outcome, number in adds.items())
    return f"sum(l.sign * CASE l.outcome {cases} END)::bigint"


_STEPS: Final = f"""
SELECT w.number, l.at, {", ".join(map(_step_sum, PANE_COUNTS))},
    sum(l.sign * l.elapsed)::bigint, sum(l.sign * l.amount)
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) WITH ORDINALITY
    AS w (objective, grp, pane_start, after, until, number)
JOIN ledger l ON l.objective = w.objective AND l.grp = w.grp
    AND l.pane_start = w.pane_start AND l.at > w.after AND l.at <= w.until
    AND l.posted_at >= w.pane_start
WHERE l.outcome <> 'excluded'
GROUP BY w.number, l.at ORDER BY w.number, l.at
"""  # noqa: S608 - our own names


_SEGMENTS: Final = """
SELECT w.number, width_bucket(l.at, $6::bigint[]) AS segment, l.outcome, l.sign, count(*)::bigint,
    sum(l.elapsed)::bigint, sum(l.amount), max(l.at)
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
    AS w (objective, grp, pane_start, after, number)
JOIN ledger l ON l.objective = w.objective AND l.grp = w.grp
    AND l.pane_start = w.pane_start AND l.at > w.after AND l.at <= $5
    AND l.posted_at >= w.pane_start
WHERE l.outcome <> 'excluded'
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2
"""


@dataclass(slots=True)
class Segment:
    """A stretch of a window's ledger, not walked: what it adds and how often what comes and goes.

    Its entries are later than `after`, and at `until` the latest; the last of them is at `last`.
    """

    after: Instant
    until: Instant
    last: Instant
    measure: Measure = NOTHING
    changes: dict[tuple[Outcome, int], int] = field(default_factory=dict)


async def segments_of(
    connection: Connection,
    keys: Keys,
    walks: Sequence[tuple[Window, Instant]],
    edges: Sequence[Instant],
    as_of: Instant,
) -> dict[Window, list[Segment]]:
    """The ledger of windows up to each edge, each after the instant it has been walked to.

    Segments without entries are left out, and so are windows without any.
    """
    found: dict[Window, list[Segment]] = {}
    if not walks:
        return found
    columns = zip(*_keyed(keys, [(*window, after) for window, after in walks]), strict=True)
    later = [edge + 1 for edge in edges]
    ends = (*edges, as_of)
    for row in await connection.fetch(_SEGMENTS, *columns, as_of, later):
        number, edge, outcome, sign, times, elapsed, amount, last = row
        window, walked_to = walks[number - 1]
        several = found.setdefault(window, [])
        if not several or several[-1].until != ends[edge]:
            after = max(walked_to, edges[edge - 1]) if edge else walked_to
            several.append(Segment(after, ends[edge], last))
        segment = several[-1]
        kind = Outcome(outcome)
        *counts, _ = (sign * times * count for count in UNIT[kind])
        total = sign * _total(elapsed, amount)
        segment.measure = segment.measure.plus(Measure._make((*counts, total)))
        segment.changes[kind, sign] = times
        segment.last = max(segment.last, last)
    return found


STEPS_AT_ONCE: Final = 5_000
"""Steps that are fetched at once: a late event may let windows of months be walked again."""


async def steps_of(
    connection: Connection, keys: Keys, walks: Sequence[tuple[Window, Segment]]
) -> AsyncIterator[list[Step]]:
    """The ledger of segments of windows by instant.

    One segment after the other, so that only one is in memory.
    """
    if not walks:
        return
    rows = _keyed(keys, [(*window, own.after, own.until) for window, own in walks])
    columns = zip(*rows, strict=True)
    place, steps = 1, list[Step]()
    async for row in connection.cursor(_STEPS, *columns, prefetch=STEPS_AT_ONCE):
        number, at, *counts, elapsed, amount = row
        if number != place:
            yield steps
            steps = []
        place = number
        steps.append(Step(at, Measure._make((*counts, _total(elapsed, amount)))))
    yield steps


def _total(elapsed: int | None, amount: Decimal | None) -> int | Fraction:
    """Both sums of some entries together.

    Most entries are of clocks: an integer costs next to nothing here, a decimal much.
    """
    total = elapsed or 0
    return total if amount is None else total + amount_of_decimal(amount)


_FROM: Final = """
SELECT DISTINCT p.objective, p.grp, p.pane_start FROM pane p
JOIN unnest($1::text[], $2::bigint[]) AS o (objective, beginning)
    ON p.objective = o.objective AND p.pane_start >= o.beginning
"""
_GROUPS_FROM: Final = """
SELECT DISTINCT p.objective, p.grp FROM pane p
JOIN unnest($1::text[], $2::bigint[]) AS o (objective, beginning)
    ON p.objective = o.objective AND p.pane_start >= o.beginning
"""


async def panes_from(
    connection: Connection, keys: Keys, beginnings: Mapping[str, Instant]
) -> list[Window]:
    """Panes that start at or after each objective's beginning, the running one too."""
    if not beginnings:
        return []
    columns = [keys[objective] for objective in beginnings], [*beginnings.values()]
    rows = await connection.fetch(_FROM, *columns)
    return [Window(objective_of(row[0]), *row[1:]) for row in rows]


async def groups_from(
    connection: Connection, keys: Keys, beginnings: Mapping[str, Instant]
) -> list[Group]:
    """The groups that have such panes."""
    if not beginnings:
        return []
    columns = [keys[objective] for objective in beginnings], [*beginnings.values()]
    rows = await connection.fetch(_GROUPS_FROM, *columns)
    return [(objective_of(row["objective"]), row["grp"]) for row in rows]


_FIRST: Final = """
SELECT g.objective, g.grp, first.pane_start
FROM unnest($1::text[], $2::text[]) AS g (objective, grp)
CROSS JOIN LATERAL (
    SELECT p.pane_start FROM pane p
    WHERE p.objective = g.objective AND p.grp = g.grp AND p.pane_start <> $3
    GROUP BY p.pane_start HAVING sum(p.counted) <> 0
    ORDER BY p.pane_start LIMIT 1
) first
"""


async def first_counted(
    connection: Connection, keys: Keys, groups: Iterable[Group]
) -> dict[Group, Instant]:
    """The start of each group's first pane in which an event counts."""
    columns = [*zip(*_keyed(keys, groups), strict=True)]
    if not columns:
        return {}
    rows = await connection.fetch(_FIRST, *columns, RUNNING_PANE)
    return {(objective_of(row["objective"]), row["grp"]): row["pane_start"] for row in rows}


def _keyed(keys: Keys, rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows that begin with an objective, as the tables know its panes."""
    return [(keys[objective], *more) for objective, *more in rows]


def _measure(sums: Sequence[int | Decimal]) -> Measure:
    """From the sums in the order of a pane's columns."""
    *counts, amount = sums
    return Measure._make([*counts, amount_of_decimal(Decimal(amount))])
