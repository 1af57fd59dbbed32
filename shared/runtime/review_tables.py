"""The tables of reviews: periods that were signed off, and the numbers that they keep (ADR 34).

The numbers are copied when a period is sealed: what is known of a window later, or no longer, does
not reach them. Nothing here is ever changed. Instants and names are as in `tables.py`.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from shared.runtime.columns import identifier, instant, key
from shared.runtime.tables import metadata

review: Final = Table(
    "review",
    metadata,
    key("id"),
    identifier("agreement"),
    Column("period", Text, nullable=False),
    instant("starts"),
    instant("ends"),
    Column("time_zone", Text, nullable=False),
    Column("windows", BigInteger, nullable=False),
    instant("sealed_at"),
    Column("sealed_by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Index("review_agreement", "agreement"),
    Index("review_sealed", "sealed_at", "id"),
    comment="Append-only: periods of agreements that were signed off, by whom, with what note",
)

# `opened_from`, `opened_until`: when the breaches of items opened that these windows count.
# `group_by`: what its windows were grouped by, a JSON list; other documents may group otherwise.
# `promised`: what reports say above its windows, a JSON object; other documents may not have it.
sealed_objective: Final = Table(
    "sealed_objective",
    metadata,
    key("review"),
    key("objective"),
    instant("starts"),
    instant("ends"),
    instant("opened_from"),
    instant("opened_until"),
    Column("group_by", Text, nullable=False),
    Column("promised", Text),
    Index("sealed_objective_span", "objective", "starts"),
    comment="Append-only: the objectives of a review, and in which span their windows end",
)

sealed_value: Final = Table(
    "sealed_value",
    metadata,
    key("objective"),
    key("grp"),
    Column("window_start", BigInteger, primary_key=True, autoincrement=False),
    # Other documents may have another window that starts there, too.
    Column("window_end", BigInteger, primary_key=True, autoincrement=False),
    identifier("review"),
    Column("revision", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("value", Text),
    Column("budget_remaining", Text),
    Column("counts", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("level", Text, nullable=False),
    Index("sealed_value_window", "objective", "window_start", "grp"),
    comment="Append-only: what was said of each window of a period when it was signed off",
)

sealed_breach: Final = Table(
    "sealed_breach",
    metadata,
    Column("breach_id", Text, primary_key=True),
    identifier("review"),
    identifier("objective"),
    Column("scope", Text, nullable=False),
    identifier("grp"),
    instant("window_start", nullable=True),
    instant("window_end", nullable=True),
    Column("item", Text(collation="C")),
    Column("cycle", Integer),
    instant("opened_at"),
    instant("closed_at", nullable=True),
    instant("detected_at"),
    Index("sealed_breach_objective", "objective", "opened_at"),
    comment="Append-only: the breaches of a period that stood when it was signed off",
)
