"""Read-only SQL. Every answer is read in one snapshot: `shared.runtime.database.snapshot`.

Names are those of `shared/runtime/tables.py`. What a list reads is found by its key (keyset), one
row more than a page holds, so that the caller sees whether there is more.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from services.api.reading import sealed
from services.api.reading.objectives import Choice, Group
from shared.domain.instant import Instant
from shared.runtime.database import Connection
from shared.wire.groups import group_text

_LAST_TEXT: Final = chr(0x10FFFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateQuery:
    """A page of windows: one for each choice, every group of it that fits."""

    choices: Sequence[Choice]
    starts: Sequence[Instant]
    groups: Sequence[tuple[str, str]] = ()
    customers: Sequence[str] = ()
    services: Sequence[str] = ()
    states: Sequence[str] = ()
    levels: Sequence[str] = ()
    after: tuple[str, str] | None = None
    descending: bool = False
    limit: int


async def read_states(
    connection: Connection, query: StateQuery, *, may_be_sealed: bool = False
) -> list[asyncpg.Record]:
    """The stored judgements, in the order of the choices, then of the groups, or the other way.

    Windows that are over may be in periods that are sealed.
    """
    keys = [choice.served.key for choice in query.choices]
    is_sealed = may_be_sealed and await sealed.is_sealed(connection, keys)
    statement = _STATES[query.descending, is_sealed]
    grouping = [group_text(choice.served.group_by) for choice in query.choices]
    more = (grouping,) if is_sealed else ()
    own = (*_arguments(query), *resume(query), query.limit)
    return await connection.fetch(statement, *own, *more)


def _arguments(query: StateQuery) -> tuple[object, ...]:
    return (
        [choice.served.key for choice in query.choices],
        list(query.starts),
        [choice.customer_at for choice in query.choices],
        [choice.service_at for choice in query.choices],
        list(query.customers),
        list(query.services),
        [key for key, _ in query.groups],
        [group for _, group in query.groups],
        list(query.states) or None,
        list(query.levels) or None,
    )


def resume(query: StateQuery) -> tuple[int, str]:
    """The place (from 1) of the last choice that was shown, and its last group.

    When the documents have lost that objective meanwhile, the page begins with the next one.
    """
    keys = [choice.served.key for choice in query.choices]
    if query.after is None:
        return (len(keys) + 1 if query.descending else 0), ""
    key, group = query.after
    passed = sum(1 for own in keys if own.split("/") <= key.split("/"))
    if key in keys:
        return passed, group
    return (passed + 1, "") if query.descending else (passed, _LAST_TEXT)


VALUE_COLUMNS: Final = """
v.objective, v.grp, v.window_start, v.window_end, v.final AND v.restated_since IS NULL AS final,
v.revision, v.state, v.since, v.value, v.budget_remaining, v.counts, v.target, v.level,
v.breach_id, v.provisional OR v.restated_since IS NOT NULL AS provisional
"""

_WANTED: Final = "own.objective = wanted.objective AND own.window_start = wanted.window_start"
_GROUPING: Final = "($14::text[])[array_position($1::text[], wanted.objective)]"
_JOINED: Final = {
    False: (VALUE_COLUMNS, f"JOIN value v ON {_WANTED.replace('own.', 'v.')}"),
    True: (
        sealed.COLUMNS,
        f"CROSS JOIN LATERAL {sealed.shown(_WANTED, _GROUPING, one_of_a_start=True)} v",
    ),
}
"""By whether something may be sealed: what is read of the wanted windows, and from where."""
_FOUND_STATES: Final = """
FROM unnest($1::text[], $2::bigint[], $3::int[], $4::int[]) WITH ORDINALITY
     AS wanted(objective, window_start, customer_at, service_at, place)
{joined}
WHERE v.listed
  AND (customer_at IS NULL OR (v.grp::jsonb ->> customer_at) = ANY($5::text[]))
  AND (service_at IS NULL OR (v.grp::jsonb ->> service_at) = ANY($6::text[]))
  AND (cardinality($7::text[]) = 0
       OR (v.objective, v.grp) IN (SELECT * FROM unnest($7::text[], $8::text[])))
  AND ($9::text[] IS NULL OR v.state = ANY($9::text[]))
  AND ($10::text[] IS NULL OR v.level = ANY($10::text[]))
"""

_STATES: Final = {
    (descending, is_sealed): f"""
SELECT {columns} {_FOUND_STATES.format(joined=joined)}
  AND (place {beyond} $11 OR (place = $11 AND v.grp {beyond} $12 COLLATE "C"))
