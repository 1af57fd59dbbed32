"""Every process metric's name, help, labels and buckets, in one place.

A process makes the ones it needs in its own registry: `CONSUMER_LAG.gauge(registry)`. The figures
of the agreements themselves (`accord_sla_…`) are the api's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name (a counter's without `_total`), help and labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()

    def counter(self, registry: CollectorRegistry) -> Counter:
        """This metric as a counter in `registry`."""
        return Counter(self.name, self.help, self.labels, registry=registry)

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        """This metric as a gauge in `registry`."""
        return Gauge(self.name, self.help, self.labels, registry=registry)

    def histogram(
        self, registry: CollectorRegistry, buckets: tuple[float, ...] = SECONDS
    ) -> Histogram:
        """This metric as a histogram in `registry`; the buckets are in the metric's unit."""
        return Histogram(self.name, self.help, self.labels, registry=registry, buckets=buckets)

    def tallied(
        self, registry: CollectorRegistry, buckets: tuple[float, ...] = SECONDS
    ) -> "TalliedHistogram":
        """The same, for many observations at a time; it has no labels."""
        made = TalliedHistogram(self, buckets)
        registry.register(made)
        return made


class Tallied(NamedTuple):
    """Observations by bucket, those above the last edge in one more, and their sum."""

    counts: Sequence[int]
    total: float


class TalliedHistogram(Collector):
    """A histogram of what is counted elsewhere: one call for a whole batch of observations."""

    def __init__(self, metric: Metric, buckets: tuple[float, ...]) -> None:
        """`buckets` are the upper edges, in the metric's unit."""
        self._metric = metric
        self._edges = (*map(floatToGoString, buckets), "+Inf")
        self._counts = [0] * len(self._edges)
        self._total = 0.0

    def add(self, counts: Sequence[int], total: float) -> None:
        """Add what is `Tallied`."""
        self._counts = [known + more for known, more in zip(self._counts, counts, strict=True)]
        self._total += total

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The series as they are now."""
        family = HistogramMetricFamily(self._metric.name, self._metric.help)
        so_far = 0
        buckets = []
        for edge, count in zip(self._edges, self._counts, strict=True):
            so_far += count
            buckets.append((edge, so_far))
        family.add_metric((), buckets, self._total)
        yield family


BUILD_INFO: Final = Metric(
    "accord_build_info", "1; which program this is", ("version", "revision", "python_version")
)
LOG_MESSAGES: Final = Metric("accord_log_messages", "Log lines written", ("level",))

RECORDS_CONSUMED: Final = Metric(
    "accord_kafka_records_consumed", "Records taken from Kafka", ("topic",)
)
RECORDS_PROCESSED: Final = Metric(
    "accord_kafka_records_processed", "Records whose effect is stored or published", ("topic",)
)
RECORDS_SKIPPED: Final = Metric(
    "accord_kafka_records_skipped", "Records that give no event, as their source says", ("topic",)
)
RECORDS_FAILED: Final = Metric(
    "accord_kafka_records_failed", "Records refused", ("topic", "error_type")
)
PROCESS_DURATION: Final = Metric(
    "accord_kafka_process_duration_seconds", "Time to process one batch of records", ("topic",)
)
CONSUMER_LAG: Final = Metric(
    "accord_kafka_consumer_lag",
    "Records in the partition after the last one whose effect is stored",
    ("topic", "partition", "group"),
)
CONSUMER_LAG_SECONDS: Final = Metric(
    "accord_kafka_consumer_lag_seconds",
    "How long ago the topic ended where this process stands in the partition furthest behind",
    ("topic", "group"),
)
WATERMARK: Final = Metric(
    "accord_event_watermark_timestamp_seconds",
    "Instant before which the events of the partition are believed complete",
    ("topic", "partition"),
)
DLQ_RECORDS: Final = Metric(
    "accord_dlq_records", "Records sent to a dead letter topic", ("topic", "reason")
)
DLQ_OLDEST: Final = Metric(
    "accord_dlq_oldest_record_timestamp_seconds",
    "When the oldest dead letter was written; 0 when there is none",
    ("topic",),
)
SOURCE_STOPPED: Final = Metric(
    "accord_source_partition_stopped",
    "1 when a partition of a source's topic is stopped and has to be mended",
    ("topic", "partition", "reason"),
)
LAST_EVALUATION: Final = Metric(
    "accord_last_evaluation_timestamp_seconds", "Instant of the last evaluation", ("evaluator",)
)
EVALUATION_DURATION: Final = Metric(
    "accord_evaluation_duration_seconds", "Time of one evaluation", ("evaluator",)
)
OUTBOX_PENDING: Final = Metric(
    "accord_outbox_pending", "Breach events stored and not yet published"
)
POOL_CONNECTIONS: Final = Metric(
    "accord_db_pool_connections", "Open connections to the database", ("pool", "state")
)
POOL_LIMIT: Final = Metric(
    "accord_db_pool_connections_limit", "Connections to the database at most", ("pool",)
)
HTTP_REQUESTS: Final = Metric(
    "accord_http_requests", "Requests answered", ("method", "route", "status")
)
HTTP_DURATION: Final = Metric(
    "accord_http_request_duration_seconds", "Time to answer a request", ("method", "route")
)
