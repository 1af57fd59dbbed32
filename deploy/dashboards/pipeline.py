"""Pipeline: whether the figures are up to date, and where it is held up if they are not."""

from typing import Final

from deploy.dashboards.frame import Dashboard, Section, address, processes, way
from deploy.dashboards.health import behind, processes_down
from deploy.dashboards.panels import Line, Panel, graph, stat
from deploy.dashboards.pipeline_details import (
    partitions,
    processes_and_documents,
    refused,
    requests,
)
from deploy.dashboards.promql import of, or_none
from deploy.dashboards.states import (
    AMBER,
    BLUE,
    OK,
    SKY,
    VERMILLION,
    steps,
)

_RATE: Final = "$__rate_interval"
_BY_JOB: Final = {
    "accord-ingest": ("ingest", BLUE),
    "accord-evaluator": ("evaluator", VERMILLION),
}
_NONE_IS_WELL: Final = steps((0, OK.colour), (1, VERMILLION))


def pipeline() -> Dashboard:
    """The dashboard for whoever keeps Accord running."""
    return Dashboard(
        name="pipeline",
        title="Accord: pipeline",
        description="Whether the figures are up to date, and where they are held up if not.",
        hours=3,
        variables=processes(hidden=False),
        links=(
            way("Overview", "Which promises hold", address("overview")),
            way("One agreement", "One agreement in detail", address("agreement")),
            way("Customers", "How each customer is served", address("customers")),
        ),
        sections=(
            Section("Now", _now()),
            Section("Flow", _flow()),
            Section("Partitions", (partitions(),), folded=True),
            Section("What was refused or late", refused(), folded=True),
            Section("API, streams and webhooks", requests(), folded=True),
            Section("Processes and documents", processes_and_documents(), folded=True),
        ),
    )


def _now() -> list[Panel]:
    def well_at_none(title: str, description: str, expression: str) -> Panel:
        return stat(title, description, expression, unit="short", thresholds=_NONE_IS_WELL)

    sources = of("accord_source_partition_stopped")
    return [
        behind(),
        processes_down(),
        well_at_none(
            "Stopped partitions",
            "Partitions of the events or of a source that somebody has to look at: see `accord "
            "gaps list`.",
            or_none(f"sum (max by (partition) ({of('accord_partition_stopped')}))", "evaluator")
            + " + "
            + or_none(f"sum (max by (topic, partition) ({sources}))", "ingest"),
        ),
        stat(
            "Waiting records",
            "Records of all topics that are not worked off.",
            f"sum (max by (group, topic, partition) ({of('accord_kafka_consumer_lag')}))",
            unit="short",
            thresholds=steps((0, OK.colour)),
        ),
        well_at_none(
            "Breaches to announce",
            "Breach events that are stored and not published yet.",
            f"max ({of('accord_outbox_pending')})",
        ),
        well_at_none(
            "Dead letters",
            "Records that were refused in the time range that is shown.",
            or_none(f"sum (increase({of('accord_dlq_records_total')}[$__range]))", "ingest"),
        ),
        well_at_none(
            "Documents refused",
            "Evaluators whose folder holds documents that do not load: the last good ones are "
            "in use.",
            f"sum ({of('accord_documents_problem')})",
        ),
        stat(
            "Clock ahead",
            "How far the clock of a host is ahead of the database's, which is used then.",
            f"max ({of('accord_clock_ahead_seconds')})",
            unit="s",
            thresholds=_NONE_IS_WELL,
        ),
    ]


def _flow() -> list[Panel]:
    def reading(service: str) -> str:
        return f"max ({of('accord_kafka_consumer_lag_seconds', _job(service))})"

    evaluated = of("accord_evaluation_timestamp_seconds")
    watermarks = of("accord_event_watermark_timestamp_seconds")
    lags = f"max by (job, group, topic, partition) ({of('accord_kafka_consumer_lag')})"
    return [
        graph(
            "Records that wait",
            "By who is to read them. The evaluator judges no deadline that it has not read up to.",
            [Line(f"sum by (job) ({lags})", "{{job}}", names=_BY_JOB)],
            unit="short",
            soft_min=0,
            width=8,
        ),
        graph(
            "Behind the present",
            "How old the instant is as of which everything is evaluated, and the watermark of the "
            "partition that is furthest back (it keeps five minutes of distance by design: until "
            "then a result is provisional); how long ago what ingest and evaluator read now was "
            "the end of its topic.",
            [
                Line(f"time() - max ({evaluated})", "evaluation", BLUE),
                Line(
                    f"time() - min (max by (topic, partition) ({watermarks}))",
                    "watermark",
                    AMBER,
                ),
                Line(reading("ingest"), "ingest reads", SKY, dashed=True),
                Line(reading("evaluator"), "evaluator reads", VERMILLION, dashed=True),
            ],
            unit="s",
            soft_min=0,
            width=8,
        ),
        *_work(),
    ]


def _job(service: str) -> str:
    return f'job="accord-{service}"'


def _work() -> list[Panel]:
    def rate(counter: str) -> str:
        return f"sum (rate({of(counter)}[{_RATE}]))"

    processed = of("accord_kafka_records_processed_total", _job("ingest"))
    folded = of("accord_evaluator_events_total", _job("evaluator"))
    return [
        graph(
            "Records worked off",
            "A second; by ingest those of the sources, by the evaluator the events of them.",
            [
                Line(f"sum (rate({processed}[{_RATE}]))", "ingest", BLUE),
                Line(f"sum (rate({folded}[{_RATE}]))", "evaluator", VERMILLION),
            ],
            unit="cps",
            soft_min=0,
            width=8,
        ),
        graph(
            "Refused and late",
            "A second: records that are no events, and events that came after the watermark had "
            "passed their time, which restate what was final.",
            [
                Line(
                    or_none(rate("accord_kafka_records_failed_total"), "ingest"),
                    "refused",
                    VERMILLION,
                ),
                Line(or_none(rate("accord_events_late_total"), "evaluator"), "late", AMBER),
            ],
            unit="cps",
            soft_min=0,
        ),
        _durations(),
    ]


def _durations() -> Panel:
    def p95(histogram: str, *matchers: str) -> str:
        buckets = of(f"{histogram}_bucket", *matchers)
        return f"histogram_quantile(0.95, sum by (le) (rate({buckets}[{_RATE}])))"

    batches = "accord_kafka_process_duration_seconds"
    return graph(
        "How long work takes",
        "The 95th percentile: a batch of ingest, a batch of the evaluator, one judging, an "
        "answer of the api.",
        [
            Line(p95(batches, _job("ingest")), "batch of ingest", BLUE),
            Line(p95(batches, _job("evaluator")), "batch of the evaluator", VERMILLION),
            Line(p95("accord_evaluation_duration_seconds"), "judging", AMBER),
            Line(p95("accord_http_request_duration_seconds"), "answer", SKY),
        ],
        unit="s",
        soft_min=0,
    )
