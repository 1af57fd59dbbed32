"""The command: `python -m tests.simulation --seeds n`.

Each seed is a company with two to four evaluators, whose Kafka, PostgreSQL and clocks are simulated
in one process, with everything that goes wrong with them. A seed does the same each time: whatever
it finds can be looked at again, step by step.

  python -m tests.simulation --seeds 500              the first 500 seeds
  python -m tests.simulation --first 17 --seeds 1 --trace
                                                      all steps of seed 17, and its fingerprint
  python -m tests.simulation --bugs                   would known mistakes be noticed?

Standard output: the differences of each seed that has any, how often each kind of fault happened
and what came of it, and the last line `n seeds, n events, n commits, n faults, n differences`.
With --bugs it is a table: the mistake, the first seed that noticed it, what that seed said.
Exit code: 0 without differences, 1 with some or with a mistake that is not noticed, 2 when the
command cannot be understood.
"""

# ruff: noqa: T201 - a command prints

import argparse
import sys
import time
from collections import Counter
from typing import Final

from tests.simulation.batch import PROCESSES, Summary, each
from tests.simulation.bugs import BUGS, SEEDS_MAX, each_bug
from tests.simulation.run import Result

SHOW_S: Final = 2.0
SHOWN_MAX: Final = 5
SHOWN_LETTERS: Final = 110


def main() -> int:
    """Run what is asked for."""
    given = _asked()
    if given.bugs is not None:
        return _try_bugs(given.bugs or [*BUGS], given.processes)
    seeds = range(given.first, given.first + given.seeds)
    summary, begun = Summary(), time.monotonic()
    told = begun
    for result in each(seeds, processes=given.processes, tracing=given.trace):
        summary.add(result)
        if given.trace:
            print(*result.trace, sep="\n")
        if result.differences:
            _print_failed(result)
        if time.monotonic() - told >= SHOW_S or summary.seeds == given.seeds:
            told = time.monotonic()
            _progress(summary, given.seeds, told - begun)
    _print_counts("faults", summary.faults)
    _print_counts("what came of them", summary.met)
    print(f"fingerprint {summary.fingerprint}")
    print(summary)
    return 1 if summary.failed else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=_count, default=500, help="how many seeds (500)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--trace", action="store_true", help="print every step that was taken")
    parser.add_argument(
        "--processes", type=_count, default=PROCESSES, help=f"at so many at once ({PROCESSES})"
    )
    parser.add_argument("--bugs", nargs="*", metavar="BUG", help="try these mistakes, or all")
    given = parser.parse_args()
    if unknown := sorted({*(given.bugs or ())} - {*BUGS}):
        parser.error(f"no such bug: {', '.join(unknown)}; there are {', '.join(sorted(BUGS))}")
    return given


def _try_bugs(names: list[str], processes: int) -> int:
    """Print the table; 1 when a mistake was not noticed."""
    width, missed = max(map(len, names)), 0
    print(f"{'bug':<{width}}  caught  seed  by")
    for bug, seed, difference in each_bug(names, processes=processes):
        missed += seed is None
        caught = f"no         -  {SEEDS_MAX} seeds" if seed is None else f"yes    {seed:5}  "
        first, *_ = difference.splitlines() or [""]
        print(f"{bug:<{width}}  {caught}{first[:SHOWN_LETTERS]}", flush=True)
    print(f"{len(names)} bugs, {len(names) - missed} caught")
    return 1 if missed else 0


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        message = f"{number} is less than 1"
        raise argparse.ArgumentTypeError(message)
    return number


def _print_failed(result: Result) -> None:
    print(f"seed {result.seed}: {len(result.differences)} differences")
    for difference in result.differences[:SHOWN_MAX]:
        print(f"  {difference}")
    if len(result.differences) > SHOWN_MAX:
        print(f"  and {len(result.differences) - SHOWN_MAX} more")
    print(f"  again: python -m tests.simulation --first {result.seed} --seeds 1 --trace")


def _progress(summary: Summary, seeds: int, seconds: float) -> None:
    text = f"{summary.seeds} of {seeds} seeds in {seconds:.0f} s, {len(summary.failed)} failed"
    print(text, file=sys.stderr)


def _print_counts(title: str, counts: Counter[str]) -> None:
    print(f"{title}:")
    for name, count in counts.most_common():
        print(f"  {count:8} {name}")


if __name__ == "__main__":
    sys.exit(main())
