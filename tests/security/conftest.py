"""A database and topics of its own for each test that needs them, as integration tests have."""

from tests.integration.conftest import (  # noqa: F401 - fixtures are found by their names
    database,
    database_url,
    empty_database_url,
    migrated_template,
    pipeline,
    topics,
)
