"""Events that count: of counts, sums and means, ratios, and cohorts that wait."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.agreement import Kpi, Target
from shared.domain.contribution import Contribution
from shared.domain.event import Event, Scalar
from shared.domain.instant import DAY, MINUTE
from shared.domain.item import Item, Settled
from shared.domain.matcher import Milestone
from shared.domain.measure import Amount, Outcome
from shared.domain.plan import compile_plan
from shared.domain.tally import NUMBER_TEXT_MAX, as_number
from tests.domain.building import (
    COHORT,
    ENDLESS,
    HOURS_SPENT,
    RATING,
    RETURNS,
    SOLVED,
    a_catalogue,
    a_version,
    an_agreement,
    an_event,
    an_objective,
    at,
    at_least,
    only,
    promising,
)

ANY: Target = at_least(1)


def counted(
    kpi: Kpi, events: Iterable[Event], *, now: str = "03-31 00:00", **more: object
) -> tuple[Contribution, ...]:
    """What these events of one item add to an objective `o` of the KPI."""
    objective = replace(an_objective(kpi=kpi, target=ANY), **more)  # type: ignore[arg-type]
    plan = compile_plan(a_catalogue(promising(objective)))
    return Item(plan, "ticket", "T-1", events).settle(now=at(now)).contributions


def outcomes(found: Iterable[Contribution]) -> list[tuple[Outcome, int, int]]:
    """Outcome, minutes after nine o'clock that it counts at, and that it was decided at."""
    listed = []
    for own in found:
        assert own.counts_at is not None
        assert own.at is not None
        nine = at("09:00")
        listed.append((own.outcome, (own.counts_at - nine) // MINUTE, (own.at - nine) // MINUTE))
    return listed


def several(what: str, *times: str, **data: Scalar) -> list[Event]:
    return [replace(an_event(what, time), data=data) for time in times]


@pytest.mark.parametrize(
    ("every", "nth", "numbers"),
    [
        (True, None, [0, 10, 20]),
        (False, None, [0]),
        (True, 2, [10]),
        (False, 2, [10]),
        (True, 4, []),
    ],
)
def test_a_count_takes_the_first_every_one_or_the_nth(
    *, every: bool, nth: int | None, numbers: list[int]
) -> None:
    kpi = replace(RETURNS, event=(Milestone("ticket.reopened", nth=nth),), every=every)
    found = counted(kpi, several("reopened", "09:00", "09:10", "09:20"))
    assert outcomes(found) == [(Outcome.COUNTED, n, n) for n in numbers]
    assert [own.cycle for own in found] == [*range(1, len(numbers) + 1)]


def test_an_item_counts_once_also_when_two_milestones_have_their_first_match() -> None:
    milestones = (Milestone("ticket.reopened"), Milestone("ticket.rated"))
    events = [*several("rated", "09:00"), *several("reopened", "09:10")]
    once = replace(RETURNS, event=milestones, every=False)
    assert outcomes(counted(once, events)) == [(Outcome.COUNTED, 0, 0)]
    each = replace(RETURNS, event=milestones)
    assert [n for _, n, _ in outcomes(counted(each, events))] == [0, 10]


def test_an_event_counts_once_though_two_milestones_match() -> None:
    kpi = replace(RETURNS, event=(Milestone("ticket.reopened"), Milestone(changes="status")))
    assert len(counted(kpi, several("reopened", "09:00"))) == 1


def test_where_the_first_does_not_apply_a_later_one_counts_nowhere() -> None:
    kpi = replace(RETURNS, every=False)
    events = [
        an_event("reopened", "09:00", priority="p2"),
        an_event("reopened", "09:10", priority="p1"),
    ]
    assert counted(kpi, events, where=only("priority", "p1")) == ()
    assert [n for _, n, _ in outcomes(counted(RETURNS, events, where=only("priority", "p1")))] == [
        10
    ]


def test_an_event_counts_for_every_objective_and_version_that_applies() -> None:
    one = an_objective("one", RETURNS, ANY, where=only("priority", "p1"), group_by=("team",))
    two = an_objective("two", RETURNS, ANY)
    early = a_version(one, two, until="03-02 09:30")
    late = a_version(two, start="03-02 09:30")
    other = a_version(two, name="b", applies_to=only("customer", "acme"))
    plan = compile_plan(a_catalogue(an_agreement(early, late), an_agreement(other)))
    events = [
        an_event("reopened", "09:00", priority="p1", team="x"),
        an_event("reopened", "09:30", customer="acme"),
    ]
    found = Item(plan, "ticket", "T-1", events).settle(now=at("10:00")).contributions
    assert sorted((own.agreement, own.objective, own.group, own.cycle) for own in found) == [
        ("a", "one", ("x",), 1),
        ("a", "two", (), 1),
        ("a", "two", (), 2),
        ("b", "two", (), 2),
    ]


@pytest.mark.parametrize("kpi", [HOURS_SPENT, RATING])
def test_a_sum_and_a_mean_take_every_event_whose_field_is_a_number(kpi: Kpi) -> None:
    events = [
        an_event("rated", "09:00"),
        an_event("assigned", "09:05", amount=3),
        an_event("rated", "09:10"),
        an_event("rated", "09:20", amount="2.50"),
        an_event("rated", "09:30", amount="much"),
        an_event("rated", "09:40", amount=[1]),
        an_event("rated", "09:50", amount=None),
        an_event("rated", "09:55", amount=-1),
    ]
    found = counted(kpi, events)
    assert [(own.cycle, own.amount, own.at) for own in found] == [
        (1, 3, at("09:10")),
        (2, Decimal("2.50"), at("09:20")),
        (3, -1, at("09:55")),
    ]


def test_a_sum_with_nth_takes_that_event_only() -> None:
    kpi = replace(HOURS_SPENT, event=(Milestone("ticket.rated", nth=2),))
    found = counted(kpi, several("rated", "09:00", "09:10", "09:20", amount=7))
    assert [own.at for own in found] == [at("09:10")]


def test_a_field_is_never_the_actor() -> None:
    kpi = replace(HOURS_SPENT, field="actor")
    assert counted(kpi, several("rated", "09:00", actor=5)) == ()


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        (Decimal("1.50"), Decimal("1.5")),
        ("5", Decimal(5)),
        ("-0.75", Decimal("-0.75")),
        ("007", Decimal(7)),
        ("1" * NUMBER_TEXT_MAX, Decimal("1" * NUMBER_TEXT_MAX)),
        *[
            (text, None)
            for text in ("", "-", "5.", ".5", "+5", "1e3", " 5", "5\n", "٣", "1,5", "--1")
        ],
        ("1" * (NUMBER_TEXT_MAX + 1), None),
        (True, None),
        (None, None),
    ],
)
def test_a_number_is_one_or_is_written_plainly(value: Scalar, number: Amount | None) -> None:
    assert as_number(value) == number


