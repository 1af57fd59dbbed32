"""`make bench`: the benchmarks, one after the other, each on a fresh stack.

Those that take long are commands of their own: `documents`, `latency`, `open_clocks`, `scrape`,
`soak`, `stored_items` and `streams`, as `python -m benchmarks.NAME`.
"""

import subprocess
import sys
from typing import Final

_EACH: Final = ("core", "throughput", "deadline_lag", "garbage")


def main() -> int:
    """Run each in a process of its own; the result is the number of those that failed."""
    return sum(
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0  # noqa: S603 - our own modules
        for name in _EACH
    )


if __name__ == "__main__":
    sys.exit(main())
