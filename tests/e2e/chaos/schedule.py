"""A seed's schedule of faults: drawn from the seed alone, so that it can be had again."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final


class Kind(StrEnum):
    """A sort of fault."""

    KILL = "kill"
    KILL_INGEST = "kill-ingest"
    ZOMBIE = "zombie"
    ZOMBIE_INGEST = "zombie-ingest"
    BROKER_KILL = "broker-kill"
    BROKER_STOP = "broker-stop"
    DATABASE_KILL = "database-kill"
    DATABASE_STOP = "database-stop"
    CUT_BEFORE = "cut-before-commit"
    CUT_AFTER = "cut-after-commit"
    CUT_SENT = "cut-after-sending"
    GROW = "grow"
    DLQ = "dlq"
    DOCUMENTS = "documents"


STORM_S: Final = 11.0
"""Faults begin within this time."""
_SERVERS: Final = (
    Kind.BROKER_KILL,
    Kind.DATABASE_KILL,
    Kind.DATABASE_STOP,
    Kind.BROKER_STOP,
    Kind.DATABASE_STOP,
    Kind.DATABASE_KILL,
)
_BROKER: Final = frozenset({Kind.BROKER_KILL, Kind.BROKER_STOP})
_SOMETIMES: Final = (
    Kind.ZOMBIE,
    Kind.ZOMBIE_INGEST,
    Kind.GROW,
    Kind.DLQ,
    Kind.KILL_INGEST,
    Kind.CUT_SENT,
    Kind.DOCUMENTS,
)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What happens `at` seconds after the start; `choice` (0 to 1) picks who and how."""

    at: float
    kind: Kind
    choice: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that a run is to do."""

    seed: int
    evaluators: int
    ingests: int
    trickled: bool
    """Whether the history is sent while faults happen, so that most of it comes late."""
    faults: tuple[Fault, ...]

    @property
    def by_kind(self) -> Counter[Kind]:
        """How many faults of each kind."""
        return Counter(fault.kind for fault in self.faults)


def draw(seed: int) -> Schedule:
    """The schedule of a seed: several faults of several kinds, some of them at once."""
    random = Random(f"chaos {seed}")  # noqa: S311 - a schedule, no secret
    kinds = [Kind.KILL] * random.randint(2, 3)
    kinds += random.choices((Kind.CUT_BEFORE, Kind.CUT_AFTER), k=random.randint(1, 3))
    server = _SERVERS[seed % len(_SERVERS)]
    kinds.append(server)
    # Without a broker nobody takes over from a zombie: that would only be tried again.
    able = [kind for kind in _SOMETIMES if kind is not Kind.ZOMBIE or server not in _BROKER]
    kinds += random.sample(able, k=random.randint(2, 3))
    return Schedule(
        seed,
        evaluators=random.choice((2, 2, 3, 3, 4)),
        ingests=random.choice((1, 1, 2)),
        trickled=random.random() < 1 / 2,
        faults=_spread(random, kinds),
    )


def everything(seed: int) -> Schedule:
    """One fault of each kind, and ten kills."""
    random = Random(f"everything {seed}")  # noqa: S311 - a schedule, no secret
    kinds = [*Kind, *[Kind.KILL] * 8, Kind.KILL_INGEST]
    return Schedule(
        seed, evaluators=3, ingests=2, trickled=True, faults=_spread(random, kinds, 24.0)
    )


Deed = tuple[Kind, float | None]
"""A kind of fault, and the choice where it is not left to chance."""


def directed(seed: int, deeds: Iterable[Deed], *, evaluators: int = 2) -> Schedule:
    """Just these faults, to provoke one mistake."""
    random = Random(f"directed {seed}")  # noqa: S311 - a schedule, no secret
    faults = [
        Fault(
            round(random.uniform(1, STORM_S - 2), 3),
            kind,
            random.random() if choice is None else choice,
        )
        for kind, choice in deeds
    ]
    return Schedule(
        seed, evaluators=evaluators, ingests=1, trickled=True, faults=tuple(sorted(faults))
    )


def _spread(random: Random, kinds: Iterable[Kind], storm_s: float = STORM_S) -> tuple[Fault, ...]:
    return tuple(
        sorted(
            Fault(round(random.uniform(0.5, storm_s), 3), kind, random.random()) for kind in kinds
        )
    )
