"""Would known mistakes be noticed? Each is put into the evaluators' code and given some seeds.

No product code knows of them: they replace parts of it for as long as a run lasts.
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from tests.simulation import bugs_in_meaning, bugs_in_owning
from tests.simulation.run import simulate
from tests.simulation.seeding import BUGS, installed

SEEDS_MAX: Final = 500
"""A mistake that so many seeds do not show is not noticed."""
__all__ = ["BUGS", "Noticed", "bugs_in_meaning", "bugs_in_owning", "each_bug", "notice"]


class Noticed(NamedTuple):
    """The first seed that noticed a mistake, and by what; no seed when none did."""

    bug: str
    seed: int | None
    difference: str


def notice(name: str, seeds: Sequence[int]) -> Noticed:
    """Run seeds with a mistake until one differs."""
    for seed in seeds:
        with installed(name):
            result = simulate(seed)
        if result.differences:
            return Noticed(name, seed, result.differences[0])
    return Noticed(name, None, "")


def each_bug(names: Sequence[str], *, processes: int) -> Iterator[Noticed]:
    """Try mistakes, each with the same seeds; in their order."""
    tried = partial(notice, seeds=range(SEEDS_MAX))
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(tried, names)
