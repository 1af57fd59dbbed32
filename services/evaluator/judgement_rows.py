"""What is said of judged windows as rows: values, and revisions of those that were final."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from services.evaluator.breaches import Episode, window_breach
from services.evaluator.judge_store import Moment, RevisionRow, Said, ValueRow
from services.evaluator.posting import Window
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
    """What a judging writes."""

    values: list[ValueRow] = field(default_factory=list)
    revisions: list[RevisionRow] = field(default_factory=list)


def judged_rows(
    judged: Iterable[JudgedWindow],
    moment: Moment,
    revisions: Mapping[Window, int],
    *,
    known_at: Instant,
) -> Rows:
    """The rows of judged windows; a window that nobody lists and nobody was told of has none.

    `revisions` are the last of windows of which nothing is said at present.
    """
    rows = Rows()
    for own in judged:
        if own.said is None and not own.listed:
            continue
        before = revisions.get(own.window, 0) if own.said is None else own.said.revision
        value = _value(own, moment, before)
        rows.values.append(value)
        if value.revision != before:
            cause = own.cause if before else BECAME_FINAL
            rows.revisions.append(
                RevisionRow(
                    *own.window,
                    value.revision,
                    cause,
                    known_at,
                    value.state,
                    value.value,
                    value.budget_remaining,
                    value.counts,
                )
            )
    return rows


def _value(own: JudgedWindow, moment: Moment, revision: int) -> ValueRow:
    judgement = own.judgement
    final = own.is_final(moment.watermark)
    state = judgement.state.value
    counts = _text(counts_form(judgement.objective.kpi, own.measure))
    value, budget = decimal_text(judgement.value), decimal_text(judgement.budget_remaining)
    if _is_restated(own, state, value, budget, counts) if revision else final:
        revision += 1
    return ValueRow(
        *own.window,
        own.span.end,
        own.listed,
        own.listed and not own.measure.has_data,
        final,
        revision,
        state,
        since_of(own, moment),
        value,
        budget,
        counts,
        _text(judgement.objective.target_text),
        judgement.version.level.value,
        _breach_id(own),
        own.provisional_until(moment.watermark) < NEVER,
        moment.as_of,
        own.checkpoint,
    )


def _is_restated(
    own: JudgedWindow, state: str, value: str | None, budget: str | None, counts: str
) -> bool:
    """Whether other numbers are said than before of a window that has been final once.

    That an open breach closes is no restatement, nor is a percentile that it moves.
    """
    said = own.said
    if said is None:
        return True
    before, open_before = _merged(said.counts)
    after, open_after = _merged(counts)
    if (said.state, said.budget_remaining, before) != (state, budget, after):
        return True
    moved = isinstance(own.judgement.objective.target, Percentile) and open_before != open_after
    return said.value != value and not moved


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
