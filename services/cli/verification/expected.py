"""What `evaluate` says of the events in the topics, in the contract's JSON form."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from services.cli.evaluate import Reading, evaluation_form
from services.cli.verification.compare import Row
from shared.domain.agreement import Catalogue
from shared.domain.evaluation import evaluate
from shared.domain.event import Event
from shared.domain.instant import Instant
from shared.domain.plan import compile_plan


@dataclass(frozen=True, slots=True)
class Expected:
    """Everything that holds at an instant: rows of the contract, clocks by item, item keys."""

    objectives: list[Row]
    clocks: Mapping[str, list[Row]]
    breaches: list[Row]
    items: list[str]


def expect(catalogue: Catalogue, events: Iterable[Event], *, at: Instant) -> Expected:
    """Evaluate the events under the documents as of `at`."""
    reading = Reading(compile_plan(catalogue), now=at)
    for number, event in enumerate(events, 1):
        reading.take(event, number)
    form = evaluation_form(catalogue, evaluate(catalogue, reading.items.values(), now=at))
    clocks: dict[str, list[Row]] = {}
    for row in form.clocks:
        clocks.setdefault(row.item, []).append(_plain(row))
    return Expected(
        objectives=[_plain(row) for row in form.objectives],
        clocks=clocks,
        breaches=[_plain(row) for row in form.breaches],
        items=sorted(reading.items),
    )


def _plain(row: msgspec.Struct) -> Row:
    plain: Row = msgspec.to_builtins(row, builtin_types=(Decimal,))
    return plain
