"""What is told of states: the judge queues what has turned, the relay tells what is not told yet.

The queue is append-only, as the judge's own is (ADR 13): judge and relay never wait for each
other. Nothing is told while evaluation is behind: a backfill is told of once, when it is through.
"""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

import asyncpg
import msgspec

from services.evaluator.breaches import SOURCE
from services.evaluator.change_log import Change, about
from services.evaluator.generations import Generations
from services.evaluator.panes import Group
from services.evaluator.partition import ALLOWED_DISORDER
from shared.domain.agreement import sla_id
from shared.domain.instant import SECOND, Instant, format_instant
from shared.domain.window import Span
from shared.runtime.database import Connection
from shared.wire.groups import group_of
from shared.wire.results import group_form, window_form

STATE_CHANGED: Final = "state.changed"
BEHIND: Final = 10 * SECOND
"""Evaluation that is proven only up to longer ago is behind: states are not told meanwhile, nor is
what was judged then, before it is judged again."""

_QUEUE: Final = (
    "INSERT INTO state_queue (objective, grp) SELECT * FROM unnest($1::text[], $2::text[])"
)


async def queue(connection: Connection, groups: Sequence[Group]) -> None:
    """Have it told that the current windows of these groups are in other states."""
    await connection.execute(_QUEUE, *zip(*groups, strict=True))


async def forget(connection: Connection, objectives: Sequence[str]) -> None:
    """Tell of these anew: their groups are others now, though some may be written alike.

    Nobody takes from the queue meanwhile: who did might tell of the former ones once more.
    """
    await connection.execute("DELETE FROM state_told WHERE objective = ANY($1::text[])", objectives)


async def take(
    connection: Connection, generations: Generations, limit: int, *, now: Instant
) -> tuple[list[Change], int]:
    """What is to be told of some groups of the queue, and how many rows of it were taken.

    It is noted as told: the caller appends it to the change log in the same transaction.
    """
    behind = BEHIND + ALLOWED_DISORDER
    taken = await connection.fetch(_TAKE, limit, now - behind, behind)
    if not taken:
        return [], 0
    groups = sorted({(row["objective"], row["grp"]) for row in taken})
    found = await connection.fetch(_NEWS, *zip(*groups, strict=True))
    if found:
        await generations.compiled(found[0]["in_use"])
    rows = [row for row in found if _is_in_use(row, generations)]
    if rows:
        told = [(row["objective"], row["grp"], row["window_start"], row["state"]) for row in rows]
        await connection.execute(_TOLD, *zip(*told, strict=True))
    return [_change(row, generations, now=now) for row in rows], len(taken)


def _is_in_use(row: asyncpg.Record, generations: Generations) -> bool:
    """Whether the documents in use have such a group: those before may have grouped otherwise."""
    group_by = generations.group_by(row["objective"], row["in_use"])
    return len(group_of(row["grp"])) == len(group_by)


def _change(row: asyncpg.Record, generations: Generations, *, now: Instant) -> Change:
    event_id = str(uuid4())
    group = group_of(row["grp"])
    agreement, _, objective = row["objective"].partition("/")
    group_by = generations.group_by(row["objective"], row["in_use"])
    own = about(generations, row["objective"], row["grp"], row["as_of"], row["in_use"])
    name = sla_id(agreement, objective, group)
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": f"accord.{STATE_CHANGED}",
        "subject": name,
        "time": format_instant(now),
        "datacontenttype": "application/json",
        "data": {
            "sla_id": name,
            "agreement": agreement,
            "objective": objective,
            "level": row["level"],
            "group": group_form(group_by, group),
            "window": window_form(Span(row["window_start"], row["window_end"])),
            "state": row["state"],
            "previous": row["told"],
            "since": format_instant(row["since"]),
            "value": row["value"],
            "target": msgspec.Raw(row["target"].encode()),
            "budget_remaining": row["budget_remaining"],
            "counts": msgspec.Raw(row["counts"].encode()),
            "breach_id": row["breach_id"],
            "final": row["final"],
            "revision": row["revision"],
            "provisional": row["provisional"],
            "as_of": format_instant(row["as_of"]),
        },
    }
    return Change(
        at=now,
        event_id=event_id,
        type=STATE_CHANGED,
        objective=row["objective"],
        grp=row["grp"],
        level=row["level"],
        customers=own.customers,
        body=msgspec.json.encode(event).decode(),
    )


_TAKE: Final = """
DELETE FROM state_queue WHERE id IN (
    SELECT q.id FROM state_queue q LEFT JOIN judgement j USING (objective)
    WHERE (SELECT min(watermark) FROM partition_progress) >= $2
        AND coalesce(j.as_of <= j.watermark + $3, true)
    ORDER BY q.id LIMIT $1
)
RETURNING objective, grp
"""
# The latest window is the current one, or the one that was when the group had data last. The
# documents in use are those at the moment of the values: others may be switched to meanwhile.
_NEWS: Final = """
SELECT v.*, t.state AS told, (SELECT number FROM generation WHERE state = 'current') AS in_use
FROM unnest($1::text[], $2::text[]) AS q (objective, grp)
CROSS JOIN LATERAL (
    SELECT v.objective, v.grp, v.window_start, v.window_end, v.listed, v.state, v.since, v.value,
        v.budget_remaining, v.counts, v.target, v.level, v.breach_id, v.as_of, v.revision,
        v.final AND v.restated_since IS NULL AS final,
        v.provisional OR v.restated_since IS NOT NULL AS provisional
    FROM value v WHERE v.objective = q.objective AND v.grp = q.grp
    ORDER BY v.window_start DESC LIMIT 1
) v
LEFT JOIN state_told t ON t.objective = v.objective AND t.grp = v.grp
WHERE t.state IS DISTINCT FROM v.state AND (v.listed OR t.state IS NOT NULL)
ORDER BY v.objective, v.grp
"""
_TOLD: Final = """
INSERT INTO state_told (objective, grp, window_start, state)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
ON CONFLICT (objective, grp) DO UPDATE
SET window_start = EXCLUDED.window_start, state = EXCLUDED.state
"""
