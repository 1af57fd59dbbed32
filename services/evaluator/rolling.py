"""Judging rolling windows: stretches of a group's windows, each the sum of its steps.

    pane that changed -> the windows that hold it      panes of a stretch -> every window by sliding
    the newest pane   -> the current window only: what is over of it is kept in its row

A breach runs over windows that follow each other. It is known by its edges, so that a stretch is
judged without those before and after it: only the breaches that touch it are looked up.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from services.evaluator import judge_store, panes, standing
from services.evaluator.agenda import UNGROUPED, Stretches, Subject, Work, pane_keys
from services.evaluator.breaches import BreachRow, window_breach
from services.evaluator.checkpoint import Closed
from services.evaluator.judge_store import BEGINNING, Moment, Said
from services.evaluator.judgement_rows import JudgedWindow, since_of
from services.evaluator.listing import is_listed
from services.evaluator.panes import Group, Stretch
from services.evaluator.posting import Cause
from services.evaluator.rows import Window
from services.evaluator.standing import Standing
from shared.domain.agreement import Percentile
from shared.domain.instant import Instant
from shared.domain.judge import NO_BUCKETS, Judgement, State, judge
from shared.domain.measure import NOTHING, Buckets, Measure
from shared.domain.rolling import slide
from shared.domain.window import RollingWindow, Span
from shared.runtime.conventions import RUNNING_PANE
from shared.runtime.database import Connection


class Part(NamedTuple):
    """Windows of one group that end in `[first, last]`."""

    group: Group
    first: Instant
    last: Instant


@dataclass(slots=True)
class _Panes:
    """What counts in the panes of a part; what runs is in the newest one."""

    measures: dict[Instant, Measure]
    buckets: Mapping[Instant, Mapping[int, int]] = field(default_factory=dict)
    closed: Closed | None = None


class _Total(NamedTuple):
    """A window with what counts in it."""

    span: Span
    measure: Measure
    buckets: Buckets
    closed: Closed | None


class _Seen(NamedTuple):
    """A window as judged now, before its breach is known."""

    total: _Total
    judgement: Judgement
    said: Said | None
    listed: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database knows of the windows around some parts."""

    said: Mapping[Window, Said]
    standing: Mapping[Group, set[Standing]]
    panes: Mapping[Part, _Panes]


async def judge_rolling(
    connection: Connection,
    moment: Moment,
    work: Work,
    subjects: Mapping[str, Subject],
    listed: Mapping[Group, set[Instant]],
    *,
    known_at: Instant,
) -> tuple[list[JudgedWindow], list[BreachRow]]:
    """Stretches to judge -> sums of their panes -> judgements, and what is new of breaches."""
    judged: list[JudgedWindow] = []
    breaches: list[BreachRow] = []
    parts = _parts(work, subjects)
    known = await _known(connection, work, subjects, parts)
    for group, several in parts.items():
        subject, window = subjects[group[0]], _window(subjects, group)
        before = known.standing.get(group, set())
        after = before
        for part in several:
            seen = [*_seen(subject, window, part, known, listed, moment)]
            after = rejoined(after, window, part, _missing(seen, moment), as_of=moment.as_of)
            causes = work.rolled[group]
            judged += _judged(window, part, seen, known.said, after, causes, moment)
        breaches += _changed(group, before, after, known_at)
        await asyncio.sleep(0)  # others, the group's heartbeat too, do not wait for all of them
    return judged, breaches


def rejoined(
    standing: Iterable[Standing],
    window: RollingWindow,
    part: Part,
    missing: Iterable[Instant],
    *,
    as_of: Instant,
) -> set[Standing]:
    """The breaches of a group when of the windows in `part` those that end at `missing` miss.

    What stood before and after the part is joined to it where windows follow each other.
    """
    step, (_, first, last) = window.step, part
    runs = [(end, end) for end in missing]
    kept: set[Standing] = set()
    for own in standing if first > BEGINNING else ():
        begins = own.opened_at
        ends = as_of // step * step if own.closed_at is None else own.closed_at - step
        if ends < first - step or begins > last + step:
            kept.add(own)
            continue
        if begins < first:
            runs.append((begins, min(ends, first - step)))
        if ends > last:
            runs.append((max(begins, last + step), ends))
    for begins, ends in _merged(runs, step):
        span, closed = Span(begins - window.length, begins), ends + step
        kept.add(Standing(span, begins, closed if closed <= as_of else None))
    return kept


