"""What is said of judged windows as rows: values, and revisions of those that were final.

What changes after the watermark has passed a window is said at once, but is a revision only when
the watermark has passed the instant of the change too (ADR 23): late events come in crowds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from services.evaluator.breaches import Episode, window_breach
from services.evaluator.judge_store import Moment, RevisionRow, Said, ValueRow
from services.evaluator.posting import Cause, stronger
from services.evaluator.rows import Window
from shared.domain.agreement import Percentile
from shared.domain.instant import NEVER, Instant
from shared.domain.judge import Judgement, State, final_from, is_final
from shared.domain.measure import Measure
from shared.domain.window import Span
from shared.wire.results import counts_form, decimal_text

BECAME_FINAL: Final = "final"
"""The cause of a first revision."""
_encoder: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """A window as judged now, with what was known of it before.

    `episodes` are the breaches that are keyed by it; `breach` is the one that its state is about,
    with the window that keys it. `since` is an instant from which on the state is known to have
    been so. `checkpoint` is kept for the next judging.
    """

    window: Window
    span: Span
    measure: Measure
    judgement: Judgement
    episodes: tuple[Episode, ...]
    breach: tuple[Span, Episode] | None
    checkpoint: str
    said: Said | None
    cause: str
    listed: bool
    since: Instant | None = None

    def is_final(self, watermark: Instant) -> bool:
        """Whether the watermark has passed the instant from which on it may be final."""
        return is_final(self.judgement.objective, self.span, self.measure, now=watermark)

    def provisional_until(self, watermark: Instant) -> Instant:
        """The instant that the watermark has to pass to make it final or confirm its breaches."""
        waiting = [opened for opened, _ in self.episodes if opened > watermark]
        over = final_from(self.judgement.objective, self.span)
        if self.judgement.final and over is not None and over > watermark:
            waiting.append(over)
        return min(waiting, default=NEVER)


@dataclass(slots=True)
class Rows:
    """What a judging writes.

    `waiting` says of objectives with changes that are no revision yet when the first of them is.
    """

    values: list[ValueRow] = field(default_factory=list)
    revisions: list[RevisionRow] = field(default_factory=list)
    waiting: dict[str, Instant] = field(default_factory=dict)


def judged_rows(
    judged: Iterable[JudgedWindow],
    moment: Moment,
    revisions: Mapping[Window, RevisionRow],
    before: Mapping[str, Instant],
    *,
    known_at: Instant,
) -> Rows:
    """The rows of judged windows; a window that nobody lists and nobody was told of has none.

    `revisions` are the last of windows of which nothing is said at present, or no revision yet;
    `before` are the watermarks at which the objectives were judged last.
    """
    rows = Rows()
    for own in judged:
        if own.said is None and not own.listed:
            continue
        last = revisions.get(own.window)
        known = (0 if last is None else last.revision) if own.said is None else own.said.revision
        value = _revised(own, _value(own, moment, known), last, moment, before)
        rows.values.append(value)
        if value.restated_since is not None:
            objective = own.window.objective
            known_wait = rows.waiting.get(objective, NEVER)
            rows.waiting[objective] = min(known_wait, value.restated_since)
        if value.revision != known:
            rows.revisions.append(_revision(own, value, known_at))
    return rows


def _revision(own: JudgedWindow, value: ValueRow, known_at: Instant) -> RevisionRow:
    cause = own.cause if own.said is None else stronger(own.cause, _held_cause(own.said))
    return RevisionRow(
        *own.window,
        value.revision,
        cause if value.revision > 1 else BECAME_FINAL,
        known_at,
        value.state,
        value.value,
        value.budget_remaining,
        value.counts,
    )


def _held_cause(said: Said) -> str:
    return Cause.LATE if said.restated_cause is None else said.restated_cause


def _revised(
    own: JudgedWindow,
    value: ValueRow,
    last: RevisionRow | None,
    moment: Moment,
    before: Mapping[str, Instant],
) -> ValueRow:
    """The row as the next revision where it is one, or held until it may be."""
    said = own.said
    since = None if said is None else said.restated_since
    if value.revision:
        against = _as_revised(said, last) if since is not None else said
        is_news = _is_restated(own, against, value)
    else:
        is_news = value.final
    if not is_news:
        return value
    over = final_from(own.judgement.objective, own.span)
    in_time = over is not None and before[own.window.objective] < over
    since = moment.as_of if since is None else since
    if in_time or since <= moment.watermark:
        return value._replace(revision=value.revision + 1)
    cause = own.cause if said is None else stronger(own.cause, _held_cause(said))
    return value._replace(restated_since=since, restated_cause=cause)


def _as_revised(said: Said | None, last: RevisionRow | None) -> Said | None:
    """What the last revision said, where that is another thing than what was said last."""
    if said is None or last is None:
        return said
    return replace(
        said,
        state=last.state,
        value=last.value,
        budget_remaining=last.budget_remaining,
        counts=last.counts,
    )


def _value(own: JudgedWindow, moment: Moment, revision: int) -> ValueRow:
    judgement = own.judgement
    return ValueRow(
        *own.window,
        own.span.end,
        own.listed,
        own.listed and not own.measure.has_data,
        own.is_final(moment.watermark),
        revision,
        judgement.state.value,
        since_of(own, moment),
        decimal_text(judgement.value),
        decimal_text(judgement.budget_remaining),
        _text(counts_form(judgement.objective.kpi, own.measure)),
        _text(judgement.objective.target_text),
        judgement.version.level.value,
        _breach_id(own),
        own.provisional_until(moment.watermark) < NEVER,
        moment.as_of,
        own.checkpoint,
        None,
        None,
    )


def _is_restated(own: JudgedWindow, said: Said | None, value: ValueRow) -> bool:
    """Whether other numbers are said than before of a window that has been final once.

    That an open breach closes is no restatement, nor is a percentile that it moves.
    """
    if said is None:
        return True
    before, open_before = _merged(said.counts)
    after, open_after = _merged(value.counts)
    if (said.state, said.budget_remaining, before) != (value.state, value.budget_remaining, after):
        return True
    moved = isinstance(own.judgement.objective.target, Percentile) and open_before != open_after
    return said.value != value.value and not moved


def _merged(counts: str) -> tuple[dict[str, int], int]:
    """The counts with all that is missed as one, and how much of that is open."""
    numbers: dict[str, int] = msgspec.json.decode(counts)
    still_open = numbers.pop("breached_open", 0)
    numbers["missed"] = still_open + numbers.pop("breached_closed", 0)
    return numbers, still_open


def since_of(own: JudgedWindow, moment: Moment) -> Instant:
    """When the window came into its state, as far as that is an instant of its own."""
    state, said = own.judgement.state, own.said
    if state is State.BREACHED and own.breach is not None:
        return own.breach[1][0]
    if said is not None and said.state == state.value:
        return said.since
    if own.since is not None:
        return own.since
    if said is None:
        return own.span.start if state is not State.AT_RISK else moment.as_of
    return moment.as_of


def _breach_id(own: JudgedWindow) -> str | None:
    """The breach that the state is about."""
    if own.breach is None or own.judgement.state is not State.BREACHED:
        return None
    span, episode = own.breach
    return window_breach(own.window.objective, own.window.grp, span, episode, 0).breach_id


def _text(value: object) -> str:
    return _encoder.encode(value).decode()