def test_a_ratio_takes_each_item_once_on_each_side_in_whatever_order() -> None:
    events = [
        *several("solved", "09:00", "09:20"),
        *several("created", "09:10", "09:30"),
    ]
    found = counted(SOLVED, events)
    assert outcomes(found) == [(Outcome.GOOD, 0, 0), (Outcome.TOTAL, 10, 10)]
    assert {own.cycle for own in found} == {1}


def test_an_event_may_be_on_both_sides_of_a_ratio() -> None:
    kpi = replace(SOLVED, good=(Milestone("ticket.created"),))
    found = counted(kpi, several("created", "09:00"))
    assert sorted(own.outcome for own in found) == [Outcome.GOOD, Outcome.TOTAL]


def test_the_nth_of_a_side_counts_from_the_item_s_beginning() -> None:
    kpi = replace(SOLVED, good=(Milestone("ticket.solved", nth=2),))
    events = [*several("solved", "09:00", "09:20", "09:30"), *several("created", "09:10")]
    assert outcomes(counted(kpi, events)) == [(Outcome.TOTAL, 10, 10), (Outcome.GOOD, 20, 20)]


def test_where_a_side_s_first_does_not_apply_the_item_is_not_on_it() -> None:
    events = [an_event("created", "09:00", team="a"), an_event("created", "09:10", team="b")]
    assert counted(SOLVED, events, where=only("team", "b")) == ()


ENTERED, REACHED, LOST = Outcome.ENTERED, Outcome.REACHED, Outcome.LOST
IN_TIME = 24 * 60


@pytest.mark.parametrize(
    ("solved", "now", "expected"),
    [
        (["09:30"], "03-05 09:00", [(ENTERED, 0, 0), (REACHED, 0, 30)]),
        (["09:30", "09:40"], "03-05 09:00", [(ENTERED, 0, 0), (REACHED, 0, 30)]),
        (["03-03 09:00"], "03-05 09:00", [(ENTERED, 0, 0), (REACHED, 0, IN_TIME)]),
        (["03-03 09:01"], "03-05 09:00", [(ENTERED, 0, 0), (LOST, 0, IN_TIME)]),
        (["08:59"], "03-03 09:00", [(ENTERED, 0, 0)]),
        ([], "03-03 09:00", [(ENTERED, 0, 0)]),
        ([], "03-03 09:01", [(ENTERED, 0, 0), (LOST, 0, IN_TIME)]),
        (["09:30"], "09:29", [(ENTERED, 0, 0)]),
    ],
)
def test_an_item_of_a_cohort_is_reached_in_time_or_lost_after_it(
    solved: list[str], now: str, expected: list[tuple[Outcome, int, int]]
) -> None:
    events = [*several("created", "09:00", "09:05"), *several("solved", *solved)]
    assert outcomes(counted(COHORT, events, now=now)) == expected


