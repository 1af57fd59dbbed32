"""Sealing a period of an agreement: its numbers are copied as they are said now (SQL; ADR 34).

One statement copies and looks whether all is final, so that no judging comes in between. Reviews
of an agreement are written one after the other; of two at once the second sees the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from services.api.answering.promised import promised_text
from services.api.reading.objectives import Served
from services.api.reading.standing import Standing
from services.api.web.problems import Refusal
from shared.domain.instant import Instant, format_instant
from shared.domain.period import NamedPeriod, opened_of_ending, overlap, parse_period
from shared.domain.window import CalendarWindow, Span
from shared.runtime.database import Connection
from shared.wire.groups import group_text
from shared.wire.results import instant_text


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be sealed: an agreement's objectives, and the period in its calendar's zone."""

    agreement: str
    objectives: Sequence[Served]
    period: NamedPeriod
    zone: str

    @property
    def span(self) -> Span:
        """The period in the zone of the agreement's calendar."""
        return self.period.within(self.zone)

    @property
    def spans(self) -> Mapping[str, Span]:
        """By objective the period in the zone in which its windows lie, as in reports."""
        return {
            own.key: self.period.within(own.window.zone)
            if isinstance(own.window, CalendarWindow)
            else self.span
            for own in self.objectives
        }


@dataclass(frozen=True, slots=True)
class Said:
    """Who signs off, when, and what they say."""

    at: Instant
    by: str
    note: str


def refuse_unfinished(asked: Asked, standing: Standing, *, now: Instant) -> None:
    """Refuse a period that is not over, or that events in time may still change."""
    as_of = standing.as_of([own.key for own in asked.objectives])
    watermark = min((own.watermark for own in standing.partitions), default=0)
    end = max(span.end for span in asked.spans.values())
    waits = None
    if as_of is None or as_of < end:
        waits = f"what is evaluated is as of {instant_text(as_of) or 'no instant yet'}"
    elif standing.freshness(as_of, now=now) != "live":
        waits = f"what is evaluated is stale, as of {format_instant(as_of)}"
    elif watermark < end:
        waits = (
            "what is on its way has time until the watermark has passed that, which is at "
            f"{format_instant(watermark)}"
        )
    if waits is not None:
        detail = f"{asked.period.name} ends at {format_instant(end)}; {waits}"
        raise Refusal(kind="not-final-yet", detail=detail)


async def seal(connection: Connection, asked: Asked, said: Said) -> str:
    """Write the review, and the numbers that its period keeps; its id."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock($1, hashtext($2))", _LOCK, asked.agreement
    )
    await _refuse_sealed(connection, asked)
    review = f"rv_{uuid4().hex}"
    spans = [asked.spans[own.key] for own in asked.objectives]
    opened = [
        opened_of_ending(own.window, span)
        for own, span in zip(asked.objectives, spans, strict=True)
    ]
    edges = [[own[at] for own in some] for some in (spans, opened) for at in (0, 1)]
    grouping = [group_text(own.group_by) for own in asked.objectives]
    keys = [own.key for own in asked.objectives]
    promised = [
        promised_text(own, span.end - 1) for own, span in zip(asked.objectives, spans, strict=True)
    ]
    await connection.execute(_OBJECTIVES, review, keys, *edges, grouping, promised)
    found = await connection.fetchrow(_COPY, review)
    windows, unfinished, example, unjudged = (0, 0, None, None) if found is None else tuple(found)
    if unjudged is not None:
        detail = f"what has just come for {unjudged}, late for {asked.period.name}, is to be judged"
        raise Refusal(kind="not-final-yet", detail=detail)
    if unfinished:
        detail = (
            f"{unfinished} of {windows} windows that end in {asked.period.name} are not final yet, "
            f"of {example} for one: what came late has not settled, or their items have time left"
        )
        raise Refusal(kind="not-final-yet", detail=detail)
    if not windows:
        detail = f"no window of {asked.agreement!r} ends in {asked.period.name}"
        raise Refusal(kind="nothing-to-seal", detail=detail)
    period = (asked.period.name, *asked.span, asked.zone)
    await connection.execute(
        _REVIEW, review, asked.agreement, *period, windows, said.at, said.by, said.note
    )
    return review


async def _refuse_sealed(connection: Connection, asked: Asked) -> None:
    """Refuse a period of which a day is in one that is sealed."""
    for row in await connection.fetch(_SEALED, asked.agreement):
        if overlap(asked.period, parse_period(row["period"])):
            raise Refusal(
                kind="already-sealed",
                detail=f"{row['period']} of {asked.agreement!r} is sealed since "
                f"{format_instant(row['sealed_at'])}, by {row['sealed_by']!r}; "
                f"{asked.period.name} has days of it",
            )


_LOCK: Final = 0x5EA1
_SEALED: Final = """
SELECT period, sealed_at, sealed_by FROM review WHERE agreement = $1 ORDER BY sealed_at
"""
# Where documents have moved windows into another zone meanwhile, two periods would share hours:
# the one that was sealed first keeps them.
_OBJECTIVES: Final = """
INSERT INTO sealed_objective (review, objective, starts, ends, opened_from, opened_until, group_by,
                              promised)
SELECT $1, w.objective,
    greatest(w.starts, (SELECT max(p.ends) FROM sealed_objective p
                        WHERE p.objective = w.objective AND p.starts <= w.starts)),
    least(w.ends, (SELECT min(p.starts) FROM sealed_objective p
                   WHERE p.objective = w.objective AND p.starts > w.starts)),
    w.opened_from, w.opened_until, w.group_by, w.promised
FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],
            $8::text[])
     AS w (objective, starts, ends, opened_from, opened_until, group_by, promised)
"""
# Breaches of items are there before what they are counted in is judged.
_COPY: Final = """
WITH ended AS (
    SELECT v.*, v.final AND v.restated_since IS NULL AND NOT v.provisional AS is_final
    FROM sealed_objective p JOIN value v ON v.objective = p.objective
        AND v.window_start < p.ends AND v.window_end > p.starts AND v.window_end <= p.ends
    WHERE p.review = $1 AND v.listed
), copied AS (
    INSERT INTO sealed_value (objective, grp, window_start, review, window_end, revision, state,
                              since, value, budget_remaining, counts, target, level)
    SELECT objective, grp, window_start, $1, window_end, revision, state,
           since, value, budget_remaining, counts, target, level
    FROM ended
), stood AS (
    INSERT INTO sealed_breach (breach_id, review, objective, scope, grp, window_start, window_end,
                               item, cycle, opened_at, closed_at, detected_at)
    SELECT b.breach_id, $1, b.objective, b.scope, b.grp, b.window_start, b.window_end,
           b.item, b.cycle, b.opened_at, b.closed_at, b.detected_at
    FROM sealed_objective p JOIN breach b ON b.objective = p.objective
    WHERE p.review = $1 AND b.withdrawn_at IS NULL
      AND CASE b.scope WHEN 'window' THEN b.window_end > p.starts AND b.window_end <= p.ends
          ELSE b.opened_at >= p.opened_from AND b.opened_at < p.opened_until END
    ON CONFLICT DO NOTHING
)
SELECT count(*), count(*) FILTER (WHERE NOT is_final), min(objective) FILTER (WHERE NOT is_final),
    (SELECT min(q.objective) FROM sealed_objective p JOIN judge_queue q
         ON q.objective = p.objective AND q.pane_start < p.ends WHERE p.review = $1)
FROM ended
"""
_REVIEW: Final = """
INSERT INTO review (id, agreement, period, starts, ends, time_zone, windows, sealed_at, sealed_by,
                    note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
