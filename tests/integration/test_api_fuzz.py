"""A short run of schemathesis on the running api; `make fuzz` is the long one."""

from pathlib import Path

import pytest

from tests.api.fuzz import a_served_api, fuzz

pytestmark = pytest.mark.integration

SECONDS = 20


async def test_no_check_fails_whatever_the_document_allows_or_does_not(
    database_url: str, tmp_path: Path
) -> None:
    async with a_served_api(database_url, tmp_path) as api:
        found = await fuzz(api, tmp_path, SECONDS, 30)
    assert found.failures == 0, found.told
    assert found.operations >= 20
    assert found.cases > found.operations