def test_the_last_microsecond_of_within_is_in_time() -> None:
    item = Item(
        compile_plan(a_catalogue(promising(an_objective(kpi=COHORT, target=ANY)))),
        "ticket",
        "T-1",
        several("created", "09:00"),
    )
    end = at("03-03 09:00")
    settled = item.settle(now=end)
    assert [own.outcome for own in settled.contributions] == [ENTERED]
    assert settled.next_due == end + 1
    settled = item.settle(now=end + 1)
    assert [own.outcome for own in settled.contributions] == [ENTERED, LOST]
    assert settled.next_due is None


def test_what_is_over_sooner_takes_no_time_from_what_is_over_later() -> None:
    soon = replace(COHORT, name="soon", within=DAY // 2)
    agreement = promising(
        an_objective("one", COHORT, ANY), an_objective("two", soon, ANY), an_objective("three")
    )
    item = Item(compile_plan(a_catalogue(agreement)), "ticket", "T-1", several("created", "09:00"))
    last = at("03-03 09:00")
    for now, expected in ((last, [ENTERED]), (last + 1, [ENTERED, LOST])):
        found = item.settle(now=now).contributions
        assert [own.outcome for own in found if own.objective == "one"] == expected


def test_without_within_an_item_of_a_cohort_waits_for_ever() -> None:
    events = several("created", "09:00")
    assert outcomes(counted(ENDLESS, events, now="2099-01-01T00:00:00Z")) == [(ENTERED, 0, 0)]
    found = counted(
        ENDLESS, [*events, an_event("solved", "2050-01-01T00:00:00Z")], now="2099-01-01T00:00:00Z"
    )
    assert [own.outcome for own in found] == [ENTERED, REACHED]


def test_a_good_event_of_the_same_instant_counts_where_it_follows_in_the_order() -> None:
    together = [an_event("created", "09:00"), an_event("solved", "09:00")]
    assert outcomes(counted(COHORT, together)) == [(ENTERED, 0, 0), (REACHED, 0, 0)]
    backwards = replace(COHORT, good=COHORT.total, total=COHORT.good)
    assert outcomes(counted(backwards, together, now="09:00")) == [(ENTERED, 0, 0)]


def test_the_total_event_never_makes_its_own_item_good() -> None:
    kpi = replace(COHORT, good=(Milestone("ticket.created"),))
    assert outcomes(counted(kpi, several("created", "09:00"), now="09:30")) == [(ENTERED, 0, 0)]
    found = counted(kpi, several("created", "09:00", "09:10"), now="09:30")
    assert outcomes(found) == [(ENTERED, 0, 0), (REACHED, 0, 10)]


def test_the_nth_of_a_cohort_s_good_counts_from_the_beginning_too() -> None:
    kpi = replace(COHORT, good=(Milestone("ticket.replied", nth=2),))
    events = [*several("replied", "09:00", "09:20", "09:30"), *several("created", "09:10")]
    assert outcomes(counted(kpi, events, now="10:00")) == [(ENTERED, 10, 10), (REACHED, 10, 20)]


def test_a_cohort_s_group_and_conditions_are_those_of_the_total_event() -> None:
    events = [
        an_event("created", "09:00", team="a", priority="p1"),
        an_event("assigned", "09:10", team="b", priority="p2"),
        an_event("solved", "09:20"),
    ]
    found = counted(COHORT, events, where=only("priority", "p1"), group_by=("team",))
    assert [(own.outcome, own.group) for own in found] == [(ENTERED, ("a",)), (REACHED, ("a",))]
    assert counted(COHORT, events, where=only("priority", "p2")) == ()


def test_an_item_that_no_promise_took_in_is_never_due() -> None:
    objective = an_objective(kpi=COHORT, target=ANY, where=only("team", "a"))
    plan = compile_plan(a_catalogue(promising(objective)))
    settled = Item(plan, "ticket", "T-1", several("created", "09:00")).settle(now=at("09:00"))
    assert settled == Settled((), None)
    late = [*several("created", "09:00"), an_event("assigned", "09:10", team="a")]
    assert counted(COHORT, late, where=only("team", "a")) == ()
