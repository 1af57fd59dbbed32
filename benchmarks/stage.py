"""What the benchmarks stand on: a stack of their own, and how a result is printed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from services.cli.local import say
from services.cli.stack.local_stack import DATA, LocalStack
from services.cli.trial import Trial

AGREEMENTS: Final = Path("deploy/agreements")


@contextmanager
def a_trial(name: str, *, event_partitions: int = 8) -> Iterator[Trial]:
    """A pipeline on a fresh stack that syncs to disk as in production."""
    with (
        LocalStack(DATA / "bench", fresh=True, prepare=False, say=say) as stack,
        Trial(stack, name, AGREEMENTS, event_partitions=event_partitions) as trial,
    ):
        yield trial


def report(name: str, value: float, unit: str, *, of: float | None = None) -> None:
    """Print one result as a line of JSON; `of` is what it is held against, in the same unit."""
    ratio = None if of is None else round(value / of, 4)
    line = {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "of": None if of is None else round(of, 3),
        "ratio": ratio,
    }
    print(json.dumps(line), flush=True)  # noqa: T201 - the result, for programs to read


def quantile(sorted_values: list[float], share: float) -> float:
    """The ⌈share·n⌉-th smallest."""
    index = -(-round(share * 1000) * len(sorted_values) // 1000) - 1
    return sorted_values[max(0, index)]
