"""Which items made up a window: their contributions, found by the window that they count in."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import NamedTuple

from shared.domain.agreement import Agreement
from shared.domain.contribution import Contribution
from shared.domain.instant import NEVER, Instant
from shared.domain.window import Span

Group = tuple[str, ...]


class Member(NamedTuple):
    """A contribution, and the key of the item that it is of."""

    item: str
    entry: Contribution


@dataclass(frozen=True, slots=True)
class Members:
    """The first members of a window in order, and how many there are."""

    total: int
    shown: tuple[Member, ...]


class Membership:
    """All contributions as of an instant, by objective, group and pane."""

    def __init__(
        self,
        agreements: Mapping[str, Agreement],
        contributed: Iterable[tuple[str, Contribution]],
        *,
        now: Instant,
    ) -> None:
        """`contributed` are item keys with what the items contribute as of `now`."""
        self._panes: dict[tuple[str, str, Group], dict[Instant, list[Member]]] = defaultdict(
            lambda: defaultdict(list)
        )
        windows = {
            (name, objective): agreement.judging(objective, now)[1].window
            for name, agreement in agreements.items()
            for objective in agreement.objective_names
        }
        for item, entry in contributed:
            window = windows[entry.agreement, entry.objective]
            counts_at = now if entry.counts_at is None else entry.counts_at
            key = (entry.agreement, entry.objective, entry.group)
            self._panes[key][window.pane(counts_at).start].append(Member(item, entry))
        for panes in self._panes.values():
            for several in panes.values():
                several.sort(key=_order)
        self._starts = {key: sorted(panes) for key, panes in self._panes.items()}

    def of(self, agreement: str, objective: str, group: Group, span: Span, most: int) -> Members:
        """The members of a window, those decided first first, the undecided last; `most` of them.

        What counts in a calendar or tumbling window is one pane, in a rolling one several.
        """
        key = (agreement, objective, group)
        starts = self._starts.get(key, [])
        first, last = bisect_left(starts, span.start), bisect_left(starts, span.end)
        panes = [self._panes[key][start] for start in starts[first:last]]
        return Members(sum(map(len, panes)), tuple(islice(merge(*panes, key=_order), most)))


def _order(member: Member) -> tuple[Instant, str, int, int, str]:
    entry = member.entry
    at = NEVER if entry.at is None else entry.at
    return (at, member.item, entry.cycle, entry.ordinal, entry.outcome.value)
