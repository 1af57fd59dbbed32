"""Changed windows and passed edges -> values, revisions and the breaches of windows.

An objective is judged as of the smallest evaluation time of all partitions, on one snapshot. Only
windows whose panes changed are looked at, and those that time alone changes: the current ones,
and those that have ended and are not final yet.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from services.evaluator import exchange, judge_store, standing, state_news
from services.evaluator.agenda import Subject, find_work
from services.evaluator.apart import judge_apart
from services.evaluator.batch_size import JudgingSize
from services.evaluator.breaches import BreachRow
from services.evaluator.figures import Figures
from services.evaluator.generations import Compiled, Generations
from services.evaluator.judge_store import BEGINNING, Due, Moment
from services.evaluator.judgement_rows import JudgedWindow, judged_rows
from services.evaluator.listing import list_volumes
from services.evaluator.panes import Group
from services.evaluator.partition import ALLOWED_DISORDER
from services.evaluator.rolling import judge_rolling
from services.evaluator.rows import Window
from services.evaluator.writes import write, write_of_breaches
from shared.domain.instant import NEVER, SECOND, Instant
from shared.domain.judge import next_turn, windows
from shared.runtime import advisory_locks
from shared.runtime.database import PASSING, Connection, Pool, transaction
from shared.runtime.generations import built, numbers, switch
from shared.runtime.wall_clock import WallClock

PAUSE_S: Final = 0.1
"""An objective is judged at most once in this time."""
SHARE: Final = 4
"""Judging takes one part in so many of the time: events wait while it goes on."""
LAGGING_PAUSE_S: Final = 1.0
LAGGING_SHARE: Final = 5
"""The same while partitions lag: folding comes first."""
LAGGING_BY: Final = 10 * SECOND
"""So far behind the wall clock they lag; a proof alone is easily missed for a moment."""
_logger: Final = logging.getLogger(__name__)


class Judge:
    """Judges whatever has to be judged, together with any number of others like it."""

    def __init__(
        self, pool: Pool, generations: Generations, figures: Figures, *, clock: WallClock
    ) -> None:
        """Judge the objectives of whatever documents are in use."""
        self._pool = pool
        self._generations = generations
        self._figures = figures
        self._clock = clock
        self._registered = 0
        self._size = JudgingSize()

    async def run(self, stopping: asyncio.Event) -> None:
        """Judge until told to stop."""
        again = False
        while not stopping.is_set():
            begun = time.monotonic()
            try:
                async with self._undisturbed() if again else nullcontext():
                    pause = await self.judge_once()
                again = False
                await self._rest(begun + pause, stopping)
            except ValueError:
                raise
            except PASSING as error:
                again = True
                self._size.given_up()
                _logger.warning(
                    "A judging was given up and is done again: %r",
                    error,
                    extra={"action": "judging_again"},
                )
                await asyncio.sleep(PAUSE_S)

    def _undisturbed(self) -> AbstractAsyncContextManager[None]:
        """Have nothing announced meanwhile.

        A breach noted as announced since a judging's snapshot makes that fail: one that takes long
        enough would fail for ever.
        """
        return advisory_locks.held_together(self._pool, advisory_locks.JUDGING_AGAIN)

    async def _rest(self, until: float, stopping: asyncio.Event) -> None:
        """Wait until then; documents that are built meanwhile do not wait."""
        await asyncio.sleep(max(0.0, min(until - time.monotonic(), LAGGING_PAUSE_S)))
        while (left := until - time.monotonic()) > 0 and not stopping.is_set():
            await self._switch_when_built()
            await asyncio.sleep(min(left, LAGGING_PAUSE_S))

    async def judge_once(self) -> float:
        """Judge the objectives that have to be, some at a time; the seconds to wait then."""
        begun = time.perf_counter()
        await self._switch_when_built()
        async with transaction(self._pool, isolation="repeatable_read") as connection:
            current, _ = await numbers(connection)
            if current is None:
                return PAUSE_S
            documents = await self._generations.compiled(current)
            moment = await judge_store.moment(connection, current)
            if moment is None:
                return PAUSE_S
            if self._registered != current:
                names = sorted(documents.keys)
                await judge_store.register(connection, names, now=self._clock())
            due = await judge_store.take_due(connection, moment, documents.keys, self._size.most)
            if due:
                await self._judge(connection, documents, moment, due)
        self._registered = current
        is_full, took = len(due) == self._size.most, time.perf_counter() - begun
        if due:
            self._size.done()
            self._figures.judging.labels(evaluator="judge").observe(took)
        self._figures.last_evaluation.labels(evaluator="judge").set(moment.as_of / SECOND)
        if not moment.proven and self._clock() - moment.as_of > LAGGING_BY:
            return max(LAGGING_PAUSE_S, LAGGING_SHARE * took)
        return 0.0 if is_full else max(PAUSE_S, SHARE * took)

    async def _switch_when_built(self) -> None:
        """Use the documents that all partitions have built: all that they change at once."""
        async with self._pool.acquire() as connection:
            number = await built(connection)
        if number is None:
            return
        begun = time.perf_counter()
        documents = await self._generations.compiled(number)
        async with transaction(self._pool, isolation="repeatable_read") as connection:
            await exchange.stand_alone(connection)
            if await built(connection) != number:
                return
            now, names = self._clock(), sorted(documents.keys)
            current, _ = await numbers(connection)
            if current is not None:
                before = await self._generations.compiled(current)
                await state_news.forget(connection, documents.regrouped(before))
            await switch(connection, number, now=now)
            await judge_store.register(connection, names, now=now)
            await exchange.exchange_breaches(
                connection, number, sorted(documents.unchanged), now=now
            )
            kept = {*documents.unchanged}
            built_beside = {name: key for name, key in documents.keys.items() if name not in kept}
            await exchange.queue_ahead(connection, built_beside)
            moment = await judge_store.moment(connection, number)
            if moment is not None:
                due = await judge_store.take_due(connection, moment, documents.keys, None)
                await self._judge(connection, documents, moment, due)
        _logger.info(
            "Generation %d of the documents is in use.",
            number,
            extra={
                "action": "documents_switched",
                "objectives": len(documents.fresh),
                "seconds": round(time.perf_counter() - begun, 3),
            },
        )

    async def _judge(
        self, connection: Connection, documents: Compiled, moment: Moment, due: list[Due]
    ) -> None:
        """What has to be judged -> what counts and walks -> the domain's judgement -> rows."""
        known_at = self._clock()
        subjects = {own.objective: _subject(documents, own.objective, moment.as_of) for own in due}
        work = await find_work(connection, moment, due, subjects)
        listed = await list_volumes(connection, work, subjects, moment.as_of)
        judged: list[JudgedWindow] = []
        breaches: list[BreachRow] = []
        for kind, some in ((judge_apart, work.changed), (judge_rolling, work.rolled)):
            if some:
                found = await kind(connection, moment, work, subjects, listed, known_at=known_at)
                judged += found[0]
                breaches += found[1]
        if work.gone:
            await standing.forget_windows(connection, work.gone, now=known_at)
        revisions = await judge_store.last_revisions(connection, _unrevised(judged))
        before = {own.objective: _watermark_before(own, subjects) for own in due}
        rows = judged_rows(judged, moment, revisions, before, known_at=known_at)
        if rows.values:
            await judge_store.write_values(connection, rows.values)
        turned = _turned(judged, subjects)
        if turned:
            await state_news.queue(connection, turned)
        if rows.revisions:
            await judge_store.write_revisions(connection, rows.revisions)
        if breaches:
            await write(connection, [write_of_breaches(breaches)])
        over = await self._next_over(connection, due, subjects, moment)
        judgements = self._next(due, subjects, judged, over, rows.waiting, moment)
        await judge_store.write_judged(connection, judgements)
        self._figures.judged.inc(len(rows.values))

    async def _next_over(
        self,
        connection: Connection,
        due: Iterable[Due],
        subjects: Mapping[str, Subject],
        moment: Moment,
    ) -> dict[str, Instant]:
        """When the next window of each cohort is over: its last items have had their time."""
        waits = {
            own.objective: kpi.within
            for own in due
            if (kpi := subjects[own.objective].own.kpi).cohort and kpi.within is not None
        }
        after = {objective: moment.as_of - within for objective, within in waits.items()}
        ends = await judge_store.next_ends(connection, after)
        return {name: end + waits[name] for name, end in ends.items() if end is not None}

    def _next(
        self,
        due: Iterable[Due],
        subjects: Mapping[str, Subject],
        judged: Iterable[JudgedWindow],
        over: Mapping[str, Instant],
        waiting: Mapping[str, Instant],
        moment: Moment,
    ) -> list[Due]:
        """When each objective has to be judged again though nothing changes in its panes."""
        turns: dict[str, Instant] = dict(over)
        provisional: dict[str, Instant] = dict(waiting)
        for own in judged:
            subject = subjects[own.window.objective]
            if own.span == subject.current:
                turn = next_turn(
                    subject.agreement, subject.name, own.span, own.measure, now=moment.as_of
                )
                turns[subject.id] = min(turn, turns.get(subject.id, NEVER))
            until = own.provisional_until(moment.watermark)
            provisional[subject.id] = min(until, provisional.get(subject.id, NEVER))
        return [
            self._judged_now(
                before,
                subjects[before.objective],
                turns.get(before.objective, NEVER),
                provisional.get(before.objective, NEVER),
                moment,
            )
            for before in due
        ]

    def _judged_now(
        self, before: Due, subject: Subject, turn: Instant, provisional: Instant, moment: Moment
    ) -> Due:
        edges = [
            edge
            for version in subject.agreement.versions
            for edge in (version.start, version.until)
            if edge is not None
        ]
        coming = [turn, before.next_turn, subject.current.end, *edges]
        waiting = [provisional, before.provisional_until, _proven_at(moment)]
        return Due(
            objective=before.objective,
            as_of=moment.as_of,
            next_turn=min(turn for turn in coming if turn > moment.as_of),
            provisional_until=min(
                (until for until in waiting if until > moment.watermark), default=NEVER
            ),
            pane_key=subject.pane_key,
            watermark=moment.watermark,
        )


