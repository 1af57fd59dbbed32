"""Which items made up a window: all that count in it, and nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.evaluation import evaluate
from shared.domain.measure import measure_of, total_of
from shared.domain.membership import Membership
from tests.domain.cases import random_case

ALL = 1 << 30


@settings(max_examples=60)
@given(st.integers(0, 5000))
def test_the_members_of_a_window_add_up_to_its_measure(seed: int) -> None:
    case = random_case(seed)
    items = case.items([own for own in case.events if own.time <= case.now])
    found = evaluate(case.catalogue, items.values(), now=case.now, all_windows=True)
    contributed = [
        (item.key, own)
        for item in items.values()
        for own in item.settle(now=case.now).contributions
    ]
    members = Membership(case.catalogue.agreements, contributed, now=case.now)
    for reading in found.objectives:
        version, objective = reading.judgement.version, reading.judgement.objective
        key = (version.agreement, objective.name, reading.group, reading.window)
        own = members.of(*key, ALL)
        assert own.total == len(own.shown)
        measures = (measure_of(one.entry.outcome, one.entry.amount) for one in own.shown)
        assert total_of(measures) == reading.measure
        instants = [one.entry.at for one in own.shown if one.entry.at is not None]
        assert instants == sorted(instants)
        few = members.of(*key, 2)
        assert (few.total, few.shown) == (own.total, own.shown[:2])
