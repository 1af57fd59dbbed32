"""What the pipeline's dashboard shows when one looks closer: its folded sections."""

from typing import Final

from deploy.dashboards.health import OURS
from deploy.dashboards.panels import Column, Line, Panel, graph, ranking, stat, table
from deploy.dashboards.promql import each, of, or_none
from deploy.dashboards.states import AMBER, BLUE, OK, VERMILLION, steps

_RATE: Final = "$__rate_interval"


def partitions() -> Panel:
    """How far each partition of the event log is."""

    def by_partition(metric: str, *matchers: str) -> str:
        return f"max by (partition) ({of(metric, *matchers)})"

    columns = (
        Column("Partition", "partition", properties={"custom.width": 100}),
        Column(
            "Evaluated",
            "",
            f"time() - {by_partition('accord_partition_evaluation_timestamp_seconds')}",
            "s",
        ),
        Column("Proven", "", by_partition("accord_partition_proven"), "bool_yes_no"),
        Column(
            "Watermark",
            "",
            f"time() - {by_partition('accord_event_watermark_timestamp_seconds')}",
            "s",
        ),
        Column(
            "Waiting",
            "",
            by_partition("accord_kafka_consumer_lag", 'job="accord-evaluator"'),
            "short",
        ),
        Column(
            "Latest event",
            "",
            f"time() - {by_partition('accord_event_folded_timestamp_seconds')}",
            "s",
        ),
    )
    return table(
        "Partitions of the event log",
        "How far each one is: how old its evaluation time, its watermark and the latest event of "
        "its last batch are, whether it has read all there was, and how many records wait.",
        "partition",
        columns,
        unit="none",
        sort_by="Evaluated",
    )


def refused() -> list[Panel]:
    """What became no event, and what came late."""
    oldest = of("accord_dlq_oldest_record_timestamp_seconds")
    late = of("accord_event_lateness_seconds_bucket", 'le="300.0"')
    every = of("accord_event_lateness_seconds_count")
    return [
        ranking(
            "Dead letters by reason",
            "Records that were refused in the time range that is shown; they lie unchanged in the "
            "topic's .dlq.",
            f"topk (10, sum by (topic, reason) (increase({of('accord_dlq_records_total')}"
            "[$__range])))",
            "{{topic}}: {{reason}}",
            unit="short",
            thresholds=steps((0, VERMILLION)),
        ),
        ranking(
            "Oldest dead letter",
            "How long the oldest record has lain in the dead letters of each topic; 0 when there "
            "is none.",
            f"max by (topic) ((time() - {oldest}) * ({oldest} > bool 0))",
            "{{topic}}",
            unit="s",
            thresholds=steps((0, OK.colour), (1, AMBER)),
        ),
        ranking(
            "Later than the watermark allows for",
            "Events that came more than five minutes behind the evaluation time of their "
            "partition, as a share of all that came in the time range that is shown.",
            f"1 - sum (increase({late}[$__range])) / (sum (increase({every}[$__range])) > 0)",
            "late",
            unit="percentunit",
            thresholds=steps((0, OK.colour)),
            full=1,
        ),
    ]


def requests() -> list[Panel]:
    """What is asked of the api, and what it sends by itself."""
    every = of("accord_http_requests_total")
    failed = of("accord_http_requests_total", 'status=~"5.."')
    refused = of("accord_http_requests_total", 'status=~"4.."')
    buckets = of("accord_http_request_duration_seconds_bucket")
    return [
        graph(
            "Requests",
            "A second: all, and those of them that were refused (4xx) or failed (5xx).",
            [
                Line(f"sum (rate({every}[{_RATE}]))", "all", BLUE),
                Line(or_none(f"sum (rate({refused}[{_RATE}]))", "api"), "refused", AMBER),
                Line(or_none(f"sum (rate({failed}[{_RATE}]))", "api"), "failed", VERMILLION),
            ],
            unit="reqps",
            soft_min=0,
        ),
        ranking(
            "Slowest routes",
            "The 95th percentile of the time to answer, in the time range that is shown.",
            "topk (8, histogram_quantile(0.95, sum by (le, route) "
            f"(increase({buckets}[$__range]))) >= 0)",
            "{{route}}",
            unit="s",
            thresholds=steps((0, OK.colour)),
            width=12,
            height=8,
        ),
        *_pushed(),
    ]


