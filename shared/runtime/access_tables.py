"""The tables of access: keys, and the log of what was done. Who may write them: `roles.py`."""

from typing import Final

from sqlalchemy import ARRAY, BigInteger, Column, Index, LargeBinary, Table, Text

from shared.runtime.tables import metadata

api_key: Final = Table(
    "api_key",
    metadata,
    Column("id", Text(collation="C"), primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("customers", ARRAY(Text)),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("changed_at", BigInteger, nullable=False),
    Index("api_key_changed", "changed_at"),
    comment="Keys of the api by id; only a digest is kept, so nothing here can be used as a key",
)

audit: Final = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    comment="Append-only: who did what; each entry has the digest of the one before in its own",
)
