"""What a change of an item's contributions writes: reversals, sums, marks, breaches."""

from services.evaluator.posting import (
    Cause,
    Posted,
    Posting,
    Source,
    Window,
    post_difference,
)
from shared.domain.instant import Instant
from shared.domain.item import Contribution
from shared.domain.measure import Outcome
from shared.runtime.tables import RUNNING_WINDOW
from shared.wire.groups import group_of, group_text

NOW = 1_000
WINDOW = Window("acme/response", "[]", 0)
RUNNING_HERE = WINDOW._replace(start=RUNNING_WINDOW)
SOURCE = Source(3, "ticket:T-1", NOW, Cause.LATE)

RUNNING = Contribution(
    "acme", "response", (), 1, 0, Outcome.RUNNING, None, None, None, breaches=False
)
MET = RUNNING._replace(outcome=Outcome.MET, at=500, amount=90)
OPEN = RUNNING._replace(outcome=Outcome.BREACHED_OPEN, at=700, breaches=True)
CLOSED = OPEN._replace(outcome=Outcome.BREACHED_CLOSED, stopped_at=900, amount=300)


def place(own: Contribution) -> Instant:
    return RUNNING_WINDOW if own.at is None else own.at // 10_000


def difference(before: list[Contribution], after: list[Contribution]) -> tuple[Posting, Posted]:
    posting = Posting(posted_at=2_000)
    posted = {own: place(own) for own in before}
    return posting, post_difference(posting, SOURCE, posted, after, place)


def ledger(posting: Posting) -> list[tuple[int, str, int]]:
    return sorted((row.sign, row.outcome, row.at) for row in posting.ledger)


def test_what_runs_is_in_the_panes_only_and_marks_the_running_window() -> None:
    posting, posted = difference([], [RUNNING])
    assert posting.ledger == []
    assert posting.panes == {(*RUNNING_HERE, 3): [0, 1, 0, 0, 0, 0]}
    assert posting.dirty == {RUNNING_HERE: (NOW, Cause.LATE)}
    assert posted == {RUNNING: RUNNING_WINDOW}


def test_unchanged_contributions_post_nothing() -> None:
    posting, posted = difference([MET, OPEN], [MET, OPEN])
    assert (posting.ledger, posting.panes, posting.dirty, posting.breaches) == ([], {}, {}, {})
    assert posted == {MET: 0, OPEN: 0}


def test_a_decision_moves_from_running_to_its_window_and_is_walked_from_its_instant() -> None:
    posting, _ = difference([RUNNING], [MET])
    assert ledger(posting) == [(1, "met", 500)]
    assert posting.panes == {
        (*RUNNING_HERE, 3): [0, -1, 0, 0, 0, 0],
        (*WINDOW, 3): [0, 0, 1, 0, 0, 0],
    }
    assert posting.dirty == {RUNNING_HERE: (NOW, Cause.LATE), WINDOW: (500, Cause.LATE)}


def test_a_changed_decision_is_a_reversal_and_a_new_entry() -> None:
    posting, _ = difference([MET], [MET._replace(at=400)])
    assert ledger(posting) == [(-1, "met", 500), (1, "met", 400)]
    assert posting.panes == {(*WINDOW, 3): [0, 0, 0, 0, 0, 0]}
    assert posting.dirty == {WINDOW: (400, Cause.LATE)}


def test_closing_an_open_breach_changes_counts_but_no_walk() -> None:
    posting, _ = difference([OPEN], [CLOSED])
    assert ledger(posting) == [(-1, "breached_open", 700), (1, "breached_closed", 700)]
    assert posting.dirty == {WINDOW: (NOW, Cause.LATE)}
    (breach,) = posting.breaches.values()
    assert (breach.opened_at, breach.closed_at, breach.withdrawn_at) == (700, 900, None)


def test_a_breach_that_did_not_happen_is_withdrawn_under_its_own_name() -> None:
    opened, _ = difference([], [OPEN])
    withdrawn, _ = difference([OPEN], [MET])
    assert opened.breaches.keys() == withdrawn.breaches.keys()
    (breach,) = withdrawn.breaches.values()
    assert breach.withdrawn_at == 2_000


def test_a_window_that_the_documents_moved_is_left_as_it_was_posted() -> None:
    posting = Posting(posted_at=2_000)
    posted = post_difference(posting, SOURCE, {MET: -50}, [MET], place)
    assert posted == {MET: 0}
    assert posting.panes == {
        (*WINDOW._replace(start=-50), 3): [0, 0, -1, 0, 0, 0],
        (*WINDOW, 3): [0, 0, 1, 0, 0, 0],
    }


def test_marks_of_one_window_keep_the_earliest_instant_and_the_strongest_cause() -> None:
    posting = Posting(posted_at=0)
    posting.mark(WINDOW, 70, Cause.CORRECTED)
    posting.mark(WINDOW, 90, Cause.DOCUMENTS)
    posting.mark(WINDOW, 80, Cause.LATE)
    assert posting.dirty == {WINDOW: (70, Cause.DOCUMENTS)}


def test_group_values_survive_being_text() -> None:
    group = ("", 'a"b', "münchen", "[]")
    assert group_of(group_text(group)) == group
