"""Judging windows that lie apart: each calendar or tumbling window is a pane, and is walked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.evaluator import judge_store, panes, standing
from services.evaluator.agenda import Subject, Work, pane_keys
from services.evaluator.breaches import BreachRow, Episode, changed_episodes, window_breach
from services.evaluator.checkpoint import Checkpoint, edges, thinned
from services.evaluator.judge_store import BEGINNING, Moment, Said
from services.evaluator.judgement_rows import JudgedWindow
from services.evaluator.listing import is_listed
from services.evaluator.panes import Group, Segment, Stretch
from services.evaluator.rows import Window
from shared.domain.agreement import Percentile
from shared.domain.instant import Instant
from shared.domain.judge import (
    NO_BUCKETS,
    START,
    State,
    Walk,
    judge,
    walk,
    window_breaches,
)
from shared.domain.measure import NOTHING, Buckets, Measure
from shared.domain.missing import misses_alike
from shared.domain.window import Span
from shared.runtime.conventions import RUNNING_PANE
from shared.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class _Read:
    """What is known of a window before it is judged.

    Not `is_walked` is one of which entries have been let go: its breaches stay as they are `known`.
    """

    span: Span
    measure: Measure
    buckets: Buckets
    said: Said | None
    checkpoint: Checkpoint | None
    walks: tuple[Walk, ...]
    known: tuple[Episode, ...]
    is_walked: bool


async def judge_apart(
    connection: Connection,
    moment: Moment,
    work: Work,
    subjects: Mapping[str, Subject],
    listed: Mapping[Group, set[Instant]],
    *,
    known_at: Instant,
) -> tuple[list[JudgedWindow], list[BreachRow]]:
    """Windows to judge -> their measures and walks -> judgements, and what is new of breaches."""
    judged: list[JudgedWindow] = []
    breaches: list[BreachRow] = []
    for window, read in (await _read(connection, moment, work, subjects)).items():
        subject = subjects[window.objective]
        shown = is_listed(subject, window, read.measure, read.said, listed)
        cause = work.changed[window][1]
        own = _judged(subject, window, read, moment, cause=cause, listed=shown)
        judged.append(own)
        if read.said is not None or shown:
            breaches += _changed(own, read.known, known_at)
    return judged, breaches


async def _read(
    connection: Connection, moment: Moment, work: Work, subjects: Mapping[str, Subject]
) -> dict[Window, _Read]:
    """Everything that the database knows of the windows to judge."""
    spans: dict[Window, Span] = {}
    for window in work.changed:
        span = subjects[window.objective].span(window.start)
        if span is not None:
            spans[window] = span
    current = {w for w in spans if w.start == subjects[w.objective].current.start}
    running = {window: window._replace(start=RUNNING_PANE) for window in current}
    measures = await panes.measures_of(connection, pane_keys(subjects), [*spans, *running.values()])
    buckets = await _buckets(connection, spans, subjects)
    said = await judge_store.said_of(connection, [*spans])
    checkpoints = {
        window: Checkpoint.read(known.checkpoint)
        for window, known in said.items()
        if window.objective not in work.anew
    }
    # Under other documents the windows may have been of another kind, with other breaches.
    afresh = [window for window in spans if window.objective in work.anew]
    stood = await standing.breaches_of(connection, afresh)
    walks, kept = await _walks(connection, moment, work, subjects, spans, checkpoints)
    found = {}
    for window, span in spans.items():
        measure = measures.get(window, NOTHING)
        is_walked = checkpoints.get(window) is None or _is_whole(
            span, walks.get(window), measure, moment
        )
        if window in running:
            measure = measure.plus(measures.get(running[window], NOTHING))
        checkpoint = checkpoints.get(window)
        known = stood.get(window, ()) if checkpoint is None else checkpoint.breaches
        found[window] = _Read(
            span,
            measure,
            buckets.get(window, NO_BUCKETS),
            said.get(window),
            checkpoint,
            (walks if is_walked else kept).get(window, ()),
            known,
            is_walked,
        )
    return found


def _is_whole(span: Span, walks: tuple[Walk, ...] | None, measure: Measure, moment: Moment) -> bool:
    """Whether the entries of a window are all there: those let go would be missing in the sum."""
    if walks is None or span.start >= moment.ledger_from:
        return True
    walked = walks[-1].measure if walks else NOTHING
    return _decided(walked) == _decided(measure)


def _decided(measure: Measure) -> Measure:
    """What of a measure has entries that are walked."""
    return measure._replace(excluded=0, running=0, amount=0)


async def _buckets(
    connection: Connection, spans: Mapping[Window, Span], subjects: Mapping[str, Subject]
) -> dict[Window, Buckets]:
    """How long the stopped clocks of percentiles took, by window."""
    wanted = [
        window for window in spans if isinstance(subjects[window.objective].own.target, Percentile)
    ]
    stretches = [Stretch(*window, window.start + 1) for window in wanted]
    several = await panes.buckets_over(connection, pane_keys(subjects), stretches)
    return {
        window: found.get(window.start, {}) for window, found in zip(wanted, several, strict=True)
    }


async def _walks(
    connection: Connection,
    moment: Moment,
    work: Work,
    subjects: Mapping[str, Subject],
    spans: Mapping[Window, Span],
    checkpoints: Mapping[Window, Checkpoint],
) -> tuple[dict[Window, tuple[Walk, ...]], dict[Window, tuple[Walk, ...]]]:
    """The walks of every window that is walked at all, gone on with as far as the ledger goes.

    Beside them those that were kept before, as far as no change came before their end.
    """
    found: dict[Window, tuple[Walk, ...]] = {}
    for window, span in spans.items():
        subject = subjects[window.objective]
        if subject.own.is_volume:
            continue
        checkpoint = checkpoints.get(window)
        version = _version(subject, span, moment.as_of)
        found[window] = (
            () if checkpoint is None else checkpoint.before(work.changed[window][0], version)
        )
    kept = dict(found)
    found.update(await _gone_on(connection, subjects, spans, kept, moment.as_of))
    return found, kept


async def _gone_on(
    connection: Connection,
    subjects: Mapping[str, Subject],
    spans: Mapping[Window, Span],
    kept: Mapping[Window, tuple[Walk, ...]],
    now: Instant,
) -> dict[Window, tuple[Walk, ...]]:
    """The walks of windows that have entries after those that were kept."""
    keys = pane_keys(subjects)
    after = [(window, _walked_to(walks)) for window, walks in kept.items()]
    segments = await panes.segments_of(connection, keys, after, edges(now), now)
    ways = {
        window: _ways(subjects[window.objective], spans[window], kept[window], several, now)
        for window, several in segments.items()
    }
    found: dict[Window, tuple[Walk, ...]] = {}
    wanted = [(window, own) for window in ways for own, is_walked in ways[window] if is_walked]
    every = panes.steps_of(connection, keys, wanted)
    for window, several in ways.items():
        subject, span = subjects[window.objective], spans[window]
        walks = [*kept[window]]
        last = walks[-1] if walks else START
        for segment, is_walked in several:
            if is_walked:
                steps = await anext(every)
                last = walk(subject.agreement, subject.name, span, last, steps, now=now)
            else:
                last = Walk(segment.last, last.measure.plus(segment.measure), last.breaches)
            walks.append(last)
        found[window] = thinned(walks, now)
    return found


def _ways(
    subject: Subject,
    span: Span,
    walks: tuple[Walk, ...],
    segments: Sequence[Segment],
    now: Instant,
) -> list[tuple[Segment, bool]]:
    """Segments, and whether each has to be walked: a breach may open or close on the way."""
    own = subject.agreement.judging(subject.name, min(now, span.end - 1))[1]
    measure = (walks[-1] if walks else START).measure
    found = []
    for segment in segments:
        found.append((segment, not misses_alike(own, measure, segment.changes)))
        measure = measure.plus(segment.measure)
    return found


def _walked_to(walks: tuple[Walk, ...]) -> Instant:
    last = walks[-1] if walks else START
    return BEGINNING if last.at is None else last.at


def _version(subject: Subject, span: Span, now: Instant) -> Instant:
    """The beginning of the version that judges the window; its walk is by that version."""
    return subject.agreement.judging(subject.name, min(now, span.end - 1))[0].start


def _judged(
    subject: Subject, window: Window, read: _Read, moment: Moment, *, cause: str, listed: bool
) -> JudgedWindow:
    agreement, name, span, now = subject.agreement, subject.name, read.span, moment.as_of
    walked = read.walks[-1] if read.walks else START
    episodes: tuple[Episode, ...] = ()
    if not read.is_walked:
        episodes = read.known
    elif listed:
        episodes = window_breaches(agreement, name, span, walked, read.measure, now=now)
    return JudgedWindow(
        window=window,
        span=span,
        measure=read.measure,
        judgement=judge(agreement, name, span, read.measure, now=now, buckets=read.buckets),
        episodes=episodes,
        breach=(span, episodes[-1]) if episodes else None,
        checkpoint=Checkpoint(_version(subject, span, now), read.walks, episodes).write(),
        said=read.said,
        cause=cause,
        listed=listed,
    )


def _changed(own: JudgedWindow, known: tuple[Episode, ...], known_at: Instant) -> list[BreachRow]:
    """The breaches that are new, have changed, or are no more."""
    news, gone = changed_episodes(known, own.episodes)
    objective, grp, _ = own.window

    def row(episode: Episode) -> BreachRow:
        return window_breach(objective, grp, own.span, episode, known_at)

    # A missed volume that is too long ago to be listed is not shown any more, and no news.
    missed = not own.listed and own.judgement.state is State.BREACHED
    withdrawn = [
        row(episode)._replace(withdrawn_at=known_at, unannounced=not missed) for episode in gone
    ]
    return [*map(row, news), *withdrawn]
