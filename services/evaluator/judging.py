"""Changed windows and passed edges -> values, revisions and the breaches of windows.

An objective is judged as of the smallest evaluation time of all partitions, on one snapshot. Only
windows whose panes changed are looked at, and those that time alone changes: the current ones,
and those that have ended and are not final yet.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from services.evaluator import judge_store, store
from services.evaluator.agenda import Subject, Work, find_work, is_listed, list_volumes
from services.evaluator.checkpoint import Checkpoint, Continue, go_on
from services.evaluator.figures import Figures
from services.evaluator.fold import objectives
from services.evaluator.judge_store import BEGINNING, NEVER, Due, Moment, Said
from services.evaluator.judgement_rows import JudgedWindow, judged_rows
from services.evaluator.posting import Window
from shared.domain.agreement import Catalogue, objective_id
from shared.domain.instant import Instant
from shared.domain.judge import (
    START,
    Step,
    Walk,
    judge,
    next_turn,
    walk,
    window_breaches,
    windows,
)
from shared.domain.measure import NOTHING, Counts
from shared.domain.window import Span
from shared.runtime.database import Connection, Pool, transaction
from shared.runtime.tables import RUNNING_WINDOW
from shared.runtime.wall_clock import WallClock

PAUSE_S: Final = 0.1
"""An objective is judged at most once in this time."""
LAGGING_PAUSE_S: Final = 1.0
LAGGING_SHARE: Final = 5
"""While partitions lag, judging takes one part in so many of the time: folding comes first."""
OBJECTIVES_MAX: Final = 64
_logger: Final = logging.getLogger(__name__)


class Judge:
    """Judges whatever has to be judged, together with any number of others like it."""

    def __init__(
        self, pool: Pool, catalogue: Catalogue, figures: Figures, *, clock: WallClock
    ) -> None:
        """Judge the objectives of the catalogue."""
        self._pool = pool
        self._catalogue = catalogue
        self._objectives = {
            objective_id(*key): (key, own) for key, own in objectives(catalogue).items()
        }
        self._figures = figures
        self._clock = clock
        self._registered = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Judge until told to stop."""
        while not stopping.is_set():
            begun = time.monotonic()
            pause = PAUSE_S
            try:
                pause = await self.judge_once()
            except ValueError:
                raise
            except store.PASSING as error:
                _logger.warning(
                    "A judging was given up and is done again: %r",
                    error,
                    extra={"action": "judging_again"},
                )
            await asyncio.sleep(max(0.0, pause - (time.monotonic() - begun)))

    async def judge_once(self) -> float:
        """Judge the objectives that have to be, some at a time; the seconds to wait then."""
        begun = time.perf_counter()
        async with transaction(self._pool, isolation="repeatable_read") as connection:
            moment = await judge_store.moment(connection, self._catalogue.digest)
            if moment is None:
                return PAUSE_S
            if not self._registered:
                await self._register(connection)
            due = await judge_store.take_due(
                connection, moment, self._catalogue.digest, OBJECTIVES_MAX
            )
            if due:
                await self._judge(connection, moment, due)
        self._registered = True
        if due:
            self._figures.judging.labels(evaluator="judge").observe(time.perf_counter() - begun)
        self._figures.last_evaluation.labels(evaluator="judge").set(moment.as_of / 1_000_000)
        if not moment.proven:
            return max(LAGGING_PAUSE_S, LAGGING_SHARE * (time.perf_counter() - begun))
        return 0.0 if len(due) == OBJECTIVES_MAX else PAUSE_S

    async def _register(self, connection: Connection) -> None:
        await judge_store.register(
            connection,
            sorted(self._objectives),
            self._catalogue.digest,
            sorted(self._catalogue.agreements),
            now=self._clock(),
        )

    async def _judge(self, connection: Connection, moment: Moment, due: list[Due]) -> None:
        """What has to be judged -> its counts and walks -> the domain's judgement -> rows."""
        subjects = {own.objective: self._subject(own.objective, moment.as_of) for own in due}
        work = await find_work(connection, moment, due, subjects, self._catalogue.digest)
        listed = await list_volumes(connection, work, subjects, moment.as_of)
        spans = {
            window: span
            for window in work.changed
            if (span := subjects[window.objective].span(window.start)) is not None
        }
        gone = [window for window in work.changed if window not in spans]
        judged = await self._judge_windows(connection, moment, work, subjects, spans, listed)
        rows = judged_rows(judged, moment, known_at=self._clock())
        if gone:
            await judge_store.forget_windows(connection, gone, now=self._clock())
        if rows.values:
            await judge_store.write_values(connection, rows.values)
        if rows.revisions:
            await judge_store.write_revisions(connection, rows.revisions)
        if rows.breaches:
            await store.write_breaches(connection, rows.breaches)
        await judge_store.write_judged(connection, self._next(due, subjects, judged, moment))
        self._figures.judged.inc(len(rows.values))

    def _subject(self, objective: str, as_of: Instant) -> Subject:
        (agreement_name, name), own = self._objectives[objective]
        agreement = self._catalogue.agreements[agreement_name]
        shown = windows(agreement, name, (), grouped=bool(own.group_by), now=as_of)
        return Subject(agreement, name, own, own.window.holding(as_of), bool(shown))

    async def _judge_windows(
        self,
        connection: Connection,
        moment: Moment,
        work: Work,
        subjects: Mapping[str, Subject],
        spans: Mapping[Window, Span],
        listed: Mapping[tuple[str, str], set[Instant]],
    ) -> list[JudgedWindow]:
        if not spans:
            return []
        current = {w for w in spans if w.start == subjects[w.objective].current.start}
        running = {window: window._replace(start=RUNNING_WINDOW) for window in current}
        counts = await judge_store.counts_of(connection, [*spans, *set(running.values())])
        said = await judge_store.said_of(connection, [*spans])
        checkpoints = {window: Checkpoint.read(known.checkpoint) for window, known in said.items()}
        walks = self._walks_to_go_on(spans, subjects, work, checkpoints, moment)
        steps = (
            await judge_store.steps_of(
                connection,
                [(w, _walked_to(kept)) for w, kept in walks.items()],
                moment.as_of,
            )
            if walks
            else {}
        )
        judged = []
        for window, span in spans.items():
            subject = subjects[window.objective]
            total = counts.get(window, NOTHING)
            if window in current:
                total += counts.get(running[window], NOTHING)
            kept = walks.get(window, ())
            if steps.get(window):
                kept = go_on(kept, steps[window], _proceed(subject, span, moment), now=moment.as_of)
            judged.append(
                _judged(
                    subject,
                    window,
                    span,
                    total,
                    kept,
                    cause=work.changed[window][1],
                    listed=is_listed(subject, window, total, listed),
                    said=said.get(window),
                    known=checkpoints.get(window),
                    now=moment.as_of,
                )
            )
        return judged

    def _walks_to_go_on(
        self,
        spans: Mapping[Window, Span],
        subjects: Mapping[str, Subject],
        work: Work,
        checkpoints: Mapping[Window, Checkpoint],
        moment: Moment,
    ) -> dict[Window, tuple[Walk, ...]]:
        """The walks that still hold, of every window that is walked at all."""
        found: dict[Window, tuple[Walk, ...]] = {}
        for window, span in spans.items():
            subject = subjects[window.objective]
            if subject.is_volume:
                continue
            checkpoint = checkpoints.get(window)
            version = _version(subject, span, moment.as_of)
            found[window] = (
                () if checkpoint is None else checkpoint.before(work.changed[window][0], version)
            )
        return found

    def _next(
        self,
        due: Iterable[Due],
        subjects: Mapping[str, Subject],
        judged: Iterable[JudgedWindow],
        moment: Moment,
    ) -> list[Due]:
        """When each objective has to be judged again though nothing changes in its panes."""
        turns: dict[str, Instant] = {}
        provisional: dict[str, Instant] = {}
        for own in judged:
            subject = subjects[own.window.objective]
            if own.span == subject.current:
                turn = next_turn(
                    subject.agreement, subject.name, own.span, own.counts, now=moment.as_of
                )
                turns[subject.id] = min(turn, turns.get(subject.id, NEVER))
            until = own.provisional_until(moment.watermark)
            provisional[subject.id] = min(until, provisional.get(subject.id, NEVER))
        rows = []
        for before in due:
            subject = subjects[before.objective]
            edges = [
                edge
                for version in subject.agreement.versions
                for edge in (version.start, version.until)
                if edge is not None
            ]
            coming = [turns.get(subject.id, NEVER), before.next_turn, subject.current.end, *edges]
            waiting = [provisional.get(subject.id, NEVER), before.provisional_until]
            rows.append(
                Due(
                    objective=before.objective,
                    as_of=moment.as_of,
                    next_turn=min(turn for turn in coming if turn > moment.as_of),
                    provisional_until=min(
                        (until for until in waiting if until > moment.watermark), default=NEVER
                    ),
                    documents=self._catalogue.digest,
                )
            )
        return rows


