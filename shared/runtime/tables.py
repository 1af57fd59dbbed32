"""The database schema (SQLAlchemy Core): generic rows, no column for any KPI or event type.

Instants are microseconds since the epoch in `bigint` columns, named for what happened then.
`objective` is `<agreement>/<objective>`, in ledger and panes with the generation of documents
that it was built for (`shared/wire/pane_keys.py`), `grp` the group values as a JSON list of
texts. What counts is kept by pane: the window itself, or a step of a rolling one. `amount` is
exact; `elapsed`, how long a clock took, is an integer. Which service writes: ARCHITECTURE.md.
"""

from typing import Final

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    event,
    text,
)

from shared.runtime.columns import identifier, instant, key
from shared.runtime.conventions import PANE_COUNTS

metadata: Final = MetaData()

stream: Final = Table(
    "stream",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partitions", Integer, nullable=False),
    Column("cluster_id", Text, nullable=False),
    comment="Topics whose number of partitions is fixed when they are created",
)

partition_progress: Final = Table(
    "partition_progress",
    metadata,
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("owner", Text, nullable=False, server_default=""),
    Column("next_offset", BigInteger, nullable=False, server_default="0"),
    Column("evaluation_time", BigInteger, nullable=False, server_default="0"),
    Column("proven", Boolean, nullable=False, server_default="false"),
    Column("watermark", BigInteger, nullable=False, server_default="0"),
    Column("record_digest", LargeBinary),
    Column("cluster_id", Text, nullable=False, server_default=""),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("building", Integer),
    Column("built_until", Text(collation="C")),
    Column("built", Boolean, nullable=False, server_default="false"),
    comment="How far each partition of the event log is folded, under which generation of the "
    "documents, and how far the next is built; epoch fences former owners",
)

item: Final = Table(
    "item",
    metadata,
    Column("part", Integer, primary_key=True, autoincrement=False),
    key("key"),
    instant("next_due", nullable=True),
    Column("body", LargeBinary, nullable=False),
    Column("customer", Text),
    Index("item_customer", "part", "customer", "key"),
    Index("item_due", "part", "next_due", postgresql_where=text("next_due IS NOT NULL")),
    postgresql_with={"fillfactor": 70},
    comment="One lead or ticket: timeline, what has been posted, its only customer if it has one",
)

