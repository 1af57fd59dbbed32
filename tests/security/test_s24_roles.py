"""S24, S04, S20: each service's role may do what that service does, and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

import asyncpg
import pytest

from services.api.access import audit
from services.cli.whose_items import note_customers
from services.evaluator.retention import Retention
from shared.domain.instant import DAY
from shared.runtime import roles
from shared.runtime.config import driver_url
from shared.runtime.database import Pool, create_pool, transaction
from shared.runtime.roles import API, EVALUATOR, INGEST, READER, RIGHTS, SECRET, give_rights
from shared.runtime.tables import metadata
from tests.api.stored import NOW
from tests.integration.evaluating import Pipeline, event
from tests.integration.signing import a_desk

pytestmark = pytest.mark.integration
Session: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_MATRIX = """
SELECT c.relname, p.privilege, has_table_privilege($1, c.oid, p.privilege) AS may,
    has_any_column_privilege($1, c.oid, p.privilege) AS may_some
FROM pg_class c, unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) AS p (privilege)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
UNION ALL
SELECT c.relname, p.privilege, has_table_privilege($1, c.oid, p.privilege), false
FROM pg_class c, unnest('{DELETE,TRUNCATE,TRIGGER}'::text[]) AS p (privilege)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""


def as_role(url: str, role: str) -> str:
    """The URL of a session that has the rights of a role alone."""
    return f"{url}{'&' if '?' in url else '?'}role={role}"


@pytest.fixture
async def url(database_url: str) -> str:
    assert await give_rights(database_url) == []
    return database_url


@pytest.fixture
async def owner(url: str) -> AsyncIterator[Session]:
    connection = await asyncpg.connect(driver_url(url))
    yield connection
    await connection.close()


async def test_s24_each_role_has_its_rights_on_each_table_and_no_other(
    owner: Session,
) -> None:
    names = {*metadata.tables, "ledger_default", "alembic_version"}
    for role in roles.ROLES:
        allowed: dict[str, set[str]] = {name: set() for name in names}
        some: dict[str, set[str]] = {name: set() for name in names}
        for row in await owner.fetch(_MATRIX, role):
            if row["may"]:
                allowed[row["relname"]].add(row["privilege"])
            elif row["may_some"]:
                some[row["relname"]].add(row["privilege"])
        for name in names:
            said = RIGHTS.get(name, {}).get(role, "")
            expected = {own.strip() for own in said.split(",") if own.strip() and "(" not in own}
            if role in {READER, API} and name not in SECRET:
                expected |= {"SELECT"}
            assert allowed[name] == expected, (role, name)
            assert some[name] == ({"UPDATE"} if "(" in said else set()), (role, name)


def test_s24_every_table_has_somebody_who_writes_it() -> None:
    written = {
        name
        for name, rights in RIGHTS.items()
        if any("INSERT" in own or "UPDATE" in own for own in rights.values())
    }
    by_commands = {"redriven"}
    without = set(metadata.tables) - written - by_commands
    assert not without, f"say in shared/runtime/roles.py which role writes {without}"


async def test_s24_no_role_owns_makes_or_is_more_than_it_seems(
    owner: Session,
) -> None:
    rows = await owner.fetch(
        "SELECT * FROM pg_roles WHERE rolname = ANY($1::text[])", list(roles.ROLES)
    )
    assert len(rows) == len(roles.ROLES)
    for row in rows:
        for power in ("rolsuper", "rolcreaterole", "rolcreatedb", "rolbypassrls", "rolcanlogin"):
            assert not row[power], (row["rolname"], power)
        own = await owner.fetchval("SELECT count(*) FROM pg_class WHERE relowner = $1", row["oid"])
        assert own == 0
        assert not await owner.fetchval(
            "SELECT has_schema_privilege($1, 'public', 'CREATE')", row["rolname"]
        )


