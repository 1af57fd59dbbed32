"""What a change of an item's contributions writes: reversals, sums, buckets, marks, breaches."""

from collections import Counter
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.posting import Cause, Posted, Posting, Source, post_difference
from services.evaluator.rows import Window
from shared.domain.contribution import Contribution
from shared.domain.measure import Measure, Outcome
from shared.runtime.conventions import RUNNING_PANE
from shared.wire.groups import group_of, group_text
from shared.wire.stored_item import Placed

NOW = 1_000
WINDOW = Window("acme/response", "[]", 0)
RUNNING_HERE = WINDOW._replace(start=RUNNING_PANE)
SOURCE = Source(3, "ticket:T-1", NOW, Cause.LATE)

RUNNING = Contribution(
    "acme", "response", (), 1, 0, Outcome.RUNNING, None, None, None, None, breaches=False
)
MET = RUNNING._replace(outcome=Outcome.MET, counts_at=500, at=500, amount=90)
OPEN = RUNNING._replace(outcome=Outcome.BREACHED_OPEN, counts_at=700, at=700, breaches=True)
CLOSED = OPEN._replace(outcome=Outcome.BREACHED_CLOSED, stopped_at=900, amount=300)
COUNTED = RUNNING._replace(outcome=Outcome.COUNTED, counts_at=800, at=800, amount=Decimal("0.10"))


def place(own: Contribution) -> Placed:
    start = RUNNING_PANE if own.counts_at is None else own.counts_at // 10_000
    return Placed(start, bucketed=False)


def by_time(own: Contribution) -> Placed:
    return Placed(place(own).pane_start, bucketed=own.amount is not None)


def difference(before: list[Contribution], after: list[Contribution]) -> tuple[Posting, Posted]:
    posting = Posting(posted_at=2_000)
    posted = [(own._replace(), place(own)) for own in before]
    return posting, post_difference(posting, SOURCE, posted, after, place)


def pane(posting: Posting, window: Window = WINDOW) -> Measure:
    return Measure._make(posting.panes[*window, 3])


def ledger(posting: Posting) -> list[tuple[int, str, int]]:
    return sorted((row.sign, row.outcome, row.at) for row in posting.ledger)


def marked(posting: Posting) -> dict[Window, tuple[int, str]]:
    return {window: (mark.dirty_from, mark.cause) for window, mark in posting.dirty.items()}


def test_what_runs_is_in_the_panes_only_and_marks_the_running_pane() -> None:
    posting, posted = difference([], [RUNNING])
    assert posting.ledger == []
    assert pane(posting, RUNNING_HERE) == Measure(running=1)
    assert marked(posting) == {RUNNING_HERE: (NOW, Cause.LATE)}
    assert posted == [(RUNNING, Placed(RUNNING_PANE, bucketed=False))]


def test_what_runs_and_counts_at_its_start_is_in_the_pane_of_that() -> None:
    posting, _ = difference([], [RUNNING._replace(counts_at=20_000)])
    window = WINDOW._replace(start=2)
    assert posting.ledger == []
    assert pane(posting, window) == Measure(running=1)
    assert marked(posting) == {window: (NOW, Cause.LATE)}


def test_unchanged_contributions_post_nothing() -> None:
    posting, posted = difference([MET, OPEN, COUNTED], [MET, OPEN, COUNTED])
    assert (posting.ledger, posting.panes, posting.dirty, posting.breaches) == ([], {}, {}, {})
    assert posted == [(own, Placed(0, bucketed=False)) for own in (MET, OPEN, COUNTED)]


DECIDED = [MET._replace(cycle=number) for number in range(1, 6)]


def test_what_only_changed_its_order_is_given_back_in_the_new_one() -> None:
    posting, first, second = Posting(posted_at=2_000), DECIDED[0], DECIDED[2]
    before = [(own, place(own)) for own in (first, second)]
    posted = post_difference(posting, SOURCE, before, [second, first], place)
    assert [own for own, _ in posted] == [second, first]
    assert not posting.ledger
    assert post_difference(posting, SOURCE, posted, [second, first], place) is posted


@given(st.permutations(DECIDED), st.integers(0, 5), st.permutations(DECIDED), st.integers(0, 5))
def test_whatever_goes_comes_and_changes_places_only_the_difference_is_posted(
    before: list[Contribution], count: int, after: list[Contribution], left: int
) -> None:
    before, after = before[:count], after[:left]
    posting = Posting(posted_at=2_000)
    # The very objects, as a fold gives them again; of every other one an equal copy.
    come = [own if own.cycle % 2 else own._replace() for own in after]
    posted = post_difference(posting, SOURCE, [(own, place(own)) for own in before], come, place)
    assert [own for own, _ in posted] == after
    entered = Counter(dict.fromkeys(DECIDED, 0))
    for row in posting.ledger:
        entered[MET._replace(cycle=row.cycle)] += row.sign
    assert {own: number for own, number in entered.items() if number} == {
        own: (own in after) - (own in before) for own in {*before} ^ {*after}
    }
    assert len(posting.ledger) == len({*before} ^ {*after})


def test_a_decision_moves_from_running_to_its_pane_and_is_walked_from_its_instant() -> None:
    posting, _ = difference([RUNNING], [MET])
    assert ledger(posting) == [(1, "met", 500)]
    assert pane(posting, RUNNING_HERE) == Measure(running=-1)
    assert pane(posting) == Measure(met=1, amount=90)
    assert marked(posting) == {RUNNING_HERE: (NOW, Cause.LATE), WINDOW: (500, Cause.LATE)}


