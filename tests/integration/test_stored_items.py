"""What a list of the items of certain customers costs: it passes over the items of no others."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from services.api.reading import stored_items
from shared.runtime.database import Pool

pytestmark = pytest.mark.integration

_PARTITIONS = """
INSERT INTO partition_progress (part, epoch, owner, next_offset, evaluation_time, watermark, proven)
SELECT part, 1, '', 0, 0, 0, true FROM generate_series(0, 3) AS part
"""
_ITEMS = """
INSERT INTO item (part, key, body, customer)
SELECT n % 4, 'ticket:T-' || lpad(n::text, 6, '0'), '',
    CASE WHEN n % 400 < 4 THEN 'acme' ELSE 'c' END
FROM generate_series(1, 8000) AS n
"""


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for own in plan.get("Plans", ()):
        yield from nodes(own)


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
async def test_a_list_for_certain_customers_reads_no_items_of_others(
    database: Pool, plan: str
) -> None:
    asked = "'ticket:', 'ticket;', 501, ARRAY['acme', 'nobody']"
    async with database.acquire() as connection:
        await connection.execute(_PARTITIONS)
        await connection.execute(_ITEMS)
        await connection.execute("ANALYZE item")
        await connection.execute(f"PREPARE listed AS {stored_items._KIND_OF_CUSTOMERS}")  # noqa: SLF001 - its plan is asked about
        await connection.execute(f"SET plan_cache_mode = {plan}")
        said = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE listed({asked})")
        listed = await stored_items.read_kind(
            connection, "ticket", after="", limit=501, customers=["acme", "nobody"]
        )
    found = [*nodes(json.loads(said)[0]["Plan"])]
    assert sum(own.get("Rows Removed by Filter", 0) for own in found) == 0, said
    assert "item_customer" in {own.get("Index Name") for own in found}, said
    assert len(listed) == 80
