"""The figures of partitions are those of partitions that the process has."""

from prometheus_client import CollectorRegistry

from services.evaluator.figures import Figures


def samples(registry: CollectorRegistry) -> set[tuple[str, str]]:
    """The metrics that are about a partition, and which."""
    return {
        (sample.name, sample.labels["partition"])
        for family in registry.collect()
        for sample in family.samples
        if "partition" in sample.labels
    }


def test_who_is_in_no_group_says_nothing_of_partitions_not_even_that_they_are_stopped() -> None:
    registry = CollectorRegistry()
    figures = Figures(registry, "accord.events")
    figures.behind("accord-evaluator", {0: (5, 9)}, at=0)
    figures.stopped.labels(partition=3, reason="poison").set(1)
    assert samples(registry) == {
        ("accord_kafka_consumer_lag", "0"),
        ("accord_partition_stopped", "3"),
    }
    figures.has_left()
    assert samples(registry) == set()


def test_nor_of_what_it_had_built_for_documents_to_come() -> None:
    registry = CollectorRegistry()
    figures = Figures(registry, "accord.events")
    figures.build_items.labels(state="stored").set(7)
    assert registry.get_sample_value("accord_documents_build_items", {"state": "stored"}) == 7
    figures.has_left()
    assert registry.get_sample_value("accord_documents_build_items", {"state": "stored"}) is None
