"""The breaches of reports of which some is sealed (SQL; ADR 34).

What a review sealed is told as it was copied then; `change` says how it differs from what stands
now. Whatever else stands and is wanted comes beside it: `found` where its period is sealed.
"""

from typing import Final

# Who may see certain customers alone, or asks for some, sees none of groups of former documents:
# to them a breach that stands is one of its group of now. A group of other documents is no other.
_SAME: Final = """(p.group_by <> wanted.group_by
        OR b.grp = s.grp AND b.window_end IS NOT DISTINCT FROM s.window_end)"""
_SHOWN: Final = "(p.group_by = wanted.group_by OR wanted.sees_all)"
_SEEN: Final = """(wanted.customer_at IS NULL
        OR (own.grp::jsonb ->> wanted.customer_at) = ANY($9::text[]))"""
_OF_WINDOWS: Final = """own.scope = 'window'
    AND (own.window_start >= wanted.starts AND own.window_start < wanted.ends
         OR own.opened_at < wanted.until
            AND (own.closed_at IS NULL OR own.closed_at > wanted.since))"""
_OF_ITEMS: Final = """own.scope = 'item'
    AND own.opened_at >= wanted.opened_from AND own.opened_at < wanted.opened_until"""


# What stands now and was not sealed as it is: two branches, each with an index of its own.
_STANDING: Final = " UNION ALL ".join(
    f"""
SELECT b.breach_id, b.scope, b.objective, b.grp, b.window_start, b.window_end, b.item, b.cycle,
    b.opened_at, b.closed_at, b.confirmed, b.detected_at,
    CASE WHEN EXISTS (
        SELECT FROM sealed_objective p WHERE p.objective = b.objective
            AND CASE b.scope WHEN 'window' THEN b.window_end > p.starts AND b.window_end <= p.ends
                ELSE b.opened_at >= p.opened_from AND b.opened_at < p.opened_until END)
        THEN 'found' END AS change,
    b.closed_at AS now_closed_at, NULL AS grouped_by, NULL AS sealed_at,
    b.scope = 'item' AND EXISTS (SELECT FROM sealed_breach s WHERE s.breach_id = b.breach_id)
        AS moved
FROM wanted JOIN breach b ON b.objective = wanted.objective AND {which.replace("own.", "b.")}
WHERE b.withdrawn_at IS NULL AND {_SEEN.replace("own.", "b.")} AND NOT EXISTS (
    SELECT FROM sealed_breach s
    JOIN sealed_objective p ON p.review = s.review AND p.objective = s.objective
    WHERE s.breach_id = b.breach_id AND {_SHOWN} AND {_SAME})
"""  # noqa: S608 - the words are ours
    for which in (_OF_WINDOWS, _OF_ITEMS)
)

SEALED_BREACHES: Final = f"""
WITH wanted AS (
    SELECT *, customer_at IS NULL AND cardinality($9::text[]) = 0 AS sees_all
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                $7::bigint[], $8::int[], $11::text[])
        AS w (objective, starts, ends, since, until, opened_from, opened_until, customer_at,
              group_by)
)
SELECT s.breach_id, s.scope, s.objective, s.grp, s.window_start, s.window_end, s.item, s.cycle,
    s.opened_at, s.closed_at, true AS confirmed, s.detected_at,
    CASE WHEN b.breach_id IS NULL OR NOT {_SAME} THEN 'withdrawn'
        WHEN b.closed_at IS NULL AND s.closed_at IS NOT NULL THEN 'reopened'
        WHEN b.closed_at IS DISTINCT FROM s.closed_at THEN 'closed'
    END AS change,
    b.closed_at AS now_closed_at, nullif(p.group_by, wanted.group_by) AS grouped_by, e.sealed_at,
    s.scope = 'item' AND b.breach_id IS NOT NULL AND NOT {_SAME} AS moved
FROM wanted
JOIN sealed_breach s ON s.objective = wanted.objective
    AND ({_OF_WINDOWS.replace("own.", "s.")} OR {_OF_ITEMS.replace("own.", "s.")})
JOIN sealed_objective p ON p.review = s.review AND p.objective = s.objective
JOIN review e ON e.id = s.review
LEFT JOIN breach b ON b.breach_id = s.breach_id AND b.withdrawn_at IS NULL
WHERE {_SHOWN} AND {_SEEN.replace("own.", "s.")}
UNION ALL {_STANDING}
LIMIT $10
"""  # noqa: S608 - the words are ours
