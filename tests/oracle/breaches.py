"""Window breaches: the walk through a window's contributions, and the episodes of rolling ones."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tests.oracle.days import Segment
from tests.oracle.entries import Entry
from tests.oracle.judging import judged
from tests.oracle.reading import Objective
from tests.oracle.windows import RollingWindows


@dataclass(frozen=True)
class Opening:
    """One breach of a window."""

    window: Segment
    opened: int
    closed: int | None


def walked(span: Segment, objective: Objective, entries: list[Entry], now: int) -> list[Opening]:
    """The breaches of a calendar or tumbling window, its entries taken as they were decided."""
    cohort = objective.kpi.get("cohort", False)
    instants = {e.decided for e in entries if e.decided is not None}
    instants |= {e.at for e in entries if cohort}
    openings: list[int] = []
    recoveries: list[int] = []
    missing = False
    for at in sorted(instants):
        missed = judged(objective, list(_known(entries, at, cohort=cohort))).misses
        if missed != missing:
            (openings if missed else recoveries).append(at)
        missing = missed
    end = span[1]
    found = []
    for i, opened in enumerate(openings):
        recovery = recoveries[i : i + 1]
        if opened >= end:
            found.append(Opening(span, opened, opened))
        elif recovery and recovery[0] < end:
            found.append(Opening(span, opened, recovery[0]))
        else:
            found.append(Opening(span, opened, end if end <= now else None))
    return found


def _known(entries: Iterable[Entry], at: int, *, cohort: bool) -> Iterator[Entry]:
    """What was decided by an instant; an item of a cohort is pending until then."""
    for e in entries:
        if e.decided is not None and e.decided <= at:
            yield e
        elif cohort and e.at <= at:
            yield replace(e, outcome="pending")


def episodes(windows: RollingWindows, missing: list[Segment], now: int) -> list[Opening]:
    """From the end of the first that misses to the end of the next that does not."""
    misses = set(missing)
    found = []
    for first in missing:
        if (first[0] - windows.step, first[1] - windows.step) in misses:
            continue
        following = first
        while following in misses:
            following = windows.following(following)
        found.append(Opening(first, first[1], following[1] if following[1] <= now else None))
    return found
