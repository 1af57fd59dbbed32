"""What is said of judged windows: values, revisions of final ones, and their breaches as rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from services.evaluator.breaches import BreachRow, Episode, changed_episodes, window_breach
from services.evaluator.checkpoint import Checkpoint
from services.evaluator.judge_store import NEVER, Moment, RevisionRow, Said, ValueRow
from services.evaluator.posting import Window
from shared.domain.instant import Instant
from shared.domain.judge import Judgement, State, Walk
from shared.domain.measure import Counts
from shared.domain.window import Span
from shared.wire.results import counts_form, decimal_text

BECAME_FINAL: Final = "final"
"""The cause of a first revision."""
_encoder: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """A window as judged now, with what was known of it before.

    `episodes` are its breaches now, `known` those stored; `walks` go into the checkpoint, under
    the version of the agreement that began at `version`.
    """

    window: Window
    span: Span
    counts: Counts
    judgement: Judgement
    episodes: tuple[Episode, ...]
    walks: tuple[Walk, ...]
    version: Instant
    known: tuple[Episode, ...]
    said: Said | None
    cause: str
    listed: bool

    def is_final(self, watermark: Instant) -> bool:
        """Whether the watermark has passed its end; once final, it stays so."""
        return (self.said is not None and self.said.final) or watermark >= self.span.end

    def provisional_until(self, watermark: Instant) -> Instant:
        """The instant that the watermark has to pass to make it final or confirm its breaches."""
        waiting = [opened for opened, _ in self.episodes if opened > watermark]
        if self.judgement.final and not self.is_final(watermark):
            waiting.append(self.span.end)
        return min(waiting, default=NEVER)


@dataclass(slots=True)
class Rows:
    """What a judging writes."""

    values: list[ValueRow] = field(default_factory=list)
    revisions: list[RevisionRow] = field(default_factory=list)
    breaches: list[BreachRow] = field(default_factory=list)


def judged_rows(judged: Iterable[JudgedWindow], moment: Moment, *, known_at: Instant) -> Rows:
    """The rows of judged windows; a window that nobody lists and nobody was told of has none."""
    rows = Rows()
    for own in judged:
        if own.said is None and not own.listed:
            continue
        value = _value(own, moment)
        rows.values.append(value)
        cause = _revised_because(own, value)
        if cause is not None:
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
        rows.breaches.extend(_breaches(own, known_at))
    return rows


def _value(own: JudgedWindow, moment: Moment) -> ValueRow:
    judgement = own.judgement
    final = own.is_final(moment.watermark)
    state = judgement.state.value
    counts = _text(counts_form(judgement.objective.kpi.measure, own.counts))
    value, budget = decimal_text(judgement.value), decimal_text(judgement.budget_remaining)
    numbers = _numbers(state, value, budget, counts)
    revision = 0 if own.said is None else own.said.revision
    if final and not (own.said is not None and own.said.final and _is_same(own.said, numbers)):
        revision += 1
    return ValueRow(
        *own.window,
        own.span.end,
        own.listed,
        final,
        revision,
        state,
        _since(own, moment),
        value,
        budget,
        counts,
        _text(judgement.objective.target_text),
        judgement.version.level.value,
        _breach_id(own),
        own.provisional_until(moment.watermark) < NEVER,
        moment.as_of,
        Checkpoint(own.version, own.walks, own.episodes).write(),
    )


def _revised_because(own: JudgedWindow, value: ValueRow) -> str | None:
    """Why there is a new revision, None when there is none."""
    known = 0 if own.said is None else own.said.revision
    if value.revision == known:
        return None
    return BECAME_FINAL if value.revision == 1 else own.cause


def _numbers(state: str, value: str | None, budget: str | None, counts: str) -> tuple[object, ...]:
    """What makes a restatement when it changes; that an open breach closes does not."""
    numbers: dict[str, int] = msgspec.json.decode(counts)
    missed = numbers.pop("breached_open", 0) + numbers.pop("breached_closed", 0)
    return (state, value, budget, missed, numbers)


def _is_same(said: Said, numbers: tuple[object, ...]) -> bool:
    return _numbers(said.state, said.value, said.budget_remaining, said.counts) == numbers


def _since(own: JudgedWindow, moment: Moment) -> Instant:
    """When the window came into its state, as far as that is an instant of its own."""
    state, said = own.judgement.state, own.said
    if state is State.BREACHED and own.episodes:
        return own.episodes[-1][0]
    if said is not None and said.state == state.value:
        return said.since
    if said is None:
        return own.span.start if state is not State.AT_RISK else moment.as_of
    return moment.as_of


def _breach_id(own: JudgedWindow) -> str | None:
    """The breach that the state is about."""
    if not own.episodes or own.judgement.state is not State.BREACHED:
        return None
    objective = own.window.objective
    return window_breach(objective, own.window.grp, own.span, own.episodes[-1], 0).breach_id


def _breaches(own: JudgedWindow, known_at: Instant) -> list[BreachRow]:
    """The breaches that are new, have changed, or are no more."""
    news, gone = changed_episodes(own.known, own.episodes)
    window = own.window

    def row(episode: Episode) -> BreachRow:
        return window_breach(window.objective, window.grp, own.span, episode, known_at)

    withdrawn = [row(episode)._replace(withdrawn_at=known_at) for episode in gone]
    return [*map(row, news), *withdrawn]


def _text(value: object) -> str:
    return _encoder.encode(value).decode()
