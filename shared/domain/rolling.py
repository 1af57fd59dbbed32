"""Rolling windows as sums of their steps, and the breaches that run from window to window.

window that ends at e = panes [e - length, e)          the next one: the same + one - one
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from shared.domain.instant import Instant
from shared.domain.window import RollingWindow, Span


class Run(NamedTuple):
    """Windows a step apart that hold the same panes, from the first to the last of them.

    `entered` and `left` are the panes that came in and went before them, by their starts.
    """

    first: Span
    last: Span
    entered: tuple[Instant, ...]
    left: tuple[Instant, ...]


def runs(window: RollingWindow, panes: Collection[Instant], last: Span) -> Iterator[Run]:
    """Every window up to `last` that holds one of the panes, in order, alike ones together."""
    starts = sorted(panes)
    length, step = window.length, window.step
    coming = going = told_in = told_out = 0
    end = starts[0] + step if starts else last.end + 1
    while end <= last.end:
        while coming < len(starts) and starts[coming] < end:
            coming += 1
        while going < coming and starts[going] < end - length:
            going += 1
        if going < coming:
            # The next pane goes when the window has passed it, or another comes before that.
            change = starts[going] + length + step
            if coming < len(starts):
                change = min(change, starts[coming] + step)
            until = min(change - step, last.end)
            yield Run(
                Span(end - length, end),
                Span(until - length, until),
                tuple(starts[told_in:coming]),
                tuple(starts[told_out:going]),
            )
            told_in, told_out = coming, going
            end = until + step
        elif coming == len(starts):
            return
        else:
            end = starts[coming] + step


class Slide(NamedTuple):
    """A window with the panes that have come in and gone since the one before, by their starts."""

    span: Span
    entered: tuple[Instant, ...]
    left: tuple[Instant, ...]


def slide(window: RollingWindow, panes: Collection[Instant], last: Span) -> Iterator[Slide]:
    """Every window up to `last` that holds one of the panes, in order."""
    for run in runs(window, panes, last):
        yield Slide(run.first, run.entered, run.left)
        for span in following(window, run.first, run.last):
            yield Slide(span, (), ())


def following(window: RollingWindow, first: Span, last: Span) -> Iterator[Span]:
    """The windows after the first, up to the last."""
    for start in range(first.start + window.step, last.start + 1, window.step):
        yield Span(start, start + window.length)


class Episode(NamedTuple):
    """A breach over rolling windows: the first that misses, and the instants of the breach."""

    window: Span
    opened_at: Instant
    closed_at: Instant | None


def episodes(
    window: RollingWindow, judged: Iterable[tuple[Span, Span, bool]], *, now: Instant
) -> list[Episode]:
    """The breaches of a group: from the end of a window that misses to that of one that does not.

    That is contract section 4; the breach's window is the first that misses. `judged` are windows
    in order, from one to another a step apart, and whether they miss; those not among them have no
    data and do not miss. Windows that have not ended by `now` open and close nothing.
    """
    found: list[Episode] = []
    due = None
    for first, last, missing in judged:
        if first.end > now:
            break
        if due is not None and due < first.end:
            found[-1] = found[-1]._replace(closed_at=due)
            due = None
        if missing:
            if due is None:
                found.append(Episode(first, first.end, None))
            due = last.end + window.step
        elif due is not None:
            found[-1] = found[-1]._replace(closed_at=first.end)
            due = None
    if due is not None and due <= now:
        found[-1] = found[-1]._replace(closed_at=due)
    return found
