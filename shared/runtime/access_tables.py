"""The tables of access: keys, and the log of what was done. Who may write them: `roles.py`."""

from typing import Final

from sqlalchemy import ARRAY, BigInteger, Column, Index, LargeBinary, Table, Text

from shared.runtime.columns import instant, key
from shared.runtime.tables import metadata

api_key: Final = Table(
    "api_key",
    metadata,
    key("id"),
    Column("digest", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("customers", ARRAY(Text)),
    instant("created_at"),
    Column("created_by", Text, nullable=False),
    instant("expires_at", nullable=True),
    instant("revoked_at", nullable=True),
    instant("last_used_at", nullable=True),
    instant("changed_at"),
    Index("api_key_changed", "changed_at"),
    comment="Keys of the api by id; only a digest is kept, so nothing here can be used as a key",
)

audit: Final = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    instant("at"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    comment="Append-only: who did what; each entry has the digest of the one before in its own",
)
