"""Items as they are stored (SQL): found by key or by kind, read back, and who may see them."""

from collections.abc import Collection, Sequence
from typing import Final

import asyncpg

from shared.domain.concern import CUSTOMER
from shared.domain.item import Item
from shared.domain.plan import Plan
from shared.runtime.database import Connection
from shared.wire.stored_item import unpack_events


async def read_named(connection: Connection, keys: Sequence[str]) -> list[asyncpg.Record]:
    """The stored bodies of items (`kind:subject`), with the evaluation times of their partitions.

    In no order.
    """
    return await connection.fetch(_NAMED, list(keys))


async def read_kind(
    connection: Connection,
    kind: str,
    *,
    after: str,
    limit: int,
    customers: Collection[str] | None = None,
) -> list[asyncpg.Record]:
    """The same of a kind's items by key, those after the key `after`.

    With `customers` those that were never about anybody else.
    """
    own = (after or f"{kind}:", f"{kind};", limit)
    if customers is None:
        return await connection.fetch(_KIND, *own)
    return await connection.fetch(_KIND_OF_CUSTOMERS, *own, list(customers))


def stored_item(plan: Plan, row: asyncpg.Record) -> Item:
    """The item of a row."""
    kind, _, subject = row["key"].partition(":")
    return Item(plan, kind, subject, unpack_events(row["key"], row["body"]))


def is_about_no_other(item: Item, customers: frozenset[str] | None) -> bool:
    """Whether it was never about anybody but one of these customers; None: of all."""
    return customers is None or item.sole(CUSTOMER) in customers - {""}


# Through the partitions: the table's key begins with one, and which it is needs no hashing then.
_NAMED: Final = """
SELECT i.key, i.body, p.evaluation_time
FROM partition_progress p JOIN item i ON i.part = p.part
WHERE i.key = ANY($1::text[])
"""

_KIND: Final = """
SELECT i.key, i.body, p.evaluation_time
FROM partition_progress p
CROSS JOIN LATERAL (
    SELECT key, body FROM item
    WHERE part = p.part AND key > $1 AND key < $2
    ORDER BY key LIMIT $3
) i
ORDER BY i.key
LIMIT $3
"""

# A walk along the index for each customer, so that no plan passes over the items of others; only
# what is shown is then fetched.
_KIND_OF_CUSTOMERS: Final = """
SELECT i.key, i.body, found.evaluation_time
FROM (
    SELECT p.part, p.evaluation_time, own.key
    FROM partition_progress p
    CROSS JOIN unnest($4::text[]) AS wanted (customer)
    CROSS JOIN LATERAL (
        SELECT key FROM item
        WHERE part = p.part AND customer = wanted.customer AND key > $1 AND key < $2
        ORDER BY key LIMIT $3
    ) own
    ORDER BY own.key
    LIMIT $3
) found
JOIN item i ON i.part = found.part AND i.key = found.key
ORDER BY i.key
"""
