"""Rolling windows as sums of their steps, and the breaches that run from window to window.

window that ends at e = panes [e - length, e)          the next one: the same + one - one
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from shared.domain.instant import Instant
from shared.domain.window import RollingWindow, Span


class Slide(NamedTuple):
    """A window with the panes that have come in and gone since the one before, by their starts."""

    span: Span
    entered: tuple[Instant, ...]
    left: tuple[Instant, ...]


def slide(window: RollingWindow, panes: Collection[Instant], last: Span) -> Iterator[Slide]:
    """Every window up to `last` that holds one of the panes, in order."""
    starts = sorted(panes)
    coming = going = told_in = told_out = 0
    end = starts[0] + window.step if starts else last.end + 1
    while end <= last.end:
        while coming < len(starts) and starts[coming] < end:
            coming += 1
        while going < coming and starts[going] < end - window.length:
            going += 1
        if going < coming:
            span = Span(end - window.length, end)
            yield Slide(span, tuple(starts[told_in:coming]), tuple(starts[told_out:going]))
            told_in, told_out = coming, going
            end += window.step
        elif coming == len(starts):
            return
        else:
            end = starts[coming] + window.step


class Episode(NamedTuple):
    """A breach over rolling windows: the first that misses, and the instants of the breach."""

    window: Span
    opened_at: Instant
    closed_at: Instant | None


def episodes(
    window: RollingWindow, judged: Iterable[tuple[Span, bool]], *, now: Instant
) -> list[Episode]:
    """The breaches of a group: from the end of a window that misses to that of one that does not.

    That is contract section 4; the breach's window is the first that misses.

    `judged` are windows in order, and whether each misses; those not among them have no data and
    do not miss. Windows that have not ended by `now` open and close nothing.
    """
    found: list[Episode] = []
    due = None
    for span, missing in judged:
        if span.end > now:
            break
        if due is not None and due < span.end:
            found[-1] = found[-1]._replace(closed_at=due)
            due = None
        if missing:
            if due is None:
                found.append(Episode(span, span.end, None))
            due = span.end + window.step
        elif due is not None:
            found[-1] = found[-1]._replace(closed_at=span.end)
            due = None
    if due is not None and due <= now:
        found[-1] = found[-1]._replace(closed_at=due)
    return found
