"""`python -m tests.oracle --agreements PATH --events FILE --now INSTANT`."""

import argparse
import sys
from pathlib import Path

from tests.oracle.days import instant
from tests.oracle.evaluate import dump, evaluate
from tests.oracle.reading import RefusedError, folder


def main() -> int:
    """Print the answer; 2 for documents that do not load."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--agreements", type=Path, required=True)
    parser.add_argument("--events", type=Path, required=True)
    parser.add_argument("--now", required=True)
    parser.add_argument("--all-windows", action="store_true")
    given = parser.parse_args()
    lines = given.events.read_text(encoding="utf-8").splitlines()
    try:
        now, windows = instant(given.now), given.all_windows
        print(dump(evaluate(folder(given.agreements), lines, now, all_windows=windows)))
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
