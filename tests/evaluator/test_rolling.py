"""Breaches over rolling windows, found again from a stretch of them and what stood around it."""

from random import Random

import pytest

from services.evaluator.agenda import Stretches
from services.evaluator.judge_store import BEGINNING
from services.evaluator.posting import Cause
from services.evaluator.rolling import Part, rejoined
from services.evaluator.standing import Standing
from shared.domain.window import RollingWindow, Span

STEP, LENGTH = 10, 40
WINDOW = RollingWindow(LENGTH, STEP)
GROUP = ("a/b", "[]")


def standing(missing: set[int], as_of: int) -> set[Standing]:
    """The breaches where the windows that end at these instants miss."""
    found = set()
    for opened in missing:
        if opened - STEP not in missing:
            closed = opened
            while closed in missing:
                closed += STEP
            span = Span(opened - LENGTH, opened)
            found.add(Standing(span, opened, closed if closed <= as_of else None))
    return found


@pytest.mark.parametrize("seed", range(200))
def test_a_stretch_joined_to_what_stood_gives_what_all_windows_give(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a repeatable choice, no secret
    as_of, missing = 0, set[int]()
    known = standing(missing, as_of)
    for _ in range(12):
        before, as_of = as_of, as_of + random.randrange(0, 35)
        # What has ended since is judged in any case, like a stretch that a late event touches.
        last = as_of // STEP * STEP + STEP
        parts = [(before // STEP * STEP + STEP, last)]
        first = random.randrange(1, last // STEP + 1) * STEP
        end = first + random.randrange(4) * STEP
        if end + LENGTH < parts[0][0]:
            parts.insert(0, (first, end))
        for first, end in parts:
            ends = range(first, min(end, as_of) + 1, STEP)
            missing -= {*ends}
            anew = {own for own in ends if random.random() < 0.7}
            missing |= anew
            known = rejoined(known, WINDOW, Part(GROUP, first, end), anew, as_of=as_of)
        assert known == standing(missing, as_of)


def test_judged_anew_nothing_of_before_is_kept() -> None:
    other = Standing(Span(3, 17), 17, 29)
    found = rejoined({other}, WINDOW, Part(GROUP, BEGINNING, 100), [50, 60], as_of=95)
    assert found == {Standing(Span(10, 50), 50, 70)}


def test_stretches_that_need_the_same_panes_are_one() -> None:
    stretches = Stretches()
    for first, last in ((10, 20), (200, 200), (60, 70), (111, 120), (10, 20)):
        stretches.add(first, last, Cause.LATE)
    assert stretches.merged(WINDOW) == [(10, 70), (111, 120), (200, 200)]


def test_a_window_is_judged_for_the_strongest_cause_that_reaches_it() -> None:
    stretches = Stretches()
    stretches.add(10, 50, Cause.LATE)
    stretches.add(30, 40, Cause.CORRECTED)
    stretches.add(30, 40, Cause.LATE)
    assert [stretches.cause(end) for end in (20, 30, 40, 50)] == [
        Cause.LATE,
        Cause.CORRECTED,
        Cause.CORRECTED,
        Cause.LATE,
    ]
