"""Keys, the audit log with its chain, the customer of an item, and months made by their owner."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = (
    """CREATE TABLE api_key (
    id TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    customers TEXT[],
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (id)
)""",
    "CREATE INDEX api_key_changed ON api_key (changed_at)",
    """COMMENT ON TABLE api_key
    IS 'Keys of the api by id; only a digest is kept, so nothing here can be used as a key'""",
    """CREATE TABLE audit (
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous BYTEA NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (seq)
)""",
    """COMMENT ON TABLE audit
    IS 'Append-only: who did what; each entry has the digest of the one before in its own'""",
    "ALTER TABLE item ADD COLUMN customer TEXT",
    """COMMENT ON TABLE item
    IS 'One lead or ticket: timeline, what has been posted, its only customer if it has one'""",
)

# They run as the owner of the tables: who may add an entry need not read the log, nor be trusted
# with its chain, and who makes a month need not own the ledger.
FUNCTIONS = (
    """CREATE FUNCTION {schema}.audit_chain() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    last audit%ROWTYPE;
BEGIN
    PERFORM pg_advisory_xact_lock(71757147886155);
    SELECT * INTO last FROM audit ORDER BY seq DESC LIMIT 1;
    NEW.seq := coalesce(last.seq, 0) + 1;
    NEW.at := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    NEW.previous := coalesce(last.digest, '');
    NEW.digest := sha256(NEW.previous || convert_to(json_build_array(
        NEW.seq, NEW.at, NEW.actor, NEW.action, NEW.target, NEW.detail)::text, 'UTF8'));
    RETURN NEW;
END $$""",
    """CREATE FUNCTION {schema}.audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
END $$""",
    """CREATE TRIGGER audit_chain BEFORE INSERT ON {schema}.audit
    FOR EACH ROW EXECUTE FUNCTION {schema}.audit_chain()""",
    """CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE ON {schema}.audit
    FOR EACH ROW EXECUTE FUNCTION {schema}.audit_refuse()""",
    """CREATE TRIGGER audit_whole BEFORE TRUNCATE ON {schema}.audit
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.audit_refuse()""",
    """CREATE FUNCTION {schema}.ledger_make_month(month text, starts bigint, ends bigint)
    RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF month !~ '^ledger_[0-9]{{4}}_[0-9]{{2}}$' THEN
        RAISE EXCEPTION '% is no month of the ledger', month;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE ledger INCLUDING ALL)', month);
    EXECUTE format('ALTER TABLE ledger ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                   month, starts, ends);
END $$""",
    """CREATE FUNCTION {schema}.ledger_drop_month(month text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF month !~ '^ledger_[0-9]{{4}}_[0-9]{{2}}$' THEN
        RAISE EXCEPTION '% is no month of the ledger', month;
    END IF;
    EXECUTE format('DROP TABLE %I', month);
END $$""",
    """REVOKE EXECUTE ON FUNCTION {schema}.ledger_make_month(text, bigint, bigint),
    {schema}.ledger_drop_month(text), {schema}.audit_chain(), {schema}.audit_refuse()
    FROM PUBLIC""",
)

# A reader of everything reads neither digests of keys nor who did what.
KEEP_FROM_READERS = """DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'accord_reader') THEN
        EXECUTE format('REVOKE ALL ON %I.api_key, %I.audit FROM accord_reader',
                       current_schema(), current_schema());
    END IF;
END $$"""


def upgrade() -> None:
    """Add them; nothing that is there is rewritten."""
    for statement in SCHEMA:
        op.execute(statement)
    schema = op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar()
    for statement in FUNCTIONS:
        op.execute(statement.format(schema=schema))
    op.execute(KEEP_FROM_READERS)


def downgrade() -> None:
    """Drop them: keys and the log are lost."""
    op.execute("DROP FUNCTION ledger_drop_month(text)")
    op.execute("DROP FUNCTION ledger_make_month(text, bigint, bigint)")
    op.drop_table("audit")
    op.execute("DROP FUNCTION audit_refuse()")
    op.execute("DROP FUNCTION audit_chain()")
    op.drop_table("api_key")
    op.drop_column("item", "customer")
    op.execute(
        """COMMENT ON TABLE item
        IS 'One lead or ticket: its timeline and what has been posted of it'"""
    )
