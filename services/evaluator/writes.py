"""What a micro-batch adds to the tables, written in one round trip.

Each table has a statement over arrays, and those of a batch are the parts of one (`WITH`): where
all cores are busy a round trip takes as long as the rows. Rows are sorted by key, so that no two
transactions wait for each other crosswise. In which order the parts run is PostgreSQL's choice:
of the tables only `breach` has rows that others change too, and they change no second one of these.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from services.evaluator.breaches import BreachRow
from services.evaluator.posting import AMOUNT, Posting
from shared.runtime.conventions import PANE_COUNTS
from shared.runtime.database import Connection
from shared.wire.amounts import amount_to_decimal

_NUMBERED: Final = re.compile(r"\$(\d+)")
_ITEMS: Final = """
INSERT INTO item (part, key, next_due, body, customer)
SELECT * FROM unnest($1::int[], $2::text[], $3::bigint[], $4::bytea[], $5::text[])
ON CONFLICT (part, key) DO UPDATE SET next_due = EXCLUDED.next_due, body = EXCLUDED.body,
    customer = EXCLUDED.customer
"""
_NUMBERS: Final = (*PANE_COUNTS, "amount")
_PANES: Final = f"""
INSERT INTO pane AS p (objective, grp, pane_start, part, {", ".join(_NUMBERS)})
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[],
    $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
    $11::bigint[], $12::bigint[], $13::bigint[], $14::numeric[])
ON CONFLICT (objective, grp, pane_start, part) DO UPDATE
SET {", ".join(f"{name} = p.{name} + EXCLUDED.{name}" for name in _NUMBERS)}
"""  # noqa: S608 - our own column names
_BUCKETS: Final = """
INSERT INTO pane_bucket AS b (objective, grp, pane_start, part, bucket, clocks)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::bigint[], $6::bigint[])
ON CONFLICT (objective, grp, pane_start, part, bucket) DO UPDATE
SET clocks = b.clocks + EXCLUDED.clocks
"""
_QUEUE: Final = """
INSERT INTO judge_queue (objective, grp, pane_start, dirty_from, cause, held_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[])
"""
_BREACHES: Final = """
INSERT INTO breach AS b (breach_id, scope, part, objective, grp, window_start, window_end, item,
    cycle, opened_at, closed_at, withdrawn_at, detected_at, unannounced)
SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::bigint[],
    $7::bigint[], $8::text[], $9::int[], $10::bigint[], $11::bigint[], $12::bigint[],
    $13::bigint[], $14::bool[])
ON CONFLICT (breach_id) DO UPDATE
SET part = EXCLUDED.part, grp = EXCLUDED.grp, window_end = EXCLUDED.window_end,
    closed_at = EXCLUDED.closed_at, withdrawn_at = EXCLUDED.withdrawn_at,
    unannounced = b.unannounced OR EXCLUDED.unannounced
"""
_BESIDE: Final = """
INSERT INTO breach_next AS b (generation, breach_id, scope, part, objective, grp, window_start,
    window_end, item, cycle, opened_at, closed_at, withdrawn_at, detected_at)
SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[],
    $7::bigint[], $8::bigint[], $9::text[], $10::int[], $11::bigint[], $12::bigint[],
    $13::bigint[], $14::bigint[])
ON CONFLICT (generation, breach_id) DO UPDATE
SET part = EXCLUDED.part, grp = EXCLUDED.grp, closed_at = EXCLUDED.closed_at,
    withdrawn_at = EXCLUDED.withdrawn_at
"""
_QUARANTINED: Final = """
INSERT INTO quarantined (part, record_offset, item, reason, record, quarantined_at)
SELECT * FROM unnest($1::int[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::bigint[])
ON CONFLICT (part, record_offset, digest) DO NOTHING
"""


class Write(NamedTuple):
    """A statement that changes rows, and the columns that are its arguments `$1`, `$2`, ..."""

    sql: str
    columns: Sequence[Sequence[object]]


async def write(connection: Connection, writes: Iterable[Write]) -> None:
    """Make all these changes, of different tables, at once."""
    parts: list[str] = []
    columns: list[Sequence[object]] = []
    for number, own in enumerate(writes):
        parts.append(f"w{number} AS ({_shifted(own.sql, len(columns))})")
        columns += own.columns
    if parts:
        await connection.execute(f"WITH {', '.join(parts)} SELECT", *columns)


def _shifted(sql: str, count: int) -> str:
    """A statement whose arguments come after `count` others."""
    return _NUMBERED.sub(lambda found: f"${int(found[1]) + count}", sql)


def writes_of(posting: Posting) -> Iterator[Write]:
    """What a batch changes beside its progress and its ledger."""
    if posting.items:
        yield Write(_ITEMS, _columns(sorted(posting.items)))
    yield from _panes(posting)
    if posting.dirty:
        yield _queue(posting)
    if posting.breaches:
        yield write_of_breaches(posting.breaches.values())
    if posting.beside:
        rows = [(generation, *row[:-1]) for (generation, _), row in sorted(posting.beside.items())]
        yield Write(_BESIDE, _columns(rows))
    if posting.quarantined:
        yield Write(_QUARANTINED, _columns(sorted(posting.quarantined)))


def write_of_breaches(rows: Iterable[BreachRow]) -> Write:
    """What is found of breaches; those that say so have to be announced then."""
    ordered = sorted(rows, key=lambda row: row.breach_id)
    return Write(_BREACHES, _columns(ordered))


def _columns(rows: Iterable[Sequence[object]]) -> Sequence[Sequence[object]]:
    return [*zip(*rows, strict=True)]


def _panes(posting: Posting) -> Iterator[Write]:
    rows = [
        (*key, *numbers[:AMOUNT], amount_to_decimal(numbers[AMOUNT]))
        for key, numbers in sorted(posting.panes.items())
        if any(numbers)
    ]
    if rows:
        yield Write(_PANES, _columns(rows))
    buckets = [(*key, clocks) for key, clocks in sorted(posting.buckets.items()) if clocks]
    if buckets:
        yield Write(_BUCKETS, _columns(buckets))


def _queue(posting: Posting) -> Write:
    held_at = min(move.held_at for move in posting.moves)
    rows = [(*window, *change, held_at) for window, *change in posting.marks()]
    return Write(_QUEUE, _columns(rows))
