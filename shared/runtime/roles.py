"""Which service may do what in the database: a role for each, and their rights on each table.

The roles cannot log in: users are members of them (`deploy/postgres/roles.sh`). `accord migrate`
gives the rights anew each time, so they are always those of the schema.
"""

from collections.abc import Mapping
from typing import Final

import asyncpg

from shared.runtime.config import driver_url
from shared.runtime.database import AnyConnection

READER: Final = "accord_reader"
INGEST: Final = "accord_ingesting"
EVALUATOR: Final = "accord_evaluating"
API: Final = "accord_serving"
ROLES: Final = (READER, INGEST, EVALUATOR, API)

_READ: Final = "SELECT"
_ADD: Final = "SELECT, INSERT"
_CHANGE: Final = "SELECT, INSERT, UPDATE"
_ALL: Final = "SELECT, INSERT, UPDATE, DELETE"

RIGHTS: Final[Mapping[str, Mapping[str, str]]] = {
    "alembic_version": {INGEST: _READ, EVALUATOR: _READ},
    "stream": {INGEST: _ADD, EVALUATOR: _ADD},
    "source_gap": {INGEST: _CHANGE, EVALUATOR: _READ},
    "partition_progress": {EVALUATOR: _CHANGE},
    "item": {EVALUATOR: _ALL},
    "ledger": {EVALUATOR: _ADD},
    # What came in a month without a table of its own: retention lets go of single rows there.
    "ledger_default": {EVALUATOR: "SELECT, INSERT, DELETE"},
    "retention": {EVALUATOR: _CHANGE},
    "pane": {EVALUATOR: _ALL},
    "pane_bucket": {EVALUATOR: _ALL},
    "judge_queue": {EVALUATOR: _ALL},
    "judgement": {EVALUATOR: _ALL},
    "value": {EVALUATOR: _ALL},
    "value_revision": {EVALUATOR: _ALL},
    "breach": {EVALUATOR: _ALL},
    "breach_next": {EVALUATOR: _ALL},
    "outbox": {EVALUATOR: _ALL},
    "quarantined": {EVALUATOR: _ADD},
    "quarantine": {EVALUATOR: _ADD},
    "gap": {EVALUATOR: _CHANGE},
    "redriven": {EVALUATOR: _READ},
    "generation": {EVALUATOR: _ALL},
    "state_queue": {EVALUATOR: _ALL},
    "state_told": {EVALUATOR: _ALL},
    "change": {EVALUATOR: _ALL},
    "change_head": {EVALUATOR: _CHANGE},
    "acknowledgement": {API: _ADD},
    "review": {API: _ADD},
    "sealed_objective": {API: _ADD},
    "sealed_value": {API: _ADD},
    "sealed_breach": {API: _ADD},
    # What is old of them an evaluator lets go of.
    "webhook": {API: _ALL},
    "webhook_delivery": {API: _ALL, EVALUATOR: "SELECT, DELETE"},
    "webhook_dead": {API: _ALL, EVALUATOR: "SELECT, DELETE"},
    "idempotency": {API: _ALL, EVALUATOR: "SELECT, DELETE"},
    "api_key": {API: "SELECT, UPDATE (last_used_at)"},
    "audit": {API: _ADD},
}
"""What each role may do with each table, beside what every reader may read."""

SECRET: Final = frozenset({"api_key", "audit", "webhook", "idempotency"})
"""Tables that are no reader's business."""
_FUNCTIONS: Final = {
    EVALUATOR: ("ledger_make_month(text, bigint, bigint)", "ledger_drop_month(text)")
}


async def give_rights(database_url: str) -> list[str]:
    """Give every role its rights on the tables; the roles that are missing.

    One that is missing is made, where this user may make roles. Runs as the owner of the tables.
    """
    connection = await asyncpg.connect(driver_url(database_url))
    try:
        for role in ROLES:
            await connection.execute(_MAKE.format(role=role))
        found = {row["rolname"] for row in await connection.fetch(_KNOWN, ROLES)}
        async with connection.transaction():
            for role in ROLES:
                if role in found:
                    await _give(connection, role)
    finally:
        await connection.close()
    return [role for role in ROLES if role not in found]


async def _give(connection: AnyConnection, role: str) -> None:
    schema = await connection.fetchval("SELECT quote_ident(current_schema())")
    await connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    await connection.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}")
    if role in {READER, API}:
        await connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}")
        for table in SECRET:
            await connection.execute(f"REVOKE ALL ON {schema}.{table} FROM {role}")
    for table, rights in RIGHTS.items():
        if role in rights:
            await connection.execute(f"GRANT {rights[role]} ON {schema}.{table} TO {role}")
    for function in _FUNCTIONS.get(role, ()):
        await connection.execute(f"GRANT EXECUTE ON FUNCTION {schema}.{function} TO {role}")


# A role is the whole cluster's: another database may have made it, or only an administrator may.
_MAKE: Final = """DO $$ BEGIN
    CREATE ROLE {role} NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
END $$"""
_KNOWN: Final = "SELECT rolname FROM pg_roles WHERE rolname = ANY($1::text[])"
