"""What is said of a window: when it is final, and which changes are revisions."""

from dataclasses import replace
from fractions import Fraction

import pytest

from services.evaluator.judge_store import Moment, RevisionRow, Said, ValueRow
from services.evaluator.judgement_rows import JudgedWindow, judged_rows
from services.evaluator.posting import Cause, Window
from shared.domain.agreement import Agreement, Attribution, Objective, OpenTime, Percentile
from shared.domain.instant import DAY, HOUR, MINUTE, NEVER
from shared.domain.judge import judge
from shared.domain.measure import Measure
from shared.domain.window import CalendarWindow, Period
from tests.domain.building import a_version, an_agreement, an_objective, at

DAILY = CalendarWindow(Period.DAY, "UTC")
SPAN = DAILY.pane(at("12:00"))
WINDOW = Window("a/o", "[]", SPAN.start)
END = SPAN.end
LATER = END + HOUR

WITHIN = replace(an_objective(), window=DAILY)
STARTED = replace(WITHIN, attribution=Attribution.STARTED)
HALF = replace(WITHIN, target=Percentile(Fraction(1, 2), OpenTime(HOUR)))

OPEN = Measure(met=1, breached_open=2)
CLOSED = Measure(met=1, breached_closed=2)


def judged(
    own: Objective,
    measure: Measure,
    said: Said | None = None,
    *,
    now: int = LATER,
    buckets: dict[int, int] | None = None,
) -> JudgedWindow:
    agreement: Agreement = an_agreement(a_version(own))
    judgement = judge(agreement, "o", SPAN, measure, now=now, buckets=buckets or {})
    return JudgedWindow(
        window=WINDOW,
        span=SPAN,
        measure=measure,
        judgement=judgement,
        episodes=(),
        breach=None,
        checkpoint="",
        said=said,
        cause=Cause.LATE,
        listed=True,
    )


def rows(
    window: JudgedWindow, now: int = LATER, before: int = 0
) -> tuple[ValueRow, list[RevisionRow]]:
    moment = Moment(now, now - 5 * MINUTE, proven=True)
    found = judged_rows([window], moment, {WINDOW: before} if before else {}, known_at=now)
    return found.values[0], found.revisions


def said(row: ValueRow) -> Said:
    return Said(
        row.listed,
        row.final,
        row.revision,
        row.state,
        row.since,
        row.value,
        row.budget_remaining,
        row.counts,
        row.checkpoint,
    )


@pytest.mark.parametrize(
    ("now", "final", "waits"),
    [(END - 1, False, False), (END, False, True), (END + 5 * MINUTE, True, False)],
)
def test_a_window_is_final_when_the_watermark_has_passed_its_end(
    *, now: int, final: bool, waits: bool
) -> None:
    row, revisions = rows(judged(WITHIN, OPEN, now=now), now)
    assert (row.final, row.provisional, row.revision) == (final, waits, int(final))
    assert [own.cause for own in revisions] == ["final"] * final


def test_what_still_runs_in_an_ended_window_keeps_it_from_being_final() -> None:
    window = judged(STARTED, Measure(met=1, running=1))
    row, revisions = rows(window)
    assert (row.final, row.provisional, revisions) == (False, False, [])
    assert window.provisional_until(LATER - 5 * MINUTE) == NEVER


def test_numbers_that_stay_are_no_revision_and_others_are_one() -> None:
    first, _ = rows(judged(WITHIN, OPEN))
    same, none = rows(judged(WITHIN, OPEN, said(first)))
    assert (same.revision, none) == (1, [])
    other, (revision,) = rows(judged(WITHIN, Measure(met=2, breached_open=1), said(first)))
    assert (other.revision, revision.revision, revision.cause) == (2, 2, "late")


def test_an_open_breach_that_closes_is_no_revision_nor_the_percentile_that_it_moves() -> None:
    first, _ = rows(judged(HALF, OPEN, buckets={5: 1}))
    closed, none = rows(judged(HALF, CLOSED, said(first), buckets={5: 1, 7 * HOUR: 2}))
    assert (first.value, closed.value is None) == (None, False)
    assert (closed.revision, none) == (1, [])


def test_a_percentile_that_moves_by_itself_is_a_revision() -> None:
    first, _ = rows(judged(HALF, CLOSED, buckets={5: 1, 7 * HOUR: 2}))
    _, (revision,) = rows(judged(HALF, CLOSED, said(first), buckets={5: 1, 9 * HOUR: 2}))
    assert (revision.revision, revision.cause) == (2, "late")


def test_a_clock_that_runs_again_restates_what_was_final_and_its_end_does_so_again() -> None:
    first, _ = rows(judged(STARTED, Measure(met=2)))
    again, (restated,) = rows(judged(STARTED, Measure(met=1, running=1), said(first)))
    assert (again.final, again.revision, restated.cause) == (False, 2, "late")
    last, (final,) = rows(judged(STARTED, Measure(met=1, breached_closed=1), said(again)))
    assert (last.final, last.revision, final.state) == (True, 3, "breached")


def test_a_window_that_was_said_under_former_documents_goes_on_counting_its_revisions() -> None:
    row, (revision,) = rows(judged(WITHIN, OPEN, now=END + DAY), END + DAY, before=4)
    assert (row.revision, revision.revision, revision.cause) == (5, 5, "late")
