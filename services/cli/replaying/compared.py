"""What is compared, as queries: the same one makes the copy of the live rows and reads the shadow.

Rows are told apart by names and instants, never by numbers that a database gives out.
"""

from dataclasses import dataclass, replace
from typing import Final

from shared.runtime.conventions import PANE_COUNTS


@dataclass(frozen=True, slots=True)
class Compared:
    """Rows of one kind: `keys` tell them apart, `values` have to be the same.

    `query` makes both of the tables in its search path. `waits` says, of a joined row, whether
    it is judged again when its objective is; `order` comes before the keys when rows are shown.
    """

    name: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    query: str
    waits: str = "false"
    order: str = ""

    @property
    def stored(self) -> str:
        """The table that holds the copy of the live rows."""
        return f"live_{self.name}"

    @property
    def rebuilt(self) -> str:
        """The view of what was rebuilt."""
        return f"rebuilt_{self.name}"


_OBJECTIVE: Final = "objective"
_NUMBERS: Final = (*PANE_COUNTS, "amount")
_VALUE: Final = (
    "window_end",
    "state",
    "value",
    "counts",
    "budget_remaining",
    "final",
    "level",
    "target",
)
_BREACH: Final = (
    "scope",
    "item",
    "cycle",
    "grp",
    "window_start",
    "window_end",
    "opened_at",
    "closed_at",
)

# Panes and ledger name an objective with the generation of documents that it was built for; rows of
# generations before are being cleared away, those of one that is being built count for nothing yet.
KEYS: Final = """
SELECT objective, objective || CASE since WHEN '0' THEN '' ELSE '#' || since END AS pane_key
FROM generation, json_each_text(built::json) AS own (objective, since) WHERE state = 'current'
"""
_IN_USE: Final = f"""
(SELECT k.objective AS name, t.* FROM {{}} t JOIN ({KEYS}) k ON k.pane_key = t.objective)
"""  # noqa: S608 - our own names

ITEMS: Final = Compared(
    "item",
    ("key",),
    ("part", "next_due", "body"),
    "SELECT key, part, next_due, body FROM item",
)
PANES: Final = Compared(
    "pane",
    (_OBJECTIVE, "grp", "pane_start"),
    _NUMBERS,
    f"""
SELECT name AS objective, grp, pane_start,
    {", ".join(f"sum({name}) AS {name}" for name in _NUMBERS)}
FROM {_IN_USE.format("pane")} own GROUP BY 1, 2, 3
HAVING {" OR ".join(f"sum({name}) <> 0" for name in _NUMBERS)}
""",  # noqa: S608 - our own column names
)
BUCKETS: Final = Compared(
    "pane_bucket",
    (_OBJECTIVE, "grp", "pane_start", "bucket"),
    ("clocks",),
    f"""
SELECT name AS objective, grp, pane_start, bucket, sum(clocks) AS clocks
FROM {_IN_USE.format("pane_bucket")} own GROUP BY 1, 2, 3, 4 HAVING sum(clocks) <> 0
""",  # noqa: S608 - our own names
)
LEDGER: Final = Compared(
    "ledger",
    (_OBJECTIVE, "grp", "pane_start", "item", "cycle", "ordinal", "at", "outcome"),
    ("entries", "amount"),
    f"""
SELECT name AS objective, grp, pane_start, item, cycle, ordinal, at, outcome, sum(sign) AS entries,
    sum(sign * coalesce(elapsed, amount)) AS amount
FROM {_IN_USE.format("ledger")} own
WHERE at >= coalesce((SELECT ledger_from FROM retention), 0) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
HAVING sum(sign) <> 0 OR sum(sign * coalesce(elapsed, amount)) <> 0
""",  # noqa: S608 - our own names
)
VALUES: Final = Compared(
    "value",
    (_OBJECTIVE, "grp", "window_start"),
    _VALUE,
    f"SELECT objective, grp, window_start, {', '.join(_VALUE)} FROM value WHERE listed",  # noqa: S608
    waits="true",
)
BREACHES: Final = Compared(
    "breach",
    (_OBJECTIVE, "breach_id"),
    _BREACH,
    f"SELECT objective, breach_id, {', '.join(_BREACH)} FROM breach WHERE withdrawn_at IS NULL",  # noqa: S608
    waits="coalesce(l.scope, r.scope) = 'window'",
    order="objective, coalesce(l.opened_at, r.opened_at),",
)
QUARANTINE: Final = Compared(
    "quarantine",
    ("part", "record_offset", "digest"),
    ("item", "reason", "record"),
    """
SELECT part, record_offset, encode(digest, 'hex') AS digest, item, reason, record FROM quarantined
""",
)

ALL: Final = (ITEMS, LEDGER, PANES, BUCKETS, VALUES, BREACHES, QUARANTINE)
SAID: Final = (replace(VALUES, order="l.state IS NOT DISTINCT FROM r.state,"), BREACHES)
"""What is said to readers: all that other documents may change; other states come first."""
PROGRESS: Final = "live_progress"
"""The table that holds the copy of the partitions' progress."""
