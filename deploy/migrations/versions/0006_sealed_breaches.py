"""What a review keeps of each breach: whose it was then, and whether it had ended."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = {
    "objective": 'TEXT COLLATE "C"',
    "scope": "TEXT",
    "grp": 'TEXT COLLATE "C"',
    "window_start": "BIGINT",
    "window_end": "BIGINT",
    "item": 'TEXT COLLATE "C"',
    "cycle": "INTEGER",
    "opened_at": "BIGINT",
    "closed_at": "BIGINT",
    "detected_at": "BIGINT",
}
ALWAYS = ("objective", "scope", "grp", "opened_at", "detected_at")
# Nobody noted when a breach of a review before this one ended. One that ended after that was open.
FILL = """
UPDATE sealed_breach s
SET objective = b.objective, scope = b.scope, grp = b.grp, window_start = b.window_start,
    window_end = b.window_end, item = b.item, cycle = b.cycle, opened_at = b.opened_at,
    closed_at = CASE WHEN b.closed_at <= e.sealed_at THEN b.closed_at END,
    detected_at = b.detected_at
FROM breach b, review e
WHERE b.breach_id = s.breach_id AND e.id = s.review
"""


def upgrade() -> None:
    """Copy of breaches that were sealed before what is known of them now."""
    for name, kind in COLUMNS.items():
        op.execute(f"ALTER TABLE sealed_breach ADD COLUMN {name} {kind}")
    op.execute(FILL)
    for name in ALWAYS:
        op.execute(f"ALTER TABLE sealed_breach ALTER COLUMN {name} SET NOT NULL")
    op.execute("CREATE INDEX sealed_breach_objective ON sealed_breach (objective, opened_at)")


def downgrade() -> None:
    """Keep of them which they are: the rest is said as of now again."""
    op.drop_index("sealed_breach_objective")
    for name in COLUMNS:
        op.drop_column("sealed_breach", name)
