"""What is kept of a judged window, so that the next judging reads little.

Of a calendar or tumbling window: a few walks at growing distances from the present. A change at
some instant is walked from the latest walk before it, so a late event costs about as many ledger
rows as lie after it, and a new one next to none. Of the current rolling window: the sum of its
panes that are over, so that what counts now costs one pane.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import msgspec

from services.evaluator.breaches import Episode
from shared.domain.instant import SECOND, Instant
from shared.domain.judge import Walk
from shared.domain.measure import NOTHING, Buckets, Measure
from shared.wire.amounts import amount_of_decimal, amount_to_decimal

_AGES: Final = tuple(SECOND * 3**power for power in range(15, -1, -1))
"""Where a long walk leaves a walk behind: from 166 days down to a second before the present."""

_Numbers = tuple[int, int, int, int, int, int, int, int, int, Decimal]
"""A measure; its amount is a decimal, which JSON has as text."""


class _Stored(msgspec.Struct, array_like=True):
    version: int
    walks: list[tuple[int | None, _Numbers, tuple[Episode, ...]]]
    breaches: tuple[Episode, ...]


class _Closed(msgspec.Struct, array_like=True):
    numbers: _Numbers
    buckets: list[tuple[int, int]]


_decoder: Final = msgspec.json.Decoder(_Stored)
_closed_decoder: Final = msgspec.json.Decoder(_Closed)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The walks of a window by the version that began at `version`, and its breaches as stored."""

    version: Instant
    walks: tuple[Walk, ...] = ()
    breaches: tuple[Episode, ...] = ()

    @classmethod
    def read(cls, text: str) -> "Checkpoint":
        """From `value.checkpoint`."""
        stored = _decoder.decode(text)
        walks = (Walk(at, _measure(numbers), own) for at, numbers, own in stored.walks)
        return cls(stored.version, tuple(walks), stored.breaches)

    def write(self) -> str:
        """For `value.checkpoint`."""
        walks = [(w.at, _numbers(w.measure), w.breaches) for w in self.walks]
        return msgspec.json.encode(_Stored(self.version, walks, self.breaches)).decode()

    def before(self, changed: Instant, version: Instant) -> tuple[Walk, ...]:
        """The walks that a change at `changed` leaves right; none under another version."""
        if version != self.version:
            return ()
        return tuple(walk for walk in self.walks if walk.at is not None and walk.at < changed)


@dataclass(frozen=True, slots=True)
class Closed:
    """What counts in the current rolling window before its last pane."""

    measure: Measure = NOTHING
    buckets: Buckets = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "Closed | None":
        """From `value.checkpoint`; None where there is none."""
        if not text:
            return None
        stored = _closed_decoder.decode(text)
        return cls(_measure(stored.numbers), dict(stored.buckets))

    def write(self) -> str:
        """For `value.checkpoint`."""
        stored = _Closed(_numbers(self.measure), sorted(self.buckets.items()))
        return msgspec.json.encode(stored).decode()


def edges(now: Instant) -> list[Instant]:
    """The instants at which a long walk leaves a walk behind, in order."""
    return [now - age for age in _AGES]


def thinned(walks: Sequence[Walk], now: Instant) -> tuple[Walk, ...]:
    """The walks that are kept, oldest first: not those with close neighbours for their age."""
    kept: list[Walk] = []
    for walk in walks:
        while len(kept) > 1 and _at(walk) - _at(kept[-2]) <= 2 * (now - _at(walk)):
            kept.pop()
        kept.append(walk)
    return tuple(kept)


def _numbers(measure: Measure) -> _Numbers:
    *counts, amount = measure
    return (*counts, amount_to_decimal(amount))  # type: ignore[return-value]  # nine counts


def _measure(numbers: _Numbers) -> Measure:
    return Measure(*numbers[:-1], amount=amount_of_decimal(numbers[-1]))


def _at(walk: Walk) -> Instant:
    return walk.at if walk.at is not None else 0
