"""What a sealed objective promised: it stays in its report when the documents have it no more."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody noted it of reviews before this one."""
    op.execute("ALTER TABLE sealed_objective ADD COLUMN promised TEXT")


def downgrade() -> None:
    """Say nothing of objectives that the documents have no more."""
    op.drop_column("sealed_objective", "promised")