def _walked_to(walks: tuple[Walk, ...]) -> Instant:
    last = walks[-1] if walks else START
    return BEGINNING if last.at is None else last.at


def _version(subject: Subject, span: Span, now: Instant) -> Instant:
    """The beginning of the version that judges the window; its walk is by that version."""
    return subject.agreement.judging(subject.name, min(now, span.end - 1))[0].start


def _proceed(subject: Subject, span: Span, moment: Moment) -> Continue:
    def proceed(start: Walk, steps: Sequence[Step]) -> Walk:
        return walk(subject.agreement, subject.name, span, start, steps, now=moment.as_of)

    return proceed


def _judged(
    subject: Subject,
    window: Window,
    span: Span,
    counts: Counts,
    walks: tuple[Walk, ...],
    *,
    cause: str,
    listed: bool,
    said: Said | None,
    known: Checkpoint | None,
    now: Instant,
) -> JudgedWindow:
    walked = walks[-1] if walks else START
    return JudgedWindow(
        window=window,
        span=span,
        counts=counts,
        judgement=judge(subject.agreement, subject.name, span, counts, now=now),
        episodes=window_breaches(subject.agreement, subject.name, span, walked, counts, now=now),
        walks=walks,
        version=_version(subject, span, now),
        known=() if known is None else known.breaches,
        said=said,
        cause=cause,
        listed=listed,
    )
