"""S25: the log of who did what is only added to, and shows whoever changed it nevertheless."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg
import pytest

from services.api.access import audit, key_store
from services.api.access.gate import Gate
from services.api.access.key_store import KeyRefused, Wish
from services.api.access.settings import AccessSettings, Mode
from shared.domain.instant import DAY, HOUR
from shared.runtime.config import driver_url
from shared.runtime.database import Pool, transaction
from shared.runtime.wall_clock import system_clock
from tests.security.guarded import Hands

pytestmark = pytest.mark.integration
Session: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

AWKWARD = 'a"b\\c\n\r\t\x01\x1f\x7f é 漢 𝄞 \u2028 / %s {0} ${jndi:x} <script>'


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Session]:
    connection = await asyncpg.connect(driver_url(database_url))
    yield connection
    await connection.close()


async def add(owner: Session, number: int, text: str = "x") -> None:
    for place in range(number):
        await audit.note(owner, "mira", "key.created", f"key:{place}", {"name": text})


async def test_s25_an_empty_log_is_whole(owner: Session) -> None:
    assert await audit.prove(owner) == audit.Proof(0, "")


async def test_s25_entries_are_numbered_and_follow_each_other_whatever_they_say(
    owner: Session,
) -> None:
    await add(owner, 3, AWKWARD)
    await audit.note(owner, AWKWARD, AWKWARD, AWKWARD, {})
    proof = await audit.prove(owner)
    assert (proof.entries, proof.broken_at) == (4, None)
    first, *_, last = reversed(await audit.entries(owner, before=None, limit=10))
    assert (first["seq"], first["previous"]) == (1, b"")
    assert last["digest"].hex() == proof.head
    assert abs(last["at"] - system_clock()) < HOUR


async def test_s25_what_an_entry_says_of_its_own_place_is_not_believed(owner: Session) -> None:
    await owner.execute(
        "INSERT INTO audit (seq, at, actor, action, target, detail, previous, digest) "
        "VALUES (77, 5, 'a', 'b', 'c', '{}', 'x', 'y')"
    )
    [row] = await audit.entries(owner, before=None, limit=10)
    assert row["seq"] == 1
    assert row["at"] > 5
    assert (await audit.prove(owner)).broken_at is None


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"]
)
async def test_s25_even_the_owner_is_refused_to_change_it(owner: Session, statement: str) -> None:
    await add(owner, 2)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only added to"):
        await owner.execute(statement)
    assert (await audit.prove(owner)).entries == 2


@pytest.mark.parametrize(
    ("statement", "broken_at", "reason"),
    [
        ("UPDATE audit SET actor = 'x' WHERE seq = 3", 3, "content"),
        ("UPDATE audit SET at = at + 1 WHERE seq = 3", 3, "content"),
        ("UPDATE audit SET detail = '{}' WHERE seq = 1", 1, "content"),
        ("DELETE FROM audit WHERE seq = 3", 4, "entry 3 is missing"),
        ("UPDATE audit SET digest = 'x' WHERE seq = 5", 5, "content"),
        (
            """UPDATE audit SET actor = 'x', digest = sha256(previous || convert_to(
                json_build_array(seq, at, 'x', action, target, detail)::text, 'UTF8'))
            WHERE seq = 3""",
            4,
            "follow",
        ),
    ],
)
async def test_s25_who_changes_it_past_the_triggers_is_found_at_the_first_entry(
    owner: Session, statement: str, broken_at: int, reason: str
) -> None:
    await add(owner, 5)
    await owner.execute("ALTER TABLE audit DISABLE TRIGGER USER")
    await owner.execute(statement)
    await owner.execute("ALTER TABLE audit ENABLE TRIGGER USER")
    proof = await audit.prove(owner)
    assert proof.broken_at == broken_at
    assert reason in proof.reason


async def test_s25_a_log_that_was_cut_or_made_anew_lacks_the_digest_of_earlier(
    owner: Session,
) -> None:
    await add(owner, 5)
    anchor = (await audit.prove(owner)).head
    await add(owner, 1)
    assert (await audit.prove(owner, anchor)).anchored
    await owner.execute("ALTER TABLE audit DISABLE TRIGGER USER")
    await owner.execute("DELETE FROM audit WHERE seq > 4")
    await owner.execute("ALTER TABLE audit ENABLE TRIGGER USER")
    await add(owner, 3)
    proof = await audit.prove(owner, anchor)
    assert proof.broken_at is None
    assert not proof.anchored


async def test_s25_entries_that_are_added_at_once_make_one_chain(database: Pool) -> None:
    async def add_some(who: int) -> None:
        for number in range(5):
            async with transaction(database) as connection:
                await audit.note(connection, f"actor-{who}", "x", f"{number}", {})

    await asyncio.gather(*(add_some(who) for who in range(6)))
    async with database.acquire() as connection:
        proof = await audit.prove(connection)
    assert (proof.entries, proof.broken_at) == (30, None)


async def test_s25_what_is_rolled_back_leaves_no_entry_and_no_gap(owner: Session) -> None:
    await add(owner, 1)
    transaction = owner.transaction()
    await transaction.start()
    await add(owner, 1)
    await transaction.rollback()
    await add(owner, 1)
    assert (await audit.prove(owner)) == audit.Proof(2, (await audit.prove(owner)).head)


async def test_s05_keys_are_made_replaced_and_ended_and_the_log_says_by_whom(
    owner: Session, database: Pool
) -> None:
    settings = AccessSettings(mode=Mode.KEYS)
    replicas = [
        Gate(settings, database, clock=system_clock, elapsed=Hands().elapsed) for _ in range(2)
    ]

    async def taken(text: str) -> set[str | None]:
        found = set()
        for own in replicas:
            await own.ring.renew()
            key = own.ring.find(text)
            found.add(key if isinstance(key, str) else None)
        return found

    wish = Wish(name="dashboard", scopes=["read"], customers=["acme"])
    key_id, text = await key_store.create(owner, wish, by="mira")
    assert await taken(text) == {None}
    new_id, new = await key_store.rotate(owner, key_id, by="mira", overlap=DAY)
    assert await taken(text) == await taken(new) == {None}
    found = replicas[0].ring.find(new)
    assert not isinstance(found, str)
    assert found.customers == frozenset({"acme"})
    newest, last = await key_store.rotate(owner, new_id, by="mira", overlap=0)
    assert await taken(new) == {"expired"}
    await key_store.revoke(owner, newest, by="noor")
    assert await taken(last) == {"revoked"}
    with pytest.raises(KeyRefused, match="no such key"):
        await key_store.revoke(owner, newest, by="noor")
    with pytest.raises(KeyRefused, match="no such key"):
        await key_store.rotate(owner, newest, by="noor")
    said = [
        (row["actor"], row["action"])
        for row in reversed(await audit.entries(owner, before=None, limit=10))
    ]
    assert said == [
        ("mira", "key.created"),
        ("mira", "key.rotated"),
        ("mira", "key.rotated"),
        ("noor", "key.revoked"),
    ]
    await replicas[0].write_down()
    used = {row[0]: row[1] for row in await owner.fetch("SELECT id, last_used_at FROM api_key")}
    assert used[key_id] is not None
    kept = str([dict(row) for row in await owner.fetch("SELECT * FROM api_key")])
    kept += str([dict(row) for row in await owner.fetch("SELECT * FROM audit")])
    for own in (text, new, last):
        assert own not in kept
        assert own.split("_")[2] not in kept


async def test_s05_a_key_that_is_changed_by_hand_is_seen_too(
    owner: Session, database: Pool
) -> None:
    gate = Gate(
        AccessSettings(mode=Mode.KEYS), database, clock=system_clock, elapsed=Hands().elapsed
    )
    _, text = await key_store.create(owner, Wish(name="x", scopes=["read"]), by="mira")
    await gate.ring.renew()
    await owner.execute("DELETE FROM api_key")
    for _ in range(30):
        await gate.ring.renew()
    assert gate.ring.find(text) == "unknown"


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (Wish(name="", scopes=["read"]), "a key's name"),
        (Wish(name="a\nb", scopes=["read"]), "a key's name"),
        (Wish(name="x", scopes=["root"]), "not root"),
        (Wish(name="x", scopes=[]), "not none"),
        (Wish(name="x", scopes=["admin"], customers=["acme"]), "of all customers"),
        (Wish(name="x", scopes=["read"], customers=[""]), "not empty"),
    ],
)
def test_s05_a_key_that_cannot_be_is_refused_in_words(wish: Wish, says: str) -> None:
    with pytest.raises(KeyRefused, match=says):
        wish.checked()


async def test_s25_credentials_that_are_refused_are_summed_up(
    owner: Session, database: Pool
) -> None:
    gate = Gate(
        AccessSettings(mode=Mode.KEYS), database, clock=system_clock, elapsed=Hands().elapsed
    )
    for number in range(100):
        gate.refusals.note("unknown", f"peer:192.0.2.{number % 30}")
    gate.refusals.note("expired", "peer:192.0.2.1")
    await gate.write_down()
    await gate.write_down()
    [row] = await audit.entries(owner, before=None, limit=10)
    assert row["action"] == "credentials.refused"
    assert '"reasons": {"expired": 1, "unknown": 100}' in row["detail"]
    assert row["detail"].count("peer:") == 20


async def test_s25_what_could_not_be_written_down_is_so_later(
    owner: Session, database: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate(
        AccessSettings(mode=Mode.KEYS), database, clock=system_clock, elapsed=Hands().elapsed
    )
    wish = Wish(name="a tool", scopes=["read"])
    async with owner.transaction():
        _, text = await key_store.create(owner, wish, by="mira")
    await gate.ring.renew()
    gate.ring.find(text)
    gate.refusals.note("unknown", "peer:192.0.2.1")
    for table in ("audit", "api_key"):
        await owner.execute(f"ALTER TABLE {table} RENAME TO away_{table}")
    await gate.write_down()
    assert [own.action for own in caplog.records] == ["not_written_down"] * 2  # type: ignore[attr-defined]
    for table in ("audit", "api_key"):
        await owner.execute(f"ALTER TABLE away_{table} RENAME TO {table}")
    gate.refusals.note("unknown", "peer:192.0.2.1")
    await gate.write_down()
    await gate.write_down()
    [refused] = [
        own
        for own in await audit.entries(owner, before=None, limit=10)
        if own["action"] == "credentials.refused"
    ]
    assert refused["detail"] == '{"peers": {"peer:192.0.2.1": 2}, "reasons": {"unknown": 2}}'
    [key] = await key_store.listed(owner, every=False)
    assert key["last_used_at"] is not None
