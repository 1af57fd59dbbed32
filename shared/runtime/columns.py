"""The columns that most tables have some of: instants, and texts that are compared byte by byte."""

from sqlalchemy import BigInteger, Column, Text


def instant(name: str, *, nullable: bool = False) -> Column[int]:
    """Microseconds since the epoch, named for what happened then."""
    return Column(name, BigInteger, nullable=nullable)


def key(name: str) -> Column[str]:
    """A text of the primary key, in the order of its bytes."""
    return Column(name, Text(collation="C"), primary_key=True)


def identifier(name: str) -> Column[str]:
    """The same outside the primary key: an objective, a group, an item."""
    return Column(name, Text(collation="C"), nullable=False)
