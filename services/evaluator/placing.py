"""Where contributions count: in which pane of their objective, and in one of its buckets or not."""

from collections.abc import Callable, Mapping

from shared.domain.contribution import Contribution
from shared.domain.instant import Instant
from shared.domain.window import Span
from shared.runtime.conventions import RUNNING_PANE
from shared.wire.stored_item import Placed

Pane = Callable[[Instant], Span]
"""The pane of an objective's windows that holds an instant."""

ObjectiveKey = tuple[str, str]
"""An agreement and the name of one of its objectives."""


class Placing:
    """The panes of one objective, of which the last one asked for is mostly the next one too."""

    __slots__ = ("_bucketed", "_by_time", "_pane", "_plain", "_span", "built", "running")

    def __init__(self, pane: Pane, built: int, *, by_time: bool) -> None:
        """`by_time` says that stopped clocks are counted by how long they took, too."""
        self.built = built
        self.running = Placed(RUNNING_PANE, bucketed=False, built=built)
        self._pane = pane
        self._by_time = by_time
        self._span = Span(0, 0)
        self._plain = self._bucketed = self.running

    def at(self, instant: Instant, *, timed: bool) -> Placed:
        """In the pane that holds the instant; `timed` says that it has an amount."""
        if not self._span.start <= instant < self._span.end:
            self._span = span = self._pane(instant)
            self._plain = Placed(span.start, bucketed=False, built=self.built)
            self._bucketed = Placed(span.start, bucketed=True, built=self.built)
        return self._bucketed if timed and self._by_time else self._plain


class Places:
    """Where the contributions of all objectives count."""

    __slots__ = ("_places",)

    def __init__(self, places: Mapping[ObjectiveKey, Placing]) -> None:
        """Of these objectives."""
        self._places = dict(places)

    def place(self, own: Contribution) -> Placed:
        """Where a contribution counts."""
        placing = self._places[own.agreement, own.objective]
        if own.counts_at is None:
            return placing.running
        return placing.at(own.counts_at, timed=own.amount is not None)

    def holds(self, own: Contribution, placed: Placed) -> bool:
        """Whether what was posted so is in panes that these are."""
        placing = self._places.get((own.agreement, own.objective))
        return placing is not None and placing.built == placed.built