def test_a_changed_decision_is_a_reversal_and_a_new_entry() -> None:
    posting, _ = difference([MET], [MET._replace(counts_at=400, at=400)])
    assert ledger(posting) == [(-1, "met", 500), (1, "met", 400)]
    assert pane(posting) == Measure()
    assert marked(posting) == {WINDOW: (400, Cause.LATE)}


def test_closing_an_open_breach_changes_counts_but_no_walk() -> None:
    posting, _ = difference([OPEN], [CLOSED])
    assert ledger(posting) == [(-1, "breached_open", 700), (1, "breached_closed", 700)]
    assert marked(posting) == {WINDOW: (NOW, Cause.LATE)}
    (breach,) = posting.breaches.values()
    assert (breach.opened_at, breach.closed_at, breach.withdrawn_at) == (700, 900, None)


def test_another_amount_is_walked_from_its_instant_though_as_much_counts() -> None:
    posting, _ = difference([COUNTED], [COUNTED._replace(amount=7)])
    assert pane(posting) == Measure(amount=Fraction(69, 10))
    assert marked(posting) == {WINDOW: (800, Cause.LATE)}


def test_amounts_are_added_without_rounding() -> None:
    tiny, huge = Decimal("1e-390"), Decimal("3e390")
    posting, _ = difference(
        [COUNTED._replace(amount=huge, cycle=2)], [COUNTED._replace(amount=tiny)]
    )
    assert pane(posting) == Measure(amount=Fraction(tiny) - Fraction(huge))


def test_a_cohorts_item_is_pending_until_it_is_reached_or_lost() -> None:
    entered = COUNTED._replace(outcome=Outcome.ENTERED, amount=None)
    reached = entered._replace(outcome=Outcome.REACHED, at=950)
    assert pane(difference([], [entered])[0]) == Measure(total=1, pending=1)
    posting, _ = difference([entered], [entered, reached])
    assert pane(posting) == Measure(good=1, pending=-1)
    assert marked(posting) == {WINDOW: (950, Cause.LATE)}
    lost, _ = difference([], [entered, entered._replace(outcome=Outcome.LOST, at=950)])
    assert pane(lost) == Measure(total=1)


def test_times_are_counted_by_buckets_where_they_are_asked_for() -> None:
    posting = Posting(posted_at=2_000)
    posted = post_difference(posting, SOURCE, (), [MET, CLOSED, OPEN], by_time)
    assert posting.buckets == {(*WINDOW, 3, 90): 1, (*WINDOW, 3, 300): 1}
    assert dict(posted)[OPEN] == Placed(0, bucketed=False)
    post_difference(posting, SOURCE, posted, [MET._replace(amount=91)], by_time)
    kept = {bucket: clocks for (*_, bucket), clocks in posting.buckets.items() if clocks}
    assert kept == {91: 1}


def test_documents_that_begin_to_ask_for_times_have_them_posted() -> None:
    posting = Posting(posted_at=2_000)
    posted = post_difference(
        posting, SOURCE, [(MET, Placed(0, bucketed=False))], [MET._replace()], by_time
    )
    assert posting.buckets == {(*WINDOW, 3, 90): 1}
    assert pane(posting) == Measure()
    post_difference(posting, SOURCE, posted, [MET._replace()], place)
    assert posting.buckets == {(*WINDOW, 3, 90): 0}


def test_a_breach_that_did_not_happen_is_withdrawn_under_its_own_name() -> None:
    opened, _ = difference([], [OPEN])
    withdrawn, _ = difference([OPEN], [MET])
    assert opened.breaches.keys() == withdrawn.breaches.keys()
    (breach,) = withdrawn.breaches.values()
    assert breach.withdrawn_at == 2_000


def test_a_pane_that_the_documents_moved_is_left_as_it_was_posted() -> None:
    posting = Posting(posted_at=2_000)
    moved = [(MET, Placed(-50, bucketed=False))]
    posted = post_difference(posting, SOURCE, moved, [MET._replace()], place)
    assert posted == [(MET, Placed(0, bucketed=False))]
    assert pane(posting, WINDOW._replace(start=-50)) == Measure(met=-1, amount=-90)
    assert pane(posting) == Measure(met=1, amount=90)


def test_marks_of_one_window_keep_the_earliest_instant_and_the_strongest_cause() -> None:
    posting = Posting(posted_at=0)
    posting.mark(WINDOW, 70, Cause.CORRECTED)
    posting.mark(WINDOW, 90, Cause.DOCUMENTS)
    posting.mark(WINDOW, 80, Cause.LATE)
    assert marked(posting) == {WINDOW: (70, Cause.DOCUMENTS)}


def test_the_latest_change_of_a_walk_is_marked_for_itself() -> None:
    other = MET._replace(counts_at=650, at=650, cycle=2)
    posting, _ = difference([MET], [OPEN._replace(at=900), other])
    assert [*posting.marks()] == [(WINDOW, 500, Cause.LATE), (WINDOW, 900, Cause.LATE)]
    one, _ = difference([RUNNING], [MET])
    assert [*one.marks()] == [(WINDOW, 500, Cause.LATE), (RUNNING_HERE, NOW, Cause.LATE)]


def test_group_values_survive_being_text() -> None:
    group = ("", 'a"b', "münchen", "[]")
    assert group_of(group_text(group)) == group
