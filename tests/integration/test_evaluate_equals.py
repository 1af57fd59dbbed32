"""At rest the pipeline equals `evaluate`: every measure, target, window and attribution."""

from pathlib import Path
from random import Random

import pytest

from shared.domain.event import Event
from shared.domain.instant import DAY, HOUR, MINUTE, Instant
from shared.runtime.database import Pool
from tests.integration.evaluating import at, catalogue
from tests.integration.everything import delivered, documents, life
from tests.integration.stepping import Stepping

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

BEGIN = at("03-01T00:00")
SEEDS = (1, 2, 3, 4, 114)


def instants(random: Random) -> list[Instant]:
    """Some instants within six days, on the edges of windows and beside them."""
    found = set()
    for _ in range(7):
        edge = BEGIN + random.randrange(1, 6 * 24) * HOUR
        found.add(edge + random.choice([0, 0, 1, -1, 4 * MINUTE, 5 * MINUTE, 17 * MINUTE]))
    return [*sorted(found), BEGIN + 9 * DAY]


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_is_stored_is_what_evaluate_says(
    seed: int, database: Pool, tmp_path: Path
) -> None:
    random = Random(seed)  # noqa: S311 - a repeatable choice, no secret
    events = [e for number in range(40) for e in life(random, number, BEGIN, 5 * DAY)]
    times = instants(random)
    stepping = Stepping(database, catalogue(documents(), tmp_path), BEGIN)
    await stepping.start()
    for instant, some in zip(times, delivered(random, events, BEGIN, times), strict=True):
        await _take(stepping, random, some, instant)
        await stepping.compare()


async def _take_building(
    stepping: Stepping, random: Random, events: list[Event], instant: Instant
) -> None:
    """The same, while documents are being built in small steps and the process begins anew."""
    begun = stepping.now
    while events:
        count = random.randrange(1, 8)
        batch, events = events[:count], events[count:]
        stepping.now = max(stepping.now, random.randrange(begun, instant))
        await stepping.fold(batch)
        await stepping.build(random.sample(range(stepping.count), random.randrange(3)))
        if random.random() < 0.2:
            await stepping.claim()
        if random.random() < 0.4:
            await stepping.prove(random.sample(range(stepping.count), 2))
            await stepping.judge(times=1)
    stepping.now = instant
    await stepping.prove()
    await stepping.judge()


@pytest.mark.parametrize("seed", [2, 7, 104])
async def test_documents_that_are_built_beside_change_nothing_until_they_are_used_and_all_then(
    seed: int, database: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for most in ("DUE_MAX", "BUILD_MAX"):
        monkeypatch.setattr(f"services.evaluator.fold.{most}", 3)
    random = Random(seed)  # noqa: S311 - a repeatable choice, no secret
    both = [catalogue(documents(changed=changed), tmp_path) for changed in (False, True)]
    events = [e for number in range(30) for e in life(random, number, BEGIN, 5 * DAY)]
    times = instants(random)
    stepping = Stepping(database, both[0], BEGIN)
    await stepping.start()
    for turn, some in enumerate(delivered(random, events, BEGIN, times)):
        await stepping.propose(both[random.random() < 0.6])
        await _take_building(stepping, random, some, times[turn])
        await stepping.compare()
        if turn % 3 == 2:
            await stepping.change()
            await stepping.judge()
            await stepping.compare()
            await _tidied(stepping)
            await stepping.compare()
    states = await database.fetch("SELECT DISTINCT state FROM generation")
    assert {"retired", "abandoned"} < {row["state"] for row in states}


async def _tidied(stepping: Stepping) -> None:
    """Nothing is left of documents that are not in use."""
    assert stepping.generations is not None
    while await stepping.generations.tidy(now=stepping.now):
        pass
    live = [*stepping.generations.in_use.current.keys.values()]
    assert await stepping.pool.fetchval(_LEFT, live) == 0
    assert await stepping.pool.fetchval(_LEFT_BESIDE) == 0


_LEFT = """
SELECT (SELECT count(*) FROM pane WHERE objective <> ALL($1::text[]))
    + (SELECT count(*) FROM pane_bucket WHERE objective <> ALL($1::text[]))
"""
_LEFT_BESIDE = "SELECT count(*) FROM breach_next"


async def _take(stepping: Stepping, random: Random, events: list[Event], instant: Instant) -> None:
    """Fold in batches, judging now and then on what only some partitions have reached."""
    begun = stepping.now
    while events:
        count = random.randrange(1, 12)
        batch, events = events[:count], events[count:]
        stepping.now = max(stepping.now, random.randrange(begun, instant))
        await stepping.fold(batch)
        if random.random() < 0.4:
            await stepping.prove(random.sample(range(stepping.count), 2))
            await stepping.judge(times=1)
    stepping.now = instant
    await stepping.prove()
    await stepping.judge()


@pytest.mark.parametrize("seed", [1, 103])
async def test_documents_edited_in_place_judge_everything_anew(
    seed: int, database: Pool, tmp_path: Path
) -> None:
    random = Random(seed)  # noqa: S311 - a repeatable choice, no secret
    events = [e for number in range(30) for e in life(random, number, BEGIN, 5 * DAY)]
    times = instants(random)
    stepping = Stepping(database, catalogue(documents(), tmp_path), BEGIN)
    for turn, some in enumerate(delivered(random, events, BEGIN, times)):
        await stepping.start(catalogue(documents(changed=turn % 2 == 1), tmp_path))
        if turn % 3:
            await stepping.prove()
            await stepping.judge()
            await stepping.compare()
        await _take(stepping, random, some, times[turn])
        await stepping.compare()
