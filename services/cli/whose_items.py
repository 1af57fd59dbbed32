"""Which customer stored items are about, for those that an older version has written."""

from typing import Final

from shared.domain.item import Item
from shared.runtime.database import Pool, transaction
from shared.wire.stored_item import UnreadableItemError, unpack_events

AT_ONCE: Final = 2_000


async def note_customers(pool: Pool) -> int:
    """Note the only customer of each item of which it is not known yet; how many there were.

    An item that is being written meanwhile is noted by its evaluator.
    """
    noted, after = 0, (-1, "")
    while True:
        async with transaction(pool) as connection:
            rows = await connection.fetch(_UNKNOWN, *after, AT_ONCE)
            if not rows:
                return noted
            found = [(row["part"], row["key"], _customer(row["key"], row["body"])) for row in rows]
            await connection.execute(_NOTE, *zip(*found, strict=True))
        noted += len(rows)
        after = (rows[-1]["part"], rows[-1]["key"])


def _customer(key: str, body: bytes) -> str:
    kind, _, subject = key.partition(":")
    try:
        events = unpack_events(key, body)
    except UnreadableItemError:
        return ""
    return Item({}, kind, subject, events).sole("customer")


_UNKNOWN: Final = """
SELECT part, key, body FROM item WHERE customer IS NULL AND (part, key) > ($1, $2)
ORDER BY part, key LIMIT $3 FOR UPDATE SKIP LOCKED
"""
_NOTE: Final = """
UPDATE item i SET customer = w.customer
FROM unnest($1::int[], $2::text[], $3::text[]) AS w (part, key, customer)
WHERE i.part = w.part AND i.key = w.key AND i.customer IS NULL
"""