def _pushed() -> list[Panel]:
    attempts = f"sum (rate({of('accord_webhook_deliveries_total')}[{_RATE}]))"
    return [
        graph(
            "Streams",
            "Streams of changes that are open, and changes that are sent on them a second.",
            [
                Line(f"sum ({of('accord_http_streams_open')})", "open", BLUE),
                Line(
                    f"sum (rate({of('accord_http_stream_events_total')}[{_RATE}]))",
                    "changes",
                    AMBER,
                    unit="cps",
                ),
            ],
            unit="short",
            soft_min=0,
        ),
        graph(
            "Webhooks",
            "A second: attempts to deliver a change to a receiver, and changes that were given up "
            "and lie on its dead list.",
            [
                Line(or_none(attempts, "api"), "attempts", BLUE),
                Line(
                    f"sum (rate({of('accord_webhook_dead_total')}[{_RATE}]))",
                    "given up",
                    VERMILLION,
                ),
            ],
            unit="cps",
            soft_min=0,
        ),
    ]


def processes_and_documents() -> list[Panel]:
    """What runs, under which documents."""
    return [_processes(), *_documents()]


def _processes() -> Panel:
    build = of("accord_build_info")
    in_use_now = 'state="in_use"'
    in_use = f"sum by (instance) ({of('accord_db_pool_connections', in_use_now)})"
    at_most = f"sum by (instance) ({of('accord_db_pool_connections_limit')})"
    errors = of("accord_log_messages_total", 'level="ERROR"')
    by = "instance, job, version, python_version"
    columns = (
        Column("Process", "instance"),
        Column("Job", "job"),
        Column("Version", "version"),
        Column("Python", "python_version"),
        Column("Runs", "", f"max by ({by}) ({build})", "bool_yes_no"),
        Column("Answers", "", f"max by (instance) ({of('up', OURS)})", "bool_yes_no"),
        Column("Connections used", "", f"{in_use} / {at_most}", "percentunit"),
        Column(
            "Errors logged",
            "",
            f"sum by (instance) (increase({errors}[$__range])) or 0 * max by (instance) ({build})",
            "short",
        ),
    )
    return table(
        "Processes",
        "What runs, of which version, and how many errors it logged in the time range that is "
        "shown.",
        "instance",
        columns,
        unit="none",
        sort_by="Job",
        ascending=True,
        width=12,
        height=9,
    )


def _documents() -> list[Panel]:
    stored = of("accord_documents_build_items", 'state="stored"')
    built = of("accord_documents_build_items", 'state="built"')
    current = of("accord_documents_generation", 'state="current"')
    return [
        graph(
            "Documents",
            "The number of the generation of documents that is in use. It grows when agreements "
            "are changed.",
            [Line(f"max ({current})", "generation", BLUE)],
            unit="short",
            width=5,
            height=9,
        ),
        graph(
            "Items to build",
            "Items that are still to be folded under documents to come; 0 when nothing is built.",
            [Line(f"sum ({stored}) - sum ({built})", "items", BLUE)],
            unit="short",
            soft_min=0,
            width=4,
            height=9,
        ),
        stat(
            "Series used",
            "Promises that have series of their own, as a share of those that may "
            "(ACCORD_SERIES_LIMIT). What is over the limit is shown as one, called _other.",
            f"count ({each('accord_sla_info')}) / max ({of('accord_series_limit')})",
            unit="percentunit",
            thresholds=steps((0, OK.colour), (1, VERMILLION)),
        ),
    ]
