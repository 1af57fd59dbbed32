"""What holds of every evaluation, whatever the documents and events: sums, partitions, order."""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import pairwise
from random import Random

import pytest

from shared.domain.agreement import MeasureKind, Objective, Percentile
from shared.domain.clock import GONE, UNDECIDED, ClockState
from shared.domain.contribution import Contribution
from shared.domain.evaluation import Evaluation, WindowReading, evaluate
from shared.domain.instant import DAY
from shared.domain.judge import START, State, Step, walk, window_breaches
from shared.domain.measure import NOTHING, Measure, Outcome, bucket_of, measure_of, total_of
from shared.domain.missing import misses
from shared.domain.window import RollingWindow, Span
from tests.domain.cases import RandomCase, random_case

SEEDS = range(60)
Row = tuple[str, str, tuple[str, ...]]
OUTCOMES = {
    ClockState.RUNNING: Outcome.RUNNING,
    ClockState.PAUSED: Outcome.RUNNING,
    ClockState.MET: Outcome.MET,
    ClockState.BREACHED_OPEN: Outcome.BREACHED_OPEN,
    ClockState.BREACHED_CLOSED: Outcome.BREACHED_CLOSED,
    ClockState.CANCELLED: Outcome.EXCLUDED,
}


@cache
def evaluated(seed: int) -> Evaluation:
    """The evaluation of a random case, with all windows."""
    given = random_case(seed)
    return evaluate(given.catalogue, given.items().values(), now=given.now, all_windows=True)


def row(reading: WindowReading) -> tuple[Row, Span]:
    judgement = reading.judgement
    agreement, objective = judgement.version.agreement, judgement.objective.name
    return (agreement, objective, reading.group), reading.window


@cache
def ledger(seed: int) -> dict[Row, list[Contribution]]:
    """Every contribution by agreement, objective and group."""
    given = random_case(seed)
    found: dict[Row, list[Contribution]] = {}
    for item in given.items().values():
        for own in item.settle(now=given.now).contributions:
            found.setdefault((own.agreement, own.objective, own.group), []).append(own)
    return found


def inside(entries: list[Contribution], span: Span, now: int) -> list[Contribution]:
    """What counts in a span; what runs counts now, unless it counts at its start."""
    return [
        own
        for own in entries
        if span.start <= (now if own.counts_at is None else own.counts_at) < span.end
    ]


def measured(entries: list[Contribution]) -> Measure:
    return total_of(measure_of(own.outcome, own.amount) for own in entries)


