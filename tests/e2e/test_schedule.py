"""A seed names a schedule; between them, few seeds have every kind of fault."""

from tests.e2e.chaos.schedule import Kind, draw, everything


def test_a_seed_is_the_same_schedule_each_time() -> None:
    assert [draw(seed) for seed in range(20)] == [draw(seed) for seed in range(20)]
    assert len({draw(seed).faults for seed in range(20)}) == 20


def test_a_dozen_seeds_have_every_kind_and_every_shape() -> None:
    schedules = [draw(seed) for seed in range(1, 13)]
    assert set().union(*(own.by_kind for own in schedules)) == set(Kind)
    assert {own.trickled for own in schedules} == {True, False}
    assert {own.ingests for own in schedules} == {1, 2}
    assert {own.evaluators for own in schedules} == {2, 3, 4}


def test_faults_of_a_seed_overlap() -> None:
    # Each takes seconds, so these many within so short a time cannot be one after the other.
    assert all(len(own.faults) >= 6 for own in map(draw, range(1, 13)))
    assert all(own.faults[-1].at - own.faults[0].at < 11 for own in map(draw, range(1, 13)))


def test_one_schedule_has_all_kinds_and_ten_kills() -> None:
    count = everything(1).by_kind
    assert count.keys() == set(Kind)
    assert count[Kind.KILL] + count[Kind.KILL_INGEST] >= 10