def _merged(
    runs: Iterable[tuple[Instant, Instant]], step: Instant
) -> list[tuple[Instant, Instant]]:
    found: list[tuple[Instant, Instant]] = []
    for begins, ends in sorted(runs):
        if found and begins <= found[-1][1] + step:
            found[-1] = (found[-1][0], max(ends, found[-1][1]))
        else:
            found.append((begins, ends))
    return found


def _parts(work: Work, subjects: Mapping[str, Subject]) -> dict[Group, list[Part]]:
    return {
        group: [Part(group, *ends) for ends in stretches.merged(_window(subjects, group))]
        for group, stretches in sorted(work.rolled.items())
    }


def _window(subjects: Mapping[str, Subject], group: Group) -> RollingWindow:
    window = subjects[group[0]].rolling
    if window is None:
        message = f"{group[0]} has no rolling windows"
        raise TypeError(message)
    return window


async def _known(
    connection: Connection,
    work: Work,
    subjects: Mapping[str, Subject],
    parts: Mapping[Group, Sequence[Part]],
) -> _Known:
    every = [part for several in parts.values() for part in several]
    around: list[Stretch] = []
    touching: list[Stretch] = []
    for group, first, last in every:
        window = _window(subjects, group)
        # One more before: whether its state goes on.
        begin = _back(first, window.length + window.step)
        around.append(Stretch(*group, begin, last - window.length + 1))
        touching.append(Stretch(*group, _back(first, window.step), last + window.step + 1))
    said = await judge_store.said_over(connection, around)
    standing_ = await standing.breaches_touching(connection, touching)
    return _Known(said, standing_, await _panes(connection, work, subjects, every, said))


async def _panes(
    connection: Connection,
    work: Work,
    subjects: Mapping[str, Subject],
    parts: Sequence[Part],
    said: Mapping[Window, Said],
) -> dict[Part, _Panes]:
    """The panes of each part; only the newest where what is over of its one window is kept."""
    kept: dict[Part, Closed] = {}
    stretches: dict[Part, Stretch] = {}
    running: dict[Part, Window] = {}
    for part in parts:
        group, first, last = part
        window, current = _window(subjects, group), subjects[group[0]].current
        begin = _back(first, window.length)
        row = said.get(Window(*group, current.start))
        if first == current.end and row is not None and group[0] not in work.anew:
            closed = Closed.read(row.checkpoint)
            if closed is not None:
                kept[part] = closed
                begin = current.end - window.step
        stretches[part] = Stretch(*group, begin, last)
        if last == current.end:
            running[part] = Window(*group, RUNNING_PANE)
    keys = pane_keys(subjects)
    measures = await panes.measures_over(connection, keys, [*stretches.values()])
    runs = await panes.measures_of(connection, keys, sorted(set(running.values())))
    timed = [part for part in parts if isinstance(subjects[part.group[0]].own.target, Percentile)]
    buckets = dict(
        zip(
            timed,
            await panes.buckets_over(connection, keys, [stretches[part] for part in timed]),
            strict=True,
        )
    )
    found = {}
    for part, own in zip(stretches, measures, strict=True):
        more = runs.get(running[part], NOTHING) if part in running else NOTHING
        if more.has_data:
            newest = subjects[part.group[0]].current.end - _window(subjects, part.group).step
            own[newest] = own.get(newest, NOTHING).plus(more)
        found[part] = _Panes(own, buckets.get(part, {}), kept.get(part))
    return found


def _totals(window: RollingWindow, part: Part, current: Span, counting: _Panes) -> Iterator[_Total]:
    """What counts in every window of a part that holds something; buckets hold until the next."""
    newest = current.end - window.step
    measures, buckets = counting.measures, counting.buckets
    if counting.closed is not None:
        closed = counting.closed
        total = closed.measure.plus(measures.get(newest, NOTHING))
        times = Counter(closed.buckets)
        times.update(buckets.get(newest, {}))
        yield _Total(current, total, times, closed)
        return
    total = NOTHING
    times = Counter()
    for span, entered, left in slide(window, measures, Span(part.last - window.length, part.last)):
        for start in entered:
            total = total.plus(measures[start])
            times.update(buckets.get(start, {}))
        for start in left:
            total = total.minus(measures[start])
            times.subtract(buckets.get(start, {}))
        if span.end >= part.first:
            over = None
            if span == current:
                before = total.minus(measures.get(newest, NOTHING))
                over = Closed(before, times - Counter(buckets.get(newest, {})))
            yield _Total(span, total, times, over)


