"""The tables of the change log, and of what the api writes: webhooks, acknowledgements, answers.

`seq` counts changes without a gap in the order in which they were committed (ADR 26). Texts that
are lists or objects are JSON. Instants and names are as in `tables.py`.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)

from shared.runtime.columns import identifier, instant, key
from shared.runtime.tables import metadata

state_queue: Final = Table(
    "state_queue",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    identifier("objective"),
    identifier("grp"),
    comment="Groups whose current window has come into another state and that wait to be told of",
)

state_told: Final = Table(
    "state_told",
    metadata,
    key("objective"),
    key("grp"),
    instant("window_start"),
    Column("state", Text, nullable=False),
    comment="The state of each group that the change log told last",
)

change: Final = Table(
    "change",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    instant("at"),
    Column("event_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    identifier("objective"),
    identifier("grp"),
    Column("level", Text, nullable=False),
    Column("customers", Text, nullable=False),
    Column("body", Text, nullable=False),
    comment="The change log: CloudEvents in the order of their commits; kept for some days",
)

change_head: Final = Table(
    "change_head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("forgotten", BigInteger, nullable=False),
    comment="One row: the last number given out in the change log, the last one let go of",
)

webhook: Final = Table(
    "webhook",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("filters", Text, nullable=False),
    Column("customers", Text),
    Column("secret", Text, nullable=False),
    Column("former_secret", Text),
    instant("former_until", nullable=True),
    instant("created_at"),
    Column("position", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    instant("next_attempt_at"),
    instant("failing_since", nullable=True),
    Column("last_error", Text),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("leased_by", Text, nullable=False, server_default=""),
    Column("leased_until", BigInteger, nullable=False, server_default="0"),
    Index("webhook_due", "next_attempt_at"),
    comment="Receivers of changes: up to which one each has them, who delivers to it at present",
)

webhook_delivery: Final = Table(
    "webhook_delivery",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("webhook", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    instant("at"),
    Column("took", BigInteger, nullable=False),
    Column("status", Integer),
    Column("error", Text),
    Index("webhook_delivery_of", "webhook", "id"),
    Index("webhook_delivery_at", "at"),
    comment="Append-only: each attempt to deliver, how long it took (microseconds), what came back",
)

webhook_dead: Final = Table(
    "webhook_dead",
    metadata,
    Column("webhook", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("body", Text, nullable=False),
    instant("dead_at"),
    Column("error", Text, nullable=False),
    Column("redriven", Boolean, nullable=False, server_default="false"),
    Column("customers", Text),
    Index("webhook_dead_at", "dead_at"),
    Index("webhook_dead_redriven", "webhook", postgresql_where=text("redriven")),
    comment="Changes that a receiver did not take in time, until they are sent again or let go of",
)

acknowledgement: Final = Table(
    "acknowledgement",
    metadata,
    Column("breach_id", Text, primary_key=True),
    instant("acknowledged_at"),
    Column("acknowledged_by", Text, nullable=False),
    Column("note", Text, nullable=False),
    comment="Who has seen a breach, when, and what they said of it",
)

idempotency: Final = Table(
    "idempotency",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request", LargeBinary, nullable=False),
    instant("at"),
    Column("status", Integer, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Index("idempotency_at", "at"),
    comment="Answers to writes under a caller's key: a repetition gets the same one",
)
