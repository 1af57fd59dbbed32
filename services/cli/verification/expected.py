"""What `evaluate` says of the events in the topics, in the contract's JSON form."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from services.cli.evaluate import window_breach_row, window_row
from services.cli.offline import Lines, Rows, by_item, fold_offline, no_garbage
from services.cli.verification.compare import Row, WindowKey, window_key
from shared.domain.agreement import Catalogue
from shared.domain.evaluation import WindowReading
from shared.domain.instant import MINUTE, Instant, Micros
from shared.domain.judge import is_final

ALLOWED_DISORDER: Final[Micros] = 5 * MINUTE
"""For so long windows may wait before they are final."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Everything that holds at an instant: rows of the contract, clocks by item, item keys.

    `objectives` are all windows, rolling ones that have ended too; `current` are the current ones,
    `waiting` those that may be final a little later. Clocks are kept as text: of a million items
    they would not fit into memory as objects.
    """

    objectives: list[Row]
    current: list[Row]
    waiting: frozenset[WindowKey]
    clocks: Mapping[tuple[str, ...], list[bytearray]]
    breaches: list[Row]
    items: list[str]

    def clocks_of(self, item: str) -> list[Row]:
        """The clocks of an item, in the contract's order."""
        return _read(self.clocks.get((item,), ()))


def expect(catalogue: Catalogue, events: Lines, *, at: Instant) -> Expected:
    """Evaluate the events under the documents as of `at`; their lines are let go of."""
    with no_garbage():
        folded = fold_offline(catalogue, events, now=at, by=by_item)
        found, missed = folded.ledger.judge(all_windows=True)
    objectives = [_plain(window_row(own)) for own in found]
    windows = [*zip(found, objectives, strict=True)]
    return Expected(
        objectives=objectives,
        current=[row for own, row in windows if _is_current(own, at)],
        waiting=frozenset(window_key(row) for own, row in windows if _waits(own, at)),
        clocks=folded.clocks,
        breaches=[
            *_every(folded.breaches),
            *(_plain(window_breach_row(own)) for own in missed),
        ],
        items=sorted(folded.items),
    )


def _is_current(own: WindowReading, at: Instant) -> bool:
    return own.window == own.judgement.objective.window.current(at)


def _waits(own: WindowReading, at: Instant) -> bool:
    objective = own.judgement.objective
    return not is_final(objective, own.window, own.measure, now=at - ALLOWED_DISORDER)


def _plain(row: msgspec.Struct) -> Row:
    plain: Row = msgspec.to_builtins(row, builtin_types=(Decimal,))
    return plain


def _every(rows: Rows) -> Iterable[Row]:
    for several in rows.values():
        yield from _read(several)


def _read(several: Iterable[bytearray]) -> list[Row]:
    """Rows that a comma precedes each."""
    text = b"".join(several)
    rows: list[Row] = json.loads(b"[%s]" % text[1:], parse_float=Decimal)
    return rows
