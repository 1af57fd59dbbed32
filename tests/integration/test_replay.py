"""A replay finds nothing where nothing is wrong, whatever is wrong, and disturbs nobody."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition

from services.cli.replaying.engine import Replayed, Request, replay
from services.cli.replaying.records import Origin
from services.cli.replaying.report import difference_lines, preview_lines
from services.cli.replaying.shadow import (
    PREFIX,
    NoShadowError,
    connect,
    create_shadow,
    remove_all,
    remove_stale,
)
from services.cli.replaying.snapshot import NothingToReplayError
from shared.domain.event import Event
from shared.domain.instant import DAY
from shared.runtime.database import Pool
from tests.integration.evaluating import PARTITIONS, Pipeline, at, catalogue, loaded_as
from tests.integration.everything import delivered, documents, life
from tests.integration.stepping import Stepping

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

BEGIN = at("03-01T00:00")
END = BEGIN + 6 * DAY
_SCHEMAS = "SELECT count(*) FROM pg_namespace WHERE starts_with(nspname, 'accord_replay_')"


@dataclass
class Listener:
    """Hears how far a replay is; the block of a test may interrupt it there."""

    lines: list[str] = field(default_factory=list)
    fails_in: str = ""

    def say(self, text: str) -> None:
        """Keep the line."""
        self.lines.append(text)

    def show(self, phase: str, done: int, total: int, events: int) -> None:
        """Fail where the test wants it."""
        assert done <= total or not events
        if phase == self.fails_in:
            raise BrokenOffError


class BrokenOffError(RuntimeError):
    """The replay ends here."""


def lives(seed: int, count: int) -> tuple[Random, list[Event]]:
    random = Random(seed)  # noqa: S311 - a repeatable choice, no secret
    return random, [e for number in range(count) for e in life(random, number, BEGIN, 5 * DAY)]


async def folded(database: Pool, tmp_path: Path) -> Stepping:
    """A system at rest that has seen late, repeated and corrected events."""
    random, events = lives(3, 30)
    times = [BEGIN + 3 * DAY, END]
    stepping = Stepping(database, catalogue(documents(), tmp_path), BEGIN)
    await stepping.start()
    for instant, some in zip(times, delivered(random, events, BEGIN, times), strict=True):
        stepping.now = instant
        for first in range(0, len(some), 40):
            await stepping.fold(some[first : first + 40])
        await stepping.prove()
        await stepping.judge()
    return stepping


def request(url: str, **changes: object) -> Request:
    made = Request(url, None, origin=Origin.ITEMS, patience_s=0.0)
    return replace(made, **changes)  # type: ignore[arg-type]


def kinds(replayed: Replayed) -> dict[str, int]:
    found: dict[str, int] = {}
    for sort, count in replayed.found.tally.items():
        found[sort.kind] = found.get(sort.kind, 0) + count
    return found


async def test_what_was_folded_from_the_topic_is_rebuilt_from_it_and_from_the_items(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    random, events = lives(1, 25)
    pipeline.catalogue = catalogue(documents(), tmp_path)
    times = [BEGIN + 3 * DAY, END]
    async with pipeline.evaluator():
        for instant, some in zip(times, delivered(random, events, BEGIN, times), strict=True):
            pipeline.clock.now = instant
            await pipeline.produce(*some, replace(some[0], data={"conflict": True}))
            await pipeline.rest()
        asked = Request(pipeline.database_url, pipeline.servers, topics=pipeline.topics)
        whole = await replay(asked, Listener())
        await _retain(pipeline)
        listener = Listener()
        rest = await replay(asked, listener)
        with pytest.raises(NothingToReplayError, match="--from items"):
            await replay(replace(asked, origin=Origin.TOPIC), Listener())
    assert (whole.origin, [*difference_lines(whole.found)]) == (Origin.TOPIC, [])
    assert whole.events == pipeline.produced
    assert (rest.origin, [*difference_lines(rest.found)]) == (Origin.ITEMS, [])
    assert any("no longer there" in line for line in listener.lines)
    assert await pipeline.pool.fetchval("SELECT count(*) FROM quarantined") > 0
    assert await pipeline.pool.fetchval(_SCHEMAS) == 0


async def _retain(pipeline: Pipeline) -> None:
    """Have the broker forget the first record of each partition that has some."""
    rows = await pipeline.pool.fetch("SELECT part FROM partition_progress WHERE next_offset > 0")
    admin = AIOKafkaAdminClient(bootstrap_servers=pipeline.servers)
    await admin.start()
    try:
        await admin.delete_records(
            {
                TopicPartition(pipeline.topics.events, row["part"]): RecordsToDelete(1)
                for row in rows
            }
        )
    finally:
        await admin.close()
    assert 0 < len(rows) <= PARTITIONS


_TAMPERED = {
    "pane": "UPDATE pane SET met = met + 1 WHERE ctid = (SELECT max(ctid) FROM pane)",
    "pane_bucket": "UPDATE pane_bucket SET clocks = clocks + 1"
    " WHERE ctid = (SELECT max(ctid) FROM pane_bucket)",
    "ledger": "DELETE FROM ledger WHERE ctid = (SELECT max(ctid) FROM ledger)",
    "value": "UPDATE value SET state = 'no-such' WHERE ctid = (SELECT max(ctid) FROM value"
    " WHERE listed)",
    "breach": "UPDATE breach SET opened_at = opened_at - 1 WHERE breach_id = (SELECT"
    " min(breach_id) FROM breach WHERE withdrawn_at IS NULL AND item IS NOT NULL)",
    "item": "UPDATE item SET next_due = 7 WHERE key = (SELECT max(key) FROM item)",
}


async def test_whatever_was_tampered_with_is_found_and_named(
    database: Pool, database_url: str, tmp_path: Path
) -> None:
    await folded(database, tmp_path)
    sound = await replay(request(database_url), Listener())
    assert [*difference_lines(sound.found)] == []
    for statement in _TAMPERED.values():
        assert await database.execute(statement) in {"UPDATE 1", "DELETE 1"}
    replayed = await replay(request(database_url), Listener())
    assert kinds(replayed) == dict.fromkeys(_TAMPERED, 1)
    lines = [*difference_lines(replayed.found)]
    assert any(line.startswith("  state: stored no-such, rebuilt ") for line in lines)
    key = await database.fetchval("SELECT max(key) FROM item")
    assert f"item key={key}" in lines
    assert sum("events of the item" in line for line in lines) == 3


async def test_a_preview_shows_what_other_documents_change_and_nothing_else(
    database: Pool, database_url: str, tmp_path: Path
) -> None:
    await folded(database, tmp_path)
    text = documents()
    other = catalogue(text.replace(_P_DAY, _P_DAY.replace("PT2H", "PT5H")), tmp_path)
    replayed = await replay(request(database_url, documents=loaded_as(other)), Listener())
    assert replayed.is_preview
    assert {sort.objective for sort in replayed.found.tally} == {"all/p-day"}
    lines = [*preview_lines(replayed.found)]
    assert lines[0].startswith("objective  windows  of other state  breaches new")
    assert sum(line.startswith("all/p-day ") for line in lines[3:]) == replayed.found.total
    same = await replay(request(database_url), Listener())
    assert (same.is_preview, same.found.total) == (False, 0)


async def test_what_documents_before_left_behind_is_no_difference(
    database: Pool, database_url: str, tmp_path: Path
) -> None:
    stepping = await folded(database, tmp_path)
    await stepping.start(catalogue(documents(changed=True), tmp_path))
    await stepping.prove()
    await stepping.judge()
    assert await database.fetchval("SELECT count(*) FROM pane WHERE objective LIKE '%#%'") > 0
    replayed = await replay(request(database_url), Listener())
    assert (replayed.is_preview, [*difference_lines(replayed.found)]) == (False, [])


_PASSING = """
---
apiVersion: accord/v1
kind: Agreement
metadata: {name: passing}
spec:
  level: corporate
  parties: {provider: support, customer: all}
  calendar: desk
  effective: {from: "2026-01-01T00:00:00Z"}
  objectives:
    - {name: one, kpi: answer, target: {within: PT2000H, ratio: "0.5"}, window: {calendar: month}}