ledger: Final = Table(
    "ledger",
    metadata,
    identifier("objective"),
    identifier("grp"),
    instant("pane_start"),
    instant("at"),
    Column("outcome", Text, nullable=False),
    Column("sign", SmallInteger, nullable=False),
    identifier("item"),
    Column("cycle", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("elapsed", BigInteger),
    Column("amount", Numeric),
    Column("part", Integer, nullable=False),
    instant("posted_at"),
    Index("ledger_walk", "objective", "grp", "pane_start", "at"),
    postgresql_partition_by="RANGE (posted_at)",
    comment="Append-only: what each item adds to a pane; a change is a reversal and a new entry",
)
# Months have tables of their own, made while it runs (`shared/runtime/months.py`).
_DEFAULT: Final = DDL("CREATE TABLE ledger_default PARTITION OF ledger DEFAULT")  # type: ignore[no-untyped-call]
event.listen(ledger, "after_create", _DEFAULT)

retention: Final = Table(
    "retention",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    instant("ledger_from"),
    instant("revisions_from"),
    comment="From when on what was recorded is kept: one row once something was let go",
)

pane: Final = Table(
    "pane",
    metadata,
    key("objective"),
    key("grp"),
    Column("pane_start", BigInteger, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in PANE_COUNTS),
    Column("amount", Numeric, nullable=False, server_default="0"),
    Index("pane_from", "objective", "pane_start"),
    postgresql_with={"fillfactor": 70},
    comment="Running totals of the ledger, and of what is running, by partition",
)

pane_bucket: Final = Table(
    "pane_bucket",
    metadata,
    key("objective"),
    key("grp"),
    Column("pane_start", BigInteger, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("clocks", BigInteger, nullable=False),
    postgresql_with={"fillfactor": 70},
    comment="How many stopped clocks of a percentile took how long: by lower edges in microseconds",
)

judge_queue: Final = Table(
    "judge_queue",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    identifier("objective"),
    identifier("grp"),
    instant("pane_start"),
    instant("dirty_from"),
    Column("cause", Text, nullable=False),
    instant("held_at"),
    Index("judge_queue_objective", "objective"),
    comment="Panes that changed, from when on, and until when what was judged before holds",
)

judgement: Final = Table(
    "judgement",
    metadata,
    key("objective"),
    instant("as_of"),
    instant("next_turn"),
    instant("provisional_until"),
    Column("pane_key", Text(collation="C"), nullable=False, server_default=""),
    Column("watermark", BigInteger, nullable=False, server_default="0"),
    comment="When each objective was judged last, when time alone changes it next, and when the "
    "watermark does",
)

value: Final = Table(
    "value",
    metadata,
    key("objective"),
    key("grp"),
    Column("window_start", BigInteger, primary_key=True, autoincrement=False),
    instant("window_end"),
    Column("listed", Boolean, nullable=False),
    Column("empty", Boolean, nullable=False, server_default="false"),
    Column("final", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("value", Text),
    Column("budget_remaining", Text),
    Column("counts", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("breach_id", Text),
    Column("provisional", Boolean, nullable=False),
    instant("as_of"),
    Column("checkpoint", Text, nullable=False),
    instant("restated_since", nullable=True),
    Column("restated_cause", Text),
    Index("value_window", "objective", "window_start", "grp"),
    Index("value_open", "objective", "window_end", postgresql_where=text("NOT final")),
    Index("value_empty", "objective", "grp", "window_start", postgresql_where=text("empty")),
    Index("value_provisional", "objective", postgresql_where=text("provisional")),
    Index("value_restated", "objective", postgresql_where=text("restated_since IS NOT NULL")),
    comment="The latest judgement of each window; `listed` as `evaluate` lists it, `empty` "
    "where it lists it without data, `restated_since` where no revision says it yet",
)

value_revision: Final = Table(
    "value_revision",
    metadata,
    key("objective"),
    key("grp"),
    Column("window_start", BigInteger, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("cause", Text, nullable=False),
    instant("known_at"),
    Column("state", Text, nullable=False),
    Column("value", Text),
    Column("budget_remaining", Text),
    Column("counts", Text, nullable=False),
    comment="Append-only: what was said of a window from when it became final on",
)

breach: Final = Table(
    "breach",
    metadata,
    Column("breach_id", Text, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("part", Integer, nullable=False),
    identifier("objective"),
    Column("grp", Text(collation="C"), nullable=False, server_default="[]"),
    instant("window_start", nullable=True),
    instant("window_end", nullable=True),
    Column("item", Text(collation="C")),
    Column("cycle", Integer),
    instant("opened_at"),
    instant("closed_at", nullable=True),
    instant("withdrawn_at", nullable=True),
    Column("confirmed", Boolean, nullable=False, server_default="false"),
    instant("detected_at"),
    Column("announced", Text, nullable=False, server_default=""),
    Column("announcements", Integer, nullable=False, server_default="0"),
    Column("unannounced", Boolean, nullable=False, server_default="true"),
    Index("breach_objective", "objective", "opened_at"),
    Index("breach_opened", "opened_at", "breach_id"),
    Index(
        "breach_window",
        "objective",
        "grp",
        "opened_at",
        postgresql_where=text("scope = 'window' AND withdrawn_at IS NULL"),
    ),
    Index(
        "breach_open",
        "objective",
        postgresql_where=text("scope = 'window' AND withdrawn_at IS NULL AND closed_at IS NULL"),
    ),
    Index("breach_item", "item", postgresql_where=text("item IS NOT NULL")),
    Index("breach_unannounced", "part", "opened_at", postgresql_where=text("unannounced")),
    Index(
        "breach_unconfirmed",
        "part",
        "opened_at",
        postgresql_where=text("NOT confirmed AND withdrawn_at IS NULL"),
    ),
    comment="Episodes: an item's clock ran out, or a window missed its target",
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("key", Text, nullable=False),
    Column("event", LargeBinary, nullable=False),
    comment="CloudEvents that wait for the relay; rows go when the broker has acknowledged",
)

# A topic that is made anew gives the same offsets to other records: the digest tells them apart.
quarantined: Final = Table(
    "quarantined",
    metadata,
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("record_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, Computed("sha256(record)", persisted=True), primary_key=True),
    Column("item", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
    instant("quarantined_at"),
    comment="Records of the event log that do not stand: no events, and conflicts of identity",
)

quarantine: Final = Table(
    "quarantine",
    metadata,
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("record_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("item", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
    instant("quarantined_at"),
    comment="Of the version before, which writes it: a trigger has each record in `quarantined`",
)

gap: Final = Table(
    "gap",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("part", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("from_offset", BigInteger, nullable=False),
    Column("until_offset", BigInteger),
    instant("from_time"),
    instant("until_time", nullable=True),
    Column("detail", Text, nullable=False),
    instant("seen_at"),
    instant("resolved_at", nullable=True),
    Column("resolution", Text),
    Column("resolved_by", Text),
    Column("why", Text),
    Index("gap_open", "part", unique=True, postgresql_where=text("resolved_at IS NULL")),
    comment="Why partitions were stopped, which records are missing, and who let them go on",
)

source_gap: Final = Table(
    "source_gap",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    identifier("topic"),
    Column("part", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("from_offset", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    instant("seen_at"),
    instant("resolved_at", nullable=True),
    Column("resolution", Text),
    Column("resolved_by", Text),
    Column("why", Text),
    instant("went_on_at", nullable=True),
    Index(
        "source_gap_open",
        "topic",
        "part",
        unique=True,
        postgresql_where=text("went_on_at IS NULL"),
    ),
    comment="Why ingest stopped partitions of the sources' topics, and who let them go on",
)

redriven: Final = Table(
    "redriven",
    metadata,
    key("topic"),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("record_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("written_ms", BigInteger, primary_key=True, autoincrement=False),
    instant("redriven_at"),
    comment="Dead letters and quarantined records that were sent again; written_ms: of the record",
)

breach_next: Final = Table(
    "breach_next",
    metadata,
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("breach_id", Text, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("part", Integer, nullable=False),
    identifier("objective"),
    identifier("grp"),
    instant("window_start", nullable=True),
    instant("window_end", nullable=True),
    Column("item", Text(collation="C")),
    Column("cycle", Integer),
    instant("opened_at"),
    instant("closed_at", nullable=True),
    instant("withdrawn_at", nullable=True),
    instant("detected_at"),
    comment="The items' breaches under the generation that is being built",
)

generation: Final = Table(
    "generation",
    metadata,
    Column("number", Integer, Identity(), primary_key=True),
    Column("digest", Text, nullable=False),
    Column("files", Text, nullable=False),
    Column("contents", Text, nullable=False),
    Column("built", Text, nullable=False),
    Column("state", Text, nullable=False),
    instant("proposed_at"),
    Column("proposed_by", Text, nullable=False),
    instant("switched_at", nullable=True),
    Column("cleaned", Boolean, nullable=False, server_default="false"),
    Index(
        "generation_one",
        "state",
        unique=True,
        postgresql_where=text("state IN ('building', 'current')"),
    ),
    comment="The documents by and by: those in use, those that are being built, those before",
)
