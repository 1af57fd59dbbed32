"""How far a window has been walked: a few walks at growing distances from the present.

A change at some instant is walked from the latest walk before it, so a late event costs about as
many ledger rows as lie after it, and a new one next to none.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from services.evaluator.breaches import Episode
from shared.domain.instant import SECOND, Instant
from shared.domain.judge import START, Step, Walk

_AGES: Final = tuple(SECOND * 3**power for power in range(15, -1, -1))
"""Where a long walk leaves a walk behind: from 166 days down to a second before the present."""

Continue = Callable[[Walk, Sequence[Step]], Walk]
"""Goes on with a walk over further steps."""


class _Stored(msgspec.Struct, array_like=True):
    version: int
    walks: list[tuple[int | None, int, int, int, tuple[tuple[int, int | None], ...]]]
    breaches: tuple[tuple[int, int | None], ...]


_decoder: Final = msgspec.json.Decoder(_Stored)


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
        return cls(stored.version, tuple(Walk(*walk) for walk in stored.walks), stored.breaches)

    def write(self) -> str:
        """For `value.checkpoint`."""
        walks = [(w.at, w.met, w.missed, w.counted, w.breaches) for w in self.walks]
        return msgspec.json.encode(_Stored(self.version, walks, self.breaches)).decode()

    def before(self, changed: Instant, version: Instant) -> tuple[Walk, ...]:
        """The walks that a change at `changed` leaves right; none under another version."""
        if version != self.version:
            return ()
        return tuple(walk for walk in self.walks if walk.at is not None and walk.at < changed)


def go_on(
    walks: Sequence[Walk], steps: Sequence[Step], proceed: Continue, *, now: Instant
) -> tuple[Walk, ...]:
    """Walk the steps after the last of `walks`; the walks that are kept, oldest first."""
    if not steps:
        return tuple(walks)
    kept = list(walks)
    last = walks[-1] if walks else START
    instants = [step.at for step in steps]
    begin = 0
    for edge in (*(now - age for age in _AGES), instants[-1]):
        end = bisect_right(instants, edge, lo=begin)
        if end > begin:
            last = proceed(last, steps[begin:end])
            kept.append(last)
            begin = end
    return tuple(_thinned(kept, now))


def _thinned(walks: list[Walk], now: Instant) -> list[Walk]:
    """Leave out walks whose neighbours are close together for their age."""
    kept: list[Walk] = []
    for walk in walks:
        while len(kept) > 1 and _at(walk) - _at(kept[-2]) <= 2 * (now - _at(walk)):
            kept.pop()
        kept.append(walk)
    return kept


def _at(walk: Walk) -> Instant:
    return walk.at if walk.at is not None else 0
