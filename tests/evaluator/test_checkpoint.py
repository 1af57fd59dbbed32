"""What is kept of a window gives, gone on with, what its beginning gives."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from services.evaluator.checkpoint import Checkpoint, Closed, edges, thinned
from shared.domain.instant import HOUR, SECOND
from shared.domain.judge import START, Step, Walk
from shared.domain.measure import NOTHING, Measure

ONE = Measure(met=1)
AMOUNTS: tuple[int | Fraction, ...] = (0, 7, 10**30, Fraction(1, 8), Fraction(-3, 10**40))


def proceed(start: Walk, steps: Sequence[Step]) -> Walk:
    """A walk that breaches while more were missed than met."""
    walked = start
    for step in steps:
        measure = walked.measure.plus(step.change)
        breaches = list(walked.breaches)
        is_open = bool(breaches) and breaches[-1][1] is None
        missing = measure.missed > measure.met
        if missing and not is_open:
            breaches.append((step.at, None))
        elif is_open and not missing:
            breaches[-1] = (breaches[-1][0], step.at)
        walked = Walk(step.at, measure, tuple(breaches))
    return walked


def go_on(walks: Sequence[Walk], steps: Sequence[Step], *, now: int) -> tuple[Walk, ...]:
    """Walk up to each edge, and keep what is to be kept."""
    every = [*walks]
    last, left = (every[-1] if every else START), [*steps]
    for edge in (*edges(now), now):
        several = [step for step in left if step.at <= edge]
        left = left[len(several) :]
        if several:
            last = proceed(last, several)
            every.append(last)
    return thinned(every, now)


@pytest.mark.parametrize("seed", range(30))
def test_however_it_is_gone_on_with_a_walk_ends_the_same(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a repeatable choice, no secret
    ledger: dict[int, Step] = {}
    checkpoint = Checkpoint(version=0)
    now = 0
    for _ in range(60):
        now += random.choice([SECOND // 3, SECOND, 40 * SECOND, HOUR])
        changed = []
        for _ in range(random.randrange(4)):
            at = now - random.choice([0, 1, SECOND, 90 * SECOND, 5 * HOUR])
            met = random.randrange(2)
            amount = random.choice(AMOUNTS)
            more = Measure(met=met, breached_open=1 - met, pending=met, amount=amount)
            known = ledger.get(at, Step(at, NOTHING))
            ledger[at] = Step(at, known.change.plus(more))
            changed.append(at)
        walks = checkpoint.before(min(changed, default=now + 1), 0)
        after = walks[-1].at if walks else None
        steps = [ledger[at] for at in sorted(ledger) if after is None or at > after]
        walks = go_on(walks, steps, now=now)
        expected = proceed(START, [ledger[at] for at in sorted(ledger)])
        assert (walks[-1] if walks else START) == expected
        checkpoint = Checkpoint.read(replace(checkpoint, walks=walks).write())


def test_few_walks_are_kept_and_the_latest_of_them_are_close() -> None:
    steps = [Step(at * SECOND, ONE) for at in range(1, 20_000)]
    walks = go_on((), steps, now=steps[-1].at)
    for extra in range(20_000, 20_400):
        walks = go_on(walks, [Step(extra * SECOND, ONE)], now=extra * SECOND)
    assert len(walks) < 20
    ages = [20_399 - (walk.at or 0) // SECOND for walk in walks]
    assert any(10 <= age <= 60 for age in ages)


def test_a_change_keeps_only_the_walks_before_it_and_a_version_none() -> None:
    walks = tuple(Walk(at=at) for at in (10, 20, 30))
    checkpoint = Checkpoint(version=5, walks=walks)
    assert checkpoint.before(20, 5) == walks[:1]
    assert checkpoint.before(31, 5) == walks
    assert checkpoint.before(31, 6) == ()


def test_what_is_over_of_a_rolling_window_comes_back_as_it_was_kept() -> None:
    kept = Closed(Measure(met=3, counted=1, amount=Fraction(-1, 10**200)), {0: 1, 90: 2})
    assert Closed.read(kept.write()) == kept
    assert Closed.read("") is None
