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