def _seen(
    subject: Subject,
    window: RollingWindow,
    part: Part,
    known: _Known,
    listed: Mapping[Group, set[Instant]],
    moment: Moment,
) -> list[_Seen]:
    """The windows of a part that have data, or a row, or are listed all the same; in order."""
    group, first, last = part
    current = subject.current
    seen: dict[Instant, _Seen] = {}

    def see(total: _Total) -> None:
        place = Window(*group, total.span.start)
        said = known.said.get(place)
        judgement = judge(
            subject.agreement,
            subject.name,
            total.span,
            total.measure,
            now=moment.as_of,
            buckets=total.buckets,
        )
        shown = is_listed(subject, place, total.measure, said, listed)
        seen[total.span.end] = _Seen(total, judgement, said, shown)

    for total in _totals(window, part, current, known.panes[part]):
        see(total)
    starts = {place.start for place in known.said if place[:2] == group}
    starts |= listed.get(group, set())
    if subject.is_shown and group[1] == UNGROUPED:
        starts.add(current.start)
    for start in starts:
        span = subject.span(start)
        if span is not None and first <= span.end <= last and span.end not in seen:
            over = Closed() if span == current else None
            see(_Total(span, NOTHING, NO_BUCKETS, over))
    return [seen[end] for end in sorted(seen)]


def _missing(seen: Iterable[_Seen], moment: Moment) -> list[Instant]:
    """The ends of the windows that have ended and miss."""
    return [
        own.total.span.end
        for own in seen
        if own.listed
        and own.judgement.state is State.BREACHED
        and own.total.span.end <= moment.as_of
    ]


def _judged(
    window: RollingWindow,
    part: Part,
    seen: Iterable[_Seen],
    said: Mapping[Window, Said],
    standing_: Iterable[Standing],
    causes: Stretches,
    moment: Moment,
) -> Iterator[JudgedWindow]:
    opened = {own.window.start: own for own in standing_}
    going_on = next((own for own in opened.values() if own.closed_at is None), None)
    before = said.get(Window(*part.group, part.first - window.step - window.length))
    state, since, end = (None, 0, 0)
    if before is not None:
        state, since, end = before.state, before.since, part.first - window.step
    for own in seen:
        span = own.total.span
        stands = going_on if span.end > moment.as_of else opened.get(span.start)
        goes_on = end == span.end - window.step and state == own.judgement.state.value
        episodes = opened.get(span.start)
        judged = JudgedWindow(
            window=Window(*part.group, span.start),
            span=span,
            measure=own.total.measure,
            judgement=own.judgement,
            episodes=() if episodes is None else (episodes[1:],),
            breach=None if stands is None else (stands.window, stands[1:]),
            checkpoint="" if own.total.closed is None else own.total.closed.write(),
            said=own.said,
            cause=_cause(own, causes),
            listed=own.listed,
            since=since if goes_on else min(span.end, moment.as_of),
        )
        state, since, end = own.judgement.state.value, since_of(judged, moment), span.end
        yield judged


def _cause(own: _Seen, causes: Stretches) -> str:
    """Why the window is judged: asked only where it may be restated."""
    if own.said is None or not own.said.revision:
        return Cause.LATE
    return causes.cause(own.total.span.end)


def _changed(
    group: Group, before: set[Standing], after: set[Standing], known_at: Instant
) -> list[BreachRow]:
    """The breaches that are new, have changed, or are no more."""
    names = {(own.window.start, own.opened_at) for own in after}
    gone = [own for own in before if (own.window.start, own.opened_at) not in names]
    return [
        *(window_breach(*group, own.window, own[1:], known_at) for own in after - before),
        *(
            window_breach(*group, own.window, own[1:], known_at)._replace(withdrawn_at=known_at)
            for own in gone
        ),
    ]


def _back(instant: Instant, length: Instant) -> Instant:
    """So much earlier, but not before all time."""
    return max(instant - length, BEGINNING)
