"""Quarantined records by their digest too: in a topic that is made anew offsets begin again.

An evaluator of the version before names the key of `quarantine` when it writes: that table stays
as it is for it. Whatever it adds is taken over at once, also what that table has no place for.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = "part, record_offset, item, reason, record, quarantined_at"
TABLE = (
    """CREATE TABLE quarantined (
    part INTEGER NOT NULL,
    record_offset BIGINT NOT NULL,
    digest BYTEA NOT NULL GENERATED ALWAYS AS (sha256(record)) STORED,
    item TEXT NOT NULL,
    reason TEXT NOT NULL,
    record BYTEA NOT NULL,
    quarantined_at BIGINT NOT NULL,
    PRIMARY KEY (part, record_offset, digest)
)""",
    """COMMENT ON TABLE quarantined
    IS 'Records of the event log that do not stand: no events, and conflicts of identity'""",
    """COMMENT ON TABLE quarantine
    IS 'Of the version before, which writes it: a trigger has each record in `quarantined`'""",
)
# Before the insertion: after it the trigger would not see what ON CONFLICT leaves out. It runs as
# the owner of the tables, as roles get their rights on a new one only when all is migrated.
TAKE_OVER = (
    """CREATE FUNCTION {schema}.quarantine_take_over() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    INSERT INTO quarantined (part, record_offset, item, reason, record, quarantined_at)
    VALUES (NEW.part, NEW.record_offset, NEW.item, NEW.reason, NEW.record, NEW.quarantined_at)
    ON CONFLICT (part, record_offset, digest) DO NOTHING;
    RETURN NEW;
END $$""",
    "REVOKE EXECUTE ON FUNCTION {schema}.quarantine_take_over() FROM PUBLIC",
    """CREATE TRIGGER quarantine_take_over BEFORE INSERT ON {schema}.quarantine
    FOR EACH ROW EXECUTE FUNCTION {schema}.quarantine_take_over()""",
)
# The trigger's lock holds evaluators up that add one meanwhile, so none is between the two.
COPY = f"""
INSERT INTO quarantined ({COLUMNS}) SELECT {COLUMNS} FROM quarantine
"""  # noqa: S608 - our own column names
# There one record of each place stays, the one that was refused first.
COPY_BACK = f"""
INSERT INTO quarantine ({COLUMNS}) SELECT {COLUMNS} FROM quarantined
ORDER BY part, record_offset, quarantined_at ON CONFLICT (part, record_offset) DO NOTHING
"""  # noqa: S608 - our own column names


def upgrade() -> None:
    """Take over what is in quarantine, and go on doing so while older evaluators run."""
    for statement in TABLE:
        op.execute(statement)
    schema = op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar()
    for statement in TAKE_OVER:
        op.execute(statement.format(schema=schema))
    op.execute(COPY)


def downgrade() -> None:
    """Put them back; of several that were refused at the same place the later ones are lost."""
    op.execute("DROP TRIGGER quarantine_take_over ON quarantine")
    op.execute("DROP FUNCTION quarantine_take_over()")
    op.execute(COPY_BACK)
    op.drop_table("quarantined")
    op.execute(
        """COMMENT ON TABLE quarantine
        IS 'Records of the event log that do not stand: conflicts of identity'"""
    )
