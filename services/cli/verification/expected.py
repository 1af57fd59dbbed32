"""What `evaluate` says of the events in the topics, in the contract's JSON form."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from services.cli.evaluate import Reading, evaluation_form
from services.cli.verification.compare import Row, WindowKey, window_key
from shared.domain.agreement import Catalogue
from shared.domain.evaluation import WindowReading, evaluate
from shared.domain.event import Event
from shared.domain.instant import MINUTE, Instant, Micros
from shared.domain.judge import is_final
from shared.domain.plan import compile_plan

ALLOWED_DISORDER: Final[Micros] = 5 * MINUTE
"""For so long windows may wait before they are final."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Everything that holds at an instant: rows of the contract, clocks by item, item keys.

    `objectives` are all windows, rolling ones that have ended too; `current` are the current ones,
    `waiting` those that may be final a little later.
    """

    objectives: list[Row]
    current: list[Row]
    waiting: frozenset[WindowKey]
    clocks: Mapping[str, list[Row]]
    breaches: list[Row]
    items: list[str]


def expect(catalogue: Catalogue, events: Iterable[Event], *, at: Instant) -> Expected:
    """Evaluate the events under the documents as of `at`."""
    reading = Reading(compile_plan(catalogue), now=at)
    for number, event in enumerate(events, 1):
        reading.take(event, number)
    found = evaluate(catalogue, reading.items.values(), now=at, all_windows=True)
    form = evaluation_form(catalogue, found)
    objectives = [_plain(row) for row in form.objectives]
    windows = [*zip(found.objectives, objectives, strict=True)]
    clocks: dict[str, list[Row]] = {}
    for row in form.clocks:
        clocks.setdefault(row.item, []).append(_plain(row))
    return Expected(
        objectives=objectives,
        current=[row for own, row in windows if _is_current(own, at)],
        waiting=frozenset(window_key(row) for own, row in windows if _waits(own, at)),
        clocks=clocks,
        breaches=[_plain(row) for row in form.breaches],
        items=sorted(reading.items),
    )


def _is_current(own: WindowReading, at: Instant) -> bool:
    return own.window == own.judgement.objective.window.current(at)


def _waits(own: WindowReading, at: Instant) -> bool:
    objective = own.judgement.objective
    return not is_final(objective, own.window, own.measure, now=at - ALLOWED_DISORDER)


def _plain(row: msgspec.Struct) -> Row:
    plain: Row = msgspec.to_builtins(row, builtin_types=(Decimal,))
    return plain
