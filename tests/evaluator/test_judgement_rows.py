"""What is said of a window: when it is final, and which changes are revisions."""

from dataclasses import replace
from fractions import Fraction

import pytest

from services.evaluator.judge_store import BEGINNING, Moment, RevisionRow, Said, ValueRow
from services.evaluator.judgement_rows import JudgedWindow, judged_rows
from services.evaluator.posting import Cause
from services.evaluator.rows import Window
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
    window: JudgedWindow,
    now: int = LATER,
    last: RevisionRow | None = None,
    *,
    before: int = 0,
    watermark: int | None = None,
) -> tuple[ValueRow, list[RevisionRow]]:
    """What is written at `now`; `before` is the watermark at which it was judged before."""
    moment = Moment(now, now - 5 * MINUTE if watermark is None else watermark, proven=True)
    revisions = {WINDOW: last} if last is not None else {}
    found = judged_rows([window], moment, revisions, {"a/o": before}, known_at=now)
    waits = found.values[0].restated_since
    assert found.waiting == ({} if waits is None else {"a/o": waits})
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
        row.restated_since,
        row.restated_cause,
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
    last = RevisionRow(*WINDOW, 4, "late", END, "ok", None, None, "{}")
    row, (revision,) = rows(judged(WITHIN, OPEN, now=END + DAY), END + DAY, last)
    assert (row.revision, revision.revision, revision.cause) == (5, 5, "late")


def late(measure: Measure, before: ValueRow | None, now: int, **given: object) -> JudgedWindow:
    window = judged(WITHIN, measure, None if before is None else said(before), now=now)
    return replace(window, **given)  # type: ignore[arg-type]


def test_a_late_change_is_said_at_once_and_a_revision_when_the_watermark_has_passed_it() -> None:
    first, (last,) = rows(judged(WITHIN, OPEN))
    more = Measure(met=2, breached_open=1)
    changed, none = rows(late(more, first, LATER), last=last, before=END)
    assert (changed.value, changed.revision, none) == ("0.666666666667", 1, [])
    assert (changed.restated_since, changed.restated_cause) == (LATER, "late")

    more = Measure(met=3, breached_open=1)
    corrected = late(more, changed, LATER + MINUTE, cause=Cause.CORRECTED)
    again, none = rows(corrected, LATER + MINUTE, last, before=LATER - 5 * MINUTE)
    assert (again.value, again.revision, none) == ("0.75", 1, [])
    assert (again.restated_since, again.restated_cause) == (LATER, "corrected")

    passed = LATER + 5 * MINUTE
    early, none = rows(late(more, again, passed), passed, last, before=END, watermark=LATER - 1)
    assert (early.restated_since, none) == (LATER, [])
    settled, (revision,) = rows(late(more, early, passed), passed, last, before=LATER - 1)
    assert (settled.restated_since, settled.restated_cause, settled.revision) == (None, None, 2)
    assert (revision.revision, revision.cause, revision.value) == (2, "corrected", "0.75")


def test_numbers_that_come_back_to_the_last_revision_are_no_revision() -> None:
    first, (last,) = rows(judged(WITHIN, OPEN))
    changed, _ = rows(late(Measure(met=9), first, LATER), last=last, before=END)
    back, none = rows(late(OPEN, changed, LATER + 1), LATER + 1, last, before=END)
    assert (back.restated_since, back.revision, none) == (None, 1, [])


def test_a_window_that_is_seen_long_after_its_end_is_no_revision_before_that_has_settled() -> None:
    seen, none = rows(late(OPEN, None, LATER), before=END)
    assert (seen.final, seen.revision, seen.restated_since, none) == (True, 0, LATER, [])
    passed = LATER + 5 * MINUTE
    settled, (revision,) = rows(late(OPEN, seen, passed), passed, before=LATER - 1)
    assert (settled.revision, settled.restated_since, revision.cause) == (1, None, "final")


def test_other_documents_restate_at_once() -> None:
    first, (last,) = rows(judged(WITHIN, OPEN))
    window = late(Measure(met=9), first, LATER, cause=Cause.DOCUMENTS)
    row, (revision,) = rows(window, last=last, before=BEGINNING)
    assert (row.restated_since, revision.revision, revision.cause) == (None, 2, "documents")