"""


async def test_an_agreement_that_came_and_went_leaves_no_difference(
    database: Pool, database_url: str, tmp_path: Path
) -> None:
    stepping = await folded(database, tmp_path)
    due = "SELECT count(next_due) FROM item"
    before = await database.fetchval(due)
    for text in (documents() + _PASSING, documents()):
        await stepping.start(catalogue(text, tmp_path))
        await stepping.prove()
        await stepping.judge()
    assert await database.fetchval(due) > before
    replayed = await replay(request(database_url), Listener())
    assert (replayed.is_preview, [*difference_lines(replayed.found)]) == (False, [])


_P_DAY = 'kpi: answer, target: {percentile: "0.7", atMost: PT2H}'


@pytest.mark.parametrize("phase", ["folding", "judging"])
async def test_a_replay_that_breaks_off_leaves_the_live_system_as_it_was(
    phase: str, database: Pool, database_url: str, tmp_path: Path
) -> None:
    await folded(database, tmp_path)
    before = await _everything(database)
    with pytest.raises(BrokenOffError):
        await replay(request(database_url), Listener(fails_in=phase))
    assert await _everything(database) == before
    assert await database.fetchval(_SCHEMAS) == 0


async def _everything(database: Pool) -> dict[str, list[tuple[object, ...]]]:
    names = await database.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    )
    found = {}
    for (name,) in names:
        rows = await database.fetch(f"SELECT * FROM {name}")  # noqa: S608 - the database's own name
        found[name] = sorted((tuple(row) for row in rows), key=str)
    return found


async def test_what_is_kept_stays_and_what_a_crash_left_behind_goes(
    database: Pool, database_url: str, tmp_path: Path
) -> None:
    await folded(database, tmp_path)
    kept = (await replay(request(database_url, keep=True), Listener())).schema
    old = [f"{PREFIX}20200101000000_0000000{number}" for number in (1, 2)]
    await _make(database, old)
    await database.execute(f"COMMENT ON SCHEMA {old[1]} IS 'kept'")
    session = await connect(database_url)
    other = await connect(database_url)
    running = await create_shadow(other)
    assert await remove_stale(session) == [old[0]]
    assert await remove_all(session) == [old[1], kept]
    assert await database.fetchval(_SCHEMAS) == 1
    await running.drop()
    await other.close()
    await session.close()


async def test_a_role_that_may_not_create_a_schema_is_told_what_to_grant(
    database: Pool, database_url: str
) -> None:
    role = f"reader_{secrets.token_hex(4)}"
    await database.execute(f"CREATE ROLE {role}")
    session = await connect(database_url)
    try:
        await session.execute(f"SET ROLE {role}")
        with pytest.raises(NoShadowError, match=f'GRANT CREATE ON DATABASE .* TO "{role}"'):
            await create_shadow(session)
    finally:
        await session.close()
        await database.execute(f"DROP ROLE {role}")


async def _make(database: Pool, names: Iterable[str]) -> None:
    for name in names:
        await database.execute(f"CREATE SCHEMA {name}")


async def test_a_partition_that_catches_up_cannot_be_replayed(
    database: Pool, database_url: str, tmp_path: Path
) -> None:
    await folded(database, tmp_path)
    await database.execute("UPDATE partition_progress SET proven = false WHERE part = 1")
    with pytest.raises(NothingToReplayError, match="partitions 1 are catching up"):
        await replay(request(database_url), Listener())
