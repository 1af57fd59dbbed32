"""The walk through a window by instant, and the breaches that it leaves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.agreement import Agreement, Kpi, Target
from shared.domain.instant import DAY, HOUR
from shared.domain.judge import START, State, Step, Walk, judge, walk, window_breaches
from shared.domain.measure import NOTHING, UNIT, Measure, Outcome, total_of
from shared.domain.missing import misses
from shared.domain.window import Span
from tests.domain.building import (
    ANSWER,
    COHORT,
    RATING,
    RETURNS,
    SOLVED,
    a_version,
    an_agreement,
    an_objective,
    at,
    at_least,
    at_most,
    mean,
    percentile,
    promising,
    within,
)

MARCH = Span(at("03-01 00:00"), at("04-01 00:00"))
MET, MISSED = UNIT[Outcome.MET], UNIT[Outcome.BREACHED_CLOSED]
Breaches = tuple[tuple[int, int | None], ...]


def day(number: int) -> int:
    """The beginning of the day that many after the first of March."""
    return MARCH.start + number * DAY


def in_days(found: Breaches) -> list[tuple[int, int | None]]:
    return [
        (a // DAY - day(0) // DAY, None if b is None else (b - day(0)) // DAY) for a, b in found
    ]


def walked(agreement: Agreement, steps: dict[int, Measure], now: int) -> Breaches:
    """The breaches after all these steps (by day) as of a day."""
    several = [Step(day(n), change) for n, change in sorted(steps.items())]
    found = walk(agreement, "o", MARCH, START, several, now=day(now))
    return window_breaches(agreement, "o", MARCH, found, found.measure, now=day(now))


EVENTS: list[tuple[Kpi, Target, Measure, Measure]] = [
    (ANSWER, within(HOUR, "0.5"), MISSED, MET),
    (ANSWER, percentile("0.5"), UNIT[Outcome.BREACHED_OPEN], MET),
    (ANSWER, mean(HOUR), Measure(met=1, amount=HOUR + 1), Measure(met=1, amount=HOUR - 1)),
    (RATING, at_least(3), Measure(counted=1, amount=2), Measure(counted=1, amount=4)),
    (RATING, at_most("0.5"), Measure(counted=1, amount=1), Measure(counted=1)),
    (SOLVED, at_least("0.7"), UNIT[Outcome.TOTAL], UNIT[Outcome.GOOD]),
    (COHORT, at_least("0.5"), Measure(total=1), Measure(total=1, pending=1)),
    (COHORT, at_most("0.5"), Measure(total=1, good=1), Measure(total=1)),
    (RETURNS, at_most(0), Measure(counted=1), Measure(counted=-1)),
]


@pytest.mark.parametrize(("kpi", "target", "bad", "good"), EVENTS)
@pytest.mark.parametrize(
    ("steps", "now", "expected"),
    [
        ("+3", 9, []),
        ("-3", 9, [(3, None)]),
        ("-3 +5", 9, [(3, 5)]),
        ("-3 +5 -7", 9, [(3, 5), (7, None)]),
        ("-3 +5", 4, [(3, None)]),
        ("-3", 2, []),
        ("-3", 31, [(3, 31)]),
        ("-3", 40, [(3, 31)]),
        ("-3 +33", 40, [(3, 31)]),
        ("-3 +31", 40, [(3, 31)]),
        ("-31 +32", 40, [(31, 31)]),
        ("-33", 40, [(33, 33)]),
        ("-33 +34 -35", 40, [(33, 33), (35, 35)]),
        ("-3 +5 -33 +34 -35", 36, [(3, 5), (33, 33), (35, 35)]),
        ("-3 +32 -33", 40, [(3, 31), (33, 33)]),
        ("-3 +32 -33", 32, [(3, 31)]),
    ],
)
def test_a_breach_opens_where_the_value_first_misses_and_closes_where_it_holds_again(
    kpi: Kpi,
    target: Target,
    bad: Measure,
    good: Measure,
    steps: str,
    now: int,
    expected: list[tuple[int, int | None]],
) -> None:
    agreement = promising(an_objective(kpi=kpi, target=target))
    sizes = {"-": bad, "+": good}
    changes = {abs(int(text)): sizes[text[0]] for text in steps.split()}
    assert in_days(walked(agreement, changes, now)) == expected


def test_all_of_one_instant_are_seen_together() -> None:
    agreement = promising(an_objective(target=within(HOUR, "0.5")))
    assert walked(agreement, {3: MISSED.plus(MET)}, 9) == ()
    assert in_days(walked(agreement, {3: MISSED.plus(MET).plus(MISSED)}, 9)) == [(3, None)]


def test_a_walk_judges_from_the_minimum_on() -> None:
    agreement = promising(an_objective(target=within(HOUR, "0.9"), minimum=3))
    steps = {1: MISSED, 2: MISSED, 4: MET, 5: MET}
    assert walked(agreement, steps, 3) == ()
    assert in_days(walked(agreement, steps, 9)) == [(4, None)]


def test_a_cohort_misses_once_too_few_may_still_turn_out_well() -> None:
    agreement = promising(an_objective(kpi=COHORT, target=at_least("0.6")))
    entered, reached, lost = (UNIT[own] for own in (Outcome.ENTERED, Outcome.REACHED, Outcome.LOST))
    three = total_of([entered] * 3)
    assert walked(agreement, {1: three, 2: reached, 3: lost}, 9) == ()
    assert in_days(walked(agreement, {1: three, 2: lost, 3: lost}, 9)) == [(3, None)]
    late = {1: three, 2: lost, 3: lost, 4: total_of([entered] * 2), 5: lost}
    assert in_days(walked(agreement, late, 9)) == [(3, 4), (5, None)]


def test_a_walk_leaves_out_what_is_later_than_now() -> None:
    agreement = promising(an_objective(target=within(HOUR, "0.5")))
    steps = [Step(day(1), MISSED), Step(day(11), total_of([MET] * 9))]
    found = walk(agreement, "o", MARCH, START, steps, now=day(11) - 1)
    assert found == Walk(day(1), MISSED, ((day(1), None),))
    later = walk(agreement, "o", MARCH, found, steps[1:], now=day(11))
    assert later.breaches == ((day(1), day(11)),)


def test_a_volume_is_not_walked() -> None:
    agreement = promising(an_objective(kpi=RETURNS, target=at_least(5)))
    assert walked(agreement, {1: Measure(counted=1)}, 9) == ()
    assert in_days(walked(agreement, {1: Measure(counted=1)}, 31)) == [(31, 31)]
    assert in_days(walked(agreement, {1: Measure(counted=1), 33: Measure(counted=4)}, 40)) == []


def test_an_ended_window_is_walked_by_the_version_just_before_its_end() -> None:
    strict, mild = (an_objective(target=within(HOUR, ratio)) for ratio in ("1", "0.5"))
    agreement = an_agreement(
        a_version(mild, until="03-20 00:00"),
        a_version(strict, start="03-20 00:00", until="04-01 00:00"),
        a_version(mild, start="04-01 00:00"),
    )
    steps = {1: MET, 2: MISSED}
    assert walked(agreement, steps, 18) == ()
    assert in_days(walked(agreement, steps, 19)) == [(2, None)]
    assert in_days(walked(agreement, steps, 40)) == [(2, 31)]


CHANGES = st.builds(Measure, met=st.integers(0, 2), breached_open=st.integers(0, 2))
STEPS = st.dictionaries(st.integers(0, 40), CHANGES, max_size=12)
RATIOS = st.sampled_from(["0.5", "0.9", "1"])


def unfinished(ratio: str, minimum: int) -> Agreement:
    return promising(an_objective(target=within(HOUR, ratio), minimum=minimum))


@settings(max_examples=40)
@given(STEPS, st.integers(0, 12), RATIOS, st.integers(1, 3))
def test_a_walk_in_pieces_is_the_walk_at_once(
    changes: dict[int, Measure], cut: int, ratio: str, minimum: int
) -> None:
    agreement, now = unfinished(ratio, minimum), day(50)
    steps = [Step(day(n), changes[n]) for n in sorted(changes)]
    whole = walk(agreement, "o", MARCH, START, steps, now=now)
    part = walk(agreement, "o", MARCH, START, steps[:cut], now=now)
    assert walk(agreement, "o", MARCH, part, steps[cut:], now=now) == whole


@settings(max_examples=60)
@given(STEPS, RATIOS, st.integers(1, 3), st.integers(0, 45))
def test_breaches_are_the_runs_of_instants_at_which_the_value_misses(
    changes: dict[int, Measure], ratio: str, minimum: int, now: int
) -> None:
    agreement = unfinished(ratio, minimum)
    own = agreement.judging("o", MARCH.start)[1]
    known = {n: changes[n] for n in sorted(changes) if n <= now}
    missing = [
        (n, misses(own, total_of(c for m, c in known.items() if m <= n))) for n in sorted(known)
    ]
    expected: list[tuple[int, int | None]] = []
    before = False
    for n, miss in missing:
        if miss and not before:
            expected.append((n, n if n >= 31 else 31 if now >= 31 else None))
        elif before and not miss and expected[-1][0] < 31:
            expected[-1] = (expected[-1][0], min(n, 31))
        before = miss
    assert in_days(walked(agreement, changes, now)) == expected
    total = total_of(known.values())
    if now < 31:
        state = judge(agreement, "o", MARCH, total, now=day(now)).state
        assert (state is State.BREACHED) is (bool(expected) and expected[-1][1] is None)


def test_a_walk_that_has_not_begun_is_nothing() -> None:
    assert (START.at, START.measure, START.breaches) == (None, NOTHING, ())
    assert walk(unfinished("1", 1), "o", MARCH, START, [], now=day(9)) == START
