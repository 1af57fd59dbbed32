"""`docs/metrics.md`: every series there is, from the code that makes it.

`python -m services.cli.metrics_page > docs/metrics.md` writes it anew; a test holds them together.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from services.api.figures import exporter, sla_figures
from services.api.figures.exporter import Exporter
from services.api.stream.event_stream import StreamFigures
from services.api.web.middleware import BUCKETS
from services.api.webhooks.delivering import WebhookFigures
from services.cli.alert_rules.recordings import RECORDINGS
from services.evaluator.figures import Figures
from services.ingest.consume import Meters
from shared.runtime import metrics
from shared.runtime.metrics import Metric
from shared.runtime.pool_figures import PoolFigures

SERVICES: Final = ("ingest", "evaluator", "api")
_UNITS: Final = ("seconds", "ratio", "bytes")


@dataclass(frozen=True, slots=True)
class Described:
    """A family: its name without suffixes, its kind, and which services export it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    services: tuple[str, ...]

    @property
    def series(self) -> str:
        """The name that people ask for."""
        return f"{self.name}_total" if self.kind == "counter" else self.name

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What is added to the name in an exposition."""
        kinds = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
        return kinds.get(self.kind, ("",))

    @property
    def unit(self) -> str:
        """The unit, which is the last word of the name."""
        last = self.name.rpartition("_")[2]
        return last if last in _UNITS else ""


def described() -> list[Described]:
    """All families of our own, by name."""
    labels = {own.name: own.labels for own in declared()}
    found: dict[str, Described] = {}
    for service in SERVICES:
        for family in _registry(service).collect():
            known = found.get(family.name)
            services = (*known.services, service) if known else (service,)
            found[family.name] = Described(
                family.name, family.type, labels[family.name], family.documentation, services
            )
    return [found[name] for name in sorted(found)]


def declared() -> Iterator[Metric]:
    """Every metric that a module of ours declares."""
    for name, module in sorted(sys.modules.items()):
        if name.startswith(("services.", "shared.")):
            yield from (own for own in vars(module).values() if isinstance(own, Metric))


def _registry(service: str) -> CollectorRegistry:
    """What a process of this service registers."""
    registry = CollectorRegistry()
    metrics.BUILD_INFO.gauge(registry)
    metrics.LOG_MESSAGES.counter(registry)
    registry.register(_Only(PoolFigures.describe()))
    match service:
        case "ingest":
            Meters(registry)
        case "evaluator":
            Figures(registry, "")
        case _:
            metrics.HTTP_REQUESTS.counter(registry)
            metrics.HTTP_DURATION.histogram(registry, BUCKETS)
            exporter.SNAPSHOT_DURATION.histogram(registry)
            exporter.RENEWED.counter(registry)
            StreamFigures(registry)
            WebhookFigures(registry)
            registry.register(_Only(Exporter.describe()))
            registry.register(_Only(sla_figures.described()))
    return registry


class _Only(Collector):
    """Families without series."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterator[Family]:
        yield from self._families


_BEGIN: Final = """\
# Metrics

What the services export on their port of metrics, and what Prometheus records of it. Written by
`python -m services.cli.metrics_page > docs/metrics.md`; what to do about alerts on them is in
[operations](operations.md#alerts-and-what-to-do), why they are as they are in
[ADR 28](adr/0028-series-are-written-when-they-change.md).

- Times are seconds, shares are ratios from 0 to 1, points in time are seconds since 1970.
  What has no value has no series; there is no NaN.
- Several replicas of the api export the same figures of the same database: take
  `max without (instance)`.
- Authoritative gauges (`accord_sla_value_ratio`, `accord_sla_state`, budgets) are in business time,
  with corrections and late events. The counters `accord_sla_events_total` and
  `accord_sla_breached_events_total` count decisions over all windows and never fall: they are for
  rates.
- `sla_id` is that of the API. `_other` stands for all promises over `ACCORD_SERIES_LIMIT` together:
  the worst of their states, the sums of their events.
- Who asks for OpenMetrics gets it, with exemplars: `trace_id` on the durations of requests that
  came with a `traceparent`. Who takes gzip gets it from memory.
- The client library adds `process_*` and `python_*`.

## Exported

| series | type | unit | labels | from | meaning |
|---|---|---|---|---|---|
"""
_RECORDED: Final = """
## Recorded

By `deploy/prometheus/rules/accord-burn.yml`, which `accord rules FOLDER` writes for other
agreements. `sla_range` is the range (`1h`), `sla_period` what a window is taken for (`30d`).

| series | labels | meaning |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    exported = "".join(_row(own) for own in described())
    recorded = "".join(
        f"| `{own.name}` | {', '.join(own.labels)} | {own.meaning} |\n" for own in RECORDINGS
    )
    return f"{_BEGIN}{exported}{_RECORDED}{recorded}"


def _row(own: Described) -> str:
    labels = ", ".join(f"`{label}`" for label in own.labels)
    services = "all" if own.services == SERVICES else ", ".join(own.services)
    return f"| `{own.series}` | {own.kind} | {own.unit} | {labels} | {services} | {own.help} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