async def test_s24_what_a_role_may_not_is_refused_by_the_database(url: str) -> None:
    refused = {
        INGEST: ["SELECT * FROM item", "SELECT * FROM api_key", "DELETE FROM source_gap"],
        EVALUATOR: [
            "SELECT * FROM api_key",
            "INSERT INTO audit (actor, action, target, detail) VALUES ('', '', '', '{}')",
            "UPDATE ledger SET sign = 1",
            "DELETE FROM ledger",
            "DROP TABLE ledger_default",
            "SELECT ledger_make_month('pg_authid', 0, 1)",
            "SELECT ledger_drop_month('ledger_default')",
            "SELECT ledger_drop_month('item')",
            "CREATE TABLE mine (id int)",
        ],
        API: [
            "UPDATE value SET state = 'ok'",
            "DELETE FROM breach",
            "INSERT INTO api_key (id) VALUES ('mine')",
            "UPDATE api_key SET scopes = '{admin}'",
            "UPDATE api_key SET revoked_at = NULL",
            "UPDATE audit SET actor = 'somebody else'",
            "DELETE FROM audit",
            "TRUNCATE audit",
            "SELECT ledger_drop_month('ledger_2026_01')",
            "COPY value TO PROGRAM 'cat'",
            "SELECT pg_read_file('/etc/passwd')",
        ],
        READER: ["SELECT * FROM api_key", "SELECT * FROM audit", "DELETE FROM value"],
    }
    for role, statements in refused.items():
        connection = await asyncpg.connect(driver_url(as_role(url, role)))
        for statement in statements:
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.RaiseError)):
                await connection.execute(statement)
        await connection.close()


async def test_s24_months_are_made_and_dropped_by_who_does_not_own_the_ledger(url: str) -> None:
    async with await create_pool(as_role(url, EVALUATOR), service="test") as pool:
        await Retention(pool, None, clock=lambda: NOW).begin()
        keeping = Retention(pool, 31, clock=lambda: NOW + 120 * DAY)
        await keeping.keep()
        tables = await pool.fetch("SELECT relname FROM pg_class WHERE relname ~ '^ledger_2'")
    names = {row["relname"] for row in tables} - {"ledger_2026_03_pkey"}
    assert "ledger_2026_03" not in names
    assert "ledger_2026_07" in names


async def test_s24_an_evaluator_works_with_its_rights_alone_and_notes_whose_an_item_is(
    pipeline: Pipeline, url: str, owner: Session
) -> None:
    pipeline.database_url = as_role(url, EVALUATOR)
    async with pipeline.evaluator():
        await pipeline.produce(
            event("ticket.created", "T-1", "03-02T09:00", customer="acme"),
            event("ticket.created", "T-2", "03-02T09:00", customer="acme"),
            event("ticket.updated", "T-2", "03-02T09:30", customer="globex"),
            event("ticket.created", "T-3", "03-02T09:00"),
        )
        await pipeline.rest()
    assert await pipeline.announced()
    known = {"ticket:T-1": "acme", "ticket:T-2": "", "ticket:T-3": ""}
    assert await _whose(owner) == known
    # As a version has left them that did not note it.
    await owner.execute("UPDATE item SET customer = NULL")
    async with await create_pool(url, service="test") as pool:
        assert await note_customers(pool) == 3
        assert await note_customers(pool) == 0
    assert await _whose(owner) == known


async def _whose(owner: Session) -> dict[str, str | None]:
    return {row[0]: row[1] for row in await owner.fetch("SELECT key, customer FROM item")}


async def test_s04_the_api_reads_keys_and_notes_what_was_done(url: str) -> None:
    async with await create_pool(as_role(url, API), service="test") as pool:
        async with transaction(pool) as connection:
            await audit.note(connection, "key:x", "webhook.created", "webhook:1", {})
        assert await pool.fetch("SELECT * FROM api_key") == []
        assert len(await pool.fetch("SELECT * FROM audit")) == 1
        assert await pool.fetch("SELECT * FROM value") == []


async def test_s24_the_api_signs_off_a_period_with_its_rights_alone(
    url: str, database: Pool, tmp_path: Path
) -> None:
    desk = await a_desk(database, tmp_path)
    async with await create_pool(as_role(url, API), service="test") as pool:
        serving = replace(desk, pool=pool)
        answer = await serving.seal(**{"idempotency-key": "k-1"})
        assert answer.status_code == 201, answer.text
        report = await serving.get("/v1/reports/desk", period="2026-03")
        assert report["reviews"] == (await serving.get("/v1/reviews"))["items"]
        assert report["adjustments"] == {"windows": [], "breaches": []}
        for table, change in _CHANGES.items():
            assert await pool.fetchval(f"SELECT count(*) FROM {table}") > 0  # noqa: S608 - ours
            for statement in (f"UPDATE {table} SET {change}", f"DELETE FROM {table}"):  # noqa: S608
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await pool.execute(statement)


_CHANGES: Final = {
    "review": "note = ''",
    "sealed_objective": "ends = 0",
    "sealed_value": "value = '1'",
    "sealed_breach": "closed_at = 0",
}
"""What would move what was signed off."""
