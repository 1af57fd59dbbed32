"""How late events are when they are folded: figures of a whole batch at once.

An event lies behind what its partition had reached when it came: behind its evaluation time, by so
much, or even behind its watermark; then it may change what was final. The loop over events is not
made longer for this: the times of a batch are sorted, and looked up once for each edge.
"""

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from prometheus_client import CollectorRegistry

from services.evaluator.partition import Partition
from shared.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant
from shared.runtime.metrics import Metric, Tallied

LATENESS: Final = Metric(
    "accord_event_lateness_seconds",
    "How far events lay behind the evaluation time of their partition when they came",
)
LATE: Final = Metric(
    "accord_events_late",
    "Events that came after the watermark had passed their time",
    ("kind",),
)
FOLDED: Final = Metric(
    "accord_event_folded_timestamp_seconds",
    "Latest time of the events in the batch that was folded last",
    ("partition",),
)
EDGES: Final = (
    0,
    SECOND,
    5 * SECOND,
    30 * SECOND,
    MINUTE,
    5 * MINUTE,
    HOUR,
    6 * HOUR,
    DAY,
    7 * DAY,
    30 * DAY,
    365 * DAY,
)
"""Up to so late; the first are those that are not late at all."""
KINDS_MAX: Final = 20
"""Kinds of items with a series of their own: senders invent them, and series are dear."""
OTHER_KINDS: Final = "other"


class Lateness:
    """Counts events by how late they are."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Make the metrics."""
        self._histogram = LATENESS.tallied(registry, tuple(edge / SECOND for edge in EDGES))
        self._late = LATE.counter(registry)
        self._folded = FOLDED.gauge(registry)
        self._kinds: set[str] = set()

    def note(self, partition: Partition, times: Sequence[Instant], kinds: Iterable[str]) -> None:
        """Count events of these times and kinds that are about to be folded.

        `partition` is as it was before them; `kinds` are asked for only when an event is late.
        """
        if not times:
            return
        in_order, reached = sorted(times), partition.evaluation_time
        self._histogram.add(*tallied(in_order, reached))
        self._folded.labels(partition=partition.part).set(in_order[-1] / SECOND)
        complete_until = partition.watermark
        if in_order[0] < complete_until:
            of = zip(times, kinds, strict=True)
            for kind, count in Tally(kind for at, kind in of if at < complete_until).items():
                self._late.labels(kind=self._label(kind)).inc(count)

    def let_go(self, part: int) -> None:
        """Say nothing of a partition any more: another process folds it."""
        self._folded.remove(part)

    def _label(self, kind: str) -> str:
        if kind not in self._kinds and len(self._kinds) < KINDS_MAX:
            self._kinds.add(kind)
        return kind if kind in self._kinds else OTHER_KINDS


def tallied(times: Sequence[Instant], reached: Instant) -> Tallied:
    """How many of some instants, in order, lie up to each edge behind `reached`, and the seconds.

    What lies ahead of it is not late. More than the last edge is in the last number.
    """
    up_to = [len(times) - bisect_left(times, reached - edge) for edge in EDGES]
    counts = [one - other for one, other in zip([*up_to, len(times)], [0, *up_to], strict=True)]
    behind = bisect_left(times, reached)
    return Tallied(counts, (behind * reached - sum(islice(times, behind))) / SECOND)
