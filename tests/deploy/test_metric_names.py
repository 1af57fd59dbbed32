"""Names, kinds and labels as Prometheus' conventions and its own linter want them."""

import re

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from services.api.web.middleware import BUCKETS
from services.cli.metrics_page import Described, described
from tests.deploy.promtool import promtool

TARGET_LABELS = {
    "service", "customer", "region", "zone", "cluster", "env", "environment", "owner", "stage",
    "dc", "job", "instance", "type",
}  # fmt: skip
"""What scrapers give their targets: a label of ours of that name would be renamed."""
RESERVED = ("_count", "_sum", "_bucket", "_created", "_total")
OTHER_UNITS = re.compile(r"_(ms|milliseconds|minutes|hours|days|percent|kb|mb|bits)(_|$)")
PERSONAL = {"item", "ticket", "lead", "subject", "email", "user", "actor", "name"}

each = pytest.mark.parametrize("own", described(), ids=lambda own: own.name)


@each
def test_a_name_has_our_prefix_base_units_and_no_reserved_end(own: Described) -> None:
    assert re.fullmatch(r"accord(_[a-z0-9]+)+", own.name)
    assert not OTHER_UNITS.search(own.name)
    assert not own.name.endswith(RESERVED)
    if own.name.endswith("_info"):
        assert own.help.startswith("1; ")
    if own.kind == "histogram":
        assert own.unit == "seconds"


@each
def test_a_time_is_a_point_in_time_never_an_age(own: Described) -> None:
    assert not re.search(r"_(age|since|ago)(_|$)", own.name)


@each
def test_labels_are_none_that_scrapers_give_and_name_nobody(own: Described) -> None:
    assert not TARGET_LABELS & set(own.labels)
    assert not PERSONAL & set(own.labels)
    assert all(re.fullmatch(r"[a-z_]+", label) for label in own.labels)


def test_requests_are_timed_in_the_buckets_of_opentelemetry() -> None:
    assert BUCKETS == (
        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
    )  # fmt: skip


class _Each(Collector):
    """One sample of each family: what Prometheus' linter is shown."""

    def collect(self) -> list[Family]:
        found = []
        for own in described():
            family = Family(own.name, own.help, own.kind)
            labels = dict.fromkeys(own.labels, "x")
            for suffix in own.suffixes:
                more = {"le": "+Inf"} if suffix == "_bucket" else {}
                family.add_sample(own.name + suffix, {**labels, **more}, 1)
            found.append(family)
        return found


def test_prometheus_linter_finds_nothing() -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Each())
    promtool("check", "metrics", stdin=generate_latest(registry))