ORDER BY place {order}, v.grp {order}
LIMIT $13
"""
    for descending, beyond, order in ((False, ">", "ASC"), (True, "<", "DESC"))
    for is_sealed, (columns, joined) in _JOINED.items()
}


@dataclass(frozen=True, slots=True)
class CurrentQuery:
    """Windows of objectives by key and start: what may have been written since a transaction.

    `whole` are those of which everything is wanted.
    """

    starts: Mapping[str, Instant]
    whole: Collection[str]
    from_xid: str | None
    limit: int


async def read_current(connection: Connection, query: CurrentQuery) -> list[asyncpg.Record]:
    """The stored judgements, also those that are not listed, as `listed` says."""
    whole = [key in query.whole for key in query.starts]
    own = ([*query.starts], [*query.starts.values()], whole)
    return await connection.fetch(_CURRENT, *own, query.from_xid, query.limit)


async def count_current(connection: Connection, starts: Mapping[str, Instant]) -> dict[str, int]:
    """How many windows objectives have that start there, also of those that are not listed."""
    rows = await connection.fetch(_COUNT_CURRENT, [*starts], [*starts.values()])
    return {row["objective"]: row["count"] for row in rows}


_CURRENT: Final = f"""
SELECT {VALUE_COLUMNS}, v.listed
FROM unnest($1::text[], $2::bigint[], $3::bool[]) AS own (objective, window_start, whole)
JOIN value v ON v.objective = own.objective AND v.window_start = own.window_start
WHERE own.whole OR age(v.xmin) <= age($4::text::xid8::xid)
ORDER BY v.objective, v.grp
LIMIT $5
"""  # noqa: S608 - columns are ours

_COUNT_CURRENT: Final = """
SELECT own.objective, (
    SELECT count(*) FROM value v
    WHERE v.objective = own.objective AND v.window_start = own.window_start
) AS count
FROM unnest($1::text[], $2::bigint[]) AS own (objective, window_start)
"""


async def read_values(
    connection: Connection,
    groups: Sequence[Group],
    *,
    after: Instant | None,
    limit: int,
    known_at: Instant | None = None,
    descending: bool = True,
) -> list[asyncpg.Record]:
    """The listed windows by their start, of the first group that has any.

    With `known_at` those that were final then, as they were spoken of; no seal hides that.
    """
    keys = {group.served.key for group in groups}
    is_sealed = known_at is None and await sealed.is_sealed(connection, keys)
    then = () if known_at is None else (known_at,)
    statement = _VALUES[descending, is_sealed] if known_at is None else _VALUES_THEN[descending]
    for group in groups:
        grouping = (group_text(group.served.group_by),) if is_sealed else ()
        own = (group.served.key, group.stored, after, limit)
        rows = await connection.fetch(statement, *own, *then, *grouping)
        if rows:
            return rows
    return []


_OF_A_GROUP: Final = {
    descending: f"""
WHERE v.objective = $1 AND v.grp = $2 AND v.listed
  AND ($3::bigint IS NULL OR v.window_start {beyond} $3)
ORDER BY v.window_start {order}
LIMIT $4
"""
    for descending, beyond, order in ((False, ">", "ASC"), (True, "<", "DESC"))
}


def whole_page(rows: list[asyncpg.Record], limit: int) -> list[asyncpg.Record]:
    """A page of windows: it ends between two starts, since the next one begins after a start.

    Only where other documents have other windows do two begin together, a sealed one and theirs.
    """
    page, more = rows[:limit], rows[limit:]
    if not more:
        return page
    start = more[0]["window_start"]
    return [row for row in page if row["window_start"] != start] or rows[: limit + 1]


_OF_ONE: Final = "own.objective = $1 AND own.grp = $2"
_VALUES: Final = {
    (descending, is_sealed): f"SELECT {columns} FROM {windows} v {which}"  # noqa: S608 - ours
    for descending, which in _OF_A_GROUP.items()
    for is_sealed, (columns, windows) in {
        False: (VALUE_COLUMNS, "value"),
        True: (sealed.COLUMNS, sealed.shown(_OF_ONE, "$5::text")),
    }.items()
}

_WINDOWS_THEN: Final = """
SELECT v.objective, v.grp, v.window_start, v.window_end, true AS final, r.revision, r.state,
    r.known_at AS since, r.value, r.budget_remaining, r.counts, v.target, v.level,
    CASE WHEN r.state = 'breached' AND v.state = 'breached' THEN v.breach_id END AS breach_id,
    false AS provisional
