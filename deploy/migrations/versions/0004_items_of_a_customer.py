"""An index of items by their customer: callers for certain customers list theirs and no others."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it while items are written; what a try that was cut off has left is made anew."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS item_customer")
        op.execute("CREATE INDEX CONCURRENTLY item_customer ON item (part, customer, key)")


def downgrade() -> None:
    """Drop it."""
    op.drop_index("item_customer")
