"""Whom a dead change is about: its receiver's owner may see less by now than when it was buried."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Note it of those that the change log still has; the rest is for who sees all customers."""
    op.execute("ALTER TABLE webhook_dead ADD COLUMN customers TEXT")
    op.execute(
        """UPDATE webhook_dead d SET customers = c.customers FROM change c WHERE c.seq = d.seq"""
    )


def downgrade() -> None:
    """Forget whom they are about: each is shown and sent again as before."""
    op.drop_column("webhook_dead", "customers")