def objective_of(given: RandomCase, key: Row) -> Objective:
    return given.catalogue.agreements[key[0]].judging(key[1], given.now)[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_each_window_is_the_sum_of_what_counts_in_it_and_none_is_left_out(seed: int) -> None:
    given = random_case(seed)
    found = {row(reading): reading.measure for reading in evaluated(seed).objectives}
    entries = ledger(seed)
    for (key, span), measure in found.items():
        assert measure == measured(inside(entries.get(key, []), span, given.now))
    for key, several in entries.items():
        window = objective_of(given, key).window
        for own in several:
            counts_at = given.now if own.counts_at is None else own.counts_at
            first = window.pane(counts_at)
            end = min(first.end, window.current(given.now).end)
            span = Span(end - window.length, end) if isinstance(window, RollingWindow) else first
            assert (key, span) in found or len(found) >= 2_500


@pytest.mark.parametrize("seed", SEEDS)
def test_counts_add_up(seed: int) -> None:
    for reading in evaluated(seed).objectives:
        own, kpi = reading.measure, reading.judgement.objective.kpi
        assert min(own[:-1]) >= 0
        parts = (own.excluded, own.running, own.met, own.breached_open, own.breached_closed)
        assert own.eligible == sum(parts)
        if kpi.cohort:
            assert own.good + own.pending <= own.total
        if kpi.measure is MeasureKind.DURATION:
            assert (own.counted, own.good, own.total, own.pending) == (0, 0, 0, 0)
        else:
            assert own.eligible == 0
        final = reading.judgement.final
        assert not (final and reading.judgement.state is State.AT_RISK)
        if final and kpi.cohort:
            assert own.pending == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_every_clock_that_was_not_superseded_is_counted_once(seed: int) -> None:
    given = random_case(seed)
    found, entries = evaluated(seed), ledger(seed)
    clocks = [c for c in found.clocks if c.state is not ClockState.SUPERSEDED]
    counted = [
        own
        for key, several in entries.items()
        if objective_of(given, key).kpi.measure is MeasureKind.DURATION
        for own in several
    ]
    assert len(counted) == len(clocks)
    assert sum(c.outcome is Outcome.RUNNING for c in counted) == sum(
        c.state in UNDECIDED for c in clocks
    )
    assert len(found.item_breaches) == sum(own.breaches for own in counted)
    by_clock = {
        (item.key, own.agreement, own.objective, own.cycle, own.ordinal): own
        for item in given.items().values()
        for own in item.settle(now=given.now).contributions
    }
    for clock in clocks:
        own = by_clock[clock.item, clock.agreement, clock.objective, clock.cycle, clock.ordinal]
        assert OUTCOMES[clock.state] is own.outcome
        assert own.at == (clock.stopped_at if clock.breached_at is None else clock.breached_at)
        if own.outcome in {Outcome.MET, Outcome.BREACHED_CLOSED}:
            assert own.amount == clock.elapsed
        if own.breaches:
            assert own.stopped_at == clock.stopped_at
        assert own.counts_at in {own.at, clock.started_at}
    assert not any(c.binding for c in found.clocks if c.state in GONE)
    for clock in found.clocks:
        if clock.target is not None and clock.breached_at is None and clock.state not in GONE:
            assert clock.elapsed <= clock.target
        if clock.target is not None and clock.remaining is not None:
            assert clock.elapsed + clock.remaining == clock.target


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_of_the_items_add_up_to_the_whole(seed: int) -> None:
    given = random_case(seed)
    dice = Random(seed)  # noqa: S311 - a test's dice
    parts: list[dict[str, object]] = [{}, {}, {}]
    whole = given.items()
    of = {key: dice.randrange(len(parts)) for key in sorted(whole)}
    sums: dict[tuple[Row, Span], Measure] = {}
    clocks: list[object] = []
    for n in range(len(parts)):
        items = [item for key, item in whole.items() if of[key] == n]
        part = evaluate(given.catalogue, items, now=given.now, all_windows=True)
        clocks.extend(part.clocks)
        for reading in part.objectives:
            place = row(reading)
            sums[place] = sums.get(place, NOTHING).plus(reading.measure)
    found = evaluated(seed)
    assert {row(r): r.measure for r in found.objectives if r.measure.has_data} == {
        place: measure for place, measure in sums.items() if measure.has_data
    }
    assert sorted(map(repr, clocks)) == sorted(map(repr, found.clocks))


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_of_items_and_events_gives_the_same_in_the_same_order(seed: int) -> None:
    given = random_case(seed)
    dice = Random(seed)  # noqa: S311 - a test's dice
    events = [*given.events, *dice.sample(given.events, len(given.events) // 2)]
    dice.shuffle(events)
    items = [*given.items(events).values()]
    dice.shuffle(items)
    for item in items:
        item.settle(now=dice.choice(given.instants))
    found = evaluate(given.catalogue, items, now=given.now, all_windows=True)
    assert repr(found) == repr(evaluated(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_items_that_live_on_evaluate_at_each_instant_as_new_ones(seed: int) -> None:
    given = random_case(seed)
    living = given.items()
    for now in given.instants[:: max(1, len(given.instants) // 6)]:
        found = evaluate(given.catalogue, living.values(), now=now)
        assert found == evaluate(given.catalogue, given.items().values(), now=now)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_all_windows_only_the_current_one_of_rolling_ones_is_shown(seed: int) -> None:
    given = random_case(seed)
    whole = evaluated(seed)
    found = evaluate(given.catalogue, given.items().values(), now=given.now)
    assert found.clocks == whole.clocks
    assert found.item_breaches == whole.item_breaches
    assert found.window_breaches == whole.window_breaches
    assert found.objectives == tuple(
        reading
        for reading in whole.objectives
        if not isinstance(window := reading.judgement.objective.window, RollingWindow)
        or reading.window == window.current(given.now)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_is_in_the_order_of_the_contract(seed: int) -> None:
    found = evaluated(seed)
    rows = [(*row(reading)[0], row(reading)[1]) for reading in found.objectives]
    assert rows == sorted(set(rows))
    clocks = [(c.agreement, c.objective, c.item, c.cycle, c.came_under) for c in found.clocks]
    assert clocks == sorted(clocks)
    items = [(b.agreement, b.objective, b.item, b.cycle, b.opened_at) for b in found.item_breaches]
    assert items == sorted(items)
    windows = [
        (b.agreement, b.objective, b.group, b.window, b.opened_at) for b in found.window_breaches
    ]
    assert windows == sorted(set(windows))


def rolling(
    given: RandomCase, seed: int
) -> Iterator[tuple[Row, RollingWindow, list[Contribution]]]:
    """The groups of objectives with rolling windows."""
    for key, entries in ledger(seed).items():
        window = objective_of(given, key).window
        if isinstance(window, RollingWindow) and not objective_of(given, key).is_volume:
            yield key, window, entries


@pytest.mark.parametrize("seed", SEEDS)
def test_rolling_breaches_are_the_runs_of_ended_windows_that_miss(seed: int) -> None:
    given = random_case(seed)
    found = evaluated(seed).window_breaches
    for key, window, entries in rolling(given, seed):
        agreement = given.catalogue.agreements[key[0]]
        decided = [own for own in entries if own.at is not None]
        starts = {window.pane(own.counts_at or own.at or 0).start for own in decided}
        ends = {s + n for s in starts for n in range(window.step, window.length + 1, window.step)}
        missing = set()
        for end in ends:
            span = Span(end - window.length, end)
            measure = measured(inside(decided, span, given.now))
            own = agreement.judging(key[1], min(given.now, end - 1))[1]
            if end <= given.now and misses(own, measure):
                missing.add(end)
        expected = []
        for end in sorted(missing):
            if end - window.step not in missing:
                closed = end
                while closed in missing:
                    closed += window.step
                expected.append((end, closed if closed <= given.now else None))
        own_breaches = [
            (b.opened_at, b.closed_at)
            for b in found
            if (b.agreement, b.objective, b.group) == key and b.window.end == b.opened_at
        ]
        assert own_breaches == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_a_walk_breach_is_open_exactly_while_its_window_is_breached(seed: int) -> None:
    given = random_case(seed)
    found = evaluated(seed)
    is_open = {
        ((b.agreement, b.objective, b.group), b.window)
        for b in found.window_breaches
        if b.closed_at is None
    }
    for reading in found.objectives:
        own = reading.judgement.objective
        if isinstance(own.window, RollingWindow):
            continue
        going_on = reading.window.end > given.now
        # A total of nothing is 0, and that can be too much; no instant made it so.
        broken = reading.judgement.state is State.BREACHED and going_on and reading.measure.has_data
        assert broken is (row(reading) in is_open)
    for one, other in pairwise(found.window_breaches):
        same = (one.agreement, one.objective, one.group, one.window) == (
            other.agreement,
            other.objective,
            other.group,
            other.window,
        )
        if same:
            assert one.closed_at is not None
            assert one.closed_at <= other.opened_at


@pytest.mark.parametrize("seed", range(60))
def test_a_walk_breach_begins_at_the_first_of_its_instants_as_seen_from_scratch(seed: int) -> None:
    given = random_case(seed)
    found = evaluated(seed).window_breaches
    for key, entries in ledger(seed).items():
        own = objective_of(given, key)
        agreement = given.catalogue.agreements[key[0]]
        if isinstance(own.window, RollingWindow) or own.is_volume:
            continue
        for span in {own.window.pane(e.counts_at or e.at or given.now) for e in entries}:
            several = [e for e in inside(entries, span, given.now) if e.at is not None]
            several = [e for e in several if e.outcome is not Outcome.EXCLUDED]
            instants = sorted({e.at for e in several if e.at is not None})
            steps = [Step(at, measured([e for e in several if e.at == at])) for at in instants]
            walked = walk(agreement, key[1], span, START, steps, now=given.now)
            assert walked.measure == measured(several)
            expected = window_breaches(
                agreement, key[1], span, walked, walked.measure, now=given.now
            )
            assert [
                (b.opened_at, b.closed_at)
                for b in found
                if (b.agreement, b.objective, b.group) == key and b.window == span
            ] == [*expected]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_percentile_is_kept_exactly_when_its_true_rank_is_in_time(seed: int) -> None:
    given = random_case(seed)
    entries = ledger(seed)
    for reading in evaluated(seed).objectives:
        own, measure = reading.judgement.objective, reading.measure
        if not isinstance(own.target, Percentile) or measure.decided < own.minimum:
            continue
        key, span = row(reading)
        several = inside(entries[key], span, given.now)
        times = sorted(own.amount for own in several if isinstance(own.amount, int))
        rank = -(-own.target.ratio * measure.decided // 1)
        value = reading.judgement.value
        if rank > len(times):
            assert value is None
        else:
            exact = times[int(rank) - 1]
            assert value is not None
            assert bucket_of(int(value * 10**6)) == bucket_of(exact)
            assert abs(value * 10**6 - exact) <= Fraction(79, 10_000) * exact


@pytest.mark.parametrize("seed", range(60))
def test_a_final_window_no_longer_changes_by_itself(seed: int) -> None:
    given = random_case(seed)
    later = evaluate(
        given.catalogue, given.items().values(), now=given.now + 40 * DAY, all_windows=True
    )
    after = {row(reading): reading for reading in later.objectives}
    known = [event for event in given.events if event.time <= given.now]
    items = given.items(known).values()
    for reading in evaluate(given.catalogue, items, now=given.now).objectives:
        if not reading.judgement.final or len(known) < len(given.events):
            continue
        own = after.get(row(reading))
        if own is None:  # of a volume only the last many windows without data are listed
            assert reading.judgement.objective.is_volume
            assert not reading.measure.has_data
            continue
        open_, closed = reading.measure.breached_open, reading.measure.breached_closed
        assert own.measure._replace(breached_open=open_, breached_closed=closed, amount=0) == (
            reading.measure._replace(amount=0)
        )
        assert own.measure.missed == reading.measure.missed
        assert own.judgement.state is reading.judgement.state


def test_the_random_cases_have_everything_in_them() -> None:
    seeds = range(90)
    cases = [random_case(seed) for seed in seeds]
    objectives = [
        own
        for case in cases
        for agreement in case.catalogue.agreements.values()
        for version in agreement.versions
        for own in version.objectives
    ]
    kinds = {(own.kpi.measure, own.kpi.cohort, type(own.target)) for own in objectives}
    assert len(kinds) == 3 + 2 + 2 + 2 + 2 + 2
    assert len({type(own.window) for own in objectives}) == 3
    assert {own.started for own in objectives} == {True, False}
    entries = [own for seed in seeds for several in ledger(seed).values() for own in several]
    outcomes = {own.outcome for own in entries}
    assert outcomes == set(Outcome)
    states = {r.judgement.state for seed in seeds for r in evaluated(seed).objectives}
    assert states == set(State)
