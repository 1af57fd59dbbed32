"""Contributions of random items: what is written in one fits together, whatever happened."""

import pytest

from shared.domain.agreement import MeasureKind, Objective, Within
from shared.domain.contribution import Contribution
from shared.domain.measure import Outcome
from shared.domain.window import RollingWindow
from tests.domain.cases import RandomCase, random_case

CLOCKS = frozenset(list(Outcome)[:5])
OUTCOMES = {
    MeasureKind.DURATION: CLOCKS,
    MeasureKind.COUNT: {Outcome.COUNTED},
    MeasureKind.SUM: {Outcome.COUNTED},
    MeasureKind.MEAN: {Outcome.COUNTED},
    MeasureKind.RATIO: {Outcome.GOOD, Outcome.TOTAL},
}
WAITED_FOR = {Outcome.ENTERED, Outcome.REACHED, Outcome.LOST}
BREACHED = {Outcome.BREACHED_OPEN, Outcome.BREACHED_CLOSED}


def contributions(given: RandomCase) -> list[tuple[Objective, Contribution]]:
    found = []
    for item in given.items().values():
        for own in item.settle(now=given.now).contributions:
            agreement = given.catalogue.agreements[own.agreement]
            found.append((agreement.judging(own.objective, given.now)[1], own))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_the_members_of_a_contribution_fit_together(seed: int) -> None:
    given = random_case(seed)
    for objective, own in contributions(given):
        kpi, outcome = objective.kpi, own.outcome
        allowed = WAITED_FOR if kpi.cohort else OUTCOMES[kpi.measure]
        assert outcome in allowed
        assert (own.at is None) is (outcome is Outcome.RUNNING)
        assert own.at is None or own.at <= given.now
        assert len(own.group) == len(objective.group_by)
        assert own.breaches is (outcome in BREACHED and isinstance(objective.target, Within))
        assert (own.stopped_at is not None) is (outcome is Outcome.BREACHED_CLOSED)
        if outcome in CLOCKS:
            stopped = outcome in {Outcome.MET, Outcome.BREACHED_CLOSED}
            assert isinstance(own.amount, int) is stopped
            assert own.amount is None or own.amount >= 0
        else:
            assert (own.amount is not None) is bool(kpi.field)


@pytest.mark.parametrize("seed", range(60))
def test_it_counts_where_it_was_decided_or_started_and_running_where_it_is(seed: int) -> None:
    given = random_case(seed)
    for objective, own in contributions(given):
        if objective.kpi.measure is not MeasureKind.DURATION:
            continue
        versions = given.catalogue.agreements[own.agreement].versions
        # The attribution is that of the clock's version, which a contribution does not name.
        attributions = {o.started for v in versions if (o := v.objective(own.objective))}
        if own.at is None and isinstance(objective.window, RollingWindow):
            assert own.counts_at is None
        elif own.counts_at == own.at:
            assert False in attributions or own.at is not None
        else:
            assert True in attributions
            assert own.counts_at is not None
            assert own.counts_at <= (given.now if own.at is None else own.at)


@pytest.mark.parametrize("seed", range(60))
def test_an_event_counts_at_its_instant_and_a_cohort_s_item_where_it_entered(seed: int) -> None:
    given = random_case(seed)
    for objective, own in contributions(given):
        if objective.kpi.measure is MeasureKind.DURATION:
            continue
        assert own.counts_at is not None
        assert own.at is not None
        later = own.at - own.counts_at
        if own.outcome is Outcome.REACHED:
            assert later >= 0
            assert objective.kpi.within is None or later <= objective.kpi.within
        else:
            assert later == (objective.kpi.within if own.outcome is Outcome.LOST else 0)


@pytest.mark.parametrize("seed", range(40))
def test_no_two_contributions_are_of_the_same_clock_or_event(seed: int) -> None:
    given = random_case(seed)
    for item in given.items().values():
        keys = [
            (own.agreement, own.objective, own.cycle, own.ordinal, own.outcome)
            for own in item.settle(now=given.now).contributions
        ]
        assert len(set(keys)) == len(keys)
