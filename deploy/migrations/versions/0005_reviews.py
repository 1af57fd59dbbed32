"""Periods that a review has signed off, and the numbers that they keep."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = (
    """CREATE TABLE review (
    id TEXT COLLATE "C" NOT NULL,
    agreement TEXT COLLATE "C" NOT NULL,
    period TEXT NOT NULL,
    starts BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    time_zone TEXT NOT NULL,
    windows BIGINT NOT NULL,
    sealed_at BIGINT NOT NULL,
    sealed_by TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (id)
)""",
    "CREATE INDEX review_agreement ON review (agreement)",
    "CREATE INDEX review_sealed ON review (sealed_at, id)",
    """COMMENT ON TABLE review
    IS 'Append-only: periods of agreements that were signed off, by whom, with what note'""",
    """CREATE TABLE sealed_objective (
    review TEXT COLLATE "C" NOT NULL,
    objective TEXT COLLATE "C" NOT NULL,
    starts BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    opened_from BIGINT NOT NULL,
    opened_until BIGINT NOT NULL,
    group_by TEXT NOT NULL,
    PRIMARY KEY (review, objective)
)""",
    "CREATE INDEX sealed_objective_span ON sealed_objective (objective, starts)",
    """COMMENT ON TABLE sealed_objective
    IS 'Append-only: the objectives of a review, and in which span their windows end'""",
    """CREATE TABLE sealed_value (
    objective TEXT COLLATE "C" NOT NULL,
    grp TEXT COLLATE "C" NOT NULL,
    window_start BIGINT NOT NULL,
    window_end BIGINT NOT NULL,
    review TEXT COLLATE "C" NOT NULL,
    revision INTEGER NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL,
    value TEXT,
    budget_remaining TEXT,
    counts TEXT NOT NULL,
    target TEXT NOT NULL,
    level TEXT NOT NULL,
    PRIMARY KEY (objective, grp, window_start, window_end)
)""",
    "CREATE INDEX sealed_value_window ON sealed_value (objective, window_start, grp)",
    """COMMENT ON TABLE sealed_value
    IS 'Append-only: what was said of each window of a period when it was signed off'""",
    """CREATE TABLE sealed_breach (
    breach_id TEXT NOT NULL,
    review TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (breach_id)
)""",
    """COMMENT ON TABLE sealed_breach
    IS 'Append-only: the breaches of a period that stood when it was signed off'""",
)


def upgrade() -> None:
    """Add them; nothing that is there is touched."""
    for statement in SCHEMA:
        op.execute(statement)


def downgrade() -> None:
    """Drop them: which periods were signed off, and what they said, is lost."""
    for table in ("sealed_breach", "sealed_value", "sealed_objective", "review"):
        op.drop_table(table)
