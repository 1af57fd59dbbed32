"""The command: `python -m tests.e2e.chaos --seeds n`, or `--bugs`.

The last line says `n seeds, n faults, n differences`; exit code 1 when there are any, or when a
fault that was scheduled did not happen, also not when the seed was tried again.
"""

import argparse
import sys

from tests.e2e.chaos.run import each_seed
from tests.e2e.chaos.seeded_bugs import each_bug


def main() -> int:
    """Run what is asked for."""
    asked = argparse.ArgumentParser(prog="python -m tests.e2e.chaos", description=__doc__)
    asked.add_argument("--seeds", type=int, default=3, help="how many seeds")
    asked.add_argument("--first", type=int, default=1, help="the first seed")
    asked.add_argument("--bugs", nargs="*", metavar="BUG", help="try these mistakes, or all")
    given = asked.parse_args()
    if given.bugs is not None:
        return each_bug(given.bugs)
    return each_seed(range(given.first, given.first + given.seeds))


if __name__ == "__main__":
    sys.exit(main())
