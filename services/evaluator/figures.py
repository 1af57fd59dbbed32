"""The evaluator's own metrics."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from prometheus_client import CollectorRegistry

from services.evaluator.lateness import Lateness
from services.evaluator.posting import Posting
from shared.domain.instant import SECOND
from shared.runtime import metrics
from shared.runtime.lag import ConsumerLag
from shared.runtime.metrics import Metric

EVENTS: Final = Metric(
    "accord_evaluator_events", "Events folded, by what became of them", ("outcome",)
)
EVALUATION_TIME: Final = Metric(
    "accord_evaluation_time_timestamp_seconds",
    "Instant as of which the partition's items are settled",
    ("partition",),
)
STOPPED: Final = Metric(
    "accord_partition_stopped",
    "1 when the partition is stopped and has to be mended",
    ("partition", "reason"),
)
CLOCK_AHEAD: Final = Metric(
    "accord_clock_ahead_seconds",
    "How far the clock of this host is ahead of the database's, which is used then",
)
RESTARTS: Final = Metric(
    "accord_evaluator_restarts", "Times the evaluator started over from what is stored"
)
BUILD_PARTITIONS: Final = Metric(
    "accord_documents_build_partitions",
    "Partitions of this evaluator whose items are folded under the documents to come, and all",
    ("state",),
)
BUILD_ITEMS: Final = Metric(
    "accord_documents_build_items",
    "Items of these partitions that are folded under the documents to come, and all when it began",
    ("state",),
)
DOCUMENTS_PROBLEM: Final = Metric(
    "accord_documents_problem",
    "1 while the folder's latest documents do not load and the last good ones stay in use",
)
DOCUMENTS: Final = Metric(
    "accord_documents_generation", "Number of the generation of documents", ("state",)
)
JUDGED: Final = Metric("accord_evaluator_windows_judged", "Windows judged")


class Figures:
    """What the evaluator counts and measures, in its process's registry."""

    def __init__(self, registry: CollectorRegistry, topic: str) -> None:
        """Make every metric."""
        self._topic = topic
        self.events = EVENTS.counter(registry)
        self.lateness = Lateness(registry)
        self._behind = ConsumerLag(registry)
        self.watermark = metrics.WATERMARK.gauge(registry)
        self.evaluation_time = EVALUATION_TIME.gauge(registry)
        self.stopped = STOPPED.gauge(registry)
        self.clock_ahead = CLOCK_AHEAD.gauge(registry)
        self.restarts = RESTARTS.counter(registry)
        self.documents_problem = DOCUMENTS_PROBLEM.gauge(registry)
        self.documents = DOCUMENTS.gauge(registry)
        self.build_partitions = BUILD_PARTITIONS.gauge(registry)
        self.build_items = BUILD_ITEMS.gauge(registry)
        self.judged = JUDGED.counter(registry)
        self.judging = metrics.EVALUATION_DURATION.histogram(registry)
        self.last_evaluation = metrics.LAST_EVALUATION.gauge(registry)
        self.outbox = metrics.OUTBOX_PENDING.gauge(registry)
        self._batches = metrics.PROCESS_DURATION.histogram(registry)
        self._refused = metrics.RECORDS_FAILED.counter(registry)
        self._told: set[int] = set()

    def batch(self, posting: Posting, seconds: float) -> None:
        """A batch is committed."""
        self._batches.labels(topic=self._topic).observe(seconds)
        for move in posting.moves:
            self._told.add(move.part)
            self.evaluation_time.labels(partition=move.part).set(move.evaluation_time / SECOND)
            self.watermark.labels(topic=self._topic, partition=move.part).set(
                move.watermark / SECOND
            )
        for row in posting.quarantined:
            self._refused.labels(topic=self._topic, error_type=row.reason).inc()

    def behind(self, group: str, standing: Mapping[int, tuple[int, int]], *, at: float) -> None:
        """Say how far the owned partitions are behind: by partition, the position and the end.

        Of all others nothing is said any more: they are another's. `at` is a steady clock in
        seconds.
        """
        self._behind.show(self._topic, group, standing, at=at)
        self._let_go(self._told - standing.keys())

    def has_left(self) -> None:
        """The process has no partitions: it is in no group."""
        self._behind.clear()
        self._let_go({*self._told})
        self.stopped.clear()  # whoever has those that are stopped says so
        self.outbox.set(0)
        for building in (self.build_partitions, self.build_items):
            building.clear()

    def _let_go(self, parts: AbstractSet[int]) -> None:
        for part in parts:
            self.evaluation_time.remove(part)
            self.watermark.remove(self._topic, part)
            self.lateness.let_go(part)
        self._told -= parts
