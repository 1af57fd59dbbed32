"""What is let go of changes no number: the ledger by months, revisions that were replaced."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from services.evaluator.retention import Retention
from shared.domain.instant import DAY, HOUR, MINUTE, Instant
from shared.runtime.database import Pool, transaction
from shared.runtime.months import Month, make_months
from tests.integration.evaluating import DOCUMENTS, at, catalogue, event
from tests.integration.stepping import Stepping

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

KEPT_DAYS = 60


async def keep(pool: Pool, now: Instant, days: int | None = KEPT_DAYS) -> None:
    while await Retention(pool, days, clock=lambda: now).keep():
        pass


async def tables(pool: Pool) -> dict[str, int]:
    """The parts of the ledger, and how many rows each has."""
    rows = await pool.fetch(
        "SELECT tableoid::regclass::text AS name, count(*) FROM ledger GROUP BY 1"
        " UNION ALL SELECT inhrelid::regclass::text, 0 FROM pg_inherits"
        " WHERE inhparent = 'ledger'::regclass ORDER BY 2"
    )
    return {row["name"]: row["count"] for row in rows}


async def test_months_are_made_ahead_and_what_has_none_is_taken_all_the_same(
    database: Pool,
) -> None:
    retention = Retention(database, None, clock=lambda: at("11-30T23:00"))
    await retention.begin()
    assert not await retention.keep()
    months = ["ledger_2026_11", "ledger_2026_12", "ledger_2027_01"]
    assert sorted(await tables(database)) == [*months, "ledger_default"]
    last = Month(2027, 1).next.start
    await _record(database, [at("11-01T00:00"), last - 1, last, at("10-31T23:59"), last + 40 * DAY])
    assert await tables(database) == {
        "ledger_2026_11": 1,
        "ledger_2026_12": 0,
        "ledger_2027_01": 1,
        "ledger_default": 3,
    }
    # February has rows elsewhere already; it stays there, and the others are made.
    async with transaction(database) as connection:
        assert await make_months(connection, last) == [Month(2027, 4)]
    await keep(database, last + 100 * DAY)
    assert (await tables(database))["ledger_default"] == 1
    assert await database.fetchval("SELECT ledger_from FROM retention") == Month(2027, 3).start


async def _record(pool: Pool, instants: Iterable[Instant]) -> None:
    await pool.executemany(
        "INSERT INTO ledger VALUES ('a/o', '[]', 0, 0, 'met', 1, 'i', 0, 0, NULL, NULL, 0, $1)",
        [(instant,) for instant in instants],
    )


async def a_year(database: Pool, folder: Path) -> Stepping:
    """Tickets of January and March, judged in May; a correction of January in between."""
    stepping = Stepping(database, catalogue(DOCUMENTS, folder), at("01-05T08:00"))
    await stepping.start()
    for day in ("01-05", "01-20", "03-03", "04-28"):
        stepping.now = at(f"{day}T08:00")
        await keep(database, stepping.now, None)
        for number in range(3):
            name = f"T-{day}-{number}"
            await stepping.fold([event("ticket.created", name, f"{day}T08:00", team="red")])
        await stepping.fold([event("ticket.replied", f"T-{day}-0", f"{day}T08:20")])
        stepping.now += 2 * DAY
        await stepping.prove()
        await stepping.judge()
    stepping.now = at("05-01T08:00")
    await _pass(stepping)
    return stepping


async def _pass(stepping: Stepping) -> None:
    """Time for what is late to settle."""
    for _ in range(2):
        stepping.now += 5 * MINUTE
        await stepping.prove()
        await stepping.judge()


async def test_old_months_go_and_numbers_stay_right_however_late_events_come(
    database: Pool, tmp_path: Path
) -> None:
    stepping = await a_year(database, tmp_path)
    await stepping.compare()
    broken = await stepping.breaches()
    await keep(database, stepping.now)
    assert "ledger_2026_01" not in await tables(database)
    assert {"ledger_2026_03", "ledger_2026_04"} < {*await tables(database)}
    assert await database.fetchval("SELECT ledger_from FROM retention") == at("03-01T00:00")

    # Two of January's breaches were none: the day is kept, the month too.
    late = [event("ticket.replied", f"T-01-05-{n}", "01-05T08:30") for n in (1, 2)]
    await stepping.fold(late)
    await stepping.judge()
    await _pass(stepping)
    expected = stepping.expected(stepping.evaluated())
    assert await stepping.said() == expected
    # What a day's or a month's breach rested on is gone: it stays as it was said.
    windows = {own for own in broken if own[1] is None}
    assert windows <= await stepping.breaches()
    await stepping.fold([event("ticket.replied", "T-03-03-1", "03-03T08:30")])
    await stepping.judge()
    await _pass(stepping)
    assert await stepping.said() == stepping.expected(stepping.evaluated())
    of_march = {own for own in await stepping.breaches() if int(str(own[6])) >= at("03-01T00:00")}
    evaluated = stepping.expected_breaches(stepping.evaluated())
    assert of_march == {own for own in evaluated if int(str(own[6])) >= at("03-01T00:00")}
    assert of_march != {own for own in broken if int(str(own[6])) >= at("03-01T00:00")}


async def test_a_window_whose_entries_are_all_there_is_walked_though_it_is_older(
    database: Pool, tmp_path: Path
) -> None:
    stepping = await a_year(database, tmp_path)
    await keep(database, stepping.now)
    for number in range(4):
        asked = event("ticket.created", f"T-old-{number}", f"02-0{number + 1}T10:00", team="blue")
        await stepping.fold([asked])
        await stepping.judge()
        answer = f"02-0{number + 1}T1{number}:30"
        await stepping.fold([event("ticket.replied", f"T-old-{number}", answer)])
        await stepping.judge()
    await _pass(stepping)
    await stepping.compare()


async def test_revisions_go_that_nobody_can_ask_for_and_texts_of_former_documents(
    database: Pool, tmp_path: Path
) -> None:
    stepping = await a_year(database, tmp_path)
    for minute in (40, 50):
        name = "T-01-20-2" if minute == 50 else "T-01-20-1"
        await stepping.fold([event("ticket.replied", name, f"01-20T08:{minute}")])
        await stepping.judge()
        stepping.now += DAY
        await _pass(stepping)
    asked = stepping.now - HOUR
    before = await _said_at(database, asked)
    every = await database.fetchval("SELECT count(*) FROM value_revision")
    stricter = catalogue(DOCUMENTS.replace("within: PT1H", "within: PT20M"), tmp_path)
    await stepping.propose(stricter)
    await stepping.change()
    assert stepping.generations is not None
    stepping.now += DAY
    while await stepping.generations.tidy(now=stepping.now):
        pass
    await keep(database, asked + KEPT_DAYS * DAY)
    assert await _said_at(database, asked) == before
    assert await database.fetchval("SELECT count(*) FROM value_revision") < every
    assert await database.fetchval("SELECT revisions_from FROM retention") == asked
    assert await database.fetchval("SELECT count(*) FROM generation") == 2
    await keep(database, stepping.now + 10 * KEPT_DAYS * DAY)
    assert await database.fetchval("SELECT count(*) FROM generation") == 1
    left = await database.fetch(
        "SELECT objective, grp, window_start FROM value_revision GROUP BY 1, 2, 3"
        " HAVING count(*) > 1"
    )
    assert left == []


async def _said_at(pool: Pool, instant: Instant) -> list[object]:
    """The revision of each window that held at an instant."""
    rows = await pool.fetch(
        "SELECT DISTINCT ON (objective, grp, window_start) * FROM value_revision"
        " WHERE known_at <= $1 ORDER BY objective, grp, window_start, revision DESC",
        instant,
    )
    return [tuple(row) for row in rows]