FROM value v
CROSS JOIN LATERAL (
    SELECT * FROM value_revision o
    WHERE o.objective = v.objective AND o.grp = v.grp AND o.window_start = v.window_start
        AND o.known_at <= $5
    ORDER BY o.revision DESC LIMIT 1
) r
"""
_VALUES_THEN: Final = {
    descending: _WINDOWS_THEN + which for descending, which in _OF_A_GROUP.items()
}


async def read_revisions(
    connection: Connection,
    windows: Sequence[asyncpg.Record],
    *,
    known_at: Instant | None = None,
) -> dict[Instant, list[asyncpg.Record]]:
    """What was said of these windows of one group since they became final, in order."""
    found: dict[Instant, list[asyncpg.Record]] = {row["window_start"]: [] for row in windows}
    if windows:
        first = windows[0]
        own = (first["objective"], first["grp"], list(found), known_at)
        rows = await connection.fetch(_REVISIONS, *own)
        for row in rows:
            found[row["window_start"]].append(row)
    return found


_REVISIONS: Final = """
SELECT window_start, revision, cause, known_at, state, value, budget_remaining, counts
FROM value_revision
WHERE objective = $1 AND grp = $2 AND window_start = ANY($3::bigint[])
  AND ($4::bigint IS NULL OR known_at <= $4)
ORDER BY window_start, revision
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachQuery:
    """A page of breaches by when they opened."""

    objectives: Sequence[Choice]
    customers: Sequence[str] = ()
    scope: str | None = None
    open: bool | None = None
    since: Instant | None = None
    until: Instant | None = None
    groups: Sequence[tuple[str, str]] = ()
    items: Sequence[str] = ()
    after: tuple[Instant, str] | None = None
    descending: bool = True
    limit: int


async def read_breaches(connection: Connection, query: BreachQuery) -> list[asyncpg.Record]:
    """Breaches that stand; one that was withdrawn does not."""
    after_instant, after_id = query.after or (None, "")
    some = [own for own in query.objectives if own.customer_at is not None]
    return await connection.fetch(
        _BREACHES[query.descending],
        [own.served.key for own in query.objectives],
        query.scope,
        query.open,
        query.since,
        query.until,
        [key for key, _ in query.groups],
        [group for _, group in query.groups],
        list(query.items) or None,
        after_instant,
        after_id,
        query.limit,
        [own.served.key for own in some],
        [own.customer_at for own in some],
        list(query.customers),
    )


_BREACHES: Final = {
    descending: f"""
SELECT breach_id, scope, objective, grp, window_start, window_end, item, cycle, opened_at,
       closed_at, confirmed, detected_at, acknowledged_at, acknowledged_by, note
FROM breach LEFT JOIN acknowledgement USING (breach_id)
WHERE withdrawn_at IS NULL
  AND objective = ANY($1::text[])
  AND ($2::text IS NULL OR scope = $2)
  AND ($3::boolean IS NULL OR (closed_at IS NULL) = $3)
  AND ($4::bigint IS NULL OR opened_at >= $4)
  AND ($5::bigint IS NULL OR opened_at < $5)
  AND (cardinality($6::text[]) = 0
       OR (objective, grp) IN (SELECT * FROM unnest($6::text[], $7::text[])))
  AND ($8::text[] IS NULL OR item = ANY($8::text[]))
  AND ($9::bigint IS NULL OR (opened_at, breach_id) {beyond} ($9, $10))
  AND NOT EXISTS (
      SELECT FROM unnest($12::text[], $13::int[]) AS grouped (objective, customer_at)
      WHERE grouped.objective = breach.objective
        AND ((breach.grp::jsonb ->> customer_at) = ANY($14::text[])) IS NOT TRUE)
ORDER BY opened_at {order}, breach_id {order}
LIMIT $11
"""  # noqa: S608 - the words are ours
    for descending, beyond, order in ((False, ">", "ASC"), (True, "<", "DESC"))
}


TOTALLED: Final = (
    "met",
    "breached_open",
    "breached_closed",
    "counted",
    "good",
    "total",
    "pending",
)
"""The counts of what is decided or counted."""


async def read_totals(connection: Connection, keys: Sequence[str]) -> list[asyncpg.Record]:
    """For each group of these objectives: the counts of all windows together."""
    return await connection.fetch(_TOTALS, "\n".join(keys))


_TOTALS: Final = f"""
SELECT objective, grp, {", ".join(f"sum({name})::bigint AS {name}" for name in TOTALLED)}
FROM pane
WHERE objective = ANY(string_to_array($1, chr(10)))
GROUP BY objective, grp
"""  # noqa: S608 - columns are ours
