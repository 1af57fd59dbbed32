"""How far evaluation is: at which instant each objective's stored judgement holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.domain.instant import MINUTE, Instant, Micros
from shared.runtime.conventions import RUNNING_PANE
from shared.runtime.database import Connection

STALE_AFTER: Final[Micros] = MINUTE
"""How far `as_of` may be behind the wall clock before an answer is `stale`."""


@dataclass(frozen=True, slots=True)
class Partition:
    """How far one partition of the event log is."""

    part: int
    evaluation_time: Instant
    watermark: Instant
    proven: bool
    generation: int = 0


class Judged(NamedTuple):
    """A row of `judgement`: the panes of `pane_key` were judged, and time alone changes it next."""

    as_of: Instant
    next_turn: Instant
    pane_key: str


@dataclass(frozen=True, slots=True)
class Judgements(Mapping[str, Instant]):
    """By objective the instant at which its judgement holds, computed when it is asked for.

    A judgement is still that of the smallest evaluation time unless something waits to be judged
    or time alone has changed it since; then it holds up to there. So no later answer is one of an
    earlier instant. `waiting` says from when on what waits makes a difference; `pane_keys` are
    those of the documents in use: what was judged from other panes holds as of then.
    """

    evaluated: Instant
    rows: Mapping[str, Judged]
    waiting: Mapping[str, Instant]
    pane_keys: Mapping[str, str]

    def __getitem__(self, objective: str) -> Instant:
        row = self.rows[objective]
        if row.pane_key != self.pane_keys[objective]:
            return min(row.as_of, self.evaluated)
        until = min(row.next_turn - 1, self.waiting.get(objective, row.next_turn))
        return min(self.evaluated, max(row.as_of, until))

    def __contains__(self, objective: object) -> bool:
        return objective in self.rows and objective in self.pane_keys

    def __iter__(self) -> Iterator[str]:
        return (own for own in self.rows if own in self.pane_keys)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far evaluation is.

    `evaluated` is the smallest evaluation time of all partitions, None while one has none. `gaps`
    are the times of events that may be missing, an end of None is not known yet.
    """

    evaluated: Instant | None
    proven: bool
    judged: Mapping[str, Instant]
    partitions: tuple[Partition, ...] = ()
    gaps: tuple[tuple[Instant, Instant | None], ...] = ()

    def is_complete(self, start: Instant, end: Instant) -> bool:
        """Whether no record is known to be missing that may have counted in [start, end)."""
        return not any(
            begins < end and (until is None or start < until) for begins, until in self.gaps
        )

    def as_of(self, keys: Sequence[str]) -> Instant | None:
        """The instant at which all of these are judged; None while one has never been."""
        if self.evaluated is None or any(key not in self.judged for key in keys):
            return None
        return min((self.judged[key] for key in keys), default=self.evaluated)

    def freshness(self, as_of: Instant | None, *, now: Instant) -> str:
        """`live`, or `stale` when `as_of` is too far behind the wall clock or not proven."""
        fresh = self.proven and as_of is not None and now - as_of <= STALE_AFTER
        return "live" if fresh else "stale"


class Progress(NamedTuple):
    """What one moment of the database says without any objective.

    `generation` is the number of the documents in use, None before the first. `from_xid` is the
    oldest transaction that was not over then: whatever is committed later is at least as young.
    `seen` names the moment: while the database says the same, nothing has been committed since.
    """

    generation: int | None
    from_xid: str
    partitions: tuple[Partition, ...]
    gaps: tuple[tuple[Instant, Instant | None], ...]
    seen: str = ""

    @property
    def evaluated(self) -> Instant | None:
        """The smallest evaluation time of all partitions, None while one has none."""
        return min((own.evaluation_time for own in self.partitions), default=0) or None

    def standing(self, judged: Mapping[str, Instant], generation: int) -> Standing:
        """The standing of objectives under documents of that number."""
        proven = bool(self.partitions) and all(
            own.proven and own.generation == generation for own in self.partitions
        )
        return Standing(self.evaluated, proven, judged, self.partitions, self.gaps)


async def read_progress(connection: Connection) -> Progress:
    """How far the partitions are, and under which documents, in one statement."""
    row = await connection.fetchrow(_PROGRESS)
    if row is None:
        return Progress(None, "0", (), ())
    partitions = tuple(Partition(*own) for own in row["partitions"])
    gaps = tuple((own[0], own[1]) for own in row["gaps"])
    return Progress(row["generation"], row["from_xid"], partitions, gaps, row["seen"])


async def read_moment(connection: Connection) -> str:
    """What `Progress.seen` would be now."""
    moment: str = await connection.fetchval("SELECT pg_current_snapshot()::text")
    return moment


_PROGRESS: Final = """
SELECT (SELECT number FROM generation WHERE state = 'current') AS generation,
       pg_snapshot_xmin(pg_current_snapshot())::text AS from_xid,
       pg_current_snapshot()::text AS seen,
       ARRAY(SELECT ROW(part, evaluation_time, watermark, proven, generation)
             FROM partition_progress ORDER BY part) AS partitions,
       ARRAY(SELECT ROW(from_time, until_time) FROM gap
             WHERE reason <> 'poison' AND (resolved_at IS NULL OR resolution = 'accepted'))
           AS gaps
"""


async def read_judgements(
    connection: Connection, pane_keys: Mapping[str, str], evaluated: Instant | None
) -> Judgements:
    """The judgements of objectives, given with the keys of their panes in the documents in use."""
    if not pane_keys:
        return Judgements(evaluated or 0, {}, {}, {})
    # As text: the driver looks at each element of an array several times.
    rows = await connection.fetch(_JUDGED, "\n".join(pane_keys), RUNNING_PANE)
    judged = {row["objective"]: Judged(*row[1:4]) for row in rows}
    waiting = {row["objective"]: row["waiting"] for row in rows if row["waiting"] is not None}
    return Judgements(evaluated or 0, judged, waiting, pane_keys)


_JUDGED: Final = """
SELECT objective, as_of, next_turn, pane_key, (
    SELECT min(CASE WHEN pane_start = $2 THEN held_at ELSE greatest(held_at, dirty_from - 1) END)
    FROM judge_queue q WHERE q.objective = j.objective
) AS waiting
FROM judgement j WHERE objective = ANY(string_to_array($1, chr(10)))
"""


async def read_judged_since(
    connection: Connection, from_xid: str | None
) -> tuple[dict[str, Judged], dict[str, Instant]]:
    """All judgements that may have been written since (None: all), and all that waits."""
    rows = await connection.fetch(_JUDGED_SINCE, from_xid)
    waiting = await connection.fetch(_WAITING, RUNNING_PANE)
    judged = {row[0]: Judged(*row[1:4]) for row in rows}
    return judged, {row[0]: row[1] for row in waiting}


# Ages are counted from the transaction that comes next: the younger a row, the smaller.
_JUDGED_SINCE: Final = """
SELECT objective, as_of, next_turn, pane_key FROM judgement
WHERE $1::text IS NULL OR age(xmin) <= age($1::text::xid8::xid)
"""

_WAITING: Final = """
SELECT objective, min(CASE WHEN pane_start = $1 THEN held_at
                      ELSE greatest(held_at, dirty_from - 1) END)
FROM judge_queue GROUP BY objective
"""
