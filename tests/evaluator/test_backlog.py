"""How a backlog is told."""

from services.evaluator.backlog import MANY, TELL_S, Backlog


def test_a_backlog_is_told_now_and_then_with_its_pace() -> None:
    backlog = Backlog()
    ends = {0: 200_000, 1: 100_000}
    assert backlog.told({0: 0, 1: 0}, ends, at=0) == "Catching up: 300000 records are to be folded."
    assert backlog.told({0: 9, 1: 9}, ends, at=TELL_S / 2) is None
    said = "Catching up: 270000 records are to be folded, 3000 a second; that takes 2 min."
    assert backlog.told({0: 20_000, 1: 10_000}, ends, at=TELL_S) == said


def test_nothing_is_told_of_little_nor_a_pace_from_before_it() -> None:
    backlog = Backlog()
    assert backlog.told({0: 0}, {0: MANY}, at=0) is not None
    assert backlog.told({0: MANY}, {0: MANY}, at=TELL_S) is None
    said = f"Catching up: {MANY} records are to be folded."
    assert backlog.told({0: MANY}, {0: 2 * MANY}, at=2 * TELL_S) == said


def test_a_partition_that_came_since_counts_for_no_pace() -> None:
    backlog = Backlog()
    backlog.told({0: 0}, {0: 900_000}, at=0)
    said = backlog.told({0: 100, 1: 500_000}, {0: 360_100, 1: 500_000}, at=TELL_S)
    assert said == "Catching up: 360000 records are to be folded, 10 a second; that takes 10.0 h."
