"""How far a reader is behind a log: in records, and how long ago it ended where the reader stands.

Records carry the time at which they were produced, which is anything; here it is noted when the end
of the log was seen where, and what lies between is interpolated.
"""

from collections.abc import Hashable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from prometheus_client import CollectorRegistry

from shared.runtime.metrics import CONSUMER_LAG, CONSUMER_LAG_SECONDS

Place = TypeVar("Place", bound=Hashable)

POINTS: Final = 256
"""Of each partition; when there are more every other one is forgotten."""
APART_S: Final = 1.0


@dataclass(slots=True)
class _Ends:
    """Where a log ended when: seconds of a steady clock, and offsets that rise."""

    points: list[tuple[float, int]] = field(default_factory=list)

    def note(self, at: float, end: int) -> None:
        points = self.points
        if points and end < points[-1][1]:
            points.clear()  # another log
        if points and end == points[-1][1]:
            return
        if len(points) > 1 and at - points[-2][0] < APART_S:
            points[-1] = (at, end)
        else:
            points.append((at, end))
        if len(points) > POINTS:
            del points[1:-1:2]

    def reached_at(self, position: int) -> float:
        """When the log ended at `position`; the first look at it where it was longer by then."""
        before = self.points[0]
        for after in self.points:
            if after[1] > position:
                if before[1] >= after[1]:
                    break
                share = (position - before[1]) / (after[1] - before[1])
                return before[0] + max(0.0, share) * (after[0] - before[0])
            before = after
        return before[0]


class LagSeconds(Generic[Place]):
    """The lag of the partitions that a process reads; the largest counts."""

    def __init__(self) -> None:
        """Nothing has been seen yet."""
        self._ends: dict[Place, _Ends] = {}

    @property
    def places(self) -> AbstractSet[Place]:
        """The partitions that were read when it was measured last."""
        return self._ends.keys()

    def measure(self, standing: Mapping[Place, tuple[int, int]], *, at: float) -> float:
        """The seconds that the partition furthest behind is behind.

        `standing` has the position and the end of every partition that is read, all others are
        forgotten; `at` is a steady clock in seconds.
        """
        for gone in self._ends.keys() - standing.keys():
            del self._ends[gone]
        most = 0.0
        for place, (position, end) in standing.items():
            ends = self._ends.setdefault(place, _Ends())
            ends.note(at, end)
            if position < end:
                most = max(most, at - ends.reached_at(position))
        return most


class ConsumerLag:
    """What a member of a consumer group shows of its lag: of the partitions that it has, only.

    One that it has no more is the next owner's to show: two would tell of it.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        """Make the metrics."""
        self.records = CONSUMER_LAG.gauge(registry)
        self._seconds = CONSUMER_LAG_SECONDS.gauge(registry)
        self._measured: dict[tuple[str, str], LagSeconds[int]] = {}

    def show(
        self, topic: str, group: str, standing: Mapping[int, tuple[int, int]], *, at: float
    ) -> None:
        """Show the lag in all partitions of a topic that the process has: position and end of each.

        `at` is a steady clock in seconds.
        """
        measured = self._measured.setdefault((topic, group), LagSeconds())
        for part in measured.places - standing.keys():
            self.records.remove(topic, part, group)
        for part, (position, end) in standing.items():
            self.records.labels(topic, part, group).set(max(0, end - position))
        self._seconds.labels(topic, group).set(measured.measure(standing, at=at))

    def clear(self) -> None:
        """Show nothing until the next time: the process is in no group."""
        self.records.clear()
        self._seconds.clear()
        self._measured.clear()
