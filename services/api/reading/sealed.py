"""Windows as sealed periods show them: as they were when a review signed them off (SQL; ADR 34).

Where nothing is sealed of what is asked for, `value` itself is read: these statements are for the
rest. They give the columns of `value` as they are shown and, of sealed windows, the numbers of now
beside them (`now_…`), with the cause of what has changed.
"""

from collections.abc import Collection
from typing import Final

from shared.runtime.database import Connection


async def is_sealed(connection: Connection, keys: Collection[str]) -> bool:
    """Whether a period of one of these objectives has been signed off."""
    sealed: bool = await connection.fetchval(_IS_SEALED, list(keys))
    return sealed


_IS_SEALED: Final = "SELECT EXISTS (SELECT FROM sealed_objective WHERE objective = ANY($1::text[]))"


def _none_of(counts: str) -> str:
    """The same counts, each 0."""
    return f"(SELECT json_object_agg(c.key, 0)::text FROM json_each({counts}::json) c)"  # noqa: S608 - ours


# A window of a sealed period of which nothing was said then has no data there. One that is not
# listed any more, or that the documents no longer have, has none now: they may have other windows,
# which may start at the same instant, or other groups, whose values may read alike.
_SHOWN: Final = f"""(
SELECT v.objective, v.grp, v.window_start, v.window_end,
    e.id IS NOT NULL OR v.final AND v.restated_since IS NULL AS final,
    CASE WHEN e.id IS NULL THEN v.revision ELSE coalesce(s.revision, 0) END AS revision,
    CASE WHEN e.id IS NULL THEN v.state ELSE coalesce(s.state, 'no_data') END AS state,
    CASE WHEN e.id IS NULL THEN v.since ELSE coalesce(s.since, v.window_start) END AS since,
    CASE WHEN e.id IS NULL THEN v.value ELSE s.value END AS value,
    CASE WHEN e.id IS NULL THEN v.budget_remaining ELSE s.budget_remaining END AS budget_remaining,
    CASE WHEN e.id IS NULL THEN v.counts ELSE coalesce(s.counts, {_none_of("v.counts")}) END
        AS counts,
    coalesce(s.target, v.target) AS target,
    coalesce(s.level, v.level) AS level,
    CASE WHEN e.id IS NULL OR s.state = 'breached' AND v.state = 'breached' THEN v.breach_id END
        AS breach_id,
    e.id IS NULL AND (v.provisional OR v.restated_since IS NOT NULL) AS provisional,
    v.listed OR s.review IS NOT NULL AS listed,
    e.sealed_at, e.sealed_by, NULL AS grouped_by,
    v.final AND v.restated_since IS NULL AS now_final, v.revision AS now_revision,
    v.state AS now_state, v.value AS now_value, v.budget_remaining AS now_budget_remaining,
    v.counts AS now_counts, v.target AS now_target, v.level AS now_level,
    v.breach_id AS now_breach_id, v.provisional OR v.restated_since IS NOT NULL AS now_provisional,
    CASE WHEN e.id IS NULL THEN NULL
        WHEN s.review IS NULL AND (p.group_by <> {{grouping}} OR EXISTS (
            SELECT FROM sealed_value o
            WHERE o.objective = v.objective AND o.grp = v.grp AND o.review = p.review
                AND o.window_start < v.window_end AND o.window_end > v.window_start
                AND o.window_end - o.window_start <> v.window_end - v.window_start))
            THEN 'documents'
        WHEN v.restated_since IS NOT NULL THEN v.restated_cause
        WHEN v.revision > coalesce(s.revision, 0) THEN (
            SELECT CASE WHEN r.revision = 1 THEN 'late' ELSE r.cause END FROM value_revision r
            WHERE r.objective = v.objective AND r.grp = v.grp AND r.window_start = v.window_start
            ORDER BY r.revision DESC LIMIT 1)
        WHEN s.review IS NULL THEN 'late'
        WHEN (s.target, s.level) <> (v.target, v.level) THEN 'documents'
        ELSE 'closed'
    END AS now_cause
FROM value v
LEFT JOIN sealed_objective p ON p.objective = v.objective
    AND v.window_end > p.starts AND v.window_end <= p.ends
LEFT JOIN review e ON e.id = p.review
LEFT JOIN sealed_value s ON s.objective = v.objective AND s.grp = v.grp
    AND s.window_start = v.window_start AND s.window_end = v.window_end AND s.review = p.review
    AND p.group_by = {{grouping}}
WHERE {{of_values}}
UNION ALL
SELECT s.objective, s.grp, s.window_start, s.window_end, true, s.revision, s.state, s.since,
    s.value, s.budget_remaining, s.counts, s.target, s.level, NULL, false, true,
    e.sealed_at, e.sealed_by, nullif(p.group_by, {{grouping}}),
    true, s.revision, 'no_data', NULL, NULL, {_none_of("s.counts")}, s.target, s.level,
    NULL, false, 'documents'
FROM sealed_value s JOIN review e ON e.id = s.review
JOIN sealed_objective p ON p.review = s.review AND p.objective = s.objective
WHERE {{of_sealed}} AND CASE WHEN p.group_by = {{grouping}} THEN NOT EXISTS (
    SELECT FROM value v
    WHERE v.objective = s.objective AND v.grp = s.grp AND v.window_start = s.window_start{{same}})
    ELSE {{otherwise}} END
)"""  # noqa: S608 - columns are ours


def shown(
    which: str,
    grouping: str,
    *,
    gone: str | None = None,
    otherwise: str = "false",
    one_of_a_start: bool = False,
) -> str:
    """A relation in the place of `value`, `final` and `provisional` as they are shown.

    `which` chooses windows by objective, group and start; their alias in it is `own`. It stands
    inside: from outside, conditions on other tables would come after all windows had been read.
    `gone` does so for sealed ones that there are no more (None: as `which`). `grouping` is what the
    documents group by (`group_text`); `otherwise` says whether windows are shown of groups of
    former ones, with what those grouped by (`grouped_by`). With `one_of_a_start` a window of the
    documents in use comes in the place of a sealed one that starts with it and ends elsewhere.
    """
    same = "" if one_of_a_start else " AND v.window_end = s.window_end"
    return _SHOWN.format(
        of_values=which.replace("own.", "v."),
        of_sealed=(gone or which).replace("own.", "s."),
        grouping=grouping,
        otherwise=otherwise,
        same=same,
    )


COLUMNS: Final = """
v.objective, v.grp, v.window_start, v.window_end, v.final, v.revision, v.state, v.since, v.value,
v.budget_remaining, v.counts, v.target, v.level, v.breach_id, v.provisional, v.sealed_at,
v.sealed_by, v.grouped_by, v.now_final, v.now_revision, v.now_state, v.now_value,
v.now_budget_remaining, v.now_counts, v.now_target, v.now_level, v.now_breach_id, v.now_provisional,
v.now_cause
"""