def _proven_at(moment: Moment) -> Instant:
    """The watermark that says that what is judged now was right, where evaluation is behind.

    It is judged again then: nothing is told of it before.
    """
    proven = moment.as_of - ALLOWED_DISORDER
    return proven if proven > moment.watermark + state_news.BEHIND else NEVER


def _turned(judged: Iterable[JudgedWindow], subjects: Mapping[str, Subject]) -> list[Group]:
    """The groups whose current window is in another state than was said before."""
    return [
        own.window[:2]
        for own in judged
        if own.span == subjects[own.window.objective].current
        and (own.listed if own.said is None else own.said.state != own.judgement.state.value)
    ]


def _unrevised(judged: Iterable[JudgedWindow]) -> list[Window]:
    """Windows whose last revision is not what was said last: nothing is, or no revision says so."""
    return [
        own.window
        for own in judged
        if (own.listed if own.said is None else own.said.restated_since is not None)
    ]


def _watermark_before(own: Due, subjects: Mapping[str, Subject]) -> Instant:
    """The watermark of the former judging; none where other documents judge everything anew."""
    return own.watermark if own.pane_key == subjects[own.objective].pane_key else BEGINNING


def _subject(documents: Compiled, objective: str, as_of: Instant) -> Subject:
    (agreement_name, name), own = documents.objectives[objective]
    agreement = documents.catalogue.agreements[agreement_name]
    shown = windows(agreement, name, (), grouped=bool(own.group_by), now=as_of)
    current = own.window.current(as_of)
    return Subject(agreement, name, own, current, bool(shown), documents.keys[objective])
