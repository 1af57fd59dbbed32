"""Many seeds, on some processes; what came of them together."""

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from tests.simulation.run import Result, simulate

PROCESSES: Final = 2
_CHUNK: Final = 5


@dataclass
class Summary:
    """What came of some seeds, in their order."""

    seeds: int = 0
    events: int = 0
    commits: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    failed: list[Result] = field(default_factory=list)
    _digest: Any = field(default_factory=lambda: blake2b(digest_size=8))

    def add(self, result: Result) -> None:
        """Count one more."""
        self.seeds += 1
        self.events += result.events
        self.commits += result.commits
        self.faults += result.faults
        self.met += result.met
        self._digest.update(result.fingerprint.encode())
        if result.differences:
            self.failed.append(result)

    @property
    def fingerprint(self) -> str:
        """The same when the same has happened in the same seeds."""
        return str(self._digest.hexdigest())

    @property
    def differences(self) -> int:
        """How many there are in all."""
        return sum(len(result.differences) for result in self.failed)

    def __str__(self) -> str:
        """The last line of the command."""
        return (
            f"{self.seeds} seeds, {self.events} events, {self.commits} commits, "
            f"{self.faults.total()} faults, {self.differences} differences"
        )


def each(
    seeds: Sequence[int], *, processes: int = PROCESSES, tracing: bool = False
) -> Iterator[Result]:
    """The results of these seeds in their order."""
    wanted = partial(simulate, tracing=tracing)
    if processes == 1 or len(seeds) == 1:
        yield from map(wanted, seeds)
        return
    # Started afresh: whatever a process that starts others has open stays its own.
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(wanted, seeds, chunksize=_CHUNK)
