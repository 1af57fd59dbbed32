"""Events by how late they are: those of a batch are counted at once."""

from itertools import accumulate
from random import Random

from prometheus_client import CollectorRegistry

from services.evaluator.lateness import EDGES, KINDS_MAX, Lateness, tallied
from services.evaluator.partition import Partition
from services.evaluator.store import Progress
from shared.domain.instant import DAY, HOUR, MINUTE, SECOND

REACHED = 1_800 * DAY


def partition(*, reached: int = REACHED, watermark: int = REACHED - 5 * MINUTE) -> Partition:
    """One that has been evaluated up to an instant."""
    row = Progress(3, 1, 0, reached, watermark, None, "", 1, None, None, built=False, next_due=None)
    return Partition.claimed(row)


def test_a_batch_is_counted_as_its_events_one_by_one() -> None:
    random = Random(5)  # noqa: S311 - a repeatable choice, no secret
    times = [REACHED - random.choice([-HOUR, 0, 1, *EDGES, 2 * DAY, 900 * DAY]) for _ in range(500)]
    counts, seconds = tallied(sorted(times), REACHED)
    up_to = [sum(REACHED - time <= edge for time in times) for edge in EDGES]
    assert [*accumulate(counts)] == [*up_to, len(times)]
    assert seconds == sum(max(0, REACHED - time) for time in times) / SECOND


def test_what_prometheus_is_told() -> None:
    registry = CollectorRegistry()
    lateness = Lateness(registry)
    times = [REACHED + MINUTE, REACHED - MINUTE, REACHED - 2 * DAY, REACHED - 3 * DAY]
    lateness.note(partition(), times, ["lead", "lead", "lead", "ticket"])
    lateness.note(partition(), [REACHED], ["ticket"])
    lateness.note(partition(), [], [])

    def count(edge: str) -> float | None:
        return registry.get_sample_value("accord_event_lateness_seconds_bucket", {"le": edge})

    edges = ("0.0", "60.0", "86400.0", "604800.0", "+Inf")
    assert [count(edge) for edge in edges] == [2, 3, 3, 5, 5]
    seconds = (MINUTE + 5 * DAY) / SECOND
    assert registry.get_sample_value("accord_event_lateness_seconds_sum") == seconds
    assert registry.get_sample_value("accord_event_lateness_seconds_count") == 5
    late = [
        registry.get_sample_value("accord_events_late_total", {"kind": kind})
        for kind in ("lead", "ticket")
    ]
    assert late == [1, 1]
    folded = "accord_event_folded_timestamp_seconds"
    assert registry.get_sample_value(folded, {"partition": "3"}) == REACHED / SECOND


def test_kinds_that_senders_invent_share_a_series() -> None:
    registry = CollectorRegistry()
    kinds = [f"kind-{number}" for number in range(KINDS_MAX + 7)]
    Lateness(registry).note(partition(), [0] * len(kinds), kinds)
    assert registry.get_sample_value("accord_events_late_total", {"kind": "other"}) == 7
